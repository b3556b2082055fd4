"""Merge what the strategies found into one ranking. Pure.

Reciprocal rank fusion (Cormack, Clarke, Buettcher 2009) with weights by the query's shape; an exact definition comes
first; tests, vendored, generated and documentation files rank below source; one best span a file; ties by path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from plait.protocol.calls import SearchHit
from plait.search.query import Shape

K = 60
EXACT_DEFINITION_BONUS = 1.0
# Who asks for a file or an import does not want what happens to be called the same, unless it is the very file.
NO_DEFINITION = frozenset({Shape.IMPORT, Shape.REGEX})

WEIGHTS: Mapping[Shape, Mapping[str, float]] = {
    Shape.IDENTIFIER: {"symbols": 3.0, "content": 1.0, "files": 0.8, "imports": 0.5},
    Shape.QUALIFIED: {"symbols": 3.0, "content": 1.2, "files": 0.4, "imports": 0.4},
    Shape.PATH: {"files": 4.0, "content": 0.4, "symbols": 0.3, "imports": 0.6},
    Shape.IMPORT: {"imports": 3.5, "content": 0.8, "symbols": 0.5, "files": 0.5},
    Shape.REGEX: {"content": 3.0, "symbols": 0.3, "files": 0.3, "imports": 0.3},
    Shape.LITERAL: {"content": 3.0, "symbols": 0.5, "files": 0.5, "imports": 0.3},
    Shape.PROSE: {"words": 3.0, "content": 2.0, "symbols": 1.0, "files": 0.6, "imports": 0.2},
}

TESTS = re.compile(
    r"(?:^|/)(?:tests?|testing|testdata|__tests__|spec|specs|fixtures?|mocks?)/|(?:^|/)(?:test_[^/]*|conftest\.py)$|[._-](?:test|spec)\.\w+$|_test\.\w+$|Tests?\.\w+$"
)
VENDORED = re.compile(
    r"(?:^|/)(?:vendor|vendored|_vendor|third[_-]?party|external|extern|node_modules|site-packages|dist|build)/"
)
GENERATED = re.compile(
    r"\.(?:min\.(?:js|css)|pb\.go|g\.dart)$|_pb2(?:_grpc)?\.py$|(?:^|/)(?:generated|gen)/|[._](?:generated|gen)\.\w+$|\.lock$|lock\.json$"
)
DOCUMENTS = re.compile(
    r"\.(?:md|rst|txt|adoc|html?|po|pot)$|(?:^|/)(?:docs?|documentation|changelogs?|examples?|samples?|benchmarks?)/|(?:^|/)(?:CHANGE|NEWS|README|LICENSE)",
    re.IGNORECASE,
)
DATA = re.compile(r"\.(?:json|ya?ml|csv|tsv|xml|svg|snap|sum|golden|out|log)$")


@dataclass(frozen=True, slots=True)
class Found:
    """What one strategy found, best first. `exact` hits define just what was asked for."""

    strategy: str
    hits: tuple[SearchHit, ...]
    exact: frozenset[tuple[str, int]] = frozenset()


def penalty(path: str, shape: Shape) -> float:
    """Return the factor of a path's score: 1 for source, less for what one looks at later."""
    if shape is Shape.PATH:
        return 0.9 if VENDORED.search(path) else 1.0
    factor = 1.0
    if TESTS.search(path):
        factor *= 0.35
    if VENDORED.search(path):
        factor *= 0.4
    if GENERATED.search(path):
        factor *= 0.4
    if DOCUMENTS.search(path):
        factor *= 0.45
    elif DATA.search(path):
        factor *= 0.5
    return factor


def merge(found: Sequence[Found], shape: Shape, limit: int) -> tuple[SearchHit, ...]:
    """Return the best `limit` hits of all strategies, one a file, best first."""
    scores: dict[str, float] = {}
    best: dict[str, tuple[float, SearchHit]] = {}
    strategies: dict[str, set[str]] = {}
    for result in found:
        weight = WEIGHTS[shape].get(result.strategy, 0.5)
        seen: set[str] = set()
        for rank, hit in enumerate(result.hits):
            exact = (hit.path, hit.line) in result.exact and shape not in NO_DEFINITION
            value = weight / (K + rank) * penalty(hit.path, shape)
            if exact:
                value += EXACT_DEFINITION_BONUS * penalty(hit.path, shape)
            strategies.setdefault(hit.path, set()).add(result.strategy)
            if hit.path not in seen:
                # Many lines of one file are one vote; a definition further down still is the better span.
                seen.add(hit.path)
                scores[hit.path] = scores.get(hit.path, 0.0) + value
            if hit.path not in best or value > best[hit.path][0]:
                best[hit.path] = (value, hit)
    order = sorted(best, key=lambda path: (-scores[path], path))
    return tuple(
        replace(best[path][1], score=round(scores[path], 5), strategies=tuple(sorted(strategies[path])))
        for path in order[:limit]
    )
