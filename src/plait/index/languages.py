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
from importlib import resources
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
    """How deep in the tree a definition may begin as a rule; what is deeper costs most of the walk."""
    between: str = ""
    """What parts the words of a qualified name, a character each; empty where a name is only ever one."""
    deep: tuple[bytes, ...] = ()
    """Text that tells of a definition that is deeper: a file that has any of it is walked as a whole."""
    clauses: bool = False
    """Whether definitions of one name in a row are parts of one definition."""


def _indented(columns: int, *words: str) -> tuple[bytes, ...]:
    return tuple(
        f"{indent}{word} ".encode() for word in words for indent in (" " * columns, "\t" * (columns // 4 or 1))
    )


# Callbacks in callbacks are deep and little indented.
JS_DEEP = (*_indented(4, "class", "function"), b"return class ", b"return function ")
TS_DEEP = (*JS_DEEP, b"      type ")


GRAMMARS: dict[str, Grammar] = {
    "bash": Grammar("tree_sitter_bash", "language", "bash", 12),
    "c": Grammar("tree_sitter_c", "language", "c", 7, "", (b"#elif",)),
    "cpp": Grammar("tree_sitter_cpp", "language", "cpp", 16, ":"),
    "csharp": Grammar("tree_sitter_c_sharp", "language", "csharp", 16, "."),
    "css": Grammar("tree_sitter_css", "language", "css", 12),
    "elixir": Grammar("tree_sitter_elixir", "language", "elixir", 16, ".", clauses=True),
    "go": Grammar("tree_sitter_go", "language", "go", 4),
    "haskell": Grammar("tree_sitter_haskell", "language", "haskell", 10, clauses=True),
    "html": Grammar("tree_sitter_html", "language", "html", 60),
    "java": Grammar("tree_sitter_java", "language", "java", 16),
    "javascript": Grammar("tree_sitter_javascript", "language", "javascript", 9, ".", JS_DEEP),
    "kotlin": Grammar("tree_sitter_kotlin", "language", "kotlin", 16),
    "lua": Grammar("tree_sitter_lua", "language", "lua", 16, ".:"),
    "markdown": Grammar("tree_sitter_markdown", "language", "markdown", 12),
    "ocaml": Grammar("tree_sitter_ocaml", "language_ocaml", "ocaml", 20),
    "ocaml_interface": Grammar("tree_sitter_ocaml", "language_ocaml_interface", "ocaml_interface", 20),
    "php": Grammar("tree_sitter_php", "language_php", "php", 16, "\\"),
    "python": Grammar("tree_sitter_python", "language", "python", 9, "", _indented(16, "def", "class")),
    "ruby": Grammar("tree_sitter_ruby", "language", "ruby", 20, ":"),
    "rust": Grammar("tree_sitter_rust", "language", "rust", 8, ":", _indented(16, "fn", "struct", "enum")),
    "scala": Grammar("tree_sitter_scala", "language", "scala", 16),
    "sql": Grammar("tree_sitter_sql", "language", "sql", 8, "."),
    "swift": Grammar("tree_sitter_swift", "language", "swift", 16, "."),
    "tsx": Grammar("tree_sitter_typescript", "language_tsx", "typescript", 9, ".", TS_DEEP),
    "typescript": Grammar("tree_sitter_typescript", "language_typescript", "typescript", 9, ".", TS_DEEP),
}

EXTENSIONS: dict[str, str] = {
    extension: language
    for language, extensions in (
        ("bash", "sh bash zsh ksh bats ebuild"),
        ("c", "c h"),
        ("cpp", "cc cpp cxx c++ C hh hpp hxx h++ H inl ipp tcc tpp cu cuh ino cppm ixx"),
        ("csharp", "cs csx"),
        ("css", "css"),
        ("elixir", "ex exs"),
        ("go", "go"),
        ("haskell", "hs"),
        ("html", "html htm xhtml"),
        ("java", "java"),
        ("javascript", "js jsx mjs cjs"),
        ("kotlin", "kt kts"),
        ("lua", "lua"),
        ("markdown", "md markdown mdown mkd"),
        ("ocaml", "ml"),
        ("ocaml_interface", "mli"),
        ("php", "php phtml php5 php7 php8 phpt"),
        ("python", "py pyi pyw"),
        ("ruby", "rb rake gemspec ru podspec"),
        ("rust", "rs"),
        ("scala", "scala sc sbt"),
        ("sql", "sql ddl"),
        ("swift", "swift"),
        ("tsx", "tsx"),
        ("typescript", "ts mts cts"),
    )
    for extension in extensions.split()
}
NAMES: dict[str, str] = {
    name: language
    for language, names in (
        ("bash", ".bashrc .bash_profile .bash_aliases .profile .zshrc .zshenv .zprofile PKGBUILD APKBUILD"),
        ("python", "SConstruct SConscript BUILD BUILD.bazel WORKSPACE WORKSPACE.bazel MODULE.bazel wscript"),
        ("ruby", "Rakefile Gemfile Guardfile Vagrantfile Podfile Fastfile Capfile Brewfile Dangerfile"),
    )
    for name in names.split()
}
SHEBANG = re.compile(rb"#!\s*(?:\S*/)?env\s+(?:-\S+\s+|\w+=\S*\s+)*(?:\S*/)?(\S+)|#!\s*(?:\S*/)?(\S+)")
INTERPRETERS: dict[str, str] = {
    program: language
    for language, programs in (
        ("bash", "sh bash zsh ksh dash ash bats"),
        ("elixir", "elixir"),
        ("haskell", "runhaskell runghc stack"),
        ("javascript", "node nodejs bun"),
        ("kotlin", "kotlin"),
        ("lua", "lua luajit"),
        ("ocaml", "ocaml"),
        ("php", "php"),
        ("python", "python pypy uv"),
        ("ruby", "ruby jruby rake"),
        ("scala", "scala"),
        ("swift", "swift"),
        ("typescript", "deno ts-node tsx"),
    )
    for program in programs.split()
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
    program = (match[1] or match[2]).decode("ascii", "replace")
    return INTERPRETERS.get(program) or INTERPRETERS.get(program.rstrip("0123456789."))


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
    for source in ("parse.py", "scopes.py", "shapes.py", "languages.py", "import_lines.py"):
        told.update(resources.files("plait.index").joinpath(source).read_bytes())
    return told.hexdigest()


def _version(module: str) -> str:
    # Slow to load, and only the one that writes asks.
    from importlib import metadata

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
