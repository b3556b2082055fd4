"""The value of `${name…}` where the value of the variable can be told, as bash 3.2 to 5.3 agree on it. Pure.

A text beyond ASCII is not told where length or case counts, since both depend on the locale.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from plait.effects.syntax import Parameter, Piece

# Patterns without brackets, quotes and expansions; everything else is not told.
PLAIN_PATTERN = re.compile(r"[\w.,:=@+ *?-]*", re.ASCII)
PLAIN_REPLACEMENT = re.compile(r"[\w.,:=@+ /-]*", re.ASCII)
OFFSETS = re.compile(r"\s*\(?\s*(0|-?[1-9]\d{0,5})\s*\)?\s*(?::\s*(0|-?[1-9]\d{0,5})\s*)?")
# With `:`, an empty variable counts as one that is not set.
DEFAULTS = frozenset((":-", "-", ":=", "="))
ASSIGNING = frozenset((":=", "="))
ALTERNATIVES = frozenset((":+", "+"))
ERRORS = frozenset((":?", "?"))


def value_told(parameter: Parameter, text: str, words: tuple[str | None, ...]) -> str | None:
    """Return what the expansion of a variable that holds `text` is, or None if that cannot be told.

    words: the value of each word behind the operator, None for one that cannot be told.
    """
    operator = parameter.operator
    if parameter.indirect or parameter.element:
        return None
    if operator in ("", "?", "-", "="):
        return text
    if operator in (":-", ":=", ":?"):
        # An empty variable with `:?` ends the shell, so that nothing is run with its value.
        return text or (words[0] if operator != ":?" else None)
    if operator in ALTERNATIVES:
        return words[0] if text or operator == "+" else ""
    if operator in ("#", "##", "%", "%%"):
        return _without(operator, text, parameter.pattern)
    if operator.startswith("/"):
        return _replaced(parameter, text, words)
    if not text.isascii():
        return None
    if operator == ":":
        return _substring(text, parameter.pattern)
    if operator in ("^", "^^", ",", ",,") and not parameter.pattern:
        changed = text.upper() if operator[0] == "^" else text.lower()
        return changed if len(operator) == 2 else changed[:1] + text[1:]
    return None


def assigned_by(pieces: Iterable[Piece]) -> Iterator[str]:
    """Yield the names that expansions among the pieces may assign to, those inside of others too."""
    for piece in pieces:
        if isinstance(piece, Parameter):
            if piece.operator in ASSIGNING:
                yield piece.name
            for word in piece.words:
                yield from assigned_by(word)


def _expression(pattern: str) -> str | None:
    if not PLAIN_PATTERN.fullmatch(pattern):
        return None
    return "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)


def _without(operator: str, text: str, pattern: str) -> str | None:
    """Take the shortest or longest match of a pattern from the beginning or the end."""
    expression = _expression(pattern)
    if expression is None or len(text) > 1_000:
        return None
    compiled = re.compile(expression, re.DOTALL)
    ends = list(range(len(text) + 1))
    if operator in ("##", "%"):
        ends.reverse()
    for at in ends:
        if operator[0] == "#" and compiled.fullmatch(text[:at]):
            return text[at:]
        if operator[0] == "%" and compiled.fullmatch(text[at:]):
            return text[:at]
    return text


def _replaced(parameter: Parameter, text: str, words: tuple[str | None, ...]) -> str | None:
    replacement = words[1] if len(words) > 1 else ""
    pattern = parameter.pattern.partition("/")[0]
    # A `*` takes as much as it can, here and there alike; an empty pattern is another matter.
    if replacement is None or not PLAIN_REPLACEMENT.fullmatch(replacement) or not pattern:
        return None
    if not PLAIN_PATTERN.fullmatch(pattern) or set(pattern) & set("*?") or parameter.pattern.startswith("/"):
        return None
    match parameter.operator:
        case "//":
            return text.replace(pattern, replacement)
        case "/#":
            return replacement + text.removeprefix(pattern) if text.startswith(pattern) else text
        case "/%":
            return text.removesuffix(pattern) + replacement if text.endswith(pattern) else text
        case _:
            return text.replace(pattern, replacement, 1)


def _substring(text: str, offsets: str) -> str | None:
    found = OFFSETS.fullmatch(offsets)
    if found is None:
        return None
    start = int(found[1])
    if start < 0:
        start += len(text)
        if start < 0:
            return ""
    if found[2] is None:
        return text[start:]
    length = int(found[2])
    if length < 0 and start > len(text) + length:
        return None
    return text[start : start + length if length >= 0 else len(text) + length]
