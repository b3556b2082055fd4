"""Read a script of sed far enough to see that it neither writes, runs nor reads files. Pure.

Source: the GNU sed manual, chapters 3 and 4. Where GNU and BSD sed differ, what one of them would run is looked at.
"""

from __future__ import annotations

import re

ADDRESS = re.compile(r"\d+(?:~\d+)?|\$")
AFTER_COMMA = re.compile(r"[+~]?\d+|\$")
PLAIN = re.compile(r"[=dDgGhHnNpPxzF]|[lqQ][ \t]*\d*")
LABEL = re.compile(r"[:btT][ \t]*[^\s;{}]*")
MOST_COMMANDS = 500


def only_prints(script: str) -> bool:
    """True if every command of the script only edits and prints the text that runs through."""
    at, depth = 0, 0
    for _ in range(MOST_COMMANDS):
        at = _skip(script, at, "; \t\n")
        if at >= len(script):
            return depth == 0
        if script[at] == "}":
            depth -= 1
            at += 1
            continue
        after_address = _addresses(script, at)
        if after_address is None or after_address >= len(script):
            return False
        at = after_address
        if script[at] == "{":
            depth += 1
            at += 1
            continue
        end = _command(script, at)
        if end is None:
            return False
        at = _skip(script, end, " \t")
        if at < len(script) and script[at] not in ";\n}#":
            return False
    return False


def _skip(script: str, at: int, chars: str) -> int:
    while at < len(script) and script[at] in chars:
        at += 1
    return at


def _addresses(script: str, at: int) -> int | None:
    first = _address(script, at, ADDRESS)
    if first is None:
        return None
    at = _skip(script, first, " \t")
    if first and script.startswith(",", at):
        second = _address(script, _skip(script, at + 1, " \t"), AFTER_COMMA)
        if second is None:
            return None
        at = _skip(script, second, " \t")
    return _skip(script, at, "! \t")


def _address(script: str, at: int, numbers: re.Pattern[str]) -> int | None:
    """The position after an address, if there is one; None if it is not understood."""
    if script.startswith("/", at):
        end = _delimited(script, at + 1, "/")
    elif script.startswith("\\", at) and at + 1 < len(script):
        end = _delimited(script, at + 2, script[at + 1])
    else:
        found = numbers.match(script, at)
        return found.end() if found is not None else at
    return None if end is None else _skip(script, end, "IM")


def _delimited(script: str, at: int, mark: str) -> int | None:
    """The position after the next `mark` that is not escaped; None if a bracket may hide it from one kind of sed."""
    start = at
    if mark in "\\\n":
        return None
    while at < len(script) and script[at] != mark:
        if script[at] == "\n":
            return None
        at += 2 if script[at] == "\\" else 1
    if at >= len(script) or "[" in re.sub(r"\\.|\[\^?\]?[^\]]*\]", "", script[start:at]):
        return None
    return at + 1


def _command(script: str, at: int) -> int | None:
    """The position after a command that only prints or edits; None for any other."""
    name = script[at]
    if name in "sy":
        mark = script[at + 1 : at + 2]
        middle = _delimited(script, at + 2, mark) if mark else None
        end = _replacement(script, middle, mark) if middle is not None else None
        if end is None:
            return None
        return _skip(script, end, "gpIiMm0123456789") if name == "s" else end
    if name in "aic":
        return _text(script, at)
    if name == "#":
        end = script.find("\n", at)
        return len(script) if end < 0 else end
    found = (LABEL if name in ":btT" else PLAIN).match(script, at)
    return found.end() if found is not None else None


def _replacement(script: str, at: int, mark: str) -> int | None:
    while at < len(script) and script[at] != mark:
        at += 2 if script[at] == "\\" else 1
    return at + 1 if at < len(script) else None


def _text(script: str, at: int) -> int:
    """The position after the text of `a`, `i` or `c`: to the end of a line that does not end with a backslash."""
    while True:
        end = script.find("\n", at)
        if end < 0:
            return len(script)
        line = script[at:end]
        if (len(line) - len(line.rstrip("\\"))) % 2 == 0:
            return end
        at = end + 1
