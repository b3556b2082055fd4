"""A bash command line as a tree: what `effects.grammar` builds and `effects.shell` walks. Pure.

Only constructs whose meaning is certain have a node; everything else raises `Unclear`, and the command line as a
whole counts as unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class Unclear(Exception):
    """The line is not valid bash, or holds something that is not read here. The text says what, in words."""


class UnclearExpansion(Unclear):
    """A `${…}` that is no form of the manual, or that versions of bash read differently."""

    def __init__(self, why: str = "an unusual expansion of a variable") -> None:
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Text:
    """Characters after quote removal. Unquoted ones may hold globs, braces and a tilde."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name` or `${name}`; also the special parameters `?`, `#`, `$`, `!`, `@`, `*`, `-` and digits."""

    name: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Substitution:
    """`$(…)`, backquotes, `<(…)` or `>(…)`: `kind` is `$`, `<` or `>`."""

    script: Script
    kind: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Opaque:
    """An expansion whose value cannot be told (`$((1+2))`, `${!x*}`). `number`: it is surely an integer.

    `variables` are the names it counts with, `pieces` what is expanded inside of it. several: it may be several words
    even in quotes.
    """

    quoted: bool
    number: bool = False
    variables: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    several: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """`${name…}` with an operator, an index or `!`.

    words: what stands behind the operator; pattern: the pattern or the substring as written. counts: names that are
    evaluated as arithmetic. indirect: `${!name}`. element: `${name[…]}`. several: it may be several words even in
    quotes.
    """

    raw: str
    name: str
    quoted: bool
    operator: str = ""
    words: tuple[tuple[Piece, ...], ...] = ()
    pattern: str = ""
    counts: tuple[str, ...] = ()
    indirect: bool = False
    element: bool = False
    several: bool = False


Piece = Text | Variable | Substitution | Opaque | Parameter


def has_glob(text: str, word: str) -> bool:
    """True if unquoted text may be a pattern; a bracket is one only if the word (as written) closes it."""
    return "*" in text or "?" in text or ("[" in text and "]" in word)


def has_expansion(text: str, word: str) -> bool:
    return "{" in text or "~" in text or has_glob(text, word)


@dataclass(frozen=True, slots=True)
class Word:
    """One word as written, and in pieces."""

    raw: str
    pieces: tuple[Piece, ...]

    @property
    def literal(self) -> str | None:
        """Its value if nothing in it is expanded (a leading tilde, globs and braces are expanded)."""
        out = ""
        for piece in self.pieces:
            if not isinstance(piece, Text) or (not piece.quoted and has_expansion(piece.text, self.raw)):
                return None
            out += piece.text
        return out

    @property
    def bare(self) -> str | None:
        """Its text if no part of it is quoted, as reserved words must be."""
        if len(self.pieces) == 1 and isinstance(self.pieces[0], Text) and not self.pieces[0].quoted:
            return self.pieces[0].text
        return None


@dataclass(frozen=True, slots=True)
class Assignment:
    """`NAME=value`; `elements` are those of an array (`NAME=(a b)`), whose `value` is empty then."""

    name: str
    value: Word
    elements: tuple[Word, ...] | None = None


@dataclass(slots=True)
class HereDocument:
    """The body of a here-document; it follows its operator at some distance and is filled in when it is reached."""

    delimiter: str
    quoted: bool
    strips_tabs: bool
    body: Word | None = None


@dataclass(frozen=True, slots=True)
class RedirectTo:
    """A redirect: `op` without the descriptor, `fd` as written or empty."""

    fd: str
    op: str
    target: Word
    here: HereDocument | None = None


@dataclass(frozen=True, slots=True)
class Simple:
    """A simple command: assignments, words, redirects."""

    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    redirects: tuple[RedirectTo, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """`[[ … ]]`: its words, checked to hold no hidden arithmetic."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Compound:
    """A group, subshell, loop or conditional: the scripts that may run inside it.

    loop: the bodies may run several times. subshell: changes of directory and variables stay inside.
    variable and values: what a `for` loop assigns. words: further words that are expanded. counts: what an arithmetic
    loop evaluates.
    """

    bodies: tuple[Script, ...]
    redirects: tuple[RedirectTo, ...] = ()
    subshell: bool = False
    loop: bool = False
    variable: str | None = None
    values: tuple[Word, ...] = ()
    words: tuple[Word, ...] = ()
    counts: Arithmetic | None = None


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`((…))`: the names it needs to be numbers beforehand, and those that are numbers once it has run."""

    needs: tuple[str, ...]
    sets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """The definition of a function; nothing of `body` runs before it is called."""

    name: str
    body: Script


Node = Simple | Test | Compound | Arithmetic | Function


@dataclass(frozen=True, slots=True)
class Pipeline:
    stages: tuple[Node, ...]
    with_errors: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class AndOr:
    """Pipelines joined by `&&` and `||`; `joins[i]` stands before `pipelines[i + 1]`. `background`: ended by `&`."""

    pipelines: tuple[Pipeline, ...]
    joins: tuple[str, ...] = ()
    background: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    items: tuple[AndOr, ...] = field(default=())


def one_command(words: tuple[Word, ...], assigned: str | None = None) -> Script:
    """A script of one simple command; `assigned`: a variable that it sets to something that cannot be told."""
    value = Word("…", (Opaque(quoted=True),))
    assignments = (Assignment(assigned, value),) if assigned is not None else ()
    return Script((AndOr((Pipeline((Simple(assignments, words, ()),)),)),))


def ends_the_shell(pipeline: Pipeline, *, in_function: bool) -> bool:
    """True for `exit`, and `return` in a function: what follows runs only if what stood before succeeded."""
    match pipeline.stages:
        case (Simple(words=(first, *_)),):
            return first.literal == "exit" or (in_function and first.literal == "return")
        case _:
            return False
