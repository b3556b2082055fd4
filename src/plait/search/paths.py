"""Search for files by their path: by name, by its end, or letter by letter in order."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from plait.index import alike
from plait.protocol.calls import SearchHit
from plait.search import query
from plait.search.look import MOST_HITS, Look
from plait.search.query import Shape
from plait.search.rank import Found, penalty
from plait.search.stored import STORED


async def files(look: Look) -> Found:
    """Files whose path matches, by name, by its end, or letter by letter in order."""
    names = await look.tree.names()
    wanted = query.unquoted(look.text).strip().removeprefix("./").strip("/").lower()
    if look.shape is Shape.PROSE:
        scored = _named_alike(names.found, query.terms(look.text))
    else:
        scored = _matching(names.found, wanted, look.shape)
    ordered = sorted(scored, key=lambda path: (-scored[path] * penalty(path, look.shape), len(path), path))[:MOST_HITS]
    least = {Shape.PATH: WHOLE, Shape.IDENTIFIER: NAMESAKE}.get(look.shape)
    exact = frozenset((path, 1) for path in ordered if least is not None and scored[path] >= least)
    freshness = "live" if look.tree.view is None else STORED
    hits = tuple(SearchHit(path, 1, 1, "file", path, freshness=freshness) for path in ordered)
    return Found("files", hits, exact, names.state)


NAMESAKE = 6.0
"""The least score of a path whose name without its extension is just what was asked for."""
WHOLE = 9.0
"""The score of a path that is just what was asked for."""
TOGETHER = 3.0
"""The least score of a path that holds what was asked for in one piece."""
LONG = 8
"""Letters of a name that nothing else is likely to be."""
MISTYPED = 4.0
"""The score of a path that is what was asked for but for slips, each a point less."""


@dataclass(frozen=True)
class Table:
    """Paths made ready to be looked through: in lower case, a line each, whole and without what joins words."""

    paths: tuple[str, ...]
    text: str
    starts: tuple[int, ...]
    squeezed: str
    squeezed_starts: tuple[int, ...]

    def holding(self, squeezed: str) -> list[str]:
        """Return the paths that hold a text, whatever joins its words."""
        found = []
        at = self.squeezed.find(squeezed)
        while at >= 0:
            line = bisect_right(self.squeezed_starts, at) - 1
            found.append(self.paths[line])
            if line + 1 == len(self.paths):
                break
            at = self.squeezed.find(squeezed, self.squeezed_starts[line + 1])
        return found

    def joined(self, pattern: str) -> list[str]:
        """Return the paths that match an expression without what joins words."""
        return [
            self.paths[bisect_right(self.squeezed_starts, match.start()) - 1]
            for match in re.finditer(pattern, self.squeezed)
        ]

    def matching(self, pattern: str) -> list[str]:
        """Return the paths that match an expression over a whole line."""
        return [
            self.paths[bisect_right(self.starts, match.start()) - 1] for match in re.finditer(pattern, self.text, re.M)
        ]


@lru_cache(maxsize=4)
def table(paths: tuple[str, ...]) -> Table:
    """Return the table of a listing; one that is used again is there already."""
    lines = [path.replace("\n", " ").lower() for path in paths]
    squeezed = [_squeezed(line) for line in lines]
    return Table(paths, "\n".join(lines), _starts(lines), "\n".join(squeezed), _starts(squeezed))


def _starts(lines: Sequence[str]) -> tuple[int, ...]:
    return tuple(accumulate((len(line) + 1 for line in lines[:-1]), initial=0)) if lines else ()


def _matching(paths: tuple[str, ...], wanted: str, shape: Shape) -> dict[str, float]:
    """Return the paths that hold the letters of `wanted` in order, with how well they match."""
    if shape is Shape.QUALIFIED:
        wanted = re.sub(r"::|[.#]|->", "/", wanted.removesuffix("()"))
    if not wanted or len(wanted) > 200 or "\n" in wanted or not paths:
        return {}
    squeezed = _squeezed("".join(wanted.split()))
    known = table(paths)
    found = known.holding(squeezed) if squeezed else []
    if not found and shape is not Shape.QUALIFIED and len(squeezed) >= LONG and squeezed.isalnum():
        # `binutils` for `bin/utils`.
        found = known.joined("/?".join(squeezed))
    if not found and shape is Shape.PATH and len(wanted) >= 4:
        # Each letter is looked for up to its first place, so nothing is tried twice.
        letters = [re.escape(sign) for sign in wanted if not sign.isspace()]
        found = known.matching("^" + "".join(f"[^\n{letter}]*{letter}" for letter in letters))
    scored = {path: score for path in found if (score := _score(path.lower(), wanted, shape)) > 0}
    # Letters in order are a guess, worth something only where nothing holds them together.
    together = {path: score for path, score in scored.items() if score >= TOGETHER}
    if together or (shape is not Shape.PATH and len(squeezed) < LONG):
        return together or scored
    return _mistyped(known, wanted) or scored


def _mistyped(known: Table, wanted: str) -> dict[str, float]:
    """Return the paths whose name, or whose end, is `wanted` but for a slip or two; with its extension or without."""
    if " " in wanted:
        return {}
    typed, extension = re.fullmatch(r"(.*?)(\.[a-z]\w{0,3})?", wanted, re.DOTALL).groups()  # type: ignore[union-attr]
    typed = _squeezed(typed)
    allowed, parts = alike.slips(len(typed)), alike.stretches(typed)
    depth = typed.count("/")
    scored = {}
    # Some stretch of it is right, and only what holds one is looked at closely.
    for path in dict.fromkeys(path for part in parts for path in known.holding(part)):
        pieces = path.lower().split("/")[-1 - depth :]
        stem = _squeezed("/".join((*pieces[:-1], pieces[-1].partition(".")[0])))
        if abs(len(stem) - len(typed)) > allowed or not any(part in stem for part in parts):
            continue
        wrong = alike.distance(typed, stem, allowed)
        if wrong <= allowed:
            scored[path] = MISTYPED - wrong + (0.5 if path.lower().endswith(extension or "") else 0.0)
    return scored


def _score(path: str, wanted: str, shape: Shape) -> float:
    base = path.rpartition("/")[2]
    stem = base.partition(".")[0]
    if path == wanted:
        return 12.0
    if base == wanted or path.endswith(f"/{wanted}"):
        return 10.0
    if stem == wanted or path.rpartition(".")[0].endswith(f"/{wanted}"):
        # Without an extension, any will do.
        return (WHOLE if "." in wanted else 10.0) if shape is Shape.PATH else 6.0
    if shape is Shape.QUALIFIED:
        return 5.0 if f"/{wanted}/" in f"/{path}" else 0.0
    if len(wanted) < 3:
        return 0.0
    squeezed = _squeezed(wanted)
    if _squeezed(stem) == squeezed:
        return 6.0
    if f"/{wanted}/" in f"/{path}":
        return 4.0
    if squeezed in _squeezed(base):
        return 5.0 + len(wanted) / len(base)
    if squeezed in _squeezed(path):
        return TOGETHER + len(wanted) / len(path)
    if squeezed in _squeezed(path).replace("/", ""):
        return TOGETHER + 0.5 * len(wanted) / len(path)
    return 1.0 + len(wanted) / len(path)


def _squeezed(text: str) -> str:
    return text.replace("_", "").replace("-", "")


def _named_alike(paths: Sequence[str], terms: Sequence[str]) -> dict[str, float]:
    """Return the paths that name what a sentence speaks of: in their last part, or above it."""
    if not terms:
        return {}
    scored: dict[str, float] = {}
    matchers = [re.compile(query.variants(term), re.IGNORECASE) for term in terms]
    any_of = re.compile("|".join(matcher.pattern for matcher in matchers), re.IGNORECASE)
    for path in paths:
        if any_of.search(path) is None:
            continue
        directory, _, base = path.rpartition("/")
        named = sum(2.0 for matcher in matchers if matcher.search(base))
        scored[path] = named + sum(
            0.7 for matcher in matchers if not matcher.search(base) and matcher.search(directory)
        )
    return scored
