"""Say what a text holds instead of something that was looked for and not found. Pure, and bounded in time."""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher

from plait.tools.matching import NEWLINE

MOST_LINES = 20_000
LONGEST_COMPARED = 200
LONGEST_SHOWN = 800
SIMILAR = 0.6


def nearest(text: str, wanted: str) -> str:
    """Return one line for the model: where something like `wanted` stands, and what exactly stands there."""
    lines = NEWLINE.split(text)[:MOST_LINES]
    asked = NEWLINE.split(wanted.strip("\r\n"))
    place = _same_but_for_space(lines, asked)
    if place is not None:
        where = _lines_in_words(place, len(asked))
        return f"It differs in white space from {where}: {_quoted(lines, place, len(asked))}."
    anchor = max(asked, key=lambda line: len(line.strip()))
    best = _most_similar(lines, anchor.strip())
    if best is None:
        return "Nothing in the file is like it: read the file."
    first = max(0, best - asked.index(anchor))
    return f"Nearest is {_lines_in_words(first, len(asked))}: {_quoted(lines, first, len(asked))}."


def _quoted(lines: list[str], first: int, count: int) -> str:
    """Return lines as one JSON string, so that tabs and line ends are seen and can be copied."""
    shown = json.dumps("\n".join(lines[first : first + count]), ensure_ascii=False)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"


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
