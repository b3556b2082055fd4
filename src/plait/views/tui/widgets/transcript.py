"""The conversation: one Line-API widget over a list of blocks, not a tree of widgets.

A block's lines are kept as strips until the block, the width or the theme changes. Heights are added up, so that a
line is found by bisection; what cannot be seen is drawn again only when there is time. The view sticks to the end
unless the user has scrolled away.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from plait.protocol.display import UNSAFE, sanitise_in_place
from plait.views.tui.blocks import Block
from plait.views.tui.keymap import keys_of
from plait.views.tui.palette import Palette

_CONSOLE = Console(width=400, color_system="truecolor", legacy_windows=False, force_terminal=True)


@dataclass(slots=True)
class Drawn:
    """A block's strips, for which version, width and theme they were drawn, and how many of them are settled."""

    strips: list[Strip] = field(default_factory=list)
    key: tuple[int, int, int] | None = None
    settled: int = 0


class Transcript(ScrollView, can_focus=True):
    """`blocks` in order; `changed` after any of them has been touched."""

    class Walked(Message):
        """The user pressed a key that belongs to the selected block."""

        def __init__(self, action: str, block: Block) -> None:
            super().__init__()
            self.action = action
            self.block = block

    class ReachedTop(Message):
        """The user scrolled to the beginning: earlier turns may be wanted."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.blocks: list[Block] = []
        self.palette = Palette.of({}, dark=True)
        self.sticks = True
        self.layouts = 0
        self._drawn: list[Drawn] = []
        self._starts: list[int] = [0]
        self._theme = 0
        self._base = Style()
        self._selected: int | None = None
        self._sticking = False

    # --- what it shows -------------------------------------------------------------------------------------------

    def add(self, *blocks: Block) -> None:
        self.blocks += blocks
        self._drawn += [Drawn() for _ in blocks]

    def insert_before(self, blocks: Sequence[Block]) -> None:
        """Put earlier blocks on top; what is seen stays where it is."""
        height = self._starts[-1]
        self.blocks[:0] = blocks
        self._drawn[:0] = [Drawn() for _ in blocks]
        if self._selected is not None:
            self._selected += len(blocks)
        was_stuck, self.sticks = self.sticks, False
        self.changed()
        self.scroll_to(y=self.scroll_y + self._starts[-1] - height, animate=False)
        self.sticks = was_stuck

    def drop(self, block: Block) -> None:
        place = self.blocks.index(block)
        del self.blocks[place], self._drawn[place]
        self._selected = None

    def clear(self) -> None:
        self.blocks.clear()
        self._drawn.clear()
        self._selected = None
        self.changed()

    def set_palette(self, palette: Palette) -> None:
        self.palette = palette
        self._theme += 1
        self.changed()

    def changed(self) -> None:
        """Draw the blocks that have changed, add the heights up, and keep to the end if it was there."""
        width = self._width
        if width <= 0:
            return
        self._base = self.rich_style
        first = None
        repaint_from: int | None = None
        for place, (block, drawn) in enumerate(zip(self.blocks, self._drawn, strict=True)):
            key = (block.version, width, self._theme)
            if drawn.key == key:
                continue
            before = len(drawn.strips)
            kept = self._draw(place, key)
            if repaint_from is None and place < len(self._starts):
                repaint_from = self._starts[place] + kept
            if first is None and len(drawn.strips) != before:
                first = place
        if first is not None or len(self._starts) != len(self.blocks) + 1:
            self._starts = [0, *accumulate(len(drawn.strips) for drawn in self._drawn)]
            self.layouts += 1
            self.virtual_size = Size(width, self._starts[-1])
            if self.sticks:
                self._stick()
                # The layout may know the new height only after the next refresh.
                self.call_after_refresh(self._stick)
            self.refresh()
        elif repaint_from is not None:
            # Nothing has moved: only the lines below the first change are painted again.
            self.refresh_lines(repaint_from, max(1, self._starts[-1] - repaint_from))

    def _stick(self) -> None:
        if self.sticks:
            self._sticking = True
            self.scroll_end(animate=False, immediate=True, force=True, x_axis=False)
            self._sticking = False

    def tick(self) -> None:
        """Time has passed: draw again what is live."""
        for place, block in enumerate(self.blocks[-60:], max(0, len(self.blocks) - 60)):
            if block.is_live:
                self._drawn[place].key = None
        self.changed()

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def _draw(self, place: int, key: tuple[int, int, int]) -> int:
        """Draw a block again; return how many of its strips stayed as they were."""
        drawn = self._drawn[place]
        block = self.blocks[place]
        lines = block.lines(key[1], self.palette)
        kept = drawn.settled if drawn.key is not None and drawn.key[1:] == key[1:] else 0
        # Whole lines on the widget's own ground: painting one is then only looking it up.
        drawn.strips[kept:] = [
            to_strip(line).extend_cell_length(key[1], self._base).crop(0, key[1]).apply_style(self._base)
            for line in lines[kept:]
        ]
        drawn.settled = min(block.settled_lines, len(drawn.strips))
        drawn.key = key if not block.is_behind else (-1, *key[1:])
        return kept

    @property
    def is_behind(self) -> bool:
        """True if a block has more to draw than it did."""
        return any(block.is_behind for block in self.blocks[-3:])

    # --- the Line API --------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        line = y + self.scroll_offset.y
        if line >= self._starts[-1]:
            return Strip.blank(width, self._base)
        place = bisect_right(self._starts, line) - 1
        strip = self._drawn[place].strips[line - self._starts[place]]
        if strip.cell_length != width:
            strip = strip.extend_cell_length(width, self._base).crop(0, width)
        if place == self._selected and self.has_focus:
            strip = Strip([Segment("▎", self.palette.you), *strip.crop(1, width)], width)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(line)) is not None:
            start, end = span
            stop = width if end == -1 else end
            shown = self.screen.get_component_rich_style("screen--selection", partial=True)
            parts = [strip.crop(0, start), strip.crop(start, stop).apply_style(shown), strip.crop(stop, width)]
            strip = Strip.join(parts)
        return strip.apply_offsets(self.scroll_offset.x, line)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        lines = [strip.text.rstrip() for drawn in self._drawn for strip in drawn.strips]
        return selection.extract("\n".join(lines)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self.changed()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if not self._sticking:
            self.sticks = new_value >= self.max_scroll_y - 1
        if new_value <= 0 < old_value:
            self.post_message(self.ReachedTop())

    # --- the keyboard and the mouse ------------------------------------------------------------------------------

    @property
    def selected(self) -> Block | None:
        return self.blocks[self._selected] if self._selected is not None and self.has_focus else None

    def on_focus(self) -> None:
        if self._selected is None and self.blocks:
            self._selected = len(self.blocks) - 1
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        action = keys_of("transcript").get(event.key)
        if action is None or not self.blocks:
            return
        event.stop()
        event.prevent_default()
        match action:
            case "previous":
                self._walk(-1)
            case "next":
                self._walk(1)
            case "toggle" if self.selected is not None:
                self.toggle(self.selected)
            case _ if self.selected is not None:
                self.post_message(self.Walked(action, self.selected))

    def _walk(self, step: int) -> None:
        place = len(self.blocks) - 1 if self._selected is None else self._selected + step
        while 0 <= place < len(self.blocks) and not self._drawn[place].strips:
            place += step
        if 0 <= place < len(self.blocks):
            self._selected = place
            top, bottom = self._starts[place], self._starts[place + 1]
            if top < self.scroll_offset.y or bottom > self.scroll_offset.y + self.size.height:
                self.scroll_to(y=top if step < 0 else max(0, bottom - self.size.height), animate=False)
        self.refresh()

    def toggle(self, block: Block) -> None:
        """Open or fold a block."""
        if block.can_open:
            block.is_open = not block.is_open
            block.touch()
            sticks, self.sticks = self.sticks, False
            self.changed()
            self.sticks = sticks and self.scroll_offset.y >= self.max_scroll_y - 1

    def on_click(self, event: events.Click) -> None:
        line = event.y + self.scroll_offset.y
        if self.text_selection is None and line < self._starts[-1]:
            place = bisect_right(self._starts, line) - 1
            # The first line of a block is its handle; the rest is for selecting text.
            if line == self._starts[place]:
                self.toggle(self.blocks[place])


def to_strip(line: Text) -> Strip:
    """Return a line as a strip; markup in it stays text.

    This is the last door before the terminal: what a block forgot to make safe is replaced here.
    """
    if UNSAFE.search(line.plain):
        safe = line.copy()
        safe.plain = sanitise_in_place(line.plain)
        line = safe
    segments = [segment for segment in line.render(_CONSOLE) if segment.text and segment.text != "\n"]
    return Strip(segments, line.cell_len)
