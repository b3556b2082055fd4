"""Answers out of the index: the same questions that `symbols`, `imports` and `words` otherwise ask of the files.

A hit from here has no evidence yet, and nobody has looked whether it still holds: `evidence.settle` does both for the
few hits that are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from plait.index import alike
from plait.index.rows import Defined, Imported
from plait.index.view import View
from plait.protocol.calls import SearchHit
from plait.search.look import MOST_HITS
from plait.search.query import Shape
from plait.search.rank import penalty
from plait.search.tree import Tree

# Kinds in the order in which one wants to see them, where a name is defined more than once.
STRENGTH = {"method": 1, "constant": 1, "variable": 2, "type": 1, "module": 2, "field": 3, "declaration": 4}
STORED = "stored"
"""The freshness of a hit that nobody has looked at yet; its text is the name that the place must still have."""


def hit(row: Defined) -> SearchHit:
    return SearchHit(row.path, row.line, row.end_line, row.kind, row.name, freshness=STORED)


def import_hit(row: Imported) -> SearchHit:
    return SearchHit(row.path, row.line, row.line, "import", row.module, freshness=STORED)


def definitions(view: View, tree: Tree, name: str, *, any_case: bool = False) -> list[Defined]:
    """Return the definitions of just this name in the tree's place."""
    rows = tree.within(view.definitions(name))
    return rows if any_case else [row for row in rows if row.name == name]


def owned(rows: Sequence[Defined], scopes: Sequence[str]) -> list[Defined]:
    """Return those that stand in the scope `scopes`, outermost first; if there are none, in its last part."""
    wanted = [scope.lower() for scope in scopes]
    for size in range(len(wanted), 0, -1):
        found = [row for row in rows if re.split(r"\.|::", row.scope.lower())[-size:] == wanted[-size:]]
        if found:
            exact = [row for row in found if re.split(r"\.|::", row.scope)[-size:] == list(scopes[-size:])]
            return exact or found
    return []


def similar(view: View, tree: Tree, typed: str, shape: Shape) -> list[Defined]:
    """Return definitions whose name is like what was typed, the most alike first; guesses if nothing else."""
    near = [(alike.likeness(typed, row.name), row) for row in tree.within(view.similar(typed))]
    best = max((likeness for likeness, _ in near), default=0.0)
    near = [one for one in near if one[0] >= min(best, alike.MEANT)]
    near.sort(key=lambda one: (-one[0] * penalty(one[1].path, shape), *_place(one[1])))
    return [row for _, row in near[:MOST_HITS]]


def _place(row: Defined) -> tuple[int, str, int]:
    return (STRENGTH.get(row.kind, 0), row.path, row.line)


def by_nearness(rows: Iterable[Imported], near: dict[tuple[str, int], float], shape: Shape) -> list[SearchHit]:
    """Return one hit a line, nearest first."""
    chosen: dict[tuple[str, int], Imported] = {}
    for row in rows:
        chosen.setdefault((row.path, row.line), row)
    order = sorted(chosen, key=lambda place: (-near[place] * penalty(place[0], shape), place))
    return [import_hit(chosen[place]) for place in order[:MOST_HITS]]
