"""Parse a bash command line into `effects.syntax`. Pure.

The grammar is that of the bash manual, section 3.2, without `select`, `coproc`, extended patterns, and arrays that are
changed after they were made: these raise `Unclear`, as does anything that bash would refuse.
"""

from __future__ import annotations

import re

from plait.effects.lexer import NAME, Lexer, check_characters
from plait.effects.simple_commands import CommandParser, is_number
from plait.effects.syntax import (
    AndOr,
    Arithmetic,
    Compound,
    Function,
    Node,
    Pipeline,
    Script,
    Test,
    Unclear,
    Word,
)

LONGEST = 10_000
OPENING = frozenset(("{", "if", "while", "until", "for", "case", "[["))
CLOSING = frozenset(("}", "then", "do", "done", "else", "elif", "fi", "esac", "]]", "in"))
DEFINITION = re.compile(
    r"(?:function[ \t]+(?P<word>[A-Za-z_][\w-]*)(?:[ \t]*\([ \t]*\))?"
    r"|(?P<name>[A-Za-z_][\w-]*)[ \t]*\([ \t]*\))(?=[\s{])"
)
CHANGES = re.compile(r"(\+\+|--)\s*([A-Za-z_]\w*)|([A-Za-z_]\w*)\s*(\+\+|--|(?:[-+*/%&|^]|<<|>>)?=(?!=))")
REFUSED = {
    "function": "it defines a function in an unusual way",
    "select": "it holds a `select` loop",
    "coproc": "it starts a coprocess",
}
NUMERIC_TESTS = frozenset(("-eq", "-ne", "-lt", "-le", "-gt", "-ge"))


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


