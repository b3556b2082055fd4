"""Find and replace text exactly, while every line end that was not meant to change stays what it is. Pure.

A model writes `\\n`; a file may have CRLF, CR, or several kinds. What is looked for is therefore matched with all
line ends taken as one, and what is put there gets those of the place it is put into.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher

from plait.host.text import prevailing_newline

NEWLINE = re.compile(r"\r\n|\r|\n")
# Pairs of equal lines, the measure of the work, beyond which two texts are not compared line by line.
MOST_PAIRS = 2_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the exact text: from `start` up to `end`, in characters from 0."""

    start: int
    end: int


class PlainLines:
    """A text with every line end as `\\n`, and the way back to the exact one."""

    def __init__(self, exact: str) -> None:
        self._pairs: list[int] = []
        self.text = exact
        if "\r" in exact:
            self._pairs = [match.start() - i for i, match in enumerate(re.finditer("\r\n", exact))]
            self.text = exact.replace("\r\n", "\n").replace("\r", "\n")

    def exact_offset(self, offset: int) -> int:
        return offset + bisect_left(self._pairs, offset)


def find(exact: str, wanted: str) -> list[Span]:
    """Return all places of `wanted` in `exact`, overlapping ones too, line ends of any kind taken as equal.

    A `\\r` in `wanted` is meant as such, and found as such if it is there at all.
    """
    if "\r" in wanted and (spans := [Span(at, at + len(wanted)) for at in _places(exact, wanted)]):
        return spans
    plain = PlainLines(exact)
    wanted = NEWLINE.sub("\n", wanted)
    return [Span(plain.exact_offset(at), plain.exact_offset(at + len(wanted))) for at in _places(plain.text, wanted)]


def _places(text: str, wanted: str) -> list[int]:
    places = []
    at = text.find(wanted)
    while at >= 0:
        places.append(at)
        at = text.find(wanted, at + 1)
    return places


def without_overlaps(spans: list[Span]) -> list[Span]:
    """Return the spans from left to right, leaving out those that begin within the one before."""
    kept: list[Span] = []
    for span in spans:
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def replace_spans(exact: str, spans: list[Span], new: str, *, literally: bool) -> str:
    """Return `exact` with `new` in place of each of the spans, which do not overlap.

    Its line ends become those of the place, unless it is meant `literally`.
    """
    pieces = []
    done = 0
    for span in spans:
        pieces += [exact[done : span.start], new if literally else fitted(exact, span, new)]
        done = span.end
    return "".join([*pieces, exact[done:]])


def fitted(exact: str, span: Span, new: str) -> str:
    """Return `new` with the line ends of what it replaces; a `\\r` in it is meant as such and left alone."""
    if "\r" in new or "\r" not in exact:
        return new
    replaced = exact[span.start : span.end]
    kinds = set(NEWLINE.findall(replaced))
    match len(kinds):
        case 0:
            return new.replace("\n", _newline_near(exact, span))
        case 1:
            return new.replace("\n", kinds.pop())
        case _:
            return _keep_line_ends(replaced, new)


def _newline_near(exact: str, span: Span) -> str:
    """Return the line end after the span, else the one before it."""
    after = NEWLINE.search(exact, span.end)
    if after is not None:
        return after[0]
    before = exact[: span.start]
    last = max(before.rfind("\n"), before.rfind("\r"))
    if last < 0:
        return "\n"
    return "\r\n" if before[last - 1 : last + 1] == "\r\n" else before[last]


def _keep_line_ends(old: str, new: str) -> str:
    """Return `new` with the line ends of `old`, which mixes them, line for line.

    An unchanged line keeps its own; where lines changed, the first of the new ones takes that of the first of the
    old ones and so on, and what is more takes that of the last, or of the line before.
    """
    old_lines, new_lines = split_lines(old), split_lines(new)
    bare_old, bare_new = [NEWLINE.sub("", line) for line in old_lines], [NEWLINE.sub("", line) for line in new_lines]
    ends = [line[len(bare) :] for line, bare in zip(old_lines, bare_old, strict=True)]
    usual = prevailing_newline(old)
    kept: list[str] = []
    old_done = 0
    for block in unchanged_blocks(bare_old, bare_new):
        changed = ends[old_done : block.a] or ends[max(0, old_done - 1) : old_done]
        count = block.b - len(kept)
        kept += [changed[min(i, len(changed) - 1)] if changed else usual for i in range(count)]
        kept += ends[block.a : block.a + block.size]
        old_done = block.a + block.size
    pairs = zip(new_lines, bare_new, kept, strict=True)
    return "".join(bare + (end or usual) if line != bare else bare for line, bare, end in pairs)


def split_lines(text: str) -> list[str]:
    """Split after `\\n`, `\\r\\n` and lone `\\r` alone, line ends kept; nothing after the last line end."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text) if "\r" in text else text.split("\n")
    if "\r" in text:
        return lines
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


@dataclass(frozen=True, slots=True)
class Block:
    """`size` lines that are the same in both texts: from line `a` of the old and `b` of the new, from 0."""

    a: int
    b: int
    size: int


def unchanged_blocks(old: list[str], new: list[str]) -> list[Block]:
    """Return the runs of equal lines, in order; the last is the common end and may be empty.

    What the beginnings and ends share is set aside first, so that a small change in a large file is found at once.
    """
    shortest = min(len(old), len(new))
    head = 0
    while head < shortest and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shortest - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    blocks = [Block(0, 0, head)] if head else []
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    there = Counter(middle_new)
    if 0 < sum(there[line] for line in middle_old) <= MOST_PAIRS:
        matches = SequenceMatcher(None, middle_old, middle_new).get_matching_blocks()
        blocks += [Block(head + match.a, head + match.b, match.size) for match in matches if match.size]
    return [*blocks, Block(len(old) - tail, len(new) - tail, tail)]
