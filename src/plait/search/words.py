"""Search by what a sentence speaks of, for questions in words.

One look finds where its words occur, at the beginning of a word or of a part of one (`maxRetries`, `max_retries`);
files are weighed as by BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009) without their
length, then the best of them by the place in which most of the words gather.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plait.index.view import View
from plait.protocol.calls import SearchHit
from plait.search import query
from plait.search.definitions import definition_in
from plait.search.look import Look
from plait.search.place import LONGEST_LINE, Line, Pattern, State
from plait.search.rank import Found, standing

MOST_MATCHES = 40_000
MATCHES_A_FILE = 400
# Files that are looked at closely.
MOST_FILES = 40
# Lines above and below a place that still belong to it.
NEAR = 12
LINES_A_FILE = 300
# What the words in the name of a definition are worth: by more than one of them it is hardly named by chance.
NAMED = 0.8
NAMED_BY_MORE = 1.3
# What "often" of the index stands for, and how many files of those it names are weighed.
OFTEN_COUNTS = 5
MOST_COUNTED = 4_000


@dataclass(frozen=True, slots=True)
class Terms:
    """The words, each with the pattern that finds its forms, and their weights once it is known how rare they are."""

    patterns: Mapping[str, re.Pattern[str]]

    @staticmethod
    def of(words: Sequence[str]) -> Terms:
        return Terms({word: re.compile(query.variants(word), re.IGNORECASE) for word in words})

    def looked_for(self) -> str:
        """Return one pattern for ripgrep: a form after anything but a letter, or with a capital after a small one."""
        forms = [query.variants(word) for word in self.patterns]
        capitals = [form[0].upper() + form[1:] for form in forms if form[0].isascii() and form[0].isalpha()]
        inner = f"|[a-z0-9](?:{'|'.join(capitals)})" if capitals else ""
        # Scripts without spaces have no beginnings of words.
        whole = [form for form in forms if not form.isascii()]
        anywhere = f"|{'|'.join(whole)}" if whole else ""
        return f"(?i:(?:^|[^a-zA-Z])(?:{'|'.join(forms)})){inner}{anywhere}"

    def in_text(self, text: str) -> list[str]:
        return [word for word, pattern in self.patterns.items() if pattern.search(text)]

    def of_match(self, text: str) -> str | None:
        """Return the word that a match is a form of; a sign before it may belong to the match."""
        for word, pattern in self.patterns.items():
            if pattern.match(text, 1) or pattern.match(text):
                return word
        return None


async def words(look: Look) -> Found:
    """Files that speak of what a sentence speaks of, and in each the place where it does so most."""
    terms = Terms.of(query.terms(query.unquoted(look.text)))
    if not terms.patterns:
        return Found("words")
    state = State.DONE
    if look.tree.view is not None:
        counts = await asyncio.to_thread(_stored_counts, look, look.tree.view, terms)
        if look.tree.view.changed:
            for_now = await look.tree.lines(_matching(terms), below=look.tree.view.changed)
            counts |= _count(terms, for_now.found)
    else:
        matches = await look.tree.lines(_matching(terms))
        if matches.state is State.CAPPED and len(terms.patterns) > 1:
            # A word that is everywhere hides the others, and tells nothing.
            terms = _without_commonest(terms, matches.found)
            matches = await look.tree.lines(_matching(terms))
        counts, state = _count(terms, matches.found), matches.state
    names = await look.tree.names()
    weights = _weights(terms, counts, len(names.found))
    rough = {path: _rough(path, count, terms, weights) for path, count in counts.items()}
    best = sorted(rough, key=lambda path: (-rough[path], path))[:MOST_FILES]
    if not best:
        return Found("words", state=state)
    closer = await look.tree.lines(
        Pattern(terms.looked_for(), case="exact", most_a_file=LINES_A_FILE, most=MOST_MATCHES), below=tuple(best)
    )
    by_path: dict[str, list[Line]] = {}
    for line in closer.found:
        by_path.setdefault(line.path, []).append(line)
    scored = []
    for path in best:
        gathered, hit = _best_place(by_path.get(path, []), terms, weights, path)
        scored.append((rough[path] + gathered * standing(path), hit))
    scored.sort(key=lambda one: (-one[0], one[1].path))
    return Found("words", tuple(hit for _, hit in scored), state=state)


def _matching(terms: Terms) -> Pattern:
    return Pattern(terms.looked_for(), case="exact", parts=True, most_a_file=MATCHES_A_FILE, most=MOST_MATCHES)


def _stored_counts(look: Look, view: View, terms: Terms) -> dict[str, dict[str, int]]:
    """Return about how often each word occurs, by path: the index knows whether it does, and whether often."""
    by_file: dict[int, dict[str, int]] = {}
    for word in terms.patterns:
        forms = " OR ".join(_fts_string(text) + "*" * goes_on for text, goes_on in query.beginnings(word))
        for file in view.holding(f"body : ({forms})"):
            by_file.setdefault(file, {})[word] = 1
        for file in view.holding(f"often : ({forms})"):
            by_file.setdefault(file, {})[word] = OFTEN_COUNTS
    if len(by_file) > MOST_COUNTED:
        # Those with few of the words have no chance.
        order = sorted(by_file, key=lambda file: (-len(by_file[file]), -sum(by_file[file].values())))
        by_file = {file: by_file[file] for file in order[:MOST_COUNTED]}
    paths = view.files_by_id(list(by_file))
    kept = set(look.tree.within_paths(path for path, _ in paths.values()))
    return {path: by_file[file] for file, (path, _) in paths.items() if path in kept}


def _fts_string(text: str) -> str:
    """Quote a text for FTS5 (SQLite, Full-text Query Syntax)."""
    return '"' + text.replace('"', '""') + '"'


def _count(terms: Terms, matches: Sequence[Line]) -> dict[str, dict[str, int]]:
    """Return how often each word occurs, by path."""
    known: dict[str, str | None] = {}
    counts: dict[str, dict[str, int]] = {}
    for match in matches:
        if match.text not in known:
            known[match.text] = terms.of_match(match.text)
        word = known[match.text]
        if word is not None:
            of_file = counts.setdefault(match.path, {})
            of_file[word] = of_file.get(word, 0) + 1
    return counts


def _without_commonest(terms: Terms, matches: Sequence[Line]) -> Terms:
    total = dict.fromkeys(terms.patterns, 0)
    for count in _count(terms, matches).values():
        for word, times in count.items():
            total[word] += times
    commonest = max(total, key=lambda word: total[word])
    return Terms({word: pattern for word, pattern in terms.patterns.items() if word != commonest})


def _weights(terms: Terms, counts: Mapping[str, Mapping[str, int]], files: int) -> dict[str, float]:
    weights = {}
    for word in terms.patterns:
        holding = sum(word in count for count in counts.values())
        rarity = math.log(1 + (max(files, holding) - holding + 0.5) / (holding + 0.5))
        weights[word] = rarity * (0.4 if word in query.COMMON_WORDS else 1.0)
    return weights


def _rough(path: str, count: Mapping[str, int], terms: Terms, weights: Mapping[str, float]) -> float:
    """Return what a file's counts and its name are worth, before anybody has looked into it."""
    spoken = sum(weights[word] * times / (times + 1.5) for word, times in count.items())
    directory, _, base = path.rpartition("/")
    named = sum(
        weights[word] * (0.8 if pattern.search(base) else 0.25)
        for word, pattern in terms.patterns.items()
        if pattern.search(base) or pattern.search(directory)
    )
    # Sentences are about all of their words: one that has but the rarest is a chance find.
    present = sum(weights[word] for word in terms.patterns if word in count)
    share = present / (sum(weights.values()) or 1.0)
    return float((spoken + named) * (0.35 + 0.65 * share) * standing(path))