class _Parser(CommandParser):
    """Lists, pipelines and compound commands."""

    def __init__(self, lexer: Lexer) -> None:
        super().__init__(lexer, lambda text: Lexer(text, _parse_whole))
        self.nesting = 0

    # --- lists ---------------------------------------------------------------------------------------------------

    def script(self, ends: frozenset[str]) -> Script:
        """Parse a list up to a reserved word of `ends`, `)`, `;;` or the end of the text; that is not taken."""
        items: list[AndOr] = []
        self._skip_newlines()
        while not self._at_list_end(ends):
            item = self._and_or()
            operator = self.operator()
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
        while self.operator() == "\n":
            self.lexer.take_operator()
            self.read_here_documents()

    def _and_or(self) -> AndOr:
        pipelines, joins = [self._pipeline()], []
        while self.operator() in ("&&", "||"):
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
        with_errors: set[int] = set()
        while self.operator() in ("|", "|&"):
            if self.lexer.take_operator() == "|&":
                with_errors.add(len(stages) - 1)
            self._skip_newlines()
            stages.append(self._command())
        return Pipeline(tuple(stages), frozenset(with_errors))

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
            definition = DEFINITION.match(self.lexer.text, self.lexer.at)
            if definition is not None and bare not in OPENING and bare not in CLOSING:
                node = self._function(definition)
                self.nesting -= 1
                return node
            if bare in REFUSED:
                raise Unclear(REFUSED[bare])
            if bare in CLOSING:
                raise Unclear(f"`{bare}` stands where a command must begin")
            node = self._compound(bare) if bare in OPENING else self.simple()
        self.nesting -= 1
        return node

    def _function(self, definition: re.Match[str]) -> Node:
        self.lexer.at = definition.end()
        self._skip_newlines()
        self._expect("{")
        body = self._body(frozenset(("}",)))
        self._expect("}")
        if self.redirects():
            raise Unclear("a function with redirects")
        return Function(definition["word"] or definition["name"], body)

    def _subshell(self) -> Node:
        if self.lexer.text.startswith("((", self.lexer.at):
            node = arithmetic(self.lexer.arithmetic_command())
            if self.redirects():
                raise Unclear("arithmetic with redirects")
            return node
        self.lexer.take_operator()
        body = self._body(frozenset())
        if self.operator() != ")":
            raise Unclear("a parenthesis is not closed")
        self.lexer.take_operator()
        return Compound((body,), self.redirects(), subshell=True)

    def _compound(self, bare: str | None) -> Node:
        self.lexer.read_word()
        match bare:
            case "{":
                body = self._body(frozenset(("}",)))
                self._expect("}")
                return Compound((body,), self.redirects())
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
                    return Compound(tuple(bodies), self.redirects())
                case _:
                    self._expect("fi")
                    return Compound(tuple(bodies), self.redirects())

    def _loop(self, before: tuple[Script, ...], variable: str | None = None, values: tuple[Word, ...] = ()) -> Node:
        self._expect("do")
        body = self._body(frozenset(("done",)))
        self._expect("done")
        return Compound((*before, body), self.redirects(), loop=True, variable=variable, values=values)

    def _for(self) -> Node:
        self.lexer.skip_blanks()
        if self.lexer.text.startswith("((", self.lexer.at):
            return self._counting_loop()
        if self.lexer.peek_operator() is not None:
            raise Unclear("a loop without a variable")
        name = self.lexer.read_word().bare
        if name is None or NAME.fullmatch(name) is None:
            raise Unclear("a loop without a variable")
        self._skip_newlines()
        self._expect("in")
        values: list[Word] = []
        while self.operator() is None and not self.lexer.at_end():
            values.append(self.lexer.read_word())
        if self.operator() == ";":
            self.lexer.take_operator()
        elif self.operator() != "\n":
            raise Unclear("a loop without `do`")
        self._skip_newlines()
        return self._loop((), name, tuple(values))

    def _counting_loop(self) -> Node:
        parts = self.lexer.arithmetic_command().split(";")
        if len(parts) != 3:
            raise Unclear("an unusual arithmetic loop")
        first, *others = map(arithmetic, parts)
        needs = {name for other in others for name in other.needs} - set(first.sets)
        counts = Arithmetic((*first.needs, *sorted(needs)), (*first.sets, *(name for o in others for name in o.sets)))
        if self.operator() == ";":
            self.lexer.take_operator()
        self._skip_newlines()
        self._expect("do")
        body = self._body(frozenset(("done",)))
        self._expect("done")
        return Compound((body,), self.redirects(), loop=True, counts=counts)

    def _case(self) -> Node:
        self.lexer.skip_blanks()
        words = [self.lexer.read_word()]
        self._skip_newlines()
        self._expect("in")
        self._skip_newlines()
        bodies: list[Script] = []
        while self._peek_bare() != "esac":
            if self.operator() == "(":
                self.lexer.take_operator()
            words.append(self._pattern())
            while self.operator() == "|":
                self.lexer.take_operator()
                words.append(self._pattern())
            if self.operator() != ")":
                raise Unclear("a pattern of `case` is not closed")
            self.lexer.take_operator()
            bodies.append(self.script(frozenset(("esac",))))
            if self.operator() in (";;", ";&", ";;&"):
                self.lexer.take_operator()
            self._skip_newlines()
            if self.lexer.at_end():
                raise Unclear("`esac` is missing")
        self._expect("esac")
        return Compound(tuple(bodies), self.redirects(), words=tuple(words))

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
            operator = self.operator()
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
                if not all(is_number(side) for side in around) or len(around) != 2:
                    raise Unclear("a numeric test of more than numbers")
        redirects = self.redirects()
        return Compound((), redirects, words=tuple(words)) if redirects else Test(tuple(words))


def arithmetic(text: str) -> Arithmetic:
    """Which variables an expression needs to be numbers, since it would evaluate whatever else they hold.

    A variable need not be one if the first thing that surely happens to it is an assignment.
    """
    if re.search(r"[0-9][A-Za-z_]|;", text):
        raise Unclear("arithmetic with more than numbers")
    changed = [(found[2] or found[3], found[4] or found[1], found.start()) for found in CHANGES.finditer(text)]
    first_seen: dict[str, int] = {}
    for found in NAME.finditer(text):
        first_seen.setdefault(found[0], found.start())
    surely = not re.search(r"&&|\|\||\?", text)
    # A name that is read too may be read first.
    made = {
        name
        for name, how, at in changed
        if how == "=" and surely and first_seen[name] == at and len(re.findall(rf"\b{name}\b", text)) == 1
    }
    return Arithmetic(
        tuple(name for name in first_seen if name not in made), tuple(dict.fromkeys(name for name, _, _ in changed))
    )
