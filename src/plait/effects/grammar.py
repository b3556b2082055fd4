"""Parse a bash command line into `effects.syntax`. Pure.

The grammar is that of the bash manual, section 3.2, without functions, arrays, arithmetic commands, `select`,
`coproc` and extended patterns: these raise `Unclear`, as does anything that bash would refuse.
"""

from __future__ import annotations

import re

from plait.effects.lexer import NAME, REDIRECT_OPERATORS, Lexer, check_characters
from plait.effects.syntax import (
    AndOr,
    Assignment,
    Compound,
    HereDocument,
    Node,
    Opaque,
    Piece,
    Pipeline,
    RedirectTo,
    Script,
    Simple,
    Test,
    Text,
    Unclear,
    Variable,
    Word,
)

LONGEST = 10_000
OPENING = frozenset(("{", "if", "while", "until", "for", "case", "[["))
CLOSING = frozenset(("}", "then", "do", "done", "else", "elif", "fi", "esac", "]]", "in"))
REFUSED = {
    "function": "it defines a function",
    "select": "it holds a `select` loop",
    "coproc": "it starts a coprocess",
}
NUMERIC_TESTS = frozenset(("-eq", "-ne", "-lt", "-le", "-gt", "-ge"))
DELIMITER = re.compile(r"""(?:'([\w.-]+)'|"([\w.-]+)"|\\([\w.-]+)|([\w.-]+))""")


def parse(command: str) -> Script:
    """Return the tree of a command line.

    Raises:
        Unclear: It is too long, holds characters that hide, is not valid, or holds what is not read here.
    """
    if len(command) > LONGEST:
        raise Unclear(f"it is longer than {LONGEST:,} characters")
    check_characters(command)
    try:
        return _parse_whole(Lexer(command, _parse_whole), "")
    except RecursionError:
        raise Unclear("it is nested too deeply") from None


def _parse_whole(lexer: Lexer, end: str) -> Script:
    """Parse up to the closing character of a substitution, which is taken, or to the end of the text."""
    parser = _Parser(lexer)
    script = parser.script(frozenset())
    parser.lexer.skip_blanks()
    if parser.here_documents:
        raise Unclear("a here-document is not closed")
    if not end:
        if not lexer.at_end():
            raise Unclear(f"`{lexer.text[lexer.at]}` stands where no command can end")
    elif lexer.peek_operator() == end:
        lexer.take_operator()
    else:
        raise Unclear("a substitution is not closed")
    return script


