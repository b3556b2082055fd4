"""Which language a file is in, which grammar and query read it, and which of them are here.

Knows names and tables only: no grammar is loaded before it is used, and none need be installed. A language whose
grammar is missing is still a language; its files count for their words.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import re
from dataclasses import dataclass
from importlib import metadata, resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language


@dataclass(frozen=True, slots=True)
class Grammar:
    """Where a language's grammar and query are."""

    module: str
    function: str
    query: str
    depth: int
    """How deep in the tree a definition may begin; what is deeper is hardly ever one and costs most of the walk."""


DEEP = 14

GRAMMARS: dict[str, Grammar] = {
    "python": Grammar("tree_sitter_python", "language", "python", 12),
}

EXTENSIONS: dict[str, str] = {
    extension: language for language, extensions in (("python", "py pyi pyw"),) for extension in extensions.split()
}
NAMES: dict[str, str] = {
    name: language
    for language, names in (
        ("python", "SConstruct SConscript BUILD BUILD.bazel WORKSPACE WORKSPACE.bazel wscript .pythonrc"),
    )
    for name in names.split()
}
SHEBANG = re.compile(rb"\A#!\s*\S*?([^/\s]+)(?:\s+(?:-S\s+|\w+=\S*\s+|-\w+\s+)*([^\s/]*/)*([\w.+-]+))?")
INTERPRETERS: dict[str, str] = {
    "python": "python",
    "pypy": "python",
}


def language_of(path: str, head: bytes = b"") -> str | None:
    """Return the language of the file at `path`, or None if it has none that is known.

    `head` is how the file begins: its first line names the interpreter if `path` has no extension that tells.
    """
    name = path[max(path.rfind("/"), path.rfind("\\")) + 1 :]
    if (language := NAMES.get(name)) is not None:
        return language
    dot = name.rfind(".")
    if dot > 0:
        extension = name[dot + 1 :]
        language = EXTENSIONS.get(extension) or EXTENSIONS.get(extension.lower())
        if language is not None:
            return language
    return _by_shebang(head) if head.startswith(b"#!") else None


def _by_shebang(head: bytes) -> str | None:
    match = SHEBANG.match(head[:200])
    if match is None:
        return None
    program = match[3] if match[1] == b"env" and match[3] else match[1]
    return INTERPRETERS.get(program.decode("ascii", "replace").rstrip("0123456789."))


@functools.cache
def available(language: str) -> bool:
    """Return whether the grammar of `language` is installed."""
    grammar = GRAMMARS.get(language)
    return grammar is not None and importlib.util.find_spec(grammar.module) is not None


@functools.cache
def grammar_versions() -> str:
    """Return a short text that changes when a grammar or a query file does, or what is made of them."""
    told = hashlib.blake2b(digest_size=8)
    for module in sorted({grammar.module for grammar in GRAMMARS.values()} | {"tree_sitter"}):
        told.update(f"{module} {_version(module)}\n".encode())
    for name in sorted({grammar.query for grammar in GRAMMARS.values()}):
        told.update(query_text(name).encode())
    for source in ("parse.py", "languages.py", "import_lines.py"):
        told.update(resources.files("plait.index").joinpath(source).read_bytes())
    return told.hexdigest()


def _version(module: str) -> str:
    try:
        return metadata.version(module.replace("_", "-"))
    except metadata.PackageNotFoundError:
        return "missing"


def query_text(name: str) -> str:
    return resources.files("plait.index").joinpath("queries", f"{name}.scm").read_text("utf-8")


def load(grammar: Grammar) -> Language:
    """Return the grammar of a language that is `available`."""
    # Imported on first use: a grammar costs memory, and most workspaces use few of them.
    language: Language = importlib.import_module("tree_sitter").Language(
        getattr(importlib.import_module(grammar.module), grammar.function)()
    )
    return language
