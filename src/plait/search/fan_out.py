"""Run the strategies that fit a query side by side under one deadline; what is there by then is the answer."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from plait.host.paths import Workspace
from plait.protocol.calls import HitsDetail, SearchHit
from plait.protocol.errors import ToolRefused
from plait.search.query import Shape, classify
from plait.search.rank import Found, merge
from plait.search.strategies import STRATEGIES, Look

INDEX_STATE = "off (searched live; there is no index in this version)"
DEADLINE_S = 2.0
# `definition` and `references` are what people ask for; the strategies are how it is found.
ALIASES = {"definition": ("symbols",), "references": ("content",), "semantic": ("words",)}


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is looked for. kinds: strategies, all that fit if empty. path: a directory or file to look in."""

    query: str
    kinds: tuple[str, ...] = ()
    path: str | None = None
    limit: int = 20
    context_lines: int = 0
    glob: str | None = None
    case_sensitive: bool | None = None


OnPartial = Callable[[str, float, int], None]
"""(strategy, milliseconds, hits) as each strategy delivers."""


def strategies_for(kinds: tuple[str, ...], shape: Shape) -> tuple[str, ...]:
    """Return the names of the strategies to run. Raises ToolRefused for an unknown kind."""
    if not kinds:
        usual = ("content", "files", "symbols", "imports")
        return (*usual, "words") if shape is Shape.PROSE else usual
    names: dict[str, None] = {}
    for kind in kinds:
        for name in ALIASES.get(kind, (kind,)):
            if name not in STRATEGIES:
                known = ", ".join([*STRATEGIES, *ALIASES])
                raise ToolRefused(f"`{kind}` is not a kind of search. Kinds: {known}.")
            names[name] = None
    return tuple(names)


async def search(
    request: SearchRequest, workspace: Workspace, *, deadline_s: float = DEADLINE_S, on_partial: OnPartial | None = None
) -> HitsDetail:
    """Return the merged hits of all strategies, best first; those not done in time are marked in `timings_ms` by -1.

    Raises:
        ToolRefused: The query is empty, a kind is unknown, or `path` does not exist.
    """
    text = request.query.strip()
    if not text or "\0" in text:
        raise ToolRefused("`query` is empty: say what to look for.")
    shape = _shape(text, request.kinds)
    names = strategies_for(request.kinds, shape)
    looks = _looks(request, workspace, text, shape, deadline_s)
    timings: dict[str, float] = {}
    found: list[Found] = []

    async def run(name: str) -> None:
        started = time.perf_counter()
        parts = await asyncio.gather(*(_in_root(name, look, workspace) for look in looks))
        timings[name] = round((time.perf_counter() - started) * 1000, 2)
        result = Found(
            name, tuple(hit for part in parts for hit in part.hits), frozenset().union(*(part.exact for part in parts))
        )
        found.append(result)
        if on_partial is not None:
            on_partial(name, timings[name], len(result.hits))

    tasks = [asyncio.create_task(run(name), name=f"search {name}") for name in names]
    try:
        done, _ = await asyncio.wait(tasks, timeout=deadline_s)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
    timings.update({name: -1.0 for name in names if name not in timings})
    found.sort(key=lambda result: names.index(result.strategy))
    hits = merge(found, shape, request.limit)
    total = len({hit.path for result in found for hit in result.hits})
    if request.context_lines:
        hits = tuple(await asyncio.gather(*(_with_context(hit, workspace, request.context_lines) for hit in hits)))
    return HitsDetail(text, hits, INDEX_STATE, timings, total)


def _shape(text: str, kinds: tuple[str, ...]) -> Shape:
    """The caller's word goes before the look of the query."""
    match kinds:
        case ("files",):
            return Shape.PATH
        case ("imports",):
            return Shape.IMPORT
        case ("words",) | ("semantic",):
            return Shape.PROSE
        case _:
            return classify(text)


def _looks(request: SearchRequest, workspace: Workspace, text: str, shape: Shape, deadline_s: float) -> list[Look]:
    globs = (request.glob,) if request.glob else ()
    ignore_case = None if request.case_sensitive is None else not request.case_sensitive
    places: list[tuple[Path, tuple[str, ...]]]
    if request.path is None:
        places = [(root, ()) for root in workspace.roots]
    else:
        path = workspace.resolve(request.path)
        if not path.exists():
            raise ToolRefused(f"`{request.path}` does not exist; nothing was searched.")
        root = workspace.root_of(path)
        if root is None:
            places = [(path, ())] if path.is_dir() else [(path.parent, (path.name,))]
        else:
            relative = path.relative_to(root).as_posix()
            places = [(root, () if relative == "." else (relative,))]
    return [Look(text, shape, root, below, globs, ignore_case, deadline_s) for root, below in places]


async def _in_root(name: str, look: Look, workspace: Workspace) -> Found:
    """Run a strategy in one root; paths of further roots, and of places outside, come back absolute."""
    result = await STRATEGIES[name](look)
    if look.root == workspace.roots[0]:
        return result
    top = look.root.as_posix()
    return Found(
        result.strategy,
        tuple(replace(hit, path=f"{top}/{hit.path}") for hit in result.hits),
        frozenset((f"{top}/{path}", line) for path, line in result.exact),
    )


async def _with_context(hit: SearchHit, workspace: Workspace, lines: int) -> SearchHit:
    path = Path(os.path.join(workspace.roots[0], hit.path))

    def read() -> SearchHit:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                window = [
                    text.rstrip("\r\n")[:400]
                    for number, text in enumerate(file, 1)
                    if hit.line - lines <= number <= hit.end_line + lines
                ]
        except OSError:
            return hit
        return replace(hit, text="\n".join(window), line=max(1, hit.line - lines), end_line=hit.end_line + lines)

    return hit if hit.kind == "file" else await asyncio.to_thread(read)
