"""Read `${…}`: every form of parameter expansion of the bash manual (section 3.5.3), or raise `Unclear`. Pure.

Owns where an expansion ends and what stands in it. Its value is `effects.parameter_values`'.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plait.effects.syntax import Opaque, Parameter, Piece, Text, UnclearExpansion, Variable

# The lexer reads what stands inside of an expansion with this module, and this module with the lexer.
if TYPE_CHECKING:
    from plait.effects.lexer import Lexer

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
PARAMETER = re.compile(rf"({NAME}|[0-9]+|[@*#?$!-])")
INDIRECT = re.compile(rf"!(?:{NAME}|[0-9]+|#)")
LENGTH = re.compile(rf"#({NAME}|[0-9]+|[@*#?$!-])(\[[^][}}]*\])?\}}")
NAMES = re.compile(rf"!({NAME})(?:[@*]|\[[@*]\])\}}")
INDEX = re.compile(r"\[([^][{}'\"`\\]*)\]")
# Longest first.
WITH_WORD = re.compile(r":[-=?+]|[-=?+]")
WITH_PATTERN = re.compile(r"##|#|%%|%|\^\^|\^|,,|,")
TRANSFORMATION = re.compile(r"@([QEPAKkaUuL])\}")
SUBSTRING = re.compile(r":((?:[0-9A-Za-z_+\-*/%()<>! \t:?]|\$(?=[A-Za-z_])|\$\{#?[A-Za-z_]\w*\})*)\}")
ARITHMETIC = re.compile(r"(?:[0-9A-Za-z_+\-*/%() \t]|\$(?=[A-Za-z_]))*")
# An assignment, another base, and whatever else does more than count.
UNSAFE = re.compile(r"\+\+|--|=|[0-9][A-Za-z_]")
# Between the quotes of such a text nothing can end the expansion, whichever version of bash reads it.
PLAIN_QUOTED = re.compile(r"'[^'\"`$\\{}\n]*'")


def read_parameter(lexer: Lexer, *, quoted: bool) -> Piece:
    """Read an expansion; the lexer stands on its `$`.

    Raises:
        UnclearExpansion: No form of the manual, or one whose end differs between versions.
    """
    start = lexer.at
    inside = start + 2
    text = lexer.text
    if (length := LENGTH.match(text, inside)) is not None:
        lexer.at = length.end()
        return Opaque(quoted, number=True, variables=_counting((length[2] or "")[1:-1]))
    if (names := NAMES.match(text, inside)) is not None:
        lexer.at = names.end()
        return Opaque(quoted, several=True)
    indirect = INDIRECT.match(text, inside) is not None
    parameter = PARAMETER.match(text, inside + indirect)
    if parameter is None:
        raise UnclearExpansion
    lexer.at = parameter.end()
    index = INDEX.match(text, lexer.at) if re.fullmatch(NAME, parameter[1]) else None
    counts: tuple[str, ...] = ()
    if index is not None:
        lexer.at = index.end()
        counts = _counting(index[1])
    operator, words, pattern, more = _operation(lexer, quoted=quoted)
    raw = text[start : lexer.at]
    if not operator and index is None and not indirect:
        return Variable(parameter[1], quoted)
    several = parameter[1] == "@" or indirect or (index is not None and index[1] == "@")
    return Parameter(
        raw, parameter[1], quoted, operator, words, pattern, (*counts, *more), indirect, index is not None, several
    )


def _counting(text: str) -> tuple[str, ...]:
    """The names in arithmetic; they must be numbers, for a variable's text is evaluated and may hold a command."""
    if text in ("@", "*"):
        return ()
    bare = re.sub(r"\$\{#[A-Za-z_]\w*\}", "1", text)
    bare = re.sub(r"\$\{([A-Za-z_]\w*)\}", r"\1", bare)
    if ARITHMETIC.fullmatch(bare) is None or UNSAFE.search(bare):
        raise UnclearExpansion
    return tuple(re.findall(NAME, bare))


