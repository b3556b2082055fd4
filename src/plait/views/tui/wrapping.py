"""Break styled text into lines by display width. Pure."""

from __future__ import annotations

import re

from rich.cells import cell_len, chop_cells
from rich.text import Text

WORDS = re.compile(r"\s*\S+\s*|\s+")


def wrap(text: Text, width: int, *, hard: bool = False) -> list[Text]:
    """Return `text` as lines of at most `width` cells, broken at spaces; `hard` breaks anywhere (code)."""
    width = max(1, width)
    lines: list[Text] = []
    for line in text.split("\n", allow_blank=True):
        if cell_len(line.plain) <= width:
            lines.append(line)
        else:
            lines += line.divide(_breaks(line.plain, width, hard=hard))
    for line in lines:
        if not hard:
            line.rstrip()
    return lines


def _breaks(plain: str, width: int, *, hard: bool) -> list[int]:
    breaks: list[int] = []
    room = width
    pieces = [plain] if hard else WORDS.findall(plain)
    place = 0
    for piece in pieces:
        size = cell_len(piece.rstrip())
        if size > room and room < width and size <= width:
            breaks.append(place)
            room = width
        if size > room:
            for number, chunk in enumerate(
                chop_cells(piece, width) if room == width else [piece[:0], *chop_cells(piece, width)]
            ):
                if number:
                    breaks.append(place)
                place += len(chunk)
                room = width - cell_len(chunk)
            continue
        place += len(piece)
        room -= cell_len(piece)
    return [place for place in breaks if 0 < place < len(plain)]


def cut(text: str, width: int) -> str:
    """Return one line cut to `width` cells, with an ellipsis."""
    if cell_len(text) <= width:
        return text
    return (chop_cells(text, max(1, width - 1))[0] if width > 1 else "") + "…"


def cut_middle(text: str, width: int) -> str:
    """Return a path cut in its middle: the file's name is what one wants to see."""
    if cell_len(text) <= width or width < 8:
        return cut(text, width)
    tail = text.rsplit("/", 1)[-1]
    if cell_len(tail) + 2 >= width:
        return "…" + tail[-(width - 1) :]
    head = chop_cells(text, width - cell_len(tail) - 2)[0]
    return f"{head}…/{tail}"


def with_right(left: Text, right: Text, width: int) -> Text:
    """Return one line with `right` at its right edge; `left` is cut if both do not fit."""
    size = cell_len(right.plain)
    room = width - size - 1
    if cell_len(left.plain) > room:
        left = left.copy()
        left.truncate(max(1, room), overflow="ellipsis")
    gap = max(1, width - size - cell_len(left.plain))
    return Text.assemble(left, " " * gap, right)
