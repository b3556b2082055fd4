"""Which files a project does not want to be bothered with: `.gitignore` and its kin, and globs of the same kind.

The rules are git's (gitignore(5)): the last matching pattern of the deepest file decides, and what lies in an
ignored directory is ignored whatever the patterns say. They hold outside a git repository too.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from plait.host.opening import bytes_of

OWN_IGNORE_FILE = ".plaitignore"
IGNORE_FILES = (".gitignore", ".ignore", OWN_IGNORE_FILE)
LARGEST_IGNORE_FILE_BYTES = 200_000
LONGEST_PATTERN = 1000


def glob_regex(pattern: str) -> str:
    """Return the regular expression of a gitignore glob over a `/`-separated relative path, for `fullmatch`.

    `*` and `?` stop at `/`, `**` between slashes spans directories, `[a-z]` is a class, `\\` quotes. A pattern
    without a slash matches at any depth, one with a slash from the top. Matching time grows with the length of
    the path, not with the number of wildcards: all but the last stretch between two are matched leftmost, for good.
    """
    pattern = pattern.removesuffix("/")
    anchored = "/" in pattern
    segments = pattern.removeprefix("/").split("/")
    if not anchored:
        segments.insert(0, "**")
    stretches: list[list[str]] = [[]]
    for segment in segments:
        if len(segment) > 1 and not segment.strip("*"):
            stretches.append([])
        else:
            stretches[-1].append(_segment(segment))
    last = len(stretches) - 1
    out = []
    for place, stretch in enumerate(stretches):
        joined = "/".join(stretch)
        if place == last:
            # `a/**` is everything inside, not `a` itself.
            span = "" if place == 0 else "(?:.*/)?"
            out.append(span + joined if stretch else ".+")
        elif stretch:
            out.append(f"{joined}/" if place == 0 else f"(?>(?:.*?/)??{joined}/)")
    return "".join(out)


def _segment(segment: str) -> str:
    """Return the regular expression of what stands between two slashes."""
    between_stars = [""]
    at = 0
    while at < len(segment):
        sign = segment[at]
        if sign == "*":
            between_stars.append("")
            at += 1
            continue
        piece, at = _one(segment, at)
        between_stars[-1] += piece
    first, *others = between_stars
    if not others:
        return first
    middle = "".join(f"(?>[^/]*?{piece})" for piece in others[:-1] if piece)
    return f"{first}{middle}[^/]*{others[-1]}"


def _one(segment: str, at: int) -> tuple[str, int]:
    """Return the regular expression of what stands at `at`, and where the next begins."""
    match segment[at]:
        case "?":
            return "[^/]", at + 1
        case "\\":
            return (re.escape(segment[at + 1]), at + 2) if at + 1 < len(segment) else ("(?!)", at + 1)
        case "[":
            return _bracket(segment, at)
        case sign:
            return re.escape(sign), at + 1


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """Return a class. An unclosed one matches nothing, as in git."""
    start = at + 1
    negated = pattern[start : start + 1] in ("!", "^")
    start += negated
    end = start
    members = []
    while end < len(pattern) and (pattern[end] != "]" or end == start):
        named = re.match(r"\[:(\w+):\]", pattern[end:])
        if named is not None:
            members.append(POSIX_CLASSES.get(named[1], ""))
            end += named.end()
            continue
        end += pattern[end] == "\\" and end + 1 < len(pattern)
        low, end = pattern[end], end + 1
        if pattern[end : end + 1] == "-" and pattern[end + 1 : end + 2] not in ("]", ""):
            end += 1
            end += pattern[end] == "\\" and end + 1 < len(pattern)
            high, end = pattern[end], end + 1
            if low <= high:
                members.append(f"{_in_class(low)}-{_in_class(high)}")
        else:
            members.append(_in_class(low))
    if end >= len(pattern):
        return "(?!)", len(pattern)
    inside = "".join(members)
    if negated:
        return f"[^/{inside}]", end + 1
    return (f"(?!/)[{inside}]" if inside else "(?!)"), end + 1


def _in_class(sign: str) -> str:
    return "\\" + sign if sign in "\\]^-[&~|" else sign


POSIX_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "digit": "0-9",
    "lower": "a-z",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\s",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of an ignore file: what it matches, below its own directory."""

    regex: re.Pattern[str]
    negated: bool
    only_directories: bool


