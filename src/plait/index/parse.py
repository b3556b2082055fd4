"""Read the definitions and imports in one file's bytes. Owns the walk from tree to names; touches no file.

A query file a language (`queries/*.scm`) says what a definition is: `@name` is its name and the other capture, whose
name is the kind, its whole extent. `@scope` lends its name to what is in it and is none itself (`impl Foo`), `@owner`
stands before a name (`func (r *Owner) name`), `@import` is a statement that imports. What only its first word tells is
`@worded`, with that word as `@word`. Queries have no predicates: those cost more than deciding here.

Lines are counted by line feeds, as ripgrep and git count them.

Contract: `parse` and `comment_spans` never raise for what is in the bytes and end within `DEADLINE_S`; they hold the
interpreter meanwhile, so large files belong in another process.
"""

from __future__ import annotations

import functools
import re
import time
from dataclasses import dataclass
from itertools import pairwise
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
    words: dict[bytes, str]


PARTS = frozenset(("name", "owner", "from", "word"))
KIND = re.compile(r"@(\w+)")
ITSELF = frozenset(("prototype", "exports", "module", "this", "self", "window", "globalThis", "global", "_G", "M"))
# What only a word makes a definition: in these languages the grammar knows calls and attributes.
ELIXIR = {
    "module": "defmodule defprotocol defimpl",
    "function": "def defp defguard defguardp defdelegate",
    "macro": "defmacro defmacrop",
    "type": "type typep opaque callback macrocallback",
    "import": "",
}
WORDS: dict[str, dict[bytes, str]] = {
    "elixir": {word.encode(): kind for kind, words in ELIXIR.items() for word in words.split()},
    "html": {b"id": "id", b"ID": "id"},
}
APPLIED = re.compile(r"<[^<>]*(?:<[^<>]*(?:<[^<>]*>[^<>]*)*>[^<>]*)*>|\[[^\]]*\]")
COMMENT = re.compile(r"(?:#(?!\s*(?:include|import)\b)|//|--\s).*")
# Imports that are calls or commands like any other; what looks like one in a comment is no harm worth a walk.
IMPORT_LINES: dict[str, re.Pattern[bytes]] = {
    "bash": re.compile(rb"^[ \t]*(?:source|\.)[ \t]+[^\n]+", re.M),
    "elixir": re.compile(rb"^[ \t]*(?:alias|import|require|use)[ \t]+[^\n]+", re.M),
    "javascript": re.compile(rb"\b(?:require|import)\s*\(\s*[\"'`][^\"'`\n]+[\"'`]"),
    "lua": re.compile(rb"\brequire\s*\(?\s*[\"'][^\"'\n]+[\"']"),
    "ruby": re.compile(rb"^[ \t]*(?:require|require_relative|load)\b[^\n]+", re.M),
}
IMPORT_LINES["typescript"] = IMPORT_LINES["tsx"] = IMPORT_LINES["javascript"]
CPP_WORDS = (b"class ", b"namespace ", b"template")
CPP = re.compile(
    rb"^\s*(?:class\s+(?:\w+\s+)?\w+(?:\s+final)?\s*(?::[^:]|\{|;\s*$|$)|(?:inline\s+)?namespace\b[\w\s:]*\{|template\s*<)",
    re.M,
)
# `imported` reads some languages by the file's name.
LINE_PATHS = {"go": "x.go", "bash": "x.sh"}
Definition = tuple[int, int, int, str, "Node", "Node", dict[str, list["Node"]]]
"""(start, end below zero, pattern, kind, name, whole, captures): sorts as it nests, the outer before the inner."""
TYPES = frozenset(("class", "struct", "interface", "enum", "scope"))


def parse(data: bytes, language: str) -> Parsed:
    """Return what `data` defines and imports, in the order of the text."""
    if not languages.available(language):
        return Parsed([], [], "language")
    if len(data) > LARGEST_BYTES:
        return Parsed([], [], "large")
    if language == "c" and _is_cpp(data) and languages.available("cpp"):
        language = "cpp"
    reader = _reader(language)
    tree = _tree(reader.parser, data)
    if tree is None:
        return Parsed([], [], "slow")
    definitions: list[Definition] = []
    imports: list[Import] = []
    # No progress callback here: with one, py-tree-sitter 0.26 crashes. The limit on pending matches bounds the walk.
    for index, captures in reader.cursor.matches(tree.root_node):
        kind = reader.kinds[index]
        whole = captures[kind][0]
        if kind == "import":
            imports += _imports(data, whole, captures.get("from"), language)
            continue
        if kind == "worded":
            word = captures["word"][0]
            known = reader.words.get(data[word.start_byte : word.end_byte])
            if known is None:
                continue
            kind = known
        definitions.append((whole.start_byte, -whole.end_byte, index, kind, captures["name"][0], whole, captures))
    if (pattern := IMPORT_LINES.get(language)) is not None:
        imports += _import_lines(data, pattern, language)
        imports.sort(key=itemgetter(1))
    definitions.sort(key=itemgetter(0, 1, 2))
    return Parsed(_symbols(data, definitions, languages.GRAMMARS[language].between), imports, "")


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


