"""Answers out of the index: the same questions that `symbols`, `imports` and `words` otherwise ask of the files.

A hit from here has no evidence yet, and nobody has looked whether it still holds: `evidence.settle` does both for the
few hits that are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from plait.index.store import Defined, Imported
from plait.index.view import View
from plait.protocol.calls import SearchHit
from plait.search.look import MOST_HITS
from plait.search.query import CAMEL, Shape
from plait.search.rank import penalty
from plait.search.tree import Tree

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


def similar(view: View, tree: Tree, name: str, shape: Shape) -> list[Defined]:
    """Return definitions whose name holds the words of `name` in order, those that add least to it first."""
    pieces = [piece.lower() for piece in CAMEL.findall(name)] or [name]
    if sum(map(len, pieces)) < 3:
        return []
    squeezed = "".join(pieces)
    rows = tree.within(view.similar(pieces))

    def order(row: Defined) -> tuple[bool, float, int, str, int]:
        own = row.name.replace("_", "").lower()
        return (squeezed not in own, -penalty(row.path, shape), len(own), row.path, row.line)

    rows.sort(key=order)
    return rows[:MOST_HITS]


def by_nearness(rows: Iterable[Imported], near: dict[tuple[str, int], float], shape: Shape) -> list[SearchHit]:
    """Return one hit a line, nearest first."""
    chosen: dict[tuple[str, int], Imported] = {}
    for row in rows:
        chosen.setdefault((row.path, row.line), row)
    order = sorted(chosen, key=lambda place: (-near[place] * penalty(place[0], shape), place))
    return [import_hit(chosen[place]) for place in order[:MOST_HITS]]
