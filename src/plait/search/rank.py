"""Merge what the strategies found into one ranking. Pure.

Reciprocal rank fusion (Cormack, Clarke, Buettcher 2009) with weights by the query's shape; an exact definition comes
first; tests, vendored, generated and documentation files rank below source; one best span a file; ties by path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from plait.protocol.calls import SearchHit
from plait.search.place import State
from plait.search.query import Shape

K = 60
EXACT_BONUS = 1.0
NAMESAKE_BONUS = 0.2
"""Of a file that is called what is asked for: above what only mentions it, below what defines it."""
# Who asks for an import or a pattern does not want what happens to be called the same.
NO_EXACT = frozenset({Shape.IMPORT, Shape.REGEX})

WEIGHTS: Mapping[Shape, Mapping[str, float]] = {
    Shape.IDENTIFIER: {"symbols": 3.0, "content": 1.0, "files": 0.8, "imports": 0.5},
    Shape.QUALIFIED: {"symbols": 3.0, "content": 1.2, "files": 0.4, "imports": 0.4},
    Shape.PATH: {"files": 4.0, "content": 0.4, "symbols": 0.3, "imports": 0.6},
    Shape.IMPORT: {"imports": 3.5, "content": 0.8, "symbols": 0.5, "files": 0.5},
    Shape.REGEX: {"content": 3.0, "symbols": 0.3, "files": 0.3, "imports": 0.3},
    Shape.LITERAL: {"content": 3.0, "symbols": 0.5, "files": 0.5, "imports": 0.3},
    Shape.STRUCTURE: {"ast": 4.0, "content": 1.0, "symbols": 0.3, "files": 0.3, "imports": 0.2},
    # `words` has weighed the path already: a second vote of it would outdo what the file says.
    Shape.PROSE: {"words": 3.0, "content": 1.5, "symbols": 1.5, "files": 0.1, "imports": 0.2},
}

# fmt: off
TEST_DIRECTORIES = frozenset(
    {
        "test", "tests", "testdata", "__tests__", "__mocks__", "spec", "specs", "fixture", "fixtures", "mock",
        "mocks", "testsuite", "e2e",
    }
)
# fmt: on
# fmt: off
VENDORED_DIRECTORIES = frozenset(
    {
        "vendor", "vendored", "_vendor", "third_party", "third-party", "thirdparty", "external", "extern",
        "node_modules", "site-packages", "dist", "_vendored_packages", "bower_components",
    }
)
# fmt: on
GENERATED_DIRECTORIES = frozenset(["generated", "gen", "__generated__", "autogen"])
SIDE_DIRECTORIES = frozenset(
    ["doc", "docs", "documentation", "changelogs", "examples", "example", "samples", "sample", "benchmarks", "bench"]
)
TEST_FILE = re.compile(r"test_|conftest\.py$|.*(?:[._-](?:test|tests|spec)\.\w+$|_test\.\w+$)")
CAMEL_TEST_FILE = re.compile(r".*[a-z0-9]Tests?\.\w+$")
GENERATED_FILE = re.compile(
    r".*(?:\.min\.(?:js|css)|\.pb\.\w+|_pb2(?:_grpc)?\.pyi?|\.g\.\w+|[._](?:generated|gen)\.\w+|\.lock|lock\.json|\.map)$"
    r"|zz_generated|z[a-z]+_\w+_\w+\.go$"
)
DOCUMENT = re.compile(
    r".*\.(?:md|rst|txt|adoc|html?|po|pot|tex|ipynb)$|(?:change(?:s|log)|news|readme|license|copying|authors|pkg-info)\b"
)
DATA = re.compile(r".*\.(?:json|ya?ml|csv|tsv|xml|svg|snap|sum|golden|out|log|toml|ini|cfg|css|scss)$")
# What is there twice for the sake of old callers, and interfaces without their bodies.
ASIDE = re.compile(r"(?:.*/)?(?:compat\w*|legacy|deprecated)(?:/|\.\w+$)")
HEADER = re.compile(r".*\.(?:h|hh|hpp|hxx|pyi|d\.ts)$")


@dataclass(frozen=True, slots=True)
class Found:
    """What one strategy found, best first. `exact` hits (path, line) are just what was asked for.

    note: something the reader must know, in one line.
    """

    strategy: str
    hits: tuple[SearchHit, ...] = ()
    exact: frozenset[tuple[str, int]] = frozenset()
    state: State = State.DONE
    note: str = ""


@lru_cache(maxsize=20_000)
def standing(path: str) -> float:
    """Return the factor of a path's score: 1 for source, less for what one looks at later.

    Of `ROOT//path` only the path counts: where a project lies says nothing of its files.
    """
    path = path.rpartition("//")[2]
    folded = path.lower()
    *directories, base = folded.split("/")
    above = frozenset(directories)
    factor = 1.0
    if above & TEST_DIRECTORIES or TEST_FILE.match(base) or CAMEL_TEST_FILE.match(path):
        factor *= 0.3
    if above & VENDORED_DIRECTORIES:
        factor *= 0.4
    if above & GENERATED_DIRECTORIES or GENERATED_FILE.match(base):
        factor *= 0.4
    if DOCUMENT.match(base) or above & SIDE_DIRECTORIES:
        factor *= 0.45
    elif DATA.match(base):
        factor *= 0.5
    if HEADER.match(base):
        factor *= 0.8
    if ASIDE.match(folded):
        factor *= 0.7
    return factor


def penalty(path: str, shape: Shape) -> float:
    """Return the factor of a path's score. Who names a file wants that file, whatever it is."""
    if shape is Shape.PATH:
        return 0.9 if standing(path) < 1.0 else 1.0
    return standing(path)


