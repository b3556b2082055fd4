"""What git's configuration files say, read without running git: more rather than less.

All values of all files that git might read are returned, those of `includeIf` whatever its condition, and what git
itself would refuse to read is read as far as it goes. See git-config(1).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from plait.protocol.lean import dataclass

# More than anyone's configuration: reading it must not hold up a question.
MAX_BYTES = 500_000
MAX_FILES = 100
SYSTEM_FILES = ("/etc/gitconfig", "/usr/local/etc/gitconfig", "/opt/homebrew/etc/gitconfig")
_HEADER = re.compile(r"""\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\\n]|\\.)*)")?\s*\]""")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# To git; other characters that look blank are part of a value.
BLANKS = " \t\r\n"
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}


@dataclass(frozen=True, slots=True)
class Entry:
    """`name` is `section.key` or `section.subsection.key`; section and key are in lower case."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """What was found. files: all that were read or would be, resolved. complete: False if one could not be read."""

    entries: tuple[Entry, ...] = ()
    files: tuple[str, ...] = ()
    complete: bool = True


def user_files(environ: Mapping[str, str]) -> list[Path]:
    """Return the files that git reads for every repository of this user."""
    home = os.path.expanduser("~")
    own = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    chosen = [environ[name] for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM") if environ.get(name)]
    return [Path(path) for path in (*SYSTEM_FILES, f"{own}/git/config", f"{home}/.gitconfig", *chosen)]


def entries_of_environment(environ: Mapping[str, str]) -> Iterator[Entry]:
    """Yield what `GIT_CONFIG_COUNT` and its like say."""
    for variable, key in environ.items():
        number = variable.removeprefix("GIT_CONFIG_KEY_")
        if number != variable:
            section, _, rest = key.partition(".")
            sub, dot, name = rest.rpartition(".")
            yield Entry(f"{section.lower()}.{sub}{dot}{name.lower()}", environ.get(f"GIT_CONFIG_VALUE_{number}", ""))


def read_configuration(files: Iterable[Path]) -> Configuration:
    """Return what the files say, and the files that they include. Never raises, and waits for no pipe."""
    waiting = list(files)
    entries: list[Entry] = []
    seen: dict[str, None] = {}
    left = MAX_BYTES
    while waiting:
        file = waiting.pop(0)
        real = os.path.realpath(file)
        if real in seen:
            continue
        if len(seen) == MAX_FILES:
            return Configuration(tuple(entries), tuple(seen), complete=False)
        seen[real] = None
        text = _text(file, left)
        if text is None:
            return Configuration(tuple(entries), tuple(seen), complete=False)
        left -= len(text)
        for entry in parse(text):
            entries.append(entry)
            if re.fullmatch(r"include\.path|includeif\..*\.path", entry.name, re.DOTALL):
                waiting.append(file.parent / expanded(entry.value))
    return Configuration(tuple(entries), tuple(seen))


def expanded(path: str) -> str:
    """Return a path as git takes it, with the home directory put in."""
    return os.path.expanduser(path.removeprefix(":(optional)"))


def parse(text: str) -> Iterator[Entry]:
    """Yield the entries of one file; lines that are none are skipped."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    section, at = "", 0
    while at < len(text):
        if text[at] in BLANKS:
            at += 1
        elif header := _HEADER.match(text, at):
            sub = "" if header[2] is None else "." + _ESCAPED.sub(r"\1", header[2])
            section = header[1].lower() + sub
            at = header.end()
        elif (key := _KEY.match(text, at)) and section:
            value, at = _value(text, key.end())
            yield Entry(f"{section}.{key[0].lower()}", value)
        else:
            at = _line_end(text, at)


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _value(text: str, at: int) -> tuple[str, int]:
    """Return the value that follows a key (`true` if there is none), and where the next line begins."""
    while at < len(text) and text[at] in " \t":
        at += 1
    if at == len(text) or text[at] != "=":
        return "true", _line_end(text, at)
    at += 1
    value: list[str] = []
    kept = 0
    quoted = False
    while at < len(text) and text[at] != "\n":
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            following = text[at + 1]
            value += [] if following == "\n" else [_ESCAPES.get(following, following)]
            at, kept = at + 2, len(value)
            continue
        if char == '"':
            quoted = not quoted
            kept = max(kept, len(value))
        elif char in "#;" and not quoted:
            at = _line_end(text, at)
            break
        elif value or quoted or char not in BLANKS:
            value.append(char)
            kept = len(value) if quoted or char not in BLANKS else kept
        at += 1
    # To git it ends there.
    return "".join(value[:kept]).partition("\0")[0], at


def _text(file: Path, limit: int) -> str | None:
    """Return a regular file as text, "" if there is none, None if it is none or longer than `limit` bytes."""
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError):
        # git cannot open it either.
        return ""
    with os.fdopen(handle, "rb") as stream:
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            data = stream.read(limit + 1)
        except OSError:
            return None
    return None if len(data) > limit else os.fsdecode(data)
