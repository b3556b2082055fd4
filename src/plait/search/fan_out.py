"""Run the strategies that fit a query side by side under one deadline; what is there by then is the answer."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from plait.host.files import NotText, decode, read_file
from plait.host.os_errors import shortened
from plait.host.paths import Workspace
from plait.host.protected import credential
from plait.index.code_index import CodeIndex
from plait.protocol.calls import HitsDetail, SearchHit
from plait.protocol.errors import ToolRefused
from plait.search.content import content
from plait.search.history import history
from plait.search.imports import imports
from plait.search.intent import intent
from plait.search.known import Known, index_words, known_of, settled, with_early
from plait.search.look import Look
from plait.search.paths import files
from plait.search.place import LONGEST_LINE, BadGlob, Looker, Place, State
from plait.search.query import Shape, classify, names_in
from plait.search.rank import Found, merge
from plait.search.references import references
from plait.search.ripgrep import Ripgrep, ripgrep
from plait.search.structure import structure
from plait.search.symbols import symbols
from plait.search.tree import Budget, Tree
from plait.search.without_ripgrep import WithoutRipgrep
from plait.search.words import words

NO_INDEX: Mapping[Path, CodeIndex] = {}
# Hits out of the index may turn out to be gone; so many others stand by.
SPARE_HITS = 5
# So few files are looked at in less time than a thread takes to begin.
FEW_HITS = 4
DEADLINE_S = 2.0
# A strategy that is cut at its own deadline still hands in what it has.
HAND_IN_S = 0.2
LARGEST_CONTEXT_BYTES = 20_000_000
# Words of a name that is said instead of written, as in `task queue`.
MOST_SPOKEN = 4
USUAL = ("content", "files", "symbols", "imports")

Strategy = Callable[[Look], Awaitable[Found]]
STRATEGIES: Mapping[str, Strategy] = {
    "content": content,
    "files": files,
    "symbols": symbols,
    "imports": imports,
    "words": words,
    "references": references,
    "ast": structure,
    "history": history,
}
# What people ask for, by the strategy that finds it.
ALIASES = {"definition": "symbols", "semantic": "words"}
KINDS = ("content", "files", "symbols", "imports", "words", "definition", "references", "semantic", "ast", "history")


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is looked for. kinds: strategies, all that fit if empty. path: a directory or file to look in.

    glob: as ripgrep has it. hidden: names that begin with a dot too; naming one in `path`, `glob` or `query` is
    enough. case_sensitive: None ignores case unless the query has a capital.
    """

    query: str
    kinds: tuple[str, ...] = ()
    path: str | None = None
    limit: int = 20
    context_lines: int = 0
    glob: str | None = None
    case_sensitive: bool | None = None
    hidden: bool = False


OnPartial = Callable[[str, float, Sequence[SearchHit]], None]
"""(strategy, milliseconds, hits best first) as each strategy delivers."""


async def search(
    request: SearchRequest,
    workspace: Workspace,
    *,
    deadline_s: float = DEADLINE_S,
    on_partial: OnPartial | None = None,
    looker: Looker | None = None,
    indexes: Mapping[Path, CodeIndex] = NO_INDEX,
) -> HitsDetail:
    """Return the merged hits of all strategies, best first, one a file unless a single kind or file is asked for.

    `timings_ms` of a strategy that was not done in time is -1; `states` says how far each came. looker: how files
    are looked at; None for ripgrep, or Python where there is none. An index whose database fails is done without.

    Raises:
        ToolRefused: The query is empty, a kind or glob is not understood, or `path` is no file or directory.
    """
    found_by = looker or _looker()
    try:
        return await _search(request, workspace, deadline_s, on_partial, found_by, indexes)
    except sqlite3.Error as error:
        # Which one it was does not matter: until it is opened anew the files themselves are looked at.
        for index in indexes.values():
            index.failed(error)
        return await _search(request, workspace, deadline_s, on_partial, found_by, indexes)