def _operation(lexer: Lexer, *, quoted: bool) -> tuple[str, tuple[tuple[Piece, ...], ...], str, tuple[str, ...]]:
    """The operator up to the closing brace: its words, its pattern (or substring) as written, the names it counts."""
    text = lexer.text
    if text.startswith("}", lexer.at):
        lexer.at += 1
        return "", (), "", ()
    if (found := TRANSFORMATION.match(text, lexer.at)) is not None:
        lexer.at = found.end()
        return f"@{found[1]}", (), "", ()
    if (found := WITH_WORD.match(text, lexer.at)) is not None:
        lexer.at = found.end()
        word, _ = _word(lexer, "}", quoted=quoted)
        return found[0], (word,), "", ()
    if (found := SUBSTRING.match(text, lexer.at)) is not None:
        lexer.at = found.end()
        names = tuple(name for part in re.split(r"[:?]", found[1]) for name in _counting(part))
        return ":", (), found[1], names
    if (found := WITH_PATTERN.match(text, lexer.at)) is not None:
        lexer.at = at = found.end()
        word, _ = _word(lexer, "}", quoted=quoted)
        return found[0], (word,), text[at : lexer.at - 1], ()
    if text.startswith("/", lexer.at):
        return _replacement(lexer, quoted=quoted)
    raise UnclearExpansion


def _replacement(lexer: Lexer, *, quoted: bool) -> tuple[str, tuple[tuple[Piece, ...], ...], str, tuple[str, ...]]:
    lexer.at += 1
    operator = "/"
    if lexer.text[lexer.at : lexer.at + 1] in ("/", "#", "%"):
        operator += lexer.text[lexer.at]
        lexer.at += 1
    at = lexer.at
    pattern, end = _word(lexer, "/}", quoted=quoted)
    raw = lexer.text[at : lexer.at - 1]
    if end == "}":
        return operator, (pattern, ()), raw, ()
    replacement, _ = _word(lexer, "}", quoted=quoted)
    return operator, (pattern, replacement), raw, ()


def _word(lexer: Lexer, ends: str, *, quoted: bool) -> tuple[tuple[Piece, ...], str]:
    """Read a word up to one of `ends`, and go past it; return the word and the character that ended it."""
    pieces: list[Piece] = []
    plain = ""

    def end_plain() -> None:
        nonlocal plain
        if plain:
            pieces.append(Text(plain, quoted))
            plain = ""

    while True:
        char = lexer.text[lexer.at : lexer.at + 1]
        if char and char in ends:
            lexer.at += 1
            end_plain()
            return tuple(pieces), char
        if not char or char == "\n" or (char == "{" and not quoted):
            raise UnclearExpansion
        if char in "<>" and lexer.text.startswith("(", lexer.at + 1) and not quoted:
            raise UnclearExpansion
        if char == "\\":
            escaped = lexer.text[lexer.at + 1 : lexer.at + 2]
            if escaped in ("", "\n"):
                raise UnclearExpansion
            end_plain()
            kept = "" if not quoted or escaped in '$`"\\}' else "\\"
            pieces.append(Text(kept + escaped, quoted=True))
            lexer.at += 2
        elif char in "'\"":
            end_plain()
            pieces.extend(_quote(lexer, quoted=quoted))
        elif char in "$`":
            end_plain()
            pieces.extend(lexer.special(quoted=quoted))
        else:
            plain += char
            lexer.at += 1


def _quote(lexer: Lexer, *, quoted: bool) -> list[Piece]:
    """Read a quote in a word. Inside of quotes and here-documents versions of bash differ in what it means."""
    start = lexer.at
    if not quoted:
        return lexer.special(quoted=False)
    if lexer.in_here_document:
        raise UnclearExpansion
    if lexer.text[start] == "'":
        plain = PLAIN_QUOTED.match(lexer.text, start)
        if plain is None:
            raise UnclearExpansion
        lexer.at = plain.end()
        return [Opaque(quoted=True)]
    pieces = lexer.special(quoted=False)
    if re.search(r"['\"\\{}\n]", re.sub(r"\$\{\w+\}", "", lexer.text[start + 1 : lexer.at - 1])):
        raise UnclearExpansion
    return pieces
