"""Which files a glob means, as ripgrep has them: gitignore's patterns, `{a,b}`, and `!` for what is left out. Pure."""

from __future__ import annotations

import re

from plait.host.ignore import glob_regex

MOST_GLOBS = 64


def at_any_depth(glob: str) -> str:
    """`src/*.py` is meant from the root or from the directory that is searched; both find it."""
    bare = glob.removeprefix("!")
    if "/" not in bare.rstrip("/") or bare.startswith(("/", "**/")):
        return glob
    return f"{'!' if glob.startswith('!') else ''}**/{bare}"


class Globs:
    """Globs as ripgrep has them: gitignore's, and `{a,b}`; behind a `!` what is left out."""

    def __init__(self, globs: tuple[str, ...]) -> None:
        each = [one for glob in globs for one in in_braces(glob)]
        self._wanted = [re.compile(glob_regex(glob)) for glob in each if not glob.startswith("!")]
        self._unwanted = [re.compile(glob_regex(glob[1:])) for glob in each if glob.startswith("!")]

    def pass_(self, name: str) -> bool:
        if any(_holds(regex, name) for regex in self._unwanted):
            return False
        return not self._wanted or any(regex.fullmatch(name) for regex in self._wanted)


def _holds(regex: re.Pattern[str], name: str) -> bool:
    """True if the file or a directory above it matches."""
    parts = name.split("/")
    return any(regex.fullmatch("/".join(parts[:count])) for count in range(1, len(parts) + 1))


def in_braces(glob: str) -> list[str]:
    """Return the globs that one with `{a,b}` stands for, at most 64; a brace that does not close is a letter."""
    found: list[str] = []
    waiting = [glob]
    while waiting and len(found) + len(waiting) <= MOST_GLOBS:
        one = waiting.pop()
        match = re.search(r"\{([^{}]*)\}", one)
        if match is None:
            found.append(one)
        else:
            waiting += [one[: match.start()] + option + one[match.end() :] for option in match[1].split(",")]
    return found
