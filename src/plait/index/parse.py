"""Read the definitions and imports in one file's bytes. Owns the walk from tree to names; touches no file.

A query file a language (`queries/*.scm`) says what a definition is: `@name` is its name and the other capture, whose
name is the kind, its whole extent. `@scope` lends its name to what is in it and is none itself (`impl Foo`), `@owner`
stands before a name (`func (r *Owner) name`), `@import` is a statement that imports, `@from` what it imports from.
What only a word of it tells is `@worded`, with that word as `@word`; `@macro_made` is C that a macro makes a function.
Queries have no predicates: those cost more than deciding here.

Lines are counted by line feeds, as ripgrep and git count them.

Contract: `parse` and `comment_spans` never raise for what is in the bytes and end within a `Budget`; they hold the
interpreter meanwhile, so large files belong in another process.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from plait.index import languages
from plait.index.budget import Budget
from plait.index.import_lines import called_imports, modules_of
from plait.index.scopes import Definition, Symbol, symbols
from plait.index.shapes import end_of, readable, shaped

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, QueryCursor, Tree

LARGEST_BYTES = 4_000_000
# A file has as many definitions at most, and is asked for them in windows: matches take many times their text.
MOST_DEFINITIONS = 50_000
WINDOW_BYTES = 400_000
# An error that holds more tokens is not walked: the cursor looks through all later ones from each.
MOST_IN_AN_ERROR = 10_000
MOST_ERRORS_SEEN = 1_000
TANGLE_BYTES = 8_000
MOST_IN_A_TANGLE = 600
MOST_PENDING_MATCHES = 4_096
DEEPEST = 60
# A parser and a cursor are kept for each language, and let other threads run in the midst of their work.
ONE_AT_A_TIME = threading.Lock()


class Import(NamedTuple):
    """What is imported on one line: modules and names in them, the parts of each joined with slashes."""

    modules: tuple[str, ...]
    line: int


class Parsed(NamedTuple):
    symbols: list[Symbol]
    imports: list[Import]
    problem: str
    """`large`, `costly` or `language` (no grammar that fits) if nothing was read, `broken` if only the shapes of lines
    were, else empty."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A language made ready: its parser, and its query with the kind of each pattern."""

    parser: Parser
    cursor: QueryCursor
    deep: QueryCursor
    kinds: tuple[str, ...]
    words: dict[bytes, str]


PARTS = frozenset(("name", "owner", "from", "word"))
KIND = re.compile(r"@(\w+)")
# What only a word makes a definition: in these languages the grammar knows calls and attributes.
ELIXIR = {
    "module": "defmodule defprotocol defimpl",
    "function": "def defp defguard defguardp defdelegate",
    "macro": "defmacro defmacrop",
    "type": "type typep opaque callback macrocallback",
}
WORDS: dict[str, dict[bytes, str]] = {
    "elixir": {word.encode(): kind for kind, words in ELIXIR.items() for word in words.split()},
    "html": {b"id": "id", b"ID": "id"},
}
CPP_WORDS = (b"\nclass ", b"\nnamespace ", b"\ntemplate <", b"\ntemplate<")
CPP = re.compile(rb"\nclass[ \t]+[\w \t]+(?::[^:\n]|\{|;|\r?$)|\nnamespace[ \t]+[\w:]*\s*\{|\ntemplate[ \t]*<", re.M)
VARIABLES = (b"DEFINE_", b"--")
TEMPLATES = ("javascript", "typescript", "tsx")
RANK_OF_SHAPES = 1_000


def parse(data: bytes, language: str) -> Parsed:
    """Return what `data` defines and imports, in the order of the text."""
    with ONE_AT_A_TIME:
        return _parsed(data, language)