@dataclass(frozen=True, slots=True)
class IgnoreFile:
    """The patterns of one ignore file, and a filter that most paths do not pass, so that they cost one match."""

    patterns: tuple[Pattern, ...]
    any_of: re.Pattern[str] | None

    def verdict(self, relative: str, *, directory: bool) -> bool | None:
        """True if `relative` is ignored, False if it is kept on purpose, None if nothing here speaks of it."""
        if self.any_of is None or self.any_of.fullmatch(relative) is None:
            return None
        for pattern in reversed(self.patterns):
            if pattern.only_directories and not directory:
                continue
            if pattern.regex.fullmatch(relative) is not None:
                return not pattern.negated
        return None


NOTHING = IgnoreFile((), None)


@lru_cache(maxsize=128)
def parse_ignore_file(text: str) -> IgnoreFile:
    """Return the patterns of an ignore file's text. A line that is no pattern is passed over."""
    patterns = []
    for line in text.removeprefix("\ufeff").split("\n"):
        parsed = _parse_line(line.removesuffix("\r"))
        if parsed is not None:
            patterns.append(parsed)
    if not patterns:
        return NOTHING
    joined = "|".join(f"(?:{pattern.regex.pattern})" for pattern in patterns)
    return IgnoreFile(tuple(patterns), re.compile(joined, re.DOTALL))


def _parse_line(line: str) -> Pattern | None:
    if not line or line.startswith("#") or len(line) > LONGEST_PATTERN:
        return None
    # Trailing spaces do not count unless quoted.
    bare = line.rstrip(" ")
    quotes = len(bare) - len(bare.rstrip("\\"))
    line = bare + " " if quotes % 2 and len(bare) < len(line) else bare
    negated = line.startswith("!")
    line = line.removeprefix("!") if negated else line
    if not line.strip("/"):
        return None
    try:
        return Pattern(re.compile(glob_regex(line), re.DOTALL), negated, line.endswith("/"))
    except re.error:
        return None


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The rules in force in one directory: its own files and those above, the deepest first.

    `base` is how far below the owner of each file the directory lies, as a prefix (`src/app/`).
    """

    layers: tuple[tuple[str, IgnoreFile], ...] = ()

    def ignores(self, name: str, *, directory: bool) -> bool:
        """True if the entry `name` of this directory is ignored."""
        for base, file in self.layers:
            verdict = file.verdict(base + name, directory=directory)
            if verdict is not None:
                return verdict
        return False

    def below(self, name: str, directory: Path) -> IgnoreRules:
        """Return the rules in force in the sub-directory `name`, which is `directory`."""
        inherited = tuple((f"{base}{name}/", file) for base, file in self.layers)
        return IgnoreRules(_own_layers(directory) + inherited)


def rules_for(directory: Path) -> IgnoreRules:
    """Return the rules in force in the resolved `directory`: its own, and those above it in its repository."""
    chain = [directory]
    while not os.path.exists(chain[-1] / ".git") and chain[-1].parent != chain[-1]:
        chain.append(chain[-1].parent)
    if not os.path.exists(chain[-1] / ".git"):
        # No repository: what lies above is not the same project.
        return IgnoreRules(_own_layers(directory))
    root = chain.pop()
    rules = IgnoreRules((*_own_layers(root), ("", _read(root / ".git" / "info" / "exclude"))))
    for step in reversed(chain):
        rules = rules.below(step.name, step)
    return rules


def _own_layers(directory: Path) -> tuple[tuple[str, IgnoreFile], ...]:
    # `.ignore` is for search tools alone and ours for Plait alone: the narrower has the last word.
    files = (_read(directory / name) for name in reversed(IGNORE_FILES))
    return tuple(("", file) for file in files if file is not NOTHING)


def _read(path: Path) -> IgnoreFile:
    """Return an ignore file's rules, none if it is absent, unreadable, a link, a pipe or far too large."""
    data = bytes_of(path, LARGEST_IGNORE_FILE_BYTES)
    if data is None:
        return NOTHING
    return parse_ignore_file(data.decode("utf-8", "surrogateescape"))
