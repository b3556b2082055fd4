"""Find syntax errors in a file's bytes, at once and without running anything of the project.

Parsers are tree-sitter's; JSON and TOML have their readers in Python. Python's own compiler is not asked: the
project may be written for a newer one, and it warns on the terminal. A grammar knows its language less well than
the language's compiler, so what to act on is what is new.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import re
import time
import token
import tokenize
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node

LARGEST_BYTES = 1_000_000
# Readers in Python whose time grows with the square of some inputs.
LARGEST_TOML_BYTES = 100_000
LONGEST_TOML_LINE = 4000
LARGEST_TOKENIZED_BYTES = 400_000
# A grammar can take minutes for what is none of its language.
PARSE_S = 2.0
CHUNK_BYTES = 65_536
MOST_FINDINGS = 20

# Suffix -> package of the grammar, and its function. Not C: unpreprocessed, a quarter of real files look wrong.
GRAMMARS = {
    ".py": ("tree_sitter_python", "language"),
    ".pyi": ("tree_sitter_python", "language"),
    ".js": ("tree_sitter_javascript", "language"),
    ".mjs": ("tree_sitter_javascript", "language"),
    ".cjs": ("tree_sitter_javascript", "language"),
    ".jsx": ("tree_sitter_javascript", "language"),
    ".ts": ("tree_sitter_typescript", "language_typescript"),
    ".mts": ("tree_sitter_typescript", "language_typescript"),
    ".cts": ("tree_sitter_typescript", "language_typescript"),
    ".tsx": ("tree_sitter_typescript", "language_tsx"),
    ".go": ("tree_sitter_go", "language"),
    ".rs": ("tree_sitter_rust", "language"),
    ".java": ("tree_sitter_java", "language"),
    ".sh": ("tree_sitter_bash", "language"),
    ".bash": ("tree_sitter_bash", "language"),
}
# JSON by name, with comments by custom.
JSON_WITH_COMMENTS = re.compile(r"([jt]sconfig.*|\.eslintrc|devcontainer|settings|launch|tasks|.*\.code-.*)\.json")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a 1-based line and column (0 if unknown); `path` as the reader names it."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}{f':{self.column}' if self.column else ''}: {self.message}"


def checkable(path: Path) -> bool:
    """True if the syntax of a file of this name can be checked."""
    return path.suffix.lower() in (*GRAMMARS, ".json", ".toml")


async def syntax_findings(path: Path, data: bytes) -> list[str]:
    """Return what is wrong with the syntax of `data` in a file called `path`, one line each; at most 20.

    Empty too for a language that is not known and for a file of more than 1 MB.
    """
    return [str(finding) for finding in await asyncio.to_thread(check_syntax, path.name, data)]


async def new_syntax_findings(path: Path, before: bytes | None, after: bytes) -> list[str]:
    """Return what is wrong in `after` and was not in `before` (None: there was no such file)."""
    found = await asyncio.to_thread(check_syntax, path.name, after)
    if not found or before is None:
        return [str(finding) for finding in found]
    old = Counter(finding.message for finding in await asyncio.to_thread(check_syntax, path.name, before))
    fresh = []
    for finding in found:
        if old[finding.message] > 0:
            old[finding.message] -= 1
        else:
            fresh.append(str(finding))
    return fresh


def check_syntax(name: str, data: bytes) -> list[Finding]:
    """Return the syntax errors of `data` in a file called `name`. Pure but for loading a grammar."""
    suffix = Path(name).suffix.lower()
    if len(data) > LARGEST_BYTES or not data.strip():
        return []
    if suffix == ".json":
        return [] if JSON_WITH_COMMENTS.fullmatch(Path(name).name) else _by_reader(name, data, json.loads)
    if suffix == ".toml":
        too_much = len(data) > LARGEST_TOML_BYTES or max(map(len, data.split(b"\n"))) > LONGEST_TOML_LINE
        return [] if too_much else _by_reader(name, data, tomllib.loads)
    language = _language(suffix)
    if language is None:
        return []
    found = list(_by_grammar(name, data, language))
    if suffix in (".py", ".pyi") and not found:
        found = list(_by_indentation(name, data))
    return found


def _by_reader(name: str, data: bytes, read: Callable[[str], object]) -> list[Finding]:
    try:
        read(data.decode("utf-8-sig"))
    except RecursionError:
        return []
    except json.JSONDecodeError as error:
        return [Finding(name, error.lineno, error.colno, f"invalid JSON: {error.msg}")]
    except ValueError as error:
        # TOML errors say where in words: `… (at line 3, column 5)`.
        where = re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
        message = str(error)[: where.start()] if where else str(error)
        return [Finding(name, int(where[1]) if where else 0, int(where[2]) if where else 0, f"invalid: {message}")]
    return []


@cache
def _language(suffix: str) -> Language | None:
    """Return the grammar of a suffix, loaded when first needed (start-up time), or None."""
    if suffix not in GRAMMARS:
        return None
    package, function = GRAMMARS[suffix]
    language: Language = importlib.import_module("tree_sitter").Language(
        getattr(importlib.import_module(package), function)()
    )
    return language


def _by_grammar(name: str, data: bytes, language: Language) -> Iterator[Finding]:
    # A parser of its own: several threads may parse at once.
    parser = importlib.import_module("tree_sitter").Parser(language)
    end = time.monotonic() + PARSE_S
    try:
        root = parser.parse(
            lambda at, _: data[at : at + CHUNK_BYTES], progress_callback=lambda *_: time.monotonic() > end
        ).root_node
    except ValueError:
        # It took too long: nothing is known.
        return
    open_nodes = [root]
    count = 0
    while open_nodes and count < MOST_FINDINGS:
        node = open_nodes.pop()
        if node.is_missing:
            message = f"syntax error: `{node.type}` is missing"
        elif node.is_error:
            message = f"syntax error near `{_excerpt(data, node)}`"
        else:
            open_nodes += [child for child in reversed(node.children) if child.has_error or child.is_missing]
            continue
        count += 1
        yield Finding(name, node.start_point[0] + 1, node.start_point[1] + 1, message)


def _excerpt(data: bytes, node: Node) -> str:
    text = data[node.start_byte : min(node.end_byte, node.start_byte + 200)].decode("utf-8", "replace")
    return (text.strip().splitlines() or [""])[0].strip()[:60]


def _by_indentation(name: str, data: bytes) -> Iterator[Finding]:
    """Yield the first wrong indentation of a Python file, which the grammar forgives."""
    if len(data) > LARGEST_TOKENIZED_BYTES:
        return
    opened = False
    last = ""
    try:
        for word in tokenize.tokenize(io.BytesIO(data).readline):
            if word.type in (token.COMMENT, token.NL, token.ENCODING):
                continue
            if word.type == token.NEWLINE:
                opened = last == ":"
            elif word.type == token.INDENT:
                if not opened:
                    yield Finding(name, word.start[0], 1, "IndentationError: unexpected indent")
                    return
                opened = False
            elif opened:
                yield Finding(name, word.start[0], 1, "IndentationError: expected an indented block")
                return
            last = word.string
    except IndentationError as error:
        yield Finding(name, error.lineno or 0, 1, f"{type(error).__name__}: {error.msg}")
    except (tokenize.TokenError, SyntaxError, ValueError):
        # Whatever it is, the grammar has seen no error in it.
        return
