"""Search for who imports a module: what a line imports, in whatever language, and how near that is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

from plait.index.view import View
from plait.protocol.calls import SearchHit
from plait.search import query, stored
from plait.search.look import MOST_HITS, Look, hit_of
from plait.search.place import Pattern
from plait.search.query import Shape
from plait.search.rank import Found, penalty

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


async def imports(look: Look) -> Found:
    """Lines that import the module asked for, or a name from one; those of just that module first."""
    if look.shape is Shape.PROSE:
        return Found("imports")
    module = query.imported_module(query.unquoted(look.text)).removesuffix("()")
    wanted = parts_of(module)
    if not re.fullmatch(r"[@\w.][\w@./:\\-]*", module) or not wanted or len(module) < 2:
        return Found("imports")
    view = look.tree.view
    if view is not None:
        return Found("imports", tuple(await asyncio.to_thread(_stored, look, view, module, wanted)))
    lines = await look.tree.lines(Pattern(pattern(wanted), case="exact", most_a_file=20))
    near = [(nearness(line.text, line.path, wanted), line) for line in lines.found]
    near = [one for one in near if one[0] > 0]
    near.sort(key=lambda one: (-one[0] * penalty(one[1].path, look.shape), one[1].path, one[1].number))
    return Found("imports", tuple(hit_of(line, "import") for _, line in near[:MOST_HITS]), state=lines.state)


def _stored(look: Look, view: View, module: str, wanted: Parts) -> list[SearchHit]:
    """Answer from the index: who imports it, and behind them, if it is a file of ours, what it imports itself."""
    rows = look.tree.within(view.importing(wanted[-1]))
    hits: list[SearchHit] = []
    # `src/app/tasks.py` is imported as `app.tasks`, or as `./tasks` by its neighbours.
    for start in range(len(wanted) if "/" in module else 1):
        near: dict[tuple[str, int], float] = {}
        for row in rows:
            value = _near(tuple(row.module.split("/")), wanted[start:])
            if value > near.get((row.path, row.line), 0.0):
                near[row.path, row.line] = value
        if near:
            hits = stored.by_nearness((row for row in rows if (row.path, row.line) in near), near, look.shape)
            break
    own = view.imports_of(module) if "." in module else []
    return [*hits, *(stored.import_hit(row) for row in own)]


def is_import(line: str) -> bool:
    return IS_IMPORT.match(line) is not None


def parts_of(module: str) -> Parts:
    """Return a module's name in parts: `net/http`, `net.http`, `net::http` and `./net/http.js` are the same."""
    bare = EXTENSION.sub("", module.strip().strip("\"'`<>();"))
    return tuple(part for part in re.split(r"::|[./\\]", bare) if part and part != "~")


def pattern(wanted: Parts) -> str:
    """Return what every line passes in ripgrep that may import `wanted`; `nearness` then decides."""
    last = re.escape(wanted[-1])
    return "|".join(
        (
            rf"^\s*(?:[@#]\s*(?:\w+\s+)?)?(?:(?:pub(?:\([^)]*\))?|export|global)\s+)?(?:{WORDS})\b.*(?:^|[^\w]){last}(?:[^\w]|$)",
            rf"\b(?:from|import|require)\b[\s(]*[\"'`][^\"'`]*\b{last}\b",
            rf"^\s*(?:[\w.]+\s+)?\"(?:[^\"]*/)?{last}(?:/[^\"]*)?\"\s*(?://.*)?$",
            rf"^\s*\.\s+\S*{last}",
        )
    )


def nearness(line: str, path: str, wanted: Parts) -> float:
    """Return how near what `line` imports is to `wanted`: 3 the very module, 2 its end or what is in it, 1 a name."""
    return max((_near(parts, wanted) for parts in imported(line, path)), default=0.0)


def _near(parts: Parts, wanted: Parts) -> float:
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