def _parsed(data: bytes, language: str) -> Parsed:
    if not languages.available(language):
        return Parsed([], [], "language")
    if len(data) > LARGEST_BYTES:
        return Parsed([], [], "large")
    if language == "c" and _is_cpp(data) and languages.available("cpp"):
        language = "cpp"
    grammar = languages.GRAMMARS[language]
    reader = _reader(language)
    if reader is None:
        return Parsed([], [], "language")
    if language == "csharp" and _is_tangle(data):
        return Parsed([], [], "costly")
    tree = _tree(reader.parser, readable(data, language))
    if tree is None:
        return Parsed([], [], "costly")
    root = tree.root_node
    broken = root.has_error and len(data) > MOST_IN_AN_ERROR and _has_large_error(root)
    definitions, imports = ([], []) if broken else _found(data, root, reader, language)
    if root.has_error:
        definitions += _missed(data, root, {definition[4] for definition in definitions}, language)
    if called := called_imports(data, language):
        imports += (Import(*one) for one in called)
    if called or len(data) > WINDOW_BYTES:
        imports = sorted(dict.fromkeys(imports), key=itemgetter(1))
    return Parsed(
        symbols(data, definitions, grammar.between, clauses=grammar.clauses), imports, "broken" if broken else ""
    )


def _found(data: bytes, root: Node, reader: Reader, language: str) -> tuple[list[Definition], list[Import]]:
    definitions: list[Definition] = []
    imports: list[Import] = []
    kinds = reader.kinds
    # No progress callback here: with one, py-tree-sitter 0.26 crashes. The limit on pending matches bounds the walk.
    deep = any(mark in data for mark in languages.GRAMMARS[language].deep)
    for index, captures in _matches(reader.deep if deep else reader.cursor, root, len(data)):
        kind = kinds[index]
        whole = captures[kind][0]
        if kind == "import":
            text = data[whole.start_byte : whole.end_byte].decode("utf-8", "replace")
            if modules := modules_of(text, language):
                at = captures["from"][0] if "from" in captures else whole
                imports.append(Import(modules, at.start_point[0] + 1))
            continue
        owner = ""
        if kind == "worded":
            word = _bytes(data, captures["word"][0])
            kind = reader.words.get(word, "variable" if word.startswith(VARIABLES) else "")
            if not kind:
                continue
        elif kind == "macro_made":
            kind = "function"
            if not _bytes(data, captures["word"][0]).isupper():
                # Macros before it made its type look like its name, and its name like a type.
                captures["name"] = captures["word"]
        elif "owner" in captures:
            owner = _bytes(data, captures["owner"][0]).decode("utf-8", "replace")
        name = captures["name"][0]
        line = name.start_point[0] + 1
        row, column = whole.end_point
        end_line = row + 1 if column else row
        definitions.append(
            (
                whole.start_byte,
                -whole.end_byte,
                index,
                kind,
                name.start_byte,
                name.end_byte,
                line,
                end_line if end_line > line else line,
                owner,
            )
        )
    return definitions, imports


def _matches(cursor: QueryCursor, root: Node, size: int) -> Iterator[tuple[int, dict[str, list[Node]]]]:
    """Yield the matches in the text; one that reaches into several windows comes once for each."""
    count = 0
    for first in range(0, size, WINDOW_BYTES):
        cursor.set_byte_range(first, min(first + WINDOW_BYTES, size))
        matches = cursor.matches(root)
        yield from matches
        count += len(matches)
        if count > MOST_DEFINITIONS:
            return


def _is_tangle(data: bytes) -> bool:
    """Return whether there are so many `<` that the grammar of C# takes memory by their square, in a single step."""
    spans = range(0, len(data), TANGLE_BYTES)
    return any(data.count(b"<", first, first + TANGLE_BYTES) > MOST_IN_A_TANGLE for first in spans)


def _has_large_error(root: Node) -> bool:
    nodes = [root]
    for node in islice(iter(nodes.pop, None), MOST_ERRORS_SEEN):
        if node.is_error and node.child_count > MOST_IN_AN_ERROR:
            return True
        nodes += (child for child in node.children if child.has_error)
        if not nodes:
            return False
    return False


