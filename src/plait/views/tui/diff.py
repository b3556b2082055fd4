"""A change of a file as styled lines with line numbers; where there is little room, changed lines first. Pure."""

from __future__ import annotations

import difflib
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest

from rich.cells import cell_len
from rich.text import Text

from plait.protocol.calls import DiffDetail
from plait.protocol.display import sanitise_line
from plait.views.tui.palette import Palette
from plait.views.tui.wrapping import cut, wrap

CONTEXT = 3
MOST_COMPARED = 4000


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a diff: added (`+`), removed (`-`), in both (` `), or a gap between hunks (`⋯`).

    other: the line whose place it takes, or that takes its place, if there is one.
    """

    mark: str
    number: int = 0
    source: str = ""
    other: str | None = None

    @property
    def is_changed(self) -> bool:
        return self.mark in "+-"

    @property
    def differs_at(self) -> int:
        """Where it begins to differ from the other line; 0 if there is none."""
        pairs = enumerate(zip(self.source, self.other or "", strict=False))
        return next((place for place, (mine, others) in pairs if mine != others), len(self.other or ""))


def diff_lines(diff: DiffDetail, width: int, palette: Palette, *, most: int | None = None) -> list[Text]:
    """Return the lines of a change; at most `most`, changed ones first, the last saying how many more there are.

    Without `most` it is whole: a line that is wider than `width` goes on below.
    """
    rows = list(_rows(diff))
    if not rows:
        return [Text("  (only white space or line ends differ)", palette.dim)]
    digits = len(str(max(row.number for row in rows)))
    if most is None:
        return [line for row in rows for line in _whole_line(row, digits, width, palette)]
    if len(rows) <= most:
        return [_line(row, digits, width, palette) for row in rows]
    picked = pick(rows, max(1, most - 1))
    lines = [_line(rows[place], digits, width, palette) for place in picked]
    if most > 1:
        left = len(rows) - len(picked)
        lines.append(Text("      … 1 more line" if left == 1 else f"      … {left} more lines", palette.dim))
    return lines


def pick(rows: Sequence[Row], room: int) -> list[int]:
    """Return which `room` rows are shown, in order: of each change lines removed and added by turns, then context."""
    order: list[int] = []
    for is_changed, places in groupby(range(len(rows)), key=lambda place: rows[place].is_changed):
        if is_changed:
            block = list(places)
            removed = [place for place in block if rows[place].mark == "-"]
            added = [place for place in block if rows[place].mark == "+"]
            order += [place for pair in zip_longest(removed, added) for place in pair if place is not None]
    if len(order) < room:
        changed = sorted(order)
        context = [place for place in range(len(rows)) if not rows[place].is_changed]
        order += sorted(context, key=lambda place: _distance(place, changed))
    return sorted(order[:room])


def _distance(place: int, changed: Sequence[int]) -> int:
    """Return how far a row is from the nearest changed one."""
    after = bisect(changed, place)
    return min(abs(place - near) for near in changed[max(0, after - 1) : after + 1])


def _rows(diff: DiffDetail) -> Iterator[Row]:
    before = (diff.before or "").splitlines()
    after = (diff.after or "").splitlines()
    # Of a large file only the changed part is held.
    skipped = diff.first_line - 1
    if diff.before is None:
        for number, line in enumerate(after, 1 + skipped):
            yield Row("+", number, line)
        return
    for count, group in enumerate(_groups(before, after)):
        if count:
            yield Row("⋯")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                for offset, line in enumerate(after[j1:j2]):
                    yield Row(" ", skipped + j1 + offset + 1, line)
                continue
            old, new = before[i1:i2], after[j1:j2]
            for mark, lines, others, begin in (("-", old, new, i1), ("+", new, old, j1)):
                for offset, line in enumerate(lines):
                    other = others[offset] if offset < len(others) else None
                    yield Row(mark, skipped + begin + offset + 1, line, other)


def _groups(before: list[str], after: list[str]) -> Iterator[list[tuple[str, int, int, int, int]]]:
    """Yield groups of opcodes with context. What is alike at both ends is not compared: edits are small."""
    start = 0
    limit = min(len(before), len(after))
    while start < limit and before[start] == after[start]:
        start += 1
    end = 0
    while end < limit - start and before[-1 - end] == after[-1 - end]:
        end += 1
    if start == len(before) == len(after):
        return
    low = max(0, start - CONTEXT)
    keep = max(0, end - CONTEXT)
    old, new = before[low : len(before) - keep], after[low : len(after) - keep]
    if len(old) + len(new) > MOST_COMPARED:
        yield [("replace", start, len(before) - end, start, len(after) - end)]
        return
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT):
        yield [(tag, i1 + low, i2 + low, j1 + low, j2 + low) for tag, i1, i2, j1, j2 in group]


def _whole_line(row: Row, digits: int, width: int, palette: Palette) -> Iterator[Text]:
    if row.mark == "⋯":
        yield _line(row, digits, width, palette)
        return
    room = max(4, width - digits - 3)
    for count, piece in enumerate(wrap(Text(sanitise_line(row.source)), room, hard=True)):
        yield _styled(row, f"{row.number if count == 0 else '':>{digits}} ", piece.plain, room, palette)


def _line(row: Row, digits: int, width: int, palette: Palette) -> Text:
    if row.mark == "⋯":
        return Text(" " * (digits + 1) + "⋯", palette.faint)
    room = max(4, width - digits - 3)
    # Of a long line the part is shown that differs.
    differs_at = row.differs_at if len(row.source) > room else 0
    begin = differs_at - room // 3 if differs_at > room * 2 // 3 else 0
    shown = cut(("…" if begin else "") + sanitise_line(row.source[begin:]), room)
    return _styled(row, f"{row.number:>{digits}} ", shown, room, palette)


def _styled(row: Row, head: str, shown: str, room: int, palette: Palette) -> Text:
    style, mark_style = {
        "+": (palette.added, palette.added_mark),
        "-": (palette.removed, palette.removed_mark),
        " ": (palette.text, palette.dim),
    }[row.mark]
    line = Text.assemble((head, mark_style), (f"{row.mark} ", mark_style), (shown, style))
    if row.is_changed:
        line.append(" " * max(0, room - cell_len(shown)), style)
    return line