def _symbols(data: bytes, definitions: list[Definition], between: str) -> list[Symbol]:
    """Name the `definitions`, which are sorted so that what is around another comes before it."""
    symbols: list[Symbol] = []
    seen: set[int] = set()
    around: list[tuple[int, str, str]] = [(-len(data) - 1, "", "")]
    for start, end, _, kind, name_node, whole, captures in definitions:
        name_start = name_node.start_byte
        # Patterns may overlap: the one that takes in more, then the earlier one in the file, is the better reading.
        if name_start in seen:
            continue
        seen.add(name_start)
        while around[-1][0] > -start - 1:
            around.pop()
        _, scope, outer = around[-1]
        name = data[name_start : name_node.end_byte].decode("utf-8", "replace")
        if "owner" in captures:
            owner = captures["owner"][0]
            scope = _joined(scope, _bare(data[owner.start_byte : owner.end_byte].decode("utf-8", "replace")))
        if kind == "scope":
            name = _bare(name)
        elif not name.isidentifier():
            scope, name = _qualified(scope, name, between)
        elif len(name) > LONGEST_NAME:
            name = name[:LONGEST_NAME]
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
    """Return a type's name without what it is applied to: `Map<K, V>`, `&Map` and `Map[K]` are `Map`."""
    words = re.findall(r"[^\W\d]\w*", APPLIED.sub("", name))
    return words[-1][:LONGEST_NAME] if words else ""


def _qualified(scope: str, name: str, between: str) -> tuple[str, str]:
    """Tidy a name that is more than a word, and move what qualifies it into the scope."""
    name = " ".join(name.split()).strip("\"'`[]") if len(name) > 2 else name
    if between and not name.startswith("operator"):
        words = [word for word in re.split(f"[{re.escape(between)}]", APPLIED.sub("", name).replace("?.", ".")) if word]
        if words:
            scope = _joined(scope, ".".join(word.strip() for word in words[:-1] if word not in ITSELF))
            name = ("~" if name.rpartition(between[-1])[2].startswith("~") else "") + words[-1].strip("~\"'`[] ")
    return scope[:LONGEST_NAME], name[:LONGEST_NAME]


def _imports(data: bytes, whole: Node, module: list[Node] | None, language: str) -> list[Import]:
    text = data[whole.start_byte : whole.end_byte].decode("utf-8", "replace")
    if "\n" in text:
        text = " ".join(COMMENT.sub("", line) for line in text.splitlines())
    modules = tuple(dict.fromkeys("/".join(parts) for parts in imported(text, LINE_PATHS.get(language, "")) if parts))
    at = module[0] if module else whole
    return [Import(modules, at.start_point[0] + 1)] if modules else []


def _import_lines(data: bytes, pattern: re.Pattern[bytes], language: str) -> list[Import]:
    found: list[Import] = []
    line, at = 1, 0
    for match in pattern.finditer(data):
        line += data.count(b"\n", at, match.start())
        at = match.start()
        text = match[0].decode("utf-8", "replace")
        modules = tuple(
            dict.fromkeys("/".join(parts) for parts in imported(text, LINE_PATHS.get(language, "")) if parts)
        )
        if modules:
            found.append(Import(modules, line))
    return found


def _is_cpp(data: bytes) -> bool:
    """Return whether a file called C is C++, as headers are: by declarations that C does not have."""
    return any(word in data for word in CPP_WORDS) and CPP.search(data) is not None


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
    starts = [query.start_byte_for_pattern(index) for index in range(query.pattern_count)]
    patterns = (text.encode()[at:end].decode() for at, end in pairwise([*starts, len(text.encode())]))
    kinds = [next(kind for kind in KIND.findall(pattern) if kind not in PARTS) for pattern in patterns]
    cursor = QueryCursor(query, match_limit=MOST_PENDING_MATCHES)
    cursor.set_max_start_depth(grammar.depth)
    return Reader(Parser(loaded), cursor, tuple(kinds), WORDS.get(language, {}))


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
