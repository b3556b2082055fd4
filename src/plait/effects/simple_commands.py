"""Read one simple command: assignments, words, redirects, and the bodies of here-documents. Pure.

Source: the bash manual, sections 3.2.2, 3.6 and 3.7.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from plait.effects.lexer import META, REDIRECT_OPERATORS, Lexer
from plait.effects.syntax import (
    Assignment,
    HereDocument,
    Opaque,
    Piece,
    RedirectTo,
    Simple,
    Text,
    Unclear,
    Variable,
    Word,
)

DELIMITER = re.compile(r"""(?:'([\w.-]+)'|"([\w.-]+)"|\\([\w.-]+)|([\w.-]+))""")
ARRAY = re.compile(r"([A-Za-z_]\w*)=\(")


class CommandParser:
    """Parses simple commands at a lexer's position. `new_lexer` makes one for the text of a here-document."""

    def __init__(self, lexer: Lexer, new_lexer: Callable[[str], Lexer]) -> None:
        self.lexer = lexer
        # Opened on this line; their bodies follow the next newline.
        self.here_documents: list[HereDocument] = []
        self._new_lexer = new_lexer

    def operator(self) -> str | None:
        """The operator that comes next, after blanks."""
        self.lexer.skip_blanks()
        return self.lexer.peek_operator()

    def simple(self) -> Simple:
        assignments: list[Assignment] = []
        words: list[Word] = []
        redirects: list[RedirectTo] = []
        while True:
            self.lexer.skip_blanks()
            if self.lexer.at_end():
                break
            operator = self.lexer.peek_operator()
            if operator in REDIRECT_OPERATORS:
                redirects.append(self._redirect(""))
                continue
            if operator == "(" and words:
                raise Unclear("it defines a function")
            if operator is not None:
                break
            array = ARRAY.match(self.lexer.text, self.lexer.at) if not words else None
            if array is not None:
                assignments.append(self._array(array))
                continue
            word = self.lexer.read_word()
            if not word.pieces:
                raise Unclear("an empty word")
            if self.lexer.peek_operator() in REDIRECT_OPERATORS and word.bare is not None:
                if re.fullmatch(r"[0-9]+", word.bare) and self.lexer.text[self.lexer.at] in "<>":
                    redirects.append(self._redirect(word.bare))
                    continue
                if word.bare.startswith("{"):
                    raise Unclear("a redirect into a variable")
            assignment = _assignment(word) if not words else None
            if assignment is not None:
                assignments.append(assignment)
            else:
                words.append(word)
        if not (assignments or words or redirects):
            raise Unclear("a command is missing")
        return Simple(tuple(assignments), tuple(words), tuple(redirects))

    def _array(self, start: re.Match[str]) -> Assignment:
        self.lexer.at = start.end()
        elements: list[Word] = []
        while True:
            self.lexer.skip_blanks()
            operator = self.lexer.peek_operator()
            if operator == "\n" and not self.here_documents:
                self.lexer.take_operator()
            elif operator == ")":
                self.lexer.take_operator()
                break
            elif operator is not None or self.lexer.at_end() or self.lexer.text[self.lexer.at] == "[":
                raise Unclear("an unusual array")
            else:
                elements.append(self.lexer.read_word())
        if not self.lexer.at_end() and self.lexer.text[self.lexer.at] not in META:
            raise Unclear("an unusual array")
        return Assignment(start[1], Word(start[0] + "…)", (Text("", quoted=True),)), tuple(elements))

    def redirects(self) -> tuple[RedirectTo, ...]:
        """The redirects after a compound command."""
        redirects: list[RedirectTo] = []
        while True:
            operator = self.operator()
            digits = re.compile(r"[0-9]+(?=[<>])").match(self.lexer.text, self.lexer.at)
            if digits is not None:
                self.lexer.at = digits.end()
                redirects.append(self._redirect(digits[0]))
            elif operator in REDIRECT_OPERATORS:
                redirects.append(self._redirect(""))
            else:
                return tuple(redirects)

    def _redirect(self, fd: str) -> RedirectTo:
        operator = self.lexer.take_operator()
        self.lexer.skip_blanks()
        if self.lexer.at_end() or self.lexer.peek_operator() is not None:
            raise Unclear("a redirect without a target")
        target = self.lexer.read_word()
        if (target.bare or "").isdigit() and self.lexer.peek_operator() in REDIRECT_OPERATORS:
            raise Unclear("a redirect into a number that belongs to the next redirect")
        if operator not in ("<<", "<<-"):
            return RedirectTo(fd, operator, target)
        found = DELIMITER.fullmatch(target.raw)
        if found is None:
            raise Unclear("an unusual delimiter of a here-document")
        delimiter = next(group for group in found.groups() if group)
        here = HereDocument(delimiter, quoted=found[4] is None, strips_tabs=operator == "<<-")
        self.here_documents.append(here)
        self.lexer.open_here_documents += 1
        return RedirectTo(fd, operator, target, here)

    def read_here_documents(self) -> None:
        """After a newline: take the bodies of the here-documents that were opened on the line."""
        for here in self.here_documents:
            here.body = self._here_body(here)
            self.lexer.open_here_documents -= 1
        self.here_documents.clear()

    def _here_body(self, here: HereDocument) -> Word:
        lexer = self.lexer
        lines: list[str] = []
        while not lexer.at_end():
            end = lexer.text.find("\n", lexer.at)
            end = len(lexer.text) if end < 0 else end
            line = lexer.text[lexer.at : end]
            lexer.at = min(end + 1, len(lexer.text))
            line = line.lstrip("\t") if here.strips_tabs else line
            if line == here.delimiter:
                content = "".join(f"{line}\n" for line in lines)
                if here.quoted:
                    return Word(content, (Text(content, quoted=True),))
                inner = self._new_lexer(content)
                inner.depth = lexer.depth
                return Word(content, tuple(inner.expanding_text("")))
            if not here.quoted and line.endswith("\\"):
                raise Unclear("a continued line in a here-document")
            lines.append(line)
        raise Unclear("a here-document is not closed")


def _assignment(word: Word) -> Assignment | None:
    """`NAME=value`, if the word is one."""
    first = word.pieces[0]
    if not isinstance(first, Text) or first.quoted:
        return None
    found = re.match(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=|\[)", first.text)
    if found is None:
        return None
    if found[2] != "=":
        raise Unclear("an assignment to an array, or an appending one")
    rest = first.text[found.end() :]
    head: tuple[Piece, ...] = (Text(rest, quoted=False),) if rest else ()
    return Assignment(found[1], Word(word.raw[found.end() :], head + word.pieces[1:]))


def is_number(word: Word) -> bool:
    """True for an integer, and for what the shell itself counts."""
    if len(word.pieces) != 1:
        return False
    match word.pieces[0]:
        case Text(text, _):
            return re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) is not None
        case Opaque(number=number):
            return number
        case Variable(name, _):
            return name in ("#", "?", "$", "!")
        case _:
            return False
