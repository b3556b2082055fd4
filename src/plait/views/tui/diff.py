"""A change of a file as styled lines: unified, with line numbers, changed words marked by their line. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from rich.text import Text

from plait.protocol.calls import DiffDetail
from plait.protocol.display import sanitise_line
from plait.views.tui.palette import Palette
from plait.views.tui.wrapping import cut

CONTEXT = 3
MOST_COMPARED = 4000


def diff_lines(diff: DiffDetail, width: int, palette: Palette, *, most: int | None = None) -> list[Text]:
    """Return the lines of a change; at most `most`, the last saying how many more there are."""
    lines = list(_lines(diff, width, palette))
    if most is not None and len(lines) > most:
        left = len(lines) - most + 1
        return [*lines[: most - 1], Text(f"      … {left} more lines", palette.dim)]
    return lines


def _lines(diff: DiffDetail, width: int, palette: Palette) -> Iterator[Text]:
    before = (diff.before or "").splitlines()
    after = (diff.after or "").splitlines()
    # Of a large file only the changed part is held.
    skipped = diff.first_line - 1
    digits = len(str(max(len(before), len(after), 1) + skipped))
    if diff.before is None:
        for number, line in enumerate(after, 1 + skipped):
            yield _line(number, "+", line, digits, width, palette)
        return
    first = True
    for group in _groups(before, after):
        if not first:
            yield Text(" " * (digits + 1) + "⋯", palette.faint)
        first = False
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                for offset, line in enumerate(after[j1:j2]):
                    yield _line(skipped + j1 + offset + 1, " ", line, digits, width, palette)
                continue
            for offset, line in enumerate(before[i1:i2]):
                yield _line(skipped + i1 + offset + 1, "-", line, digits, width, palette)
            for offset, line in enumerate(after[j1:j2]):
                yield _line(skipped + j1 + offset + 1, "+", line, digits, width, palette)
    if first:
        yield Text("  (only white space or line ends differ)", palette.dim)


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


def _line(number: int, mark: str, source: str, digits: int, width: int, palette: Palette) -> Text:
    style, mark_style = {
        "+": (palette.added, palette.added_mark),
        "-": (palette.removed, palette.removed_mark),
        " ": (palette.text, palette.dim),
    }[mark]
    head = f"{number:>{digits}} {mark} "
    room = max(4, width - len(head))
    shown = cut(sanitise_line(source), room)
    line = Text.assemble((f"{number:>{digits}} ", palette.dim if mark == " " else mark_style), (f"{mark} ", mark_style))
    line.append(shown, style)
    if mark != " ":
        line.append(" " * max(0, room - line.cell_len + len(head)), style)
    return line
