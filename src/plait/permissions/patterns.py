"""The two kinds of pattern a rule may hold: paths as gitignore writes them, and commands token by token. Pure.

Nothing here knows rules, modes or effects.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from plait.protocol.effects import Access, Mode
from plait.protocol.lean import dataclass

CASE_BLIND = sys.platform in ("darwin", "win32")


@lru_cache(maxsize=512)
def path_pattern(pattern: str, *, forbidding: bool) -> tuple[re.Pattern[str], bool]:
    """Compile a gitignore-style path pattern; the flag says whether it looks at absolute paths.

    `//etc/**` and `~/x` are absolute; `/x` and `a/b` start at a root; `*.md` fits at any depth. A pattern that fits
    a directory covers what lies below it. A forbidding pattern ignores case where the file system does.
    """
    absolute = pattern.startswith(("//", "~"))
    if pattern.startswith("~"):
        pattern = os.path.expanduser(pattern)
    body = pattern.strip("/") if pattern.strip("/") else "**"
    anchored = absolute or pattern.startswith("/") or "/" in body
    regex = ("" if anchored else "(?:.*/)?") + _glob_regex(body) + "(?:/.*)?"
    flags = re.DOTALL | (re.IGNORECASE if forbidding and CASE_BLIND else 0)
    return re.compile(("/" if absolute else "") + regex, flags), absolute


def _glob_regex(body: str) -> str:
    out = ""
    index = 0
    while index < len(body):
        if body.startswith("**/", index):
            out, index = out + "(?:.*/)?", index + 3
        elif body.startswith("**", index):
            out, index = out + ".*", index + 2
        elif body[index] == "*":
            out, index = out + "[^/]*", index + 1
        elif body[index] == "?":
            out, index = out + "[^/]", index + 1
        elif body[index] == "[" and (end := body.find("]", index + 2)) > 0:
            inner = body[index + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            inner = "^" + inner[1:] if inner[0] in "!^" else inner
            out, index = out + f"(?!/)[{inner}]", end + 1
        else:
            out, index = out + re.escape(body[index]), index + 1
    return out


def path_fits(pattern: str, access: Access, roots: tuple[Path, ...], *, forbidding: bool) -> bool:
    """True if a path pattern fits a path that is touched; a forbidding one also fits a tree at which it starts."""
    names = set(_names_of(access.path, roots))
    spellings = [pattern]
    if forbidding and pattern.startswith("/") and not pattern.startswith("//"):
        # `/etc/x` starts at a root as in gitignore; who forbids it may as well have meant the absolute path.
        spellings.append("/" + pattern)
    for spelling in spellings:
        regex, absolute = path_pattern(spelling, forbidding=forbidding)
        candidates = [access.path] if absolute else sorted(names)
        if any(regex.fullmatch(candidate) for candidate in candidates):
            return True
        if forbidding and access.tree and _begins_in(access, spelling, absolute, roots):
            return True
    return False


def _names_of(path: str, roots: tuple[Path, ...]) -> Iterator[str]:
    """The path relative to each root that holds it."""
    for root in roots:
        top = root.as_posix().rstrip("/")
        if path == top:
            yield ""
        elif path.startswith(top + "/"):
            yield path[len(top) + 1 :]


def _begins_in(access: Access, pattern: str, absolute: bool, roots: tuple[Path, ...]) -> bool:
    """True if an anchored pattern starts at a tree, or below one that is written (`rm -r src` and `edit(src/api/**)`).

    A tree that is read may be large, and what lies below is left out by whoever searches it.
    """
    body = pattern.lstrip("/")
    if not absolute and "/" not in pattern.strip("/") and not pattern.startswith("/"):
        return False
    fixed = re.split(r"[*?\[]", body, maxsplit=1)[0].rstrip("/")
    for start in ["/" + fixed] if absolute else [f"{root.as_posix().rstrip('/')}/{fixed}" for root in roots]:
        if start == access.path:
            return True
        if access.mode is Mode.WRITE and start.startswith(access.path.rstrip("/") + "/"):
            return True
    return False


@dataclass(frozen=True, slots=True)
class CommandPattern:
    """A command pattern in tokens. `tail`: a final ` *` or `:*` stood there, any further words may follow."""

    tokens: tuple[str, ...]
    redirects: tuple[tuple[str, str], ...]
    tail: bool

    @property
    def exact(self) -> bool:
        return not self.tail and not any("*" in token for token in self.tokens)


# Quoted pieces are stepped over as wholes.
JOINT = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|\\.|&&", re.DOTALL)
REDIRECT = re.compile(r"\d*(?:&>>?|>>|>\||<>|[<>])")


@lru_cache(maxsize=512)
def joined(text: str) -> tuple[str, ...]:
    """Return the patterns that ` && ` joins in one rule (`git add * && git commit *`); usually it is one."""
    pieces, start = [], 0
    for match in JOINT.finditer(text):
        if match[0] == "&&" and text[: match.start()].endswith(" ") and text[match.end() :].startswith(" "):
            pieces.append(text[start : match.start()].strip())
            start = match.end()
    return (*pieces, text[start:].strip())


@lru_cache(maxsize=512)
def command_pattern(text: str) -> CommandPattern:
    """Split a command pattern into tokens (quotes are honoured); `> FILE` at its end stands for that redirect."""
    text = text.strip()
    tail = False
    if text.endswith(":*"):
        text, tail = text[:-2], True
    elif text == "*" or text.endswith((" *", "\t*")):
        text, tail = text[:-1], True
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    redirects: list[tuple[str, str]] = []
    while len(words) >= 2 and REDIRECT.fullmatch(words[-2]):
        redirects.insert(0, (words[-2], words[-1]))
        words = words[:-2]
    return CommandPattern(tuple(words), tuple(redirects), tail)


@lru_cache(maxsize=1024)
def _token_regex(token: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(piece) for piece in token.split("*")), re.DOTALL)


def token_allows(token: str, word: str) -> bool:
    """True if an allowing pattern's token fits a literal word.

    A wildcard never reaches an option or climbs through `..`: `tests/*` is not `tests/../../x`, `*` is not `-o`.
    """
    if "*" not in token:
        return token == word
    if word.startswith("-") and not token.startswith("-"):
        return False
    return ".." not in word.split("/") and _token_regex(token).fullmatch(word) is not None


def token_forbids(token: str, word: str) -> bool:
    return _token_regex(token).fullmatch(word) is not None
