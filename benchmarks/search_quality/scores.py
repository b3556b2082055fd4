"""Measures of a ranking against graded answers. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.search_quality.queries import Query

TEN = 10
NEAR = 2
"""Lines by which a hit may miss the answer's."""


@dataclass(frozen=True, slots=True)
class Place:
    """One hit; line is 1-based, 0 if the searcher names files only."""

    path: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """ndcg: of the first ten files (Järvelin and Kekäläinen 2002). right_line: of the first right file's hit; None
    where no file was right.
    """

    ndcg: float
    reciprocal: float
    first: bool
    among_ten: bool
    right_line: bool | None


def score(query: Query, hits: Sequence[Place]) -> Score:
    grades = query.grades()
    files = list(dict.fromkeys(hit.path for hit in hits))
    rank = next((number for number, path in enumerate(files, 1) if path in grades), 0)
    right = next((hit for hit in hits if hit.path in grades), None)
    on_line = None
    if right is not None:
        on_line = any(a.path == right.path and abs(a.line - right.line) <= NEAR for a in query.answers)
    among = 0 < rank <= TEN
    return Score(ndcg(files, grades), 1 / rank if among else 0.0, rank == 1, among, on_line)


def ndcg(files: Sequence[str], grades: Mapping[str, int]) -> float:
    """Return the normalised discounted gain of the first ten files, from 0 to 1."""
    ideal = _gain(sorted(grades.values(), reverse=True))
    return _gain([grades.get(path, 0) for path in files]) / ideal


def _gain(grades: Sequence[int]) -> float:
    return float(sum((2**grade - 1) / math.log2(rank + 1) for rank, grade in enumerate(grades[:TEN], 1)))
