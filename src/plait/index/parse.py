"""Read the definitions and imports in one file's bytes. Owns the walk from tree to names; touches no file.

A query file a language (`queries/*.scm`) says what a definition is: `@name` is its name and the other capture, whose
name is the kind, its whole extent. `@scope` lends its name to what is in it and is none itself (`impl Foo`), `@owner`
stands before a name (`func (r *Owner) name`), `@import` is a statement that imports. Queries have no predicates: those
cost more than deciding here.

Lines are counted by line feeds, as ripgrep and git count them.

Contract: `parse` and `comment_spans` never raise for what is in the bytes and end within `DEADLINE_S`; they hold the
interpreter meanwhile, so large files belong in another process.
"""

from __future__ import annotations

import functools
import re
import time
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from plait.index import languages
from plait.index.import_lines import imported

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, QueryCursor, Tree

LONGEST_NAME = 200
LARGEST_BYTES = 8_000_000
DEADLINE_S = 5.0
MOST_PENDING_MATCHES = 4_096


class Symbol(NamedTuple):
    """A definition. `scope` names what it is in, outermost first, joined with dots; lines are 1-based."""

    name: str
    kind: str
    scope: str
    line: int
    end_line: int


class Import(NamedTuple):
    """What is imported on one line: modules and names in them, the parts of each joined with slashes."""

    modules: tuple[str, ...]
    line: int


class Parsed(NamedTuple):
    symbols: list[Symbol]
    imports: list[Import]
    problem: str
    """`large`, `slow` or `language` if nothing was read, else empty."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A language made ready: its parser, and its query with the kind of each pattern."""

    parser: Parser
    cursor: QueryCursor
    kinds: tuple[str, ...]


KIND = re.compile(r"@(\w+)")
SEPARATORS = re.compile(r"::|\.")
APPLIED = re.compile(r"<[^<>]*(?:<[^<>]*(?:<[^<>]*>[^<>]*)*>[^<>]*)*>|\[[^\]]*\]")
COMMENT = re.compile(r"(?:#(?!\s*(?:include|import)\b)|//|--\s).*")
# `imported` reads some languages by the file's name.
LINE_PATHS = {"go": "x.go", "bash": "x.sh"}
Definition = tuple[int, int, int, "Node", "Node", dict[str, list["Node"]]]
"""(start, end below zero, pattern, name, whole, captures): sorts as it nests, the outer before the inner."""
TYPES = frozenset(("class", "struct", "interface", "enum", "scope"))


def parse(data: bytes, language: str) -> Parsed:
    """Return what `data` defines and imports, in the order of the text."""
    if not languages.available(language):
        return Parsed([], [], "language")
    if len(data) > LARGEST_BYTES:
        return Parsed([], [], "large")
    reader = _reader(language)
    tree = _tree(reader.parser, data)
    if tree is None:
        return Parsed([], [], "slow")
    # No progress callback here: with one, py-tree-sitter 0.26 crashes. The limit on pending matches bounds the walk.
    matches = reader.cursor.matches(tree.root_node)
    definitions: list[Definition] = []
    imports: list[Import] = []
    for index, captures in matches:
        kind = reader.kinds[index]
        whole = captures[kind][0]
        if kind == "import":
            imports += _imports(data, whole, captures.get("module"), language)
        else:
            definitions.append((whole.start_byte, -whole.end_byte, index, captures["name"][0], whole, captures))
    definitions.sort(key=itemgetter(0, 1, 2))
    return Parsed(_symbols(data, definitions, reader.kinds), imports, "")


def comment_spans(data: bytes, language: str) -> list[tuple[int, int]]:
    """Return the byte ranges of the comments in `data`, in order; none if its grammar is not installed."""
    if not languages.available(language) or len(data) > LARGEST_BYTES:
        return []
    tree = _tree(_reader(language).parser, data)
    query = _comments(language)
    if tree is None or query is None:
        return []
    found = query.captures(tree.root_node)
    return sorted((node.start_byte, node.end_byte) for node in found.get("comment", []))


