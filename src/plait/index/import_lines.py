"""Read what a line imports, in whatever language, and how near that is to a module. Pure: text in, names out."""

from __future__ import annotations

import re
from collections.abc import Iterator

Parts = tuple[str, ...]

WORDS = (
    r"from|import|use|using|require|require_relative|require_once|include|include_once|open|alias|load|source|uses|mod|"
    r"extern\s+crate"
)
IS_IMPORT = re.compile(rf"\s*(?:(?:pub(?:\([^)]*\))?|export|static|@|#)\s*)*(?:{WORDS})\b")
INCLUDE = re.compile(r"\s*#\s*(?:include|import)\s*[<\"]([^>\"]+)[>\"]")
FROM_IMPORT = re.compile(r"\s*from\s+([.\w]+)\s+c?import\s+\(?([^#]*)")
QUOTED = re.compile(
    r"\b(?:from|import|require|require_relative|require_once|include|include_once|load|source)\b[\s(]*"
    r"[\"'`]([^\"'`]+)[\"'`]"
)
NAMES_FROM = re.compile(r"\s*(?:import|export)\s+(?:type\s+)?([\w$*\s{},]+?)\s+from\s*[\"']")
USE = re.compile(r"\s*(?:pub(?:\([^)]*\))?\s+)?(?:use|extern\s+crate|mod)\s+([^;]+?)\s*(?:;|$)")
PLAIN = re.compile(
    r"\s*(?:@(?:\w+\s+)?|global\s+)?(?:import|using|open|alias|uses|include|extend)\s+"
    r"(?:(?:static|qualified|type|lazy|safe|class|func|struct|enum)\s+)*(\"?[\w.:\\/*{}, $]+)"
)
GO_LINE = re.compile(r"\s*(?:[\w.]+\s+)?\"([\w./~-]+)\"\s*(?://.*)?$")
SOURCED = re.compile(r"\s*(?:source|\.)\s+[\"']?([\w$./{}-]+)")
EXTENSION = re.compile(r"\.(?:h|hh|hpp|hxx|js|jsx|mjs|cjs|ts|tsx|vue|css|scss|json|rb|php|sh|py|proto|inc|lua)$")


def is_import(line: str) -> bool:
    return IS_IMPORT.match(line) is not None


def parts_of(module: str) -> Parts:
    """Return a module's name in parts: `net/http`, `net.http`, `net::http` and `./net/http.js` are the same."""
    bare = EXTENSION.sub("", module.strip().strip("\"'`<>();"))
    return tuple(part for part in re.split(r"::|[./\\]", bare) if part and part != "~")


def nearness(line: str, path: str, wanted: Parts) -> float:
    """Return how near what `line` imports is to `wanted`: 3 the very module, 2 its end or what is in it, 1 a name."""
    return max((nearness_of_parts(parts, wanted) for parts in imported(line, path)), default=0.0)


def nearness_of_parts(parts: Parts, wanted: Parts) -> float:
    size = len(wanted)
    if parts == wanted:
        return 3.0
    if parts[:size] == wanted or parts[-size:] == wanted:
        return 2.0
    return 1.0 if any(parts[at : at + size] == wanted for at in range(len(parts) - size + 1)) else 0.0


def imported(line: str, path: str) -> Iterator[Parts]:
    """Yield what `line` imports, each in parts: the module, and names from it as parts behind those of the module."""
    if path.endswith(".go"):
        # A line of the block, or a single import.
        bare = re.sub(r"^\s*import\s+", "", line)
        if (match := GO_LINE.match(bare)) is not None:
            yield parts_of(match[1])
        return
    if (match := INCLUDE.match(line)) is not None:
        yield parts_of(match[1])
        return
    if (match := FROM_IMPORT.match(line)) is not None:
        module = parts_of(match[1])
        yield module
        yield from ((*module, name) for name in _names(match[2]))
        return
    quoted = QUOTED.findall(line)
    if quoted:
        names = NAMES_FROM.match(line)
        for text in quoted:
            yield parts_of(text)
            yield from ((*parts_of(text), name) for name in _names(names[1] if names else ""))
        return
    if (match := USE.match(line)) is not None:
        yield from _tree(match[1])
        return
    if (match := PLAIN.match(line)) is not None:
        texts = [match[1]] if "{" in match[1] else match[1].split(",")
        yield from (parts for text in texts for parts in _tree(text))
        return
    if path.endswith((".sh", ".bash", ".zsh", ".bats")) and (match := SOURCED.match(line)) is not None:
        yield parts_of(match[1])


def _names(text: str) -> list[str]:
    """Return the names of `a, b as c`, each as it is called where it comes from."""
    words = (re.match(r"\s*([\w$]+)", piece) for piece in text.replace("{", "").replace("}", "").split(","))
    return [match[1] for match in words if match]


def _tree(text: str) -> Iterator[Parts]:
    """Yield the modules of `a::{b, c::d} as e`."""
    head, brace, rest = text.partition("{")
    base = parts_of(re.split(r"\s+as\s+|\s*=\s*", head)[-1 if "=" in head else 0])
    if not brace:
        if base:
            yield base
        return
    for piece in rest.replace("}", "").replace("{", ",").split(","):
        parts = parts_of(piece.partition(" as ")[0])
        if parts:
            yield base + parts