async def _search(
    request: SearchRequest,
    workspace: Workspace,
    deadline_s: float,
    on_partial: OnPartial | None,
    found_by: Looker,
    indexes: Mapping[Path, CodeIndex],
) -> HitsDetail:
    text = request.query.encode("utf-8", "replace").decode().strip()
    if not text or "\0" in text:
        raise ToolRefused("`query` is empty: say what to look for.")
    asked = None if request.kinds else intent(text)
    wanted = text if asked is None else asked.name
    shape = Shape.IMPORT if asked is not None and asked.strategy == "imports" else _shape(wanted, request.kinds)
    names = strategies_for(request.kinds, shape)
    if asked is not None and asked.strategy not in names:
        names = (*names, asked.strategy)
    case = _CASES[request.case_sensitive]
    budget = Budget(asyncio.get_running_loop().time() + max(0.05, deadline_s - HAND_IN_S))
    # A path has to be looked at; the roots are known.
    looked_up = request.path is not None
    places = (
        await asyncio.to_thread(_places, request, workspace, text) if looked_up else _places(request, workspace, text)
    )
    known = [await known_of(place, indexes) for place in places]
    trees = [Tree(place, found_by, budget, one.view) for place, one in zip(places, known, strict=True)]
    own = asked is not None and asked.own
    if own:
        # Nobody else knows what a file imports.
        names = ("imports",)
    looks = [Look(wanted, shape, tree, case, own) for tree in trees]
    timings: dict[str, float] = {}
    found: list[Found] = []
    early = asyncio.create_task(_early(names, looks, known, workspace), name="search early")

    async def run(name: str) -> None:
        started = time.perf_counter()
        parts = await asyncio.gather(*(_in_root(name, look, workspace) for look in looks))
        timings[name] = round((time.perf_counter() - started) * 1000, 2)
        found.append(with_early(_joined(name, parts), (await early).get(name)))
        if on_partial is not None:
            on_partial(name, timings[name], found[-1].hits)

    tasks = {name: asyncio.create_task(run(name), name=f"search {name}") for name in names}
    counting = asyncio.create_task(_secret_count(trees), name="search secrets")
    everything = (*tasks.values(), counting, early)
    try:
        await asyncio.wait(everything, timeout=deadline_s)
    finally:
        for task in everything:
            task.cancel()
        for tree in trees:
            await tree.close()
        await asyncio.gather(*everything, return_exceptions=True)
    done = {result.strategy for result in found}
    if not early.cancelled() and early.exception() is None:
        found += [replace(it, state=State.DEADLINE) for name, it in early.result().items() if name not in done]
    secret = 0 if counting.cancelled() or counting.exception() is not None else counting.result()
    found.sort(key=lambda result: names.index(result.strategy))
    states, notes = _outcome(tasks, found, secret)
    timings.update({name: -1.0 for name in names if name not in timings})
    one_place = len(trees) == 1 and trees[0].place.named and len(trees[0].place.below) == 1
    spans = one_place or own or len(request.kinds) == 1
    hits = merge(found, shape, request.limit + SPARE_HITS, asked.strategy if asked else None, all_spans=spans)
    total = len({hit.path for result in found for hit in result.hits})
    few = len(hits) <= FEW_HITS
    views = [one.view or one.partial for one in known]
    asked_of = (hits, places, views, workspace)
    standing = settled(*asked_of) if few else await asyncio.to_thread(settled, *asked_of)
    shown = [replace(hit, path=_shown(hit.path, workspace)) for hit in standing]
    shown = shown[: request.limit]
    if request.context_lines:
        shown = list(await asyncio.gather(*(_with_context(hit, workspace, request.context_lines) for hit in shown)))
    return HitsDetail(text, tuple(shown), index_words(known), timings, total, states=states, notes=notes)


# What a half-built index can answer at once.
EARLY = ("symbols", "imports")


async def _early(
    names: Sequence[str], looks: Sequence[Look], known: Sequence[Known], workspace: Workspace
) -> dict[str, Found]:
    """Return what a half-built index says already, by strategy: all of it holds, but there may be more."""
    found: dict[str, Found] = {}
    if not any(one.partial for one in known):
        return found
    for name in names:
        if name in EARLY:
            parts = [
                await _in_root(name, replace(look, tree=look.tree.seen_by(one.partial)), workspace)
                for look, one in zip(looks, known, strict=True)
                if one.partial is not None
            ]
            found[name] = _joined(name, parts)
    return found


_CASES: Mapping[bool | None, Literal["smart", "ignore", "exact"]] = {None: "smart", True: "exact", False: "ignore"}


def _looker() -> Looker:
    program = ripgrep()
    return Ripgrep(program) if program is not None else WithoutRipgrep()


def strategies_for(kinds: tuple[str, ...], shape: Shape) -> tuple[str, ...]:
    """Return the names of the strategies to run. Raises ToolRefused for an unknown kind."""
    if not kinds:
        return (*USUAL, "words") if shape is Shape.PROSE else (*USUAL, "ast") if shape is Shape.STRUCTURE else USUAL
    for kind in kinds:
        if kind not in KINDS:
            raise ToolRefused(f"`{kind[:40]}` is not a kind of search. Kinds: {', '.join(KINDS)}.")
    return tuple(dict.fromkeys(ALIASES.get(kind, kind) for kind in kinds))


def _shape(text: str, kinds: tuple[str, ...]) -> Shape:
    """The caller's word goes before the look of the query."""
    match kinds:
        case ("ast",):
            return Shape.STRUCTURE
        case ("files",):
            return Shape.PATH
        case ("imports",):
            return Shape.IMPORT
        case ("words",) | ("semantic",):
            return Shape.PROSE
        case ("content",):
            # Words are text here, whatever else they might be.
            shape = classify(text)
            return Shape.LITERAL if shape in (Shape.PROSE, Shape.IMPORT, Shape.PATH, Shape.STRUCTURE) else shape
        case ("symbols",) | ("definition",):
            shape = classify(text)
            spoken = shape is Shape.PROSE and not names_in(text) and len(text.split()) <= MOST_SPOKEN
            return Shape.IDENTIFIER if spoken else shape
        case _:
            return classify(text)