def merge(
    found: Sequence[Found], shape: Shape, limit: int, asked: str | None = None, *, all_spans: bool = False
) -> tuple[SearchHit, ...]:
    """Return the best `limit` hits of all strategies, best first, one a file.

    asked: the strategy that answers what the question wants to know; its hits come first.
    `all_spans`: what is left of the limit is filled with further spans of the same files, in the strategies' order.
    """
    exact_first = shape not in NO_EXACT and asked in (None, "symbols")
    scores: dict[str, float] = {}
    best: dict[str, tuple[float, SearchHit]] = {}
    strategies: dict[str, set[str]] = {}
    for result in found:
        weight = WEIGHTS[shape].get(result.strategy, 0.5)
        values: dict[str, float] = {}
        ranks: dict[str, int] = {}
        for hit in result.hits:
            # Ranks are counted in files, or one of many lines would push all others down.
            value = weight / (K + ranks.setdefault(hit.path, len(ranks))) * penalty(hit.path, shape)
            just_that = (hit.path, hit.line) in result.exact and exact_first
            if just_that or result.strategy == asked != "symbols":
                bonus = EXACT_BONUS if result.strategy != "files" or shape is Shape.PATH else NAMESAKE_BONUS
                value += bonus * penalty(hit.path, shape)
            if value > values.get(hit.path, -1.0):
                values[hit.path] = value
                if hit.path not in best or value > best[hit.path][0]:
                    best[hit.path] = (value, hit)
        for path, value in values.items():
            # Many lines of one file are one vote, that of the best.
            scores[path] = scores.get(path, 0.0) + value
            strategies.setdefault(path, set()).add(result.strategy)
    order = sorted(best, key=lambda path: (-scores[path], path))
    chosen = [best[path][1] for path in order[:limit]]
    if all_spans:
        every = (*chosen, *(hit for result in found for hit in result.hits))
        # A commit has no line: what tells two of them apart is their text.
        spans = {(hit.path, hit.line, hit.text if hit.kind == "commit" else ""): hit for hit in every}
        chosen = list(spans.values())
    return tuple(
        replace(hit, score=round(scores[hit.path], 5), strategies=tuple(sorted(strategies[hit.path])))
        for hit in chosen[:limit]
    )
