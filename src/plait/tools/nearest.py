"""Say what a text holds instead of something that was looked for and not found. Pure, and bounded in time."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from plait.tools.matching import NEWLINE

MOST_LINES = 20_000
LONGEST_COMPARED = 200
LONGEST_SHOWN = 300
MOST_SHOWN = 12
SIMILAR = 0.6


def nearest(text: str, wanted: str) -> str:
    """Return lines for the model: where something like `wanted` stands, and what exactly stands there."""
    lines = NEWLINE.split(text)[:MOST_LINES]
    asked = NEWLINE.split(wanted.strip("\r\n"))
    place = _same_but_for_space(lines, asked)
    if place is not None:
        where = _lines_in_words(place, len(asked))
        return f"It is at {where} but for white space; exactly it reads:\n{numbered(lines, place, len(asked))}"
    anchor = max(asked, key=lambda line: len(line.strip()))
    best = _most_similar(lines, anchor.strip())
    if best is None:
        return "Nothing in the file is like it: read the file."
    first = max(0, best - asked.index(anchor))
    return f"Nearest:\n{numbered(lines, first, len(asked))}"


def _lines_in_words(first: int, count: int) -> str:
    return f"line {first + 1}" if count == 1 else f"lines {first + 1}–{first + count}"


def _same_but_for_space(lines: list[str], asked: list[str]) -> int | None:
    bare = [_squeezed(line) for line in lines]
    looked_for = [_squeezed(line) for line in asked]
    if not any(looked_for):
        return None
    for place in range(len(bare) - len(looked_for) + 1):
        if bare[place] == looked_for[0] and bare[place : place + len(looked_for)] == looked_for:
            return place
    return None


def _squeezed(line: str) -> str:
    return re.sub(r"\s+", " ", line.strip())


def _most_similar(lines: list[str], wanted: str) -> int | None:
    matcher = SequenceMatcher(None, "", wanted[:LONGEST_COMPARED], autojunk=False)
    best, best_ratio = None, SIMILAR
    for number, line in enumerate(lines):
        bare = line.strip()[:LONGEST_COMPARED]
        if not bare:
            continue
        matcher.set_seq1(bare)
        # From the cheapest bound to the dearest: most lines fall at the first.
        if (
            matcher.real_quick_ratio() > best_ratio
            and matcher.quick_ratio() > best_ratio
            and (ratio := matcher.ratio()) > best_ratio
        ):
            best, best_ratio = number, ratio
    return best


def numbered(lines: list[str], first: int, count: int) -> str:
    """Return `count` lines from `first` (from 0) as `read` shows them, long ones and long runs cut."""
    shown = lines[first : first + min(count, MOST_SHOWN)]
    rows = [f"{number:>5}\t{line[:LONGEST_SHOWN]}" for number, line in enumerate(shown, first + 1)]
    return "\n".join(rows + (["    …"] if count > MOST_SHOWN else []))