def _symbols(data: bytes, definitions: list[Definition], kinds: tuple[str, ...]) -> list[Symbol]:
    """Name the `definitions`, which are sorted so that what is around another comes before it."""
    symbols: list[Symbol] = []
    seen: set[int] = set()
    around: list[tuple[int, str, str]] = [(-len(data) - 1, "", "")]
    for start, end, index, name_node, whole, captures in definitions:
        name_start = name_node.start_byte
        # Patterns may overlap: the one that takes in more, then the earlier one in the file, is the better reading.
        if name_start in seen:
            continue
        seen.add(name_start)
        while around[-1][0] > -start - 1:
            around.pop()
        _, scope, outer = around[-1]
        kind = kinds[index]
        name = data[name_start : name_node.end_byte].decode("utf-8", "replace")
        if "owner" in captures:
            owner = captures["owner"][0]
            scope = _joined(scope, _bare(data[owner.start_byte : owner.end_byte].decode("utf-8", "replace")))
        if not name.isidentifier():
            scope, name = _qualified(scope, name)
        if kind == "function" and outer in TYPES:
            kind = "method"
        elif kind == "method" and not scope:
            kind = "function"
        if kind != "scope":
            line = name_node.start_point[0] + 1
            row, column = whole.end_point
            symbols.append(Symbol(name, kind, scope, line, max(line, row + 1 if column else row)))
        around.append((end, _joined(scope, name), kind))
    return symbols


def _joined(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope and name else scope or name


def _bare(name: str) -> str:
    """Return a type's name without what it is applied to: `Map<K, V>` and `Map[K]` are `Map`."""
    return SEPARATORS.sub(".", APPLIED.sub("", name)).strip(" .*&").replace(" ", "")


def _qualified(scope: str, name: str) -> tuple[str, str]:
    """Move what stands before the last separator of a name that is more than a word into its scope."""
    bare = " ".join(name.split())
    if "::" in bare or ("." in bare and " " not in bare):
        before, _, last = SEPARATORS.sub("\0", APPLIED.sub("", bare)).rpartition("\0")
        if last:
            scope, bare = _joined(scope, before.replace("\0", ".")), last
    return scope[:LONGEST_NAME], bare[:LONGEST_NAME]


def _imports(data: bytes, whole: Node, module: list[Node] | None, language: str) -> list[Import]:
    text = data[whole.start_byte : whole.end_byte].decode("utf-8", "replace")
    if "\n" in text:
        text = " ".join(COMMENT.sub("", line) for line in text.splitlines())
    modules = tuple(dict.fromkeys("/".join(parts) for parts in imported(text, LINE_PATHS.get(language, "")) if parts))
    at = module[0] if module else whole
    return [Import(modules, at.start_point[0] + 1)] if modules else []


def _tree(parser: Parser, data: bytes) -> Tree | None:
    """Return the tree of `data`, or None if that took too long: some grammars go astray in what they do not know."""
    stop_s = time.monotonic() + DEADLINE_S
    try:
        return parser.parse(lambda at, _: data[at:], progress_callback=lambda *_: time.monotonic() > stop_s)
    except ValueError:
        parser.reset()
        return None


@functools.cache
def _reader(language: str) -> Reader:
    # Imported on first use: the process that searches seldom parses.
    from tree_sitter import Parser, Query, QueryCursor

    grammar = languages.GRAMMARS[language]
    loaded = languages.load(grammar)
    text = languages.query_text(grammar.query)
    query = Query(loaded, text)
    kinds = []
    for index in range(query.pattern_count):
        pattern = text.encode()[query.start_byte_for_pattern(index) : query.end_byte_for_pattern(index)].decode()
        kinds.append(next(name for name in KIND.findall(pattern) if name not in ("name", "owner", "module")))
    cursor = QueryCursor(query, match_limit=MOST_PENDING_MATCHES)
    cursor.set_max_start_depth(grammar.depth)
    return Reader(Parser(loaded), cursor, tuple(kinds))


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
