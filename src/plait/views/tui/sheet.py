"""Blocks as lines on one long sheet: what is drawn, what is not yet, and where each block begins. No widget, no clock.

A block's strips are kept until the block, the width or the theme changes. A block that has never been drawn has no
height: it takes its place when it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from plait.views.tui.blocks import Block
from plait.views.tui.palette import Palette
from plait.views.tui.strips import to_strip

NOTHING = Style()


@dataclass(frozen=True, slots=True)
class Look:
    """What strips are drawn for: cells of text, cells left and right of it, and the ground they stand on."""

    width: int
    palette: Palette
    ground: Style = NOTHING
    left: int = 0
    right: int = 0


Key = tuple[int, Look, str]


@dataclass(slots=True, eq=False)
class Drawn:
    """A block's strips and what they were drawn for; `settled` of them will not change."""

    place: int
    strips: list[Strip] = field(default_factory=list)
    key: Key | None = None
    settled: int = 0


class Sheet:
    """`blocks` in order; a block that says it has changed waits in `behind` until it is drawn again."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.look = Look(0, Palette.of({}, dark=True))
        self.starts: list[int] = [0]
        """On which line each block begins, and where the last one ends."""
        self.version = 0
        """Another number as soon as a line looks different or has moved."""
        self._drawn: list[Drawn] = []
        self._behind: set[Drawn] = set()
        self._first_moved: int | None = None
        self._first_changed: int | None = None

    # --- what is on it -------------------------------------------------------------------------------------------

    def add(self, *blocks: Block) -> None:
        if self._drawn:
            # What stands between two blocks depends on both.
            self._behind.add(self._drawn[-1])
        for block in blocks:
            self.blocks.append(block)
            self._drawn.append(self._watch(block, len(self._drawn)))
            self.starts.append(self.starts[-1])

    def insert_before(self, blocks: Sequence[Block]) -> None:
        self.blocks[:0] = blocks
        self._drawn[:0] = [self._watch(block, place) for place, block in enumerate(blocks)]
        self.starts[:0] = [0] * len(blocks)
        self._renumber()

    def drop(self, block: Block) -> None:
        place = self.blocks.index(block)
        block.watcher = None
        self.version += 1
        self._behind.discard(self._drawn[place])
        height = self.starts[place + 1] - self.starts[place]
        del self.blocks[place], self._drawn[place]
        self.starts[place + 1 :] = [start - height for start in self.starts[place + 2 :]]
        self._behind.update(self._drawn[max(0, place - 1) : place])
        self._renumber()

    def clear(self) -> None:
        for block in self.blocks:
            block.watcher = None
        self.blocks.clear()
        self._drawn.clear()
        self._behind.clear()
        self.starts = [0]
        self._first_moved = self._first_changed = None
        self.version += 1

    def _watch(self, block: Block, place: int) -> Drawn:
        drawn = Drawn(place)
        block.watcher = lambda: self._behind.add(drawn)
        self._behind.add(drawn)
        return drawn

    def _renumber(self) -> None:
        for place, drawn in enumerate(self._drawn):
            drawn.place = place
        self._first_moved = 0

    def set_look(self, look: Look) -> None:
        if look != self.look:
            self.look = look
            self._behind.update(self._drawn)

    def touch_live(self) -> None:
        """Time has passed: what shows a clock is to be drawn again."""
        for drawn in self._drawn[-60:]:
            if self.blocks[drawn.place].is_live:
                drawn.key = None
                self._behind.add(drawn)

    # --- drawing -------------------------------------------------------------------------------------------------

    @property
    def is_behind(self) -> bool:
        return bool(self._behind)

    def behind_from_end(self, rows: int) -> Iterator[int]:
        """Draw nothing, but name the blocks that must be for the last `rows` lines to be right, the last one first.

        The caller draws each before it asks for the next.
        """
        place = len(self._drawn) - 1
        while place >= 0 and rows > 0:
            if self._drawn[place] in self._behind:
                yield place
            rows -= len(self._drawn[place].strips)
            place -= 1

    def behind_from(self, place: int, rows: int) -> Iterator[int]:
        """Name the blocks that must be drawn for `rows` lines from the beginning of block `place` on to be right."""
        while place < len(self._drawn) and rows > 0:
            if self._drawn[place] in self._behind:
                yield place
            rows -= len(self._drawn[place].strips)
            place += 1

    def behind_near(self, place: int) -> list[int]:
        """Name all the blocks that are to be drawn, those near `place` first."""
        return sorted((drawn.place for drawn in self._behind), key=lambda other: abs(other - place))

    def draw(self, place: int) -> None:
        """Draw a block again if it has changed."""
        drawn, block, look = self._drawn[place], self.blocks[place], self.look
        self._behind.discard(drawn)
        following = self.blocks[place + 1] if place + 1 < len(self.blocks) else None
        key = (block.version, look, _gap(block, following))
        if drawn.key == key:
            return
        lines = block.lines(look.width, look.palette)
        if lines and not (key[2] == "joined" or (key[2] == "packed" and len(lines) == 1)):
            lines = [*lines, Text("")]
        kept = drawn.settled if drawn.key is not None and drawn.key[1:] == key[1:] else 0
        before = len(drawn.strips)
        self.version += 1
        drawn.strips[kept:] = [to_strip(line, look.width, look.ground, look.left, look.right) for line in lines[kept:]]
        drawn.settled = min(block.settled_lines, len(drawn.strips))
        drawn.key = key
        if len(drawn.strips) != before:
            self._first_moved = place if self._first_moved is None else min(self._first_moved, place)
        line = self.starts[place] + kept
        self._first_changed = line if self._first_changed is None else min(self._first_changed, line)

    def add_up(self) -> tuple[bool, int | None]:
        """Add the heights up; tell if any line has moved since the last time, and the first line that changed."""
        first, changed = self._first_moved, self._first_changed
        self._first_moved = self._first_changed = None
        if first is not None:
            self.version += 1
            heights = (len(drawn.strips) for drawn in self._drawn[first:])
            self.starts[first:] = accumulate(heights, initial=self.starts[first])
        return first is not None, changed

    # --- lines ---------------------------------------------------------------------------------------------------

    @property
    def height(self) -> int:
        return self.starts[-1]

    def place_at(self, line: int) -> int:
        """Return the block that a line belongs to (any, if the sheet is empty there)."""
        return min(max(0, bisect_right(self.starts, line) - 1), max(0, len(self.blocks) - 1))

    def line(self, line: int) -> tuple[Strip, int] | None:
        """Return a line and its block; None where there is none (or it has just gone)."""
        if not 0 <= line < self.starts[-1]:
            return None
        place = bisect_right(self.starts, line) - 1
        strips = self._drawn[place].strips
        inside = line - self.starts[place]
        return (strips[inside], place) if inside < len(strips) else None

    def is_drawn(self, place: int) -> bool:
        return bool(self._drawn[place].strips)

    def texts(self) -> list[str]:
        """Return all lines as text, without margins."""
        return [strip.text[self.look.left :].rstrip() for drawn in self._drawn for strip in drawn.strips]


def _gap(block: Block, following: Block | None) -> str:
    if following is None:
        return ""
    if block.joins:
        return "joined"
    return "packed" if block.packs and following.packs else ""
