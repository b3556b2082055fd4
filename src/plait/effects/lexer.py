"""Read words, operators and quotes as bash does. Whatever is rare or doubtful raises `Unclear`. Pure.

Written by hand, after the bash manual (sections 3.1 and 3.5), because a grammar made for highlighting accepts lines
that bash splits in another way; here nothing between two words can be skipped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from plait.effects.parameters import read_parameter
from plait.effects.syntax import Opaque, Piece, Script, Substitution, Text, Unclear, Variable, Word

BLANKS = " \t"
LOOK_ALIKE_OPTION = re.compile("(?:^|[\\s;|&])([\u2010-\u2015\u2212\ufe58\ufe63\uff0d])[A-Za-z\u2010-\u2015]")
META = " \t\n;&|<>()"
# Longest first.
OPERATORS = (";;&", "&>>", "<<<", "<<-", "&&", "||", "|&", ";;", ";&", ">>", ">|", "<<", "<>", ">&", "<&", "&>")
SINGLE_OPERATORS = ";&|<>()\n"
REDIRECT_OPERATORS = frozenset((">", ">>", ">|", "<", "<>", ">&", "<&", "&>", "&>>", "<<", "<<-", "<<<"))
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SAFE_ARITHMETIC = re.compile(r"[0-9A-Za-z_+\-*/%()<>=!&|^?:$ \t]*")
# Assignments inside of arithmetic, and numbers in another base.
UNSAFE_ARITHMETIC = re.compile(r"\+\+|--|(?<![<>=!])=(?!=)|<<=|>>=|[0-9][A-Za-z_]|\$(?![A-Za-z_])|,")
ARITHMETIC_COMMAND = re.compile(r"(?:[0-9A-Za-z_+\-*/%()<>=!&|^?:; \t,]|\$(?=[A-Za-z_]))*")
ANSI_C = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b",
          "f": "\f", "r": "\r", "v": "\v", "?": "?"}  # fmt: skip

ParseInner = Callable[["Lexer", str], Script]


def check_characters(text: str) -> None:
    """Refuse what terminals hide and locales split differently.

    Raises:
        Unclear: A control character, an invisible one, or a blank that is not ASCII.
    """
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return
    if (dash := LOOK_ALIKE_OPTION.search(text)) is not None:
        raise Unclear(f"a dash that only looks like that of an option (U+{ord(dash[1]):04X})")
    for char in text:
        if char in "\n\t":
            continue
        category = unicodedata.category(char)
        if category[0] in "CZ" and char != " ":
            raise Unclear(f"it holds an invisible character (U+{ord(char):04X})")


class Lexer:
    """A position in a command line. `parse_inner` reads the script of a substitution up to its closing character."""

    def __init__(self, text: str, parse_inner: ParseInner) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.open_here_documents = 0
        self.in_here_document = False
        self._parse_inner = parse_inner

    # --- blanks and operators ------------------------------------------------------------------------------------

    def skip_blanks(self) -> None:
        """Go to the next token: over blanks, continued lines and a comment."""
        start = self.at
        while self.at < len(self.text):
            if self.text[self.at] in BLANKS:
                self.at += 1
            elif self.text.startswith("\\\n", self.at):
                # Without a blank before it, a continued line joins two halves of a token.
                if self.at > 0 and self.text[self.at - 1] not in BLANKS + "\n":
                    raise Unclear("a line is continued in the middle of a word")
                self.at += 2
            else:
                break
        at_token_start = self.at == 0 or self.at > start or self.text[self.at - 1] in META
        if at_token_start and self.text.startswith("#", self.at):
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end

    def peek_operator(self) -> str | None:
        """The operator at this position, or None; `<(` and `>(` start a word."""
        text, at = self.text, self.at
        if at >= len(text) or text[at] not in SINGLE_OPERATORS:
            return None
        if text[at] in "<>" and text.startswith("(", at + 1):
            return None
        return next((op for op in OPERATORS if text.startswith(op, at)), text[at])

    def take_operator(self) -> str:
        operator = self.peek_operator()
        assert operator is not None
        self.at += len(operator)
        return operator

    def at_end(self) -> bool:
        return self.at >= len(self.text)

    # --- words ---------------------------------------------------------------------------------------------------

    def read_word(self) -> Word:
        """Read one word; the position must stand on its first character."""
        start = self.at
        pieces: list[Piece] = []
        plain = ""

        def end_plain() -> None:
            nonlocal plain
            if plain:
                pieces.append(Text(plain, quoted=False))
                plain = ""

        while self.at < len(self.text):
            char = self.text[self.at]
            if char in "<>" and self.text.startswith("(", self.at + 1):
                end_plain()
                self.at += 2
                pieces.append(Substitution(self._inner(")"), char, quoted=False))
                continue
            if char == "(":
                raise Unclear("an opening parenthesis inside of a word (a function, an array or a pattern)")
            if char in META:
                break
            if char == "\\":
                if self.text.startswith("\n", self.at + 1):
                    raise Unclear("a line is continued in the middle of a word")
                if self.at + 1 >= len(self.text):
                    raise Unclear("it ends with a backslash")
                end_plain()
                pieces.append(Text(self.text[self.at + 1], quoted=True))
                self.at += 2
            elif char in "'\"$`":
                end_plain()
                pieces.extend(self.special(quoted=False))
            else:
                plain += char
                self.at += 1
        end_plain()
        raw = self.text[start : self.at]
        if self.open_here_documents and "\n" in raw:
            raise Unclear("a word goes over the line of a here-document")
        return Word(raw, tuple(pieces))

    def special(self, *, quoted: bool) -> list[Piece]:
        """Read a quote, an expansion or a substitution."""
        text, at = self.text, self.at
        if text[at] == "'":
            end = text.find("'", at + 1)
            if end < 0:
                raise Unclear("a quote is not closed")
            self.at = end + 1
            return [Text(text[at + 1 : end], quoted=True)]
        if text[at] == '"':
            self.at += 1
            return self._double_quoted()
        if text[at] == "`":
            return [self._backquoted(quoted=quoted)]
        return self._dollar(quoted=quoted)

    def _double_quoted(self) -> list[Piece]:
        # The empty text keeps `""` a word of its own.
        pieces: list[Piece] = [Text("", quoted=True)]
        pieces.extend(self.expanding_text('"'))
        self.at += 1
        return pieces

    def expanding_text(self, end: str) -> list[Piece]:
        """Read text in which `$`, backquotes and backslashes count, up to `end` (empty: to the end of the text)."""
        pieces: list[Piece] = []
        plain = ""
        self.in_here_document = self.in_here_document or not end
        while True:
            if self.at >= len(self.text):
                if end:
                    raise Unclear("a quote is not closed")
                break
            char = self.text[self.at]
            if char == end:
                break
            if char == "\\":
                following = self.text[self.at + 1 : self.at + 2]
                if following == "\n":
                    raise Unclear("a line is continued inside of quotes")
                if following and following in '$`\\"' and not (following == '"' and not end):
                    plain += following
                    self.at += 2
                else:
                    plain += "\\"
                    self.at += 1
            elif char in "$`":
                pieces.append(Text(plain, quoted=True))
                plain = ""
                pieces.extend(self.special(quoted=True))
            else:
                plain += char
                self.at += 1
        pieces.append(Text(plain, quoted=True))
        return [piece for piece in pieces if not isinstance(piece, Text) or piece.text]

    def _inner(self, end: str) -> Script:
        self.depth += 1
        if self.depth > 20:
            raise Unclear("substitutions are nested too deeply")
        outer = self.open_here_documents, self.in_here_document
        self.open_here_documents, self.in_here_document = 0, False
        script = self._parse_inner(self, end)
        self.open_here_documents, self.in_here_document = outer
        self.depth -= 1
        return script

    def _backquoted(self, *, quoted: bool) -> Substitution:
        at = self.at + 1
        content = ""
        while True:
            if at >= len(self.text):
                raise Unclear("a backquote is not closed")
            char = self.text[at]
            if char == "`":
                break
            if char == "\\":
                following = self.text[at + 1 : at + 2]
                # Inside double quotes a backslash counts for one more character; neither case is worth a guess.
                if following in ("`", '"', "\n", ""):
                    raise Unclear("a backslash inside of backquotes")
                content += following if following in "$\\" else "\\" + following
                at += 2
            else:
                content += char
                at += 1
        self.at = at + 1
        if self.depth > 20:
            raise Unclear("substitutions are nested too deeply")
        inner = Lexer(content, self._parse_inner)
        inner.depth = self.depth + 1
        return Substitution(self._parse_inner(inner, ""), "$", quoted)

    # --- expansions ----------------------------------------------------------------------------------------------

    def _dollar(self, *, quoted: bool) -> list[Piece]:
        text, at = self.text, self.at
        following = text[at + 1 : at + 2]
        if text.startswith("$((", at):
            return [self._arithmetic(quoted=quoted)]
        if following == "(":
            self.at += 2
            return [Substitution(self._inner(")"), "$", quoted)]
        if following == "{":
            return [read_parameter(self, quoted=quoted)]
        if following == "'" and not quoted:
            return [self._ansi_c()]
        if following == "[" or (following == '"' and not quoted):
            raise Unclear(f"an old or translated form of quoting (`${following}`)")
        name = NAME.match(text, at + 1)
        if name is not None:
            self.at = name.end()
            return [Variable(name[0], quoted)]
        if following and following in "?#$!@*-0123456789":
            self.at += 2
            return [Variable(following, quoted)]
        self.at += 1
        return [Text("$", quoted=True)]

    def _arithmetic(self, *, quoted: bool) -> Piece:
        """Only numbers, operators and plain variables; these must hold numbers, which is known where they are expanded.

        A variable's value may hold an index, and an index may hold a command.
        """
        content = SAFE_ARITHMETIC.match(self.text, self.at + 3)
        assert content is not None
        body, depth = content[0], 0
        for offset, char in enumerate(body):
            depth += (char == "(") - (char == ")")
            if depth < 0:
                if body[offset : offset + 2] != "))" or UNSAFE_ARITHMETIC.search(body[:offset]):
                    break
                names = tuple(NAME.findall(body[:offset]))
                self.at += 3 + offset + 2
                return Opaque(quoted, number=True, variables=names)
        raise Unclear("arithmetic with more than numbers")

    def arithmetic_command(self) -> str:
        """Read `((…))` from its first parenthesis; return what stands inside: numbers, operators, plain variables."""
        content = ARITHMETIC_COMMAND.match(self.text, self.at + 2)
        assert content is not None
        body, depth = content[0], 0
        for offset, char in enumerate(body):
            depth += (char == "(") - (char == ")")
            if depth < 0:
                following = self.text[self.at + 4 + offset : self.at + 5 + offset]
                if body[offset : offset + 2] != "))" or (following and following not in META):
                    break
                self.at += 4 + offset
                return body[:offset]
        raise Unclear("arithmetic with more than numbers")

    def _ansi_c(self) -> Piece:
        """`$'…'`, decoded. Bytes beyond ASCII and NUL depend on more than the text."""
        at = self.at + 2
        out = ""
        while True:
            char = self.text[at : at + 1]
            if not char:
                raise Unclear("a quote is not closed")
            if char == "'":
                self.at = at + 1
                return Text(out, quoted=True)
            if char != "\\":
                out += char
                at += 1
                continue
            escape = self.text[at + 1 : at + 2]
            if escape in ANSI_C and escape:
                out += ANSI_C[escape]
                at += 2
                continue
            number = re.compile(r"x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})").match(
                self.text, at + 1
            )
            if number is None:
                raise Unclear("an unusual escape in a quote")
            digits = number[1] or number[2] or number[3] or number[4]
            code = int(digits, 8 if number[4] else 16)
            if not 0 < code < 128:
                raise Unclear("an escape for a character that is not ASCII")
            out += chr(code)
            at = number.end()