def _best_place(
    lines: Sequence[Line], terms: Terms, weights: Mapping[str, float], path: str
) -> tuple[float, SearchHit]:
    """Return the place of a file in which most of the words gather, and what that is worth."""
    if not lines:
        return 0.0, SearchHit(path, 1, 1, "file", path, freshness="live")
    held = [terms.in_text(line.text) for line in lines]
    defined = [definition_in(line.text, line.path) for line in lines]
    best, best_value, first, last = 0, -1.0, 0, 0
    for place, line in enumerate(lines):
        while lines[first].number < line.number - NEAR:
            first += 1
        while last < len(lines) and lines[last].number <= line.number + NEAR:
            last += 1
        around = {word for near in held[first:last] for word in near}
        value = sum(weights[word] for word in around) + 0.6 * sum(weights[word] for word in held[place])
        definition = defined[place]
        if definition is not None and not definition.weak:
            named = terms.in_text(definition.name)
            value += (NAMED if len(named) == 1 else NAMED_BY_MORE) * sum(weights[word] for word in named)
        if value > best_value:
            best, best_value = place, value
    line, definition = lines[best], defined[best]
    kind = definition.kind if definition is not None and not definition.weak else "content"
    return best_value, SearchHit(
        path, line.number, line.number, kind, line.text.strip()[:LONGEST_LINE], freshness="live"
    )
