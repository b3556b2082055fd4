"""The strategies: content, files, symbols, imports, words. One coroutine each; each returns its hits best first.

All look at the tree as it is now, so every hit is `live`.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plait.protocol.calls import SearchHit
from plait.search import definitions, query
from plait.search.query import Shape
from plait.search.rank import Found, penalty
from plait.search.ripgrep import LONGEST_LINE, Match, count_matches, file_names, match_lines

MOST_HITS = 200
MOST_TERM_FILES = 12


@dataclass(frozen=True, slots=True)
class Look:
    """What all strategies are given. `below`: paths relative to `root` to look in; seconds until they must be done."""

    text: str
    shape: Shape
    root: Path
    below: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    ignore_case: bool | None = None
    deadline_s: float = 2.0


Strategy = Callable[[Look], Awaitable[Found]]


def _hit(match: Match, kind: str) -> SearchHit:
    return SearchHit(match.path, match.line, match.line, kind, match.text.strip(), freshness="live")


async def _first(matches: AsyncIterator[Match], most: int) -> list[Match]:
    found: list[Match] = []
    async for match in matches:
        found.append(match)
        if len(found) >= most:
            break
    return found


def _lines(look: Look, pattern: str, **options: object) -> AsyncIterator[Match]:
    settings: dict[str, object] = {"ignore_case": look.ignore_case} | options
    return match_lines(
        pattern,
        root=look.root,
        below=look.below,
        globs=look.globs,
        deadline_s=look.deadline_s,
        **settings,  # type: ignore[arg-type]  # the names are match_lines' own
    )


async def content(look: Look) -> Found:
    """Lines that hold the text: as a regex if it looks like one and is valid, else letter for letter."""
    text = query.unquoted(look.text)
    fixed = look.shape is not Shape.REGEX or not _is_valid(text)
    if look.shape is Shape.PROSE:
        names = query.names_in(look.text)
        if not names:
            return Found("content", ())
        text, fixed = "|".join(re.escape(name) for name in names), False
    if look.shape in (Shape.QUALIFIED, Shape.IDENTIFIER):
        text = text.removesuffix("()")
    matches = await _first(_lines(look, text, fixed=fixed), 2000)
    if look.shape is Shape.QUALIFIED and not matches:
        name = query.last_name(text)
        matches = await _first(_lines(look, name, fixed=True, words=True), 500)
    counts: dict[str, int] = {}
    for match in matches:
        counts[match.path] = counts.get(match.path, 0) + 1
    word = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)") if fixed else None

    def order(match: Match) -> tuple[float, str, int]:
        whole = word is None or word.search(match.text) is not None
        often = min(counts[match.path], 8)
        return (-(2.0 * whole + 0.25 * often) * penalty(match.path, look.shape), match.path, match.line)

    return Found("content", tuple(_hit(match, "content") for match in sorted(matches, key=order)[:MOST_HITS]))


def _is_valid(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


async def files(look: Look) -> Found:
    """Files whose path matches, by name, by its end, or letter by letter in order."""
    wanted = query.unquoted(look.text).strip().strip("/").lower()
    names = query.terms(look.text) if look.shape is Shape.PROSE else ()
    paths = await file_names(root=look.root, below=look.below, globs=look.globs, deadline_s=look.deadline_s)
    scored = [(score, path) for path in paths if (score := _path_score(path, wanted, names, look.shape)) > 0]
    scored.sort(key=lambda entry: (-entry[0] * penalty(entry[1], look.shape), len(entry[1]), entry[1]))
    hits = tuple(SearchHit(path, 1, 1, "file", path, freshness="live") for _, path in scored[:MOST_HITS])
    exact = frozenset((path, 1) for score, path in scored[:20] if score >= 9 and look.shape is Shape.PATH)
    return Found("files", hits, exact)


def _path_score(path: str, wanted: str, names: Sequence[str], shape: Shape) -> float:
    lower = path.lower()
    base = lower.rsplit("/", 1)[-1]
    if names:
        stem = base.split(".")[0]
        return sum(2.0 if name in stem else 0.7 for name in names if name in lower)
    if lower == wanted:
        return 11
    if base == wanted or lower.endswith("/" + wanted):
        return 10
    stem = base.rsplit(".", 1)[0]
    if stem == wanted:
        return 9 if shape is Shape.PATH else 6
    if shape is Shape.QUALIFIED:
        dotted = re.sub(r"::|[.#]|->", "/", wanted)
        return 5.0 if f"/{dotted}." in f"/{lower}" or f"/{dotted}/" in f"/{lower}" else 0.0
    if len(wanted) >= 3 and wanted in base:
        return 5 + len(wanted) / max(1, len(base))
    if len(wanted) >= 3 and wanted in lower:
        return 3 + len(wanted) / len(lower)
    squeezed = wanted.replace("_", "").replace("-", "")
    if len(squeezed) >= 3 and squeezed == stem.replace("_", "").replace("-", ""):
        return 6
    if shape is Shape.PATH and len(wanted) >= 4 and _in_order(wanted, lower):
        return 1 + len(wanted) / len(lower)
    return 0.0


def _in_order(needle: str, haystack: str) -> bool:
    place = -1
    for sign in needle:
        place = haystack.find(sign, place + 1)
        if place < 0:
            return False
    return True


async def symbols(look: Look) -> Found:
    """Definitions of the name that is asked for, exact ones first, then those whose name contains it."""
    if look.shape is Shape.PROSE:
        names = query.names_in(look.text)[:3]
    elif look.shape in (Shape.IDENTIFIER, Shape.QUALIFIED):
        names = (query.last_name(look.text),)
    else:
        names = tuple(re.findall(r"[A-Za-z_$][\w$]{2,}", query.unquoted(look.text)))[-1:]
    hits: list[SearchHit] = []
    exact: set[tuple[str, int]] = set()
    for name in names:
        found = await _definitions(look, name)
        if look.shape is Shape.QUALIFIED:
            found = await _in_scope(look, found)
        if look.shape is not Shape.PATH:
            exact |= {(hit.path, hit.line) for hit in found}
        hits += found
        if not found and look.shape in (Shape.IDENTIFIER, Shape.PROSE):
            hits += await _similar_definitions(look, name)
    return Found("symbols", tuple(hits[:MOST_HITS]), frozenset(exact))


async def _definitions(look: Look, name: str) -> list[SearchHit]:
    pattern = "|".join(definitions.patterns(name))
    matches = await _first(_lines(look, pattern, ignore_case=False), 500)
    hits = [_hit(match, kind) for match in matches if (kind := definitions.kind_of(match.text, name)) is not None]
    strength = {"class": 0, "struct": 0, "interface": 0, "enum": 0, "type": 1, "function": 0, "macro": 0, "method": 1}
    hits.sort(
        key=lambda hit: (
            -penalty(hit.path, look.shape),
            strength.get(hit.kind, 2),
            hit.path.count("/"),
            hit.path,
            hit.line,
        )
    )
    return hits


async def _similar_definitions(look: Look, name: str) -> list[SearchHit]:
    if len(name) < 3:
        return []
    pattern = "|".join(definitions.fuzzy_patterns(name))
    matches = await _first(_lines(look, pattern, ignore_case=True), 500)
    squeezed = name.replace("_", "").lower()

    def distance(match: Match) -> tuple[float, int, str, int]:
        words = re.findall(r"[A-Za-z_$][\w$]*", match.text)
        near = min(
            (abs(len(word) - len(name)) for word in words if squeezed in word.replace("_", "").lower()), default=99
        )
        return (-penalty(match.path, look.shape), near, match.path, match.line)

    return [_hit(match, "symbol") for match in sorted(matches, key=distance)]


async def _in_scope(look: Look, found: list[SearchHit]) -> list[SearchHit]:
    """Keep the definitions that lie behind the opening of the scope that is named, nearest first; all if none do."""
    scopes = query.scope_names(look.text)
    receiver = re.compile(rf"func\s*\(\s*\w*\s*\*?{re.escape(scopes[-1])}\b|\b{re.escape(scopes[-1])}(?:::|\.|#)")
    openings: dict[str, list[int]] = {}
    async for match in _lines(look, definitions.scope_pattern(scopes), ignore_case=False):
        openings.setdefault(match.path, []).append(match.line)
    module = "/".join(scopes).lower()

    def distance(hit: SearchHit) -> float:
        if receiver.search(hit.text):
            return 0
        above = [hit.line - line for line in openings.get(hit.path, ()) if line < hit.line]
        if above:
            return 1 + min(above)
        stem = hit.path.lower().rsplit(".", 1)[0]
        return 5000 if f"/{stem}".endswith(f"/{module}") or f"/{module}/" in f"/{stem}" else math.inf

    inside = [hit for hit in found if distance(hit) < math.inf]
    return sorted(inside, key=lambda hit: (-penalty(hit.path, look.shape), distance(hit), hit.path, hit.line)) or found


async def imports(look: Look) -> Found:
    """Lines that import the module asked for."""
    if look.shape is Shape.PROSE:
        return Found("imports", ())
    module = query.imported_module(query.unquoted(look.text)).removesuffix("()")
    if not re.fullmatch(r"[@\w][\w@./:-]*", module) or len(module) < 2:
        return Found("imports", ())
    pattern = "|".join(definitions.import_patterns(module))
    matches = await _first(_lines(look, pattern, ignore_case=False, most_a_file=5), 1000)
    matches.sort(key=lambda match: (-penalty(match.path, look.shape), match.path, match.line))
    return Found("imports", tuple(_hit(match, "import") for match in matches[:MOST_HITS]))


async def words(look: Look) -> Found:
    """Files that speak of what a sentence speaks of: BM25 over the words' beginnings, then the best place in each.

    Robertson and Zaragoza, The Probabilistic Relevance Framework (2009); document length is left out.
    """
    terms = query.terms(look.text)
    if not terms:
        return Found("words", ())
    counted = await asyncio.gather(
        *(
            count_matches(
                re.escape(term), root=look.root, below=look.below, globs=look.globs, deadline_s=look.deadline_s
            )
            for term in terms
        )
    )
    by_term = dict(zip(terms, counted, strict=True))
    every = len(set().union(*by_term.values())) or 1
    weights = {term: math.log(1 + (every - len(files) + 0.5) / (len(files) + 0.5)) for term, files in by_term.items()}
    scores: dict[str, float] = {}
    for term, counts in by_term.items():
        for path, count in counts.items():
            in_name = 1.5 if term in path.lower().rsplit("/", 1)[-1] else (0.6 if term in path.lower() else 0.0)
            scores[path] = scores.get(path, 0.0) + weights[term] * (count * 2.2 / (count + 1.2) + in_name)
    for path in scores:
        present = sum(path in counts for counts in by_term.values())
        scores[path] *= penalty(path, look.shape) * (present / len(terms)) ** 0.5
    order = sorted(scores, key=lambda path: (-scores[path], path))[:MOST_TERM_FILES]
    places = await _best_places(look, order, weights)
    return Found("words", tuple(places[path] for path in order if path in places))


async def _best_places(look: Look, paths: Sequence[str], weights: Mapping[str, float]) -> dict[str, SearchHit]:
    """Return, for each file, the line around which most of the words' weight gathers."""
    if not paths:
        return {}
    pattern = "|".join(re.escape(term) for term in weights)
    lines: dict[str, list[Match]] = {}
    async for match in match_lines(
        pattern, root=look.root, below=paths, ignore_case=True, most_a_file=400, most=6000, deadline_s=look.deadline_s
    ):
        lines.setdefault(match.path, []).append(match)
    return {path: _best_place(found, weights) for path, found in lines.items()}


def _best_place(matches: Sequence[Match], weights: Mapping[str, float]) -> SearchHit:
    def value(match: Match) -> float:
        near = [other.text.lower() for other in matches if abs(other.line - match.line) <= 6]
        around = sum(weight for term, weight in weights.items() if any(term in text for text in near))
        own = sum(weight for term, weight in weights.items() if term in match.text.lower())
        defines = 0.5 if re.match(rf"\s*{definitions.MODIFIERS}{definitions.KEYWORDS}\s", match.text) else 0.0
        return around + own + defines * own

    sample = matches[:150]
    best = max(sample, key=lambda match: (value(match), -match.line))
    return SearchHit(best.path, best.line, best.line, "content", best.text.strip()[:LONGEST_LINE], freshness="live")


STRATEGIES: Mapping[str, Strategy] = {
    "content": content,
    "files": files,
    "symbols": symbols,
    "imports": imports,
    "words": words,
}
