"""Search for who imports a module: the lines that may, and of those the ones that do."""

from __future__ import annotations

import re

from plait.index.import_lines import WORDS, Parts, imported, nearness, nearness_of_parts, parts_of
from plait.index.view import View
from plait.protocol.calls import SearchHit
from plait.search import query, stored
from plait.search.look import MOST_HITS, Look, hit_of
from plait.search.place import Pattern
from plait.search.query import Shape
from plait.search.rank import Found, penalty

MOST_FILES = 5
"""Files that may be meant by one name."""


async def imports(look: Look) -> Found:
    """Lines that import the module asked for, or a name from one; those of just that module first."""
    if look.shape is Shape.PROSE:
        return Found("imports")
    if look.own:
        return await _own(look)
    module = query.imported_module(query.unquoted(look.text)).removesuffix("()")
    wanted = parts_of(module)
    if not re.fullmatch(r"[@\w.][\w@./:\\-]*", module) or not wanted or len(module) < 2:
        return Found("imports")
    view = look.tree.view
    if view is not None:
        return Found("imports", tuple(_stored(look, view, module, wanted)))
    lines = await look.tree.lines(Pattern(pattern(wanted), case="exact", most_a_file=20))
    near = [(nearness(line.text, line.path, wanted), line) for line in lines.found]
    near = [one for one in near if one[0] > 0]
    near.sort(key=lambda one: (-one[0] * penalty(one[1].path, look.shape), one[1].path, one[1].number))
    return Found("imports", tuple(hit_of(line, "import") for _, line in near[:MOST_HITS]), state=lines.state)


async def _own(look: Look) -> Found:
    """What a file imports, by line; files of the same name in the order of their paths."""
    wanted = query.unquoted(look.text).removeprefix("./")
    names = await look.tree.names()
    paths = [path for path in names.found if path == wanted or path.endswith(f"/{wanted}")]
    paths = sorted(paths, key=lambda path: (path.count("/"), path))[:MOST_FILES]
    view = look.tree.view
    if view is not None:
        hits = [stored.import_hit(row) for path in paths for row in view.imports_of(path)]
    else:
        lines = await look.tree.lines(Pattern(rf"\b(?:{WORDS})\b|^\s*[\w.]*\s*\"", case="exact"), below=tuple(paths))
        hits = [hit_of(line, "import") for line in lines.found if any(imported(line.text, line.path))]
    hits = list({(hit.path, hit.line): hit for hit in hits}.values())[:MOST_HITS]
    return Found("imports", tuple(hits), frozenset((hit.path, hit.line) for hit in hits), names.state)


def _stored(look: Look, view: View, module: str, wanted: Parts) -> list[SearchHit]:
    """Answer from the index: who imports it, and behind them, if it is a file of ours, what it imports itself."""
    rows = look.tree.within(view.importing(wanted[-1]))
    hits: list[SearchHit] = []
    # `src/app/tasks.py` is imported as `app.tasks`, or as `./tasks` by its neighbours.
    for start in range(len(wanted) if "/" in module else 1):
        near: dict[tuple[str, int], float] = {}
        for row in rows:
            value = nearness_of_parts(tuple(row.module.split("/")), wanted[start:])
            if value > near.get((row.path, row.line), 0.0):
                near[row.path, row.line] = value
        if near:
            hits = stored.by_nearness((row for row in rows if (row.path, row.line) in near), near, look.shape)
            break
    own = view.imports_of(module) if "." in module else []
    return [*hits, *(stored.import_hit(row) for row in own)]


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
