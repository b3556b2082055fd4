"""Search for definitions by name: exact, within a type or module, or similar."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import assert_never

from plait.index import alike
from plait.index.rows import Defined as StoredDefinition
from plait.index.view import View
from plait.protocol.calls import SearchHit
from plait.search import definitions, query, stored
from plait.search.definitions import Definition, definition_in
from plait.search.look import MOST_HITS, MOST_NAMES, Look, hit_of
from plait.search.place import Line, Lines, Pattern, State
from plait.search.query import Shape
from plait.search.rank import Found, penalty
from plait.search.stored import STRENGTH
from plait.search.tree import NAMING


async def symbols(look: Look) -> Found:
    """Definitions of the name that is asked for, exact ones first, then those whose name contains it."""
    names = _names_asked_for(look)
    hits: list[SearchHit] = []
    exact: set[tuple[str, int]] = set()
    state = State.DONE
    for name in names:
        found = await (_defined(look, name) if look.tree.view is None else _stored(look, look.tree.view, name))
        state = found.state if state is State.DONE else state
        exact |= found.exact
        hits += found.hits
    return Found("symbols", tuple(hits[:MOST_HITS]), frozenset(exact), state)


def _names_asked_for(look: Look) -> tuple[str, ...]:
    text = query.unquoted(look.text)
    match look.shape:
        case Shape.PROSE:
            return query.names_in(look.text)[:MOST_NAMES]
        case Shape.IDENTIFIER | Shape.QUALIFIED:
            return (query.last_name(text),)
        case Shape.PATH | Shape.REGEX | Shape.STRUCTURE:
            return ()
        case Shape.IMPORT:
            return tuple(re.findall(r"[A-Za-z_$][\w$]+", text))[-1:]
        case Shape.LITERAL:
            # `class Foo` and `close(` say what they look for; any other text is just text.
            named = query.DEFINES.match(text) or re.fullmatch(r"[A-Za-z_$][\w$]*\(", text)
            return tuple(re.findall(r"[A-Za-z_$][\w$]*", text))[-1:] if named else ()
        case _:
            assert_never(look.shape)


async def _stored(look: Look, view: View, name: str) -> Found:
    """Answer from the index; only changed files that are too large for it are looked at."""
    rows = stored.definitions(view, look.tree, name, any_case=look.case == "ignore")
    exact = rows
    if look.shape is Shape.QUALIFIED:
        scopes = query.scope_names(look.text)
        exact = stored.owned(rows, scopes) or [row for row in rows if _is_module(row.path, scopes[-1])]
    chosen = set(exact)
    hits = [*_stored_order(look, exact), *_stored_order(look, [row for row in rows if row not in chosen])]
    if look.tree.is_partial:
        return Found("symbols", tuple(hits), frozenset((row.path, row.line) for row in exact))
    if not rows and look.shape in (Shape.IDENTIFIER, Shape.PROSE, Shape.QUALIFIED):
        near = await asyncio.to_thread(stored.similar, view, look.tree, name, look.shape)
        if look.shape is Shape.QUALIFIED:
            within = stored.owned(near, query.scope_names(look.text))
            near = [*within, *(row for row in near if row not in within)]
        hits = [stored.hit(row) for row in near]
    places = frozenset((row.path, row.line) for row in exact)
    if not view.unread:
        return Found("symbols", tuple(hits), places)
    pattern = Pattern("|".join(definitions.patterns(name)), case="exact")
    live = _definitions(await look.tree.lines(pattern, below=view.unread), name)
    return Found("symbols", (*_in_order(look, live), *hits), places | _exact(live))


def _stored_order(look: Look, rows: Sequence[StoredDefinition]) -> list[SearchHit]:
    def order(row: StoredDefinition) -> tuple[float, int, int, str, int]:
        depth = row.path.count("/")
        return (-penalty(row.path, look.shape), STRENGTH.get(row.kind, 0), depth, row.path, row.line)

    return [stored.hit(row) for row in sorted(rows, key=order)]


async def _defined(look: Look, name: str) -> Found:
    lines = await look.naming(name)
    if lines.state is State.CAPPED:
        # Too many lines hold the name: only those that look like a definition then.
        lines = await look.tree.lines(Pattern("|".join(definitions.patterns(name)), case="exact"))
    defined = _definitions(lines, name)
    if look.shape is Shape.QUALIFIED:
        scopes = query.scope_names(look.text)
        if len(defined) > 1 or not scopes:
            return await _in_scope(look, defined, scopes[-1] if scopes else "", lines.state)
    if not any(not weak for _, _, weak, _ in defined) and look.shape in (Shape.IDENTIFIER, Shape.PROSE):
        similar = await _similar(look, name)
        return Found("symbols", (*_in_order(look, defined), *similar), _exact(defined), lines.state)
    return Found("symbols", _in_order(look, defined), _exact(defined), lines.state)


Defined = tuple[Line, str, bool, str]
"""A line, the kind of what it defines, whether that is a guess, and the type it names itself as the owner."""


def _definitions(lines: Lines, name: str) -> list[Defined]:
    found = []
    for line in lines.found:
        definition = definition_in(line.text, line.path)
        if definition is not None and definition.name == name:
            found.append((line, definition.kind, definition.weak, definition.owner))
    return found


def _exact(defined: Sequence[Defined]) -> frozenset[tuple[str, int]]:
    return frozenset((line.path, line.number) for line, _, weak, _ in defined if not weak)


def _in_order(look: Look, defined: Sequence[Defined]) -> tuple[SearchHit, ...]:
    def order(one: Defined) -> tuple[bool, float, int, int, str, int]:
        line, kind, weak, _ = one
        depth = line.path.count("/")
        return (weak, -penalty(line.path, look.shape), STRENGTH.get(kind, 0), depth, line.path, line.number)

    return tuple(hit_of(line, kind) for line, kind, _, _ in sorted(defined, key=order))


async def _similar(look: Look, name: str) -> list[SearchHit]:
    """Return definitions whose name is like `name`, the most alike first."""
    wanted = alike.squeezed(name)
    if len(wanted) < alike.SHORTEST:
        return []
    near = await _alike(look, name, name)
    if not near and (parts := alike.stretches(wanted)):
        # Nothing holds it: with a slip in it, some stretch of it is right.
        near = await _alike(look, name, *parts)
    near.sort(key=lambda one: (one[2].weak, -one[0] * penalty(one[1].path, look.shape), one[1].path, one[1].number))
    return [hit_of(line, definition.kind) for _, line, definition in near]


async def _alike(look: Look, name: str, *held: str) -> list[tuple[float, Line, Definition]]:
    # Most names are rare: their lines are soon found and soon told apart. Only common ones need the long expression,
    # which for a slip's stretches takes too long: there, what the first lines hold must do.
    lines = await look.tree.lines(Pattern("|".join(map(definitions.loosely, held)), case="ignore", most=NAMING))
    if lines.state is State.CAPPED and len(held) == 1:
        patterns = dict.fromkeys(form for part in held for form in definitions.patterns(part, contains=True))
        lines = await look.tree.lines(Pattern("|".join(patterns), case="ignore"))
    near = []
    for line in lines.found:
        definition = definition_in(line.text, line.path)
        if definition is not None and (likeness := alike.likeness(name, definition.name)) >= alike.MEANT:
            near.append((likeness, line, definition))
    return near


async def _in_scope(look: Look, defined: Sequence[Defined], scope: str, state: State) -> Found:
    """Put first what is defined within the type or module `scope`: only that is exact, if there is any."""
    inside = [one for one in defined if one[3] == scope]
    paths = tuple(dict.fromkeys(line.path for line, _, _, _ in defined))
    if not inside:
        inside = await _within(look, defined, scope, paths)
    if not inside:
        inside = [one for one in defined if _is_module(one[0].path, scope)]
    if not inside:
        return Found("symbols", _in_order(look, defined), frozenset(), state)
    chosen = {(line.path, line.number) for line, _, _, _ in inside}
    outside = [one for one in defined if (one[0].path, one[0].number) not in chosen]
    # What is named with its owner is meant, however loosely its line looks like a definition.
    hits = (*_in_order(look, inside), *_in_order(look, outside))
    return Found("symbols", hits, frozenset(chosen), state)


async def _within(look: Look, defined: Sequence[Defined], scope: str, paths: tuple[str, ...]) -> list[Defined]:
    """Return what lies, by indentation, in the body of a type or function of that name."""
    holding = await look.naming(scope)
    openers = {line.path for line in holding.found if definitions.opened(line.text) == scope}
    paths = tuple(path for path in paths if path in openers or holding.state is not State.DONE)[:100]
    if not paths:
        return []
    pattern = Pattern(definitions.OPENINGS, case="exact", most_a_file=2000, most=20_000)
    openings: dict[str, list[tuple[int, int, str]]] = {}
    for line in (await look.tree.lines(pattern, below=paths)).found:
        name = definitions.opened(line.text)
        if name is not None:
            openings.setdefault(line.path, []).append((line.number, _indent(line.text), name))
    return [one for one in defined if scope in _around(one[0], openings.get(one[0].path, ()))]


def _around(line: Line, openings: Sequence[tuple[int, int, str]]) -> list[str]:
    """Return the names of what is opened above `line` and indented less, the innermost first."""
    indent = _indent(line.text)
    names = []
    for number, opening, name in sorted(openings, reverse=True):
        if number < line.number and opening < indent:
            names.append(name)
            indent = opening
    return names


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _is_module(path: str, scope: str) -> bool:
    """True if the file, or the directory it stands in, is the module or package `scope`."""
    *directories, base = path.lower().split("/")
    return base.partition(".")[0] == scope.lower() or (bool(directories) and directories[-1] == scope.lower())
