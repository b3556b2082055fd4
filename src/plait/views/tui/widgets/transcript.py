"""The conversation: one Line-API widget over a list of blocks, not a tree of widgets.

A block's lines are kept as strips until the block, the width or the theme changes. Heights are added up, so that a
line is found by bisection; what cannot be seen is drawn again only when there is time. The view sticks to the end
unless the user has scrolled away.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
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
from textual.timer import Timer

from plait.protocol.display import UNSAFE, sanitise_in_place
from plait.views.tui.blocks import Block
from plait.views.tui.keymap import keys_of
from plait.views.tui.palette import Palette

_CONSOLE = Console(width=400, color_system="truecolor", legacy_windows=False, force_terminal=True)


SLICE_S, REST_S = 0.016, 0.02
"""Drawing takes no longer at a time, so that keys are answered; then others have their turn."""
Key = tuple[int, int, int, bool]


@dataclass(slots=True, eq=False)
class Drawn:
    """A block's strips and what they were drawn for: version, width, theme, and whether the next block is packed to it.

    `place` is the block's index; `settled` how many of the strips will not change.
    """

    place: int
    strips: list[Strip] = field(default_factory=list)
    key: Key | None = None
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

    def __init__(self, keyboard: Mapping[str, str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._actions = keys_of("transcript", keyboard)
        self.blocks: list[Block] = []
        self.palette = Palette.of({}, dark=True)
        self.sticks = True
        self.layouts = 0
        self._drawn: list[Drawn] = []
        self._starts: list[int] = [0]
        self._theme = 0
        self._touched: set[Drawn] = set()
        self._has_moved = False
        self._slice_timer: Timer | None = None
        self._drawn_for: tuple[int, int] | None = None
        self._base = Style()
        self._selected: int | None = None
        self._sticking = False

    # --- what it shows -------------------------------------------------------------------------------------------

    def add(self, *blocks: Block) -> None:
        if self._drawn:
            self._touched.add(self._drawn[-1])
        for block in blocks:
            self.blocks.append(block)
            self._drawn.append(self._watch(block, len(self._drawn)))

    def insert_before(self, blocks: Sequence[Block]) -> None:
        """Put earlier blocks on top; what is seen stays where it is."""
        self.blocks[:0] = blocks
        self._drawn[:0] = [self._watch(block, place) for place, block in enumerate(blocks)]
        self._starts[:0] = [0] * len(blocks)
        self._renumber()
        if self._selected is not None:
            self._selected += len(blocks)
        self.changed()

    def drop(self, block: Block) -> None:
        place = self.blocks.index(block)
        block.watcher = None
        self._touched.discard(self._drawn[place])
        del self.blocks[place], self._drawn[place]
        if place < len(self._starts) - 1:
            height = self._starts[place + 1] - self._starts[place]
            self._starts[place + 1 :] = [start - height for start in self._starts[place + 2 :]]
        # The one before has another neighbour now.
        self._touched.update(self._drawn[max(0, place - 1) : place])
        self._renumber()
        self._selected = None

    def _watch(self, block: Block, place: int) -> Drawn:
        drawn = Drawn(place)
        block.watcher = lambda: self._touched.add(drawn)
        self._touched.add(drawn)
        return drawn

    def _renumber(self) -> None:
        for place, drawn in enumerate(self._drawn):
            drawn.place = place
        self._has_moved = True

    def clear(self) -> None:
        for block in self.blocks:
            block.watcher = None
        self.blocks.clear()
        self._drawn.clear()
        self._touched.clear()
        self._starts = [0]
        self._selected = None
        self.virtual_size = Size(self._width, 0)
        self.refresh()

    def set_palette(self, palette: Palette) -> None:
        self.palette = palette
        self._theme += 1
        self.changed()

    def changed(self) -> None:
        """Draw the blocks that have changed, add the heights up, and keep to the end if it was there.

        What has not changed is not looked at: a reply at the end of 1,000 messages costs what it costs alone. What
        takes longer than a slice is gone on with later, nearest to what is seen first.
        """
        width = self._width
        if width <= 0:
            return
        self._base = self.rich_style
        if self._drawn_for != (width, self._theme):
            self._drawn_for = (width, self._theme)
            self._touched.update(self._drawn)
        counted = len(self._starts) - 1
        top = self.scroll_offset.y
        seen = min(max(0, bisect_right(self._starts, top) - 1), max(0, counted - 1))
        below_seen = top - self._starts[seen]
        first, repaint_from = counted, None
        for drawn in self._slice(len(self.blocks) if self.sticks else seen):
            before = len(drawn.strips)
            kept = self._draw(drawn, width)
            if not self.blocks[drawn.place].is_behind:
                self._touched.discard(drawn)
            if kept is None:
                continue
            if drawn.place < counted:
                line = self._starts[drawn.place] + kept
                repaint_from = line if repaint_from is None else min(repaint_from, line)
            if len(drawn.strips) != before:
                first = min(first, drawn.place)
        if first < counted or counted != len(self.blocks) or self._has_moved:
            self._has_moved = False
            del self._starts[first + 1 :]
            heights = (len(drawn.strips) for drawn in self._drawn[first:])
            self._starts[first:] = accumulate(heights, initial=self._starts[first])
            self.layouts += 1
            self.virtual_size = Size(width, self._starts[-1])
            self._keep_place(seen, below_seen)
            self.refresh()
        elif repaint_from is not None:
            # Nothing has moved: only the lines below the first change are painted again.
            self.refresh_lines(repaint_from, max(1, self._starts[-1] - repaint_from))
        if self._touched and self._slice_timer is None:
            self._slice_timer = self.set_timer(REST_S, self._go_on)

    def _go_on(self) -> None:
        self._slice_timer = None
        self.changed()

    def _slice(self, middle: int) -> Iterator[Drawn]:
        """The blocks to be drawn now, those near `middle` first."""
        end_s = time.perf_counter() + SLICE_S
        for drawn in sorted(self._touched, key=lambda drawn: abs(drawn.place - middle)):
            yield drawn
            if time.perf_counter() > end_s:
                return

    def _keep_place(self, seen: int, below: int) -> None:
        """Stay at the end, or at the line that is seen, wherever that is now."""
        if self.sticks:
            self._stick()
            # The layout may know the new height only after the next refresh.
            self.call_after_refresh(self._stick)
        elif seen < len(self.blocks):
            line = min(self._starts[seen] + below, max(self._starts[seen], self._starts[seen + 1] - 1))
            if line != self.scroll_offset.y:
                self._sticking = True
                self.scroll_to(y=line, animate=False, immediate=True, force=True)
                self._sticking = False

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
                self._touched.add(self._drawn[place])
        self.changed()

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def _draw(self, drawn: Drawn, width: int) -> int | None:
        """Draw a block again if it has changed; return how many of its strips stayed as they were."""
        block = self.blocks[drawn.place]
        following = self.blocks[drawn.place + 1] if drawn.place + 1 < len(self.blocks) else None
        is_packed = following is not None and block.packs and following.packs
        key = (block.version, width, self._theme, is_packed)
        if drawn.key == key:
            return None
        lines = block.lines(width, self.palette)
        if lines and not (is_packed and len(lines) == 1):
            lines = [*lines, Text("")]
        kept = drawn.settled if drawn.key is not None and drawn.key[1:] == key[1:] else 0
        # Whole lines on the widget's own ground: painting one is then only looking it up.
        drawn.strips[kept:] = [
            to_strip(line).extend_cell_length(width, self._base).crop(0, width).apply_style(self._base)
            for line in lines[kept:]
        ]
        drawn.settled = min(block.settled_lines, len(drawn.strips))
        drawn.key = key if not block.is_behind else (-1, *key[1:])
        return kept

    @property
    def is_behind(self) -> bool:
        """True if there is more to draw than was."""
        return bool(self._touched)

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
        action = self._actions.get(event.key)
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