def _places(request: SearchRequest, workspace: Workspace, text: str) -> list[Place]:
    """Return where to look. Blocks; a path given may lie outside of the workspace: the policy has judged that."""
    globs = (request.glob.strip(),) if request.glob and request.glob.strip() else ()
    dotted = any(part.startswith(".") and part.strip(".") for glob in globs for part in glob.lstrip("!").split("/"))
    hidden = request.hidden or dotted or _names_hidden(text)
    if request.path is None:
        # A root within another is searched with that.
        roots = [root for root in workspace.roots if not any(other in root.parents for other in workspace.roots)]
        return [Place(root, globs=globs, hidden=hidden) for root in dict.fromkeys(roots)]
    path = workspace.resolve(request.path)
    if not path.is_file() and not path.is_dir():
        what = "is no file or directory" if path.exists() else "does not exist"
        raise ToolRefused(f"`{shortened(request.path)}` {what}; nothing was searched.")
    root = workspace.root_of(path) or (path if path.is_dir() else path.parent)
    below = path.relative_to(root).as_posix()
    if below == ".":
        return [Place(root, globs=globs, hidden=hidden, named=credential(path.as_posix()))]
    named = path.is_file() or credential(path.as_posix())
    return [Place(root, (below,), () if path.is_file() else globs, hidden, named)]


def _names_hidden(text: str) -> bool:
    """True for a query such as `.github/workflows` or `.gitignore`."""
    words = text.split()
    return len(words) == 1 and any(
        part.startswith(".") and part[1:2].isalpha() for part in text.split("/")[:-1] or [text]
    )


async def _in_root(name: str, look: Look, workspace: Workspace) -> Found:
    """Run a strategy in one root; paths of other roots come back as `ROOT//path`."""
    result = await STRATEGIES[name](look)
    if look.tree.place.root == workspace.roots[0]:
        return result
    top = look.tree.place.root.as_posix().rstrip("/")
    return replace(
        result,
        hits=tuple(replace(hit, path=f"{top}//{hit.path}") for hit in result.hits),
        exact=frozenset((f"{top}//{path}", line) for path, line in result.exact),
    )


def _joined(name: str, parts: list[Found]) -> Found:
    """Join what one strategy found in several roots, taking turns."""
    longest = max(len(part.hits) for part in parts)
    hits = [part.hits[rank] for rank in range(longest) for part in parts if rank < len(part.hits)]
    state = next((part.state for part in parts if part.state is not State.DONE), State.DONE)
    note = next((part.note for part in parts if part.note), "")
    return Found(name, tuple(hits), frozenset().union(*(part.exact for part in parts)), state, note)


async def _secret_count(trees: list[Tree]) -> int:
    """Return how many files of the places hold secrets: of all, whatever matches, or the count would tell of them."""
    return sum([(await tree.names()).secret for tree in trees])


def _outcome(
    tasks: Mapping[str, asyncio.Task[None]], found: list[Found], secret: int
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return how far each strategy came, and what the reader must know. Raises what went wrong if all failed."""
    states = {result.strategy: str(result.state) for result in found}
    notes = [result.note for result in found if result.note]
    failures = []
    for name, task in tasks.items():
        error = None if task.cancelled() else task.exception()
        if error is not None:
            failures.append(error)
            states[name] = str(State.FAILED)
            notes.append(f"{name} failed: {error}")
        else:
            states.setdefault(name, str(State.DEADLINE))
    for error in failures:
        if isinstance(error, BadGlob | sqlite3.Error) or len(failures) == len(tasks):
            raise error
    if secret:
        notes.append(f"{secret} file{'s' * (secret > 1)} that may hold secrets left out")
    return states, tuple(dict.fromkeys(notes))


def _shown(path: str, workspace: Workspace) -> str:
    """Return a hit's path as `read` takes it: relative to the working directory, or absolute."""
    return workspace.show(workspace.roots[0] / path)


async def _with_context(hit: SearchHit, workspace: Workspace, lines: int) -> SearchHit:
    """Return the hit with the lines around it as its text, each numbered: `12:` the hit's own, `13-` another."""
    if hit.kind == "file":
        return hit
    try:
        state = await read_file(workspace.resolve(hit.path), max_bytes=LARGEST_CONTEXT_BYTES)
        text = decode(state.data).text.split("\n")
    except (ToolRefused, NotText):
        return hit
    first = max(1, hit.line - lines)
    window = enumerate(text[first - 1 : hit.end_line + lines], first)
    numbered = (f"{number}{':' if number == hit.line else '-'}{line[:LONGEST_LINE]}" for number, line in window)
    return replace(hit, text="\n".join(line.rstrip("\r") for line in numbered))


async def shortest_paths(workspace: Workspace, limit: int, *, deadline_s: float) -> tuple[str, ...]:
    """Return the `limit` files of the first root that lie least deep."""
    names = (await _looker().names(Place(workspace.roots[0]), deadline_s)).found
    return tuple(_shown(name, workspace) for name in sorted(names, key=lambda name: (name.count("/"), name))[:limit])