class _Parser:
    def __init__(self, lexer: Lexer) -> None:
        self.lexer = lexer
        # Opened on this line; their bodies follow the next newline.
        self.here_documents: list[HereDocument] = []
        self.nesting = 0

    # --- lists ---------------------------------------------------------------------------------------------------

    def script(self, ends: frozenset[str]) -> Script:
        """Parse a list up to a reserved word of `ends`, `)`, `;;` or the end of the text; that is not taken."""
        items: list[AndOr] = []
        self._skip_newlines()
        while not self._at_list_end(ends):
            item = self._and_or()
            operator = self._operator()
            if operator == "&":
                item = AndOr(item.pipelines, item.joins, background=True)
            if operator in ("&", ";"):
                self.lexer.take_operator()
            elif operator == "\n":
                pass
            elif not self._at_list_end(ends):
                raise Unclear("a command does not end where another begins")
            items.append(item)
            self._skip_newlines()
        return Script(tuple(items))

    def _operator(self) -> str | None:
        self.lexer.skip_blanks()
        return self.lexer.peek_operator()

    def _at_list_end(self, ends: frozenset[str]) -> bool:
        self.lexer.skip_blanks()
        if self.lexer.at_end():
            return True
        operator = self.lexer.peek_operator()
        if operator is not None:
            return operator in (")", ";;", ";&", ";;&")
        return self._peek_bare() in ends if ends else False

    def _peek_bare(self) -> str | None:
        """The word at this position if it could be a reserved one; nothing is taken."""
        found = re.compile(r"[^\s;&|<>()'\"$`\\]+").match(self.lexer.text, self.lexer.at)
        if found is None:
            return None
        following = self.lexer.text[found.end() : found.end() + 1]
        return found[0] if following in ("", " ", "\t", "\n", ";", "&", "|", "<", ">", "(", ")") else None

    def _skip_newlines(self) -> None:
        while self._operator() == "\n":
            self.lexer.take_operator()
            self._read_here_documents()

    def _and_or(self) -> AndOr:
        pipelines, joins = [self._pipeline()], []
        while self._operator() in ("&&", "||"):
            joins.append(self.lexer.take_operator())
            self._skip_newlines()
            pipelines.append(self._pipeline())
        return AndOr(tuple(pipelines), tuple(joins))

    def _pipeline(self) -> Pipeline:
        self.lexer.skip_blanks()
        while self._peek_bare() in ("!", "time"):
            word = self.lexer.read_word().bare
            self.lexer.skip_blanks()
            if word == "time" and self._peek_bare() == "-p":
                self.lexer.read_word()
                self.lexer.skip_blanks()
        stages = [self._command()]
        while self._operator() in ("|", "|&"):
            self.lexer.take_operator()
            self._skip_newlines()
            stages.append(self._command())
        return Pipeline(tuple(stages))

    # --- commands ------------------------------------------------------------------------------------------------

    def _command(self) -> Node:
        self.lexer.skip_blanks()
        self.nesting += 1
        if self.nesting > 60:
            raise Unclear("it is nested too deeply")
        operator = self.lexer.peek_operator()
        if operator == "(":
            node: Node = self._subshell()
        else:
            bare = self._peek_bare()
            if bare in REFUSED:
                raise Unclear(REFUSED[bare])
            if bare in CLOSING:
                raise Unclear(f"`{bare}` stands where a command must begin")
            node = self._compound(bare) if bare in OPENING else self._simple()
        self.nesting -= 1
        return node

    def _subshell(self) -> Node:
        self.lexer.take_operator()
        if self.lexer.text.startswith("(", self.lexer.at):
            raise Unclear("it holds an arithmetic command")
        body = self._body(frozenset())
        if self._operator() != ")":
            raise Unclear("a parenthesis is not closed")
        self.lexer.take_operator()
        return Compound((body,), self._redirects(), subshell=True)

    def _compound(self, bare: str | None) -> Node:
        self.lexer.read_word()
        match bare:
            case "{":
                body = self._body(frozenset(("}",)))
                self._expect("}")
                return Compound((body,), self._redirects())
            case "if":
                return self._if()
            case "while" | "until":
                condition = self._body(frozenset(("do",)))
                return self._loop((condition,))
            case "for":
                return self._for()
            case "case":
                return self._case()
            case _:
                return self._test()

    def _body(self, ends: frozenset[str]) -> Script:
        script = self.script(ends)
        if not script.items:
            raise Unclear("an empty list of commands")
        return script

    def _expect(self, word: str) -> None:
        self.lexer.skip_blanks()
        if self._peek_bare() != word:
            raise Unclear(f"`{word}` is missing")
        self.lexer.read_word()

    def _if(self) -> Node:
        bodies = [self._body(frozenset(("then",)))]
        self._expect("then")
        while True:
            bodies.append(self._body(frozenset(("elif", "else", "fi"))))
            self.lexer.skip_blanks()
            match self._peek_bare():
                case "elif":
                    self.lexer.read_word()
                    bodies.append(self._body(frozenset(("then",))))
                    self._expect("then")
                case "else":
                    self.lexer.read_word()
                    bodies.append(self._body(frozenset(("fi",))))
                    self._expect("fi")
                    return Compound(tuple(bodies), self._redirects())
                case _:
                    self._expect("fi")
                    return Compound(tuple(bodies), self._redirects())

    def _loop(self, before: tuple[Script, ...], variable: str | None = None, values: tuple[Word, ...] = ()) -> Node:
        self._expect("do")
        body = self._body(frozenset(("done",)))
        self._expect("done")
        return Compound((*before, body), self._redirects(), loop=True, variable=variable, values=values)

    def _for(self) -> Node:
        self.lexer.skip_blanks()
        if self.lexer.peek_operator() is not None:
            raise Unclear("it holds an arithmetic loop")
        name = self.lexer.read_word().bare
        if name is None or NAME.fullmatch(name) is None:
            raise Unclear("a loop without a variable")
        self._skip_newlines()
        self._expect("in")
        values: list[Word] = []
        while self._operator() is None and not self.lexer.at_end():
            values.append(self.lexer.read_word())
        if self._operator() == ";":
            self.lexer.take_operator()
        elif self._operator() != "\n":
            raise Unclear("a loop without `do`")
        self._skip_newlines()
        return self._loop((), name, tuple(values))

    def _case(self) -> Node:
        self.lexer.skip_blanks()
        words = [self.lexer.read_word()]
        self._skip_newlines()
        self._expect("in")
        self._skip_newlines()
        bodies: list[Script] = []
        while self._peek_bare() != "esac":
            if self._operator() == "(":
                self.lexer.take_operator()
            words.append(self._pattern())
            while self._operator() == "|":
                self.lexer.take_operator()
                words.append(self._pattern())
            if self._operator() != ")":
                raise Unclear("a pattern of `case` is not closed")
            self.lexer.take_operator()
            bodies.append(self.script(frozenset(("esac",))))
            if self._operator() in (";;", ";&", ";;&"):
                self.lexer.take_operator()
            self._skip_newlines()
            if self.lexer.at_end():
                raise Unclear("`esac` is missing")
        self._expect("esac")
        return Compound(tuple(bodies), self._redirects(), words=tuple(words))

    def _pattern(self) -> Word:
        self.lexer.skip_blanks()
        if self.lexer.at_end() or self.lexer.peek_operator() is not None:
            raise Unclear("a pattern of `case` is missing")
        return self.lexer.read_word()

    def _test(self) -> Node:
        """`[[ … ]]`. Numeric comparisons evaluate their operands, and `-v` an index: only plain numbers are let in."""
        words: list[Word] = []
        while True:
            self._skip_newlines()
            operator = self._operator()
            if operator in ("&&", "||", "<", ">", "(", ")"):
                self.lexer.take_operator()
                continue
            if operator is not None or self.lexer.at_end():
                raise Unclear("`]]` is missing")
            word = self.lexer.read_word()
            if word.bare == "]]":
                break
            words.append(word)
        for index, word in enumerate(words):
            if word.bare in ("-v", "-R"):
                raise Unclear("a test of a variable by name")
            if word.bare in NUMERIC_TESTS:
                around = words[index - 1 : index] + words[index + 1 : index + 2]
                if not all(_is_number(side) for side in around) or len(around) != 2:
                    raise Unclear("a numeric test of more than numbers")
        redirects = self._redirects()
        return Compound((), redirects, words=tuple(words)) if redirects else Test(tuple(words))

    # --- simple commands -----------------------------------------------------------------------------------------

    def _simple(self) -> Simple:
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

    def _redirects(self) -> tuple[RedirectTo, ...]:
        """The redirects after a compound command."""
        redirects: list[RedirectTo] = []
        while True:
            operator = self._operator()
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

    def _read_here_documents(self) -> None:
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
                inner = Lexer(content, _parse_whole)
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


def _is_number(word: Word) -> bool:
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