def _missed(data: bytes, root: Node, known: set[int], language: str) -> list[Definition]:
    """Return what looks like a definition in a file with errors and is not among the `known` starts of names."""
    definitions: list[Definition] = []
    line, at = 1, 0
    # What is in no error the tree has told already; the lines around one are part of what it does not understand.
    spans = [(0, len(data))] if root.is_error else [(n.start_byte, n.end_byte) for n in root.children if n.has_error]
    for kind, start, name_start, name_end in shaped(data, language, spans):
        if name_start in known:
            continue
        node = root.descendant_for_byte_range(name_start, name_end)
        # Where strings span lines only in templates, a long one is as a rule an error's doing.
        if node is not None and ("comment" in node.type or ("string" in node.type and language not in TEMPLATES)):
            continue
        end = end_of(data, start, name_end)
        line += data.count(b"\n", at, name_start)
        at = name_start
        last = line + data.count(b"\n", name_start, end)
        definitions.append((start, -end, RANK_OF_SHAPES, kind, name_start, name_end, line, last, ""))
    return definitions


def _bytes(data: bytes, node: Node) -> bytes:
    return data[node.start_byte : node.end_byte]


def _is_cpp(data: bytes) -> bool:
    """Return whether a file called C is C++, as headers are: by declarations that C does not have."""
    return any(word in data for word in CPP_WORDS) and CPP.search(data) is not None


def comment_spans(data: bytes, language: str) -> list[tuple[int, int]]:
    """Return the byte ranges of the comments in `data`, in order; none if its grammar is not installed."""
    with ONE_AT_A_TIME:
        return _comment_spans(data, language)


def _comment_spans(data: bytes, language: str) -> list[tuple[int, int]]:
    reader = _reader(language) if languages.available(language) and len(data) <= LARGEST_BYTES else None
    tree = _tree(reader.parser, data) if reader else None
    query = _comments(language) if tree else None
    if tree is None or query is None:
        return []
    found = query.captures(tree.root_node)
    return sorted((node.start_byte, node.end_byte) for node in found.get("comment", []))


def _tree(parser: Parser, data: bytes) -> Tree | None:
    """Return the tree of `data`, or None if it costs too much: some grammars go astray in what they do not know."""
    budget = Budget(len(data))
    try:
        return parser.parse(lambda at, _: data[at:], progress_callback=budget.spent)
    except ValueError:
        parser.reset()
        return None


@functools.cache
def _reader(language: str) -> Reader | None:
    """Return the language made ready, or None if the grammar that is installed is not one that its query is for."""
    # Imported on first use: the process that searches seldom parses.
    from tree_sitter import Parser, Query, QueryCursor

    grammar = languages.GRAMMARS[language]
    text = languages.query_text(grammar.query)
    try:
        loaded = languages.load(grammar)
        query = Query(loaded, text)
    except (ValueError, ImportError, AttributeError):
        return None
    starts = [query.start_byte_for_pattern(index) for index in range(query.pattern_count)]
    patterns = (text.encode()[at:end].decode() for at, end in pairwise([*starts, len(text.encode())]))
    kinds = [next(kind for kind in KIND.findall(pattern) if kind not in PARTS) for pattern in patterns]
    cursor, deep = (QueryCursor(query, match_limit=MOST_PENDING_MATCHES) for _ in range(2))
    cursor.set_max_start_depth(grammar.depth)
    deep.set_max_start_depth(DEEPEST)
    return Reader(Parser(loaded), cursor, deep, tuple(kinds), WORDS.get(language, {}))


@functools.cache
def _comments(language: str) -> QueryCursor | None:
    # Imported on first use, as above.
    from tree_sitter import Query, QueryCursor

    loaded = languages.load(languages.GRAMMARS[language])
    kinds = {
        kind
        for number in range(loaded.node_kind_count)
        if loaded.node_kind_is_named(number)
        and loaded.node_kind_is_visible(number)
        and (kind := loaded.node_kind_for_id(number) or "").endswith("comment")
    }
    if not kinds:
        return None
    text = " ".join(f"({kind})" for kind in sorted(kinds))
    docstrings = " ".join(f"({around} . (expression_statement (string) @comment))" for around in ("module", "block"))
    return QueryCursor(Query(loaded, f"[{text}] @comment {docstrings if language == 'python' else ''}"))
