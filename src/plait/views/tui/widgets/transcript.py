"""The conversation: one Line-API widget over a sheet of lines, not a tree of widgets.

What is seen is drawn first, a few milliseconds at a time so that keys are answered; what cannot be seen is drawn when
nothing else is to be done. The view sticks to the end unless the user has scrolled away. Lines are handed to the
terminal as they were drawn: what has only moved costs next to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from plait.views.tui.blocks import Block
from plait.views.tui.keymap import Keyboard
from plait.views.tui.palette import Palette
from plait.views.tui.sheet import Look, Sheet
from plait.views.tui.widgets.bar import Bar

SLICE_S = 0.004
"""Drawing takes little longer at a time; then others have their turn."""
SHOW_WITHIN_S = 0.25
"""What is seen is shown half drawn only if drawing takes longer."""
UNSEEN_AFTER_S = 0.3
"""What is not seen is drawn when nothing has changed for so long, a slice each `UNSEEN_EVERY_S`."""
UNSEEN_EVERY_S = 0.02


class Transcript(ScrollView, can_focus=True):
    """`changed` after any of the blocks has been touched."""

    FOCUS_ON_CLICK = False

    class Walked(Message):
        """The user pressed a key that belongs to the selected block."""

        def __init__(self, action: str, block: Block) -> None:
            super().__init__()
            self.action = action
            self.block = block

    class ReachedTop(Message):
        """The user scrolled to the beginning: earlier turns may be wanted."""

    def __init__(self, keyboard: Keyboard, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._actions = keyboard.of("transcript")
        self.palette = Palette.of({}, dark=True)
        self.sheet = Sheet()
        self.sticks = True
        self.layouts = 0
        self._selected: int | None = None
        self._sticking = False
        self._changed_s = 0.0
        self._unfinished_since_s: float | None = None
        self._unseen_timer: Timer | None = None
        self._painted_for: tuple[object, ...] = ()
        self._lines: list[Strip] = []
        self._bar_looks: tuple[int, bool, int, int] | None = None

    # --- what it shows -------------------------------------------------------------------------------------------

    @property
    def blocks(self) -> Sequence[Block]:
        return self.sheet.blocks

    def add(self, *blocks: Block) -> None:
        self.sheet.add(*blocks)

    def insert_before(self, blocks: Sequence[Block]) -> None:
        """Put earlier blocks on top; what is seen stays where it is."""
        # The place in sight is counted from the end: what comes on top has no height yet.
        self.sheet.insert_before(blocks)
        if self._selected is not None:
            self._selected += len(blocks)
        self.changed()

    def drop(self, block: Block) -> None:
        self.sheet.drop(block)
        self._selected = None

    def clear(self) -> None:
        self.sheet.clear()
        self._selected = None
        self._set_height(0)
        self.refresh()

    def set_palette(self, palette: Palette) -> None:
        self.palette = palette
        self.changed()

    def tick(self) -> None:
        """Time has passed: draw again what is live."""
        self.sheet.touch_live()
        self.changed()

    # --- drawing -------------------------------------------------------------------------------------------------

    def changed(self) -> None:
        """Draw what is seen of what has changed, and show it; the rest later.

        What has not changed is not looked at: a reply at the end of 1,000 messages costs what it costs alone. If it
        takes longer than a slice it goes on by itself, and shows nothing before all that is seen is right.
        """
        if self._take_look():
            self._changed_s = time.monotonic()
            self._draw_seen()

    def settle(self) -> None:
        """Draw a slice of what is behind, seen or not."""
        if self._take_look():
            seen = len(self.blocks) if self.sticks else self.sheet.place_at(self.scroll_offset.y)
            self._draw(self.sheet.behind_near(seen))
            self._show()

    @property
    def is_behind(self) -> bool:
        """True if there is more to draw than was."""
        return self.sheet.is_behind

    @property
    def is_drawing(self) -> bool:
        """True while what is seen is not all right yet."""
        return self._unfinished_since_s is not None

    def _take_look(self) -> bool:
        width = self.scrollable_content_region.width
        if width > 0:
            gutter = self.gutter
            self.sheet.set_look(Look(width, self.palette, self.rich_style, gutter.left, gutter.right))
        return width > 0

    def _draw_seen(self) -> None:
        now = time.monotonic()
        since_s = self._unfinished_since_s if self._unfinished_since_s is not None else now
        if self._draw(self._behind_in_sight()):
            self._unfinished_since_s = None
            self._show()
        else:
            if self._unfinished_since_s is None:
                self.call_later(self._go_on)
            self._unfinished_since_s = since_s
            if now - since_s > SHOW_WITHIN_S:
                self._unfinished_since_s = now
                self._show()
        if self.sheet.is_behind and self._unseen_timer is None:
            self._unseen_timer = self.set_timer(UNSEEN_AFTER_S, self._draw_unseen)

    def _go_on(self) -> None:
        if self._unfinished_since_s is not None and self._take_look():
            self._draw_seen()
            if self._unfinished_since_s is not None:
                self.call_later(self._go_on)

    def _draw_unseen(self) -> None:
        self._unseen_timer = None
        quiet_s = time.monotonic() - self._changed_s
        if (quiet_s >= UNSEEN_AFTER_S or not self.sticks) and not self.is_drawing:
            self.settle()
        if self.sheet.is_behind:
            wait_s = max(UNSEEN_EVERY_S, UNSEEN_AFTER_S - quiet_s) if self.sticks else UNSEEN_EVERY_S
            self._unseen_timer = self.set_timer(wait_s, self._draw_unseen)

    def _behind_in_sight(self) -> Iterable[int]:
        rows = self.size.height
        if self.sticks:
            return self.sheet.behind_from_end(rows)
        top = self.scroll_offset.y
        place = self.sheet.place_at(top)
        return self.sheet.behind_from(place, rows + top - self.sheet.starts[place])

    def _draw(self, places: Iterable[int]) -> bool:
        """Draw blocks until a slice is over; True if these were all."""
        end_s = time.perf_counter() + SLICE_S
        for place in places:
            if time.perf_counter() > end_s:
                return False
            self.sheet.draw(place)
        return True

    def _show(self) -> None:
        """Put on the screen what has been drawn; stay at the end, or at the line that is seen."""
        sheet = self.sheet
        top = self.scroll_offset.y
        seen = sheet.place_at(top)
        below = top - sheet.starts[seen]
        has_moved, changed_from = sheet.add_up()
        if self.sticks and not has_moved:
            self._scroll_silently(self.max_scroll_y)
        if has_moved:
            self.layouts += 1
            self._set_height(sheet.height)
            if self.sticks:
                self._scroll_silently(self.max_scroll_y)
            elif seen < len(sheet.blocks):
                self._scroll_silently(
                    min(sheet.starts[seen] + below, max(sheet.starts[seen], sheet.starts[seen + 1] - 1))
                )
            self.refresh(self.size.region)
        elif changed_from is not None and changed_from < top + self.size.height:
            # Nothing has moved: only the lines below the first change are painted again.
            self.refresh_lines(changed_from, max(1, sheet.height - changed_from))

    def _set_height(self, height: int) -> None:
        """Where everything stands on the screen does not depend on it, so nothing is laid out."""
        self.set_reactive(Widget.virtual_size, Size(self.scrollable_content_region.width, height))
        if self.overflows != self.show_vertical_scrollbar and self.styles.overflow_y == "auto":
            self._scroll_update(self.virtual_size)
        self.scroll_y = self.validate_scroll_y(self.scroll_y)
        self._move_bar()

    @property
    def overflows(self) -> bool:
        return self.virtual_size.height > self.container_size.height

    def _move_bar(self) -> None:
        """Tell the scroll bar, if it would look different: painting it costs more than painting the lines."""
        height, rows = self.virtual_size.height, self.container_size.height
        grain = 8 * rows / max(1, height)
        looks = (rows, self.overflows, round(self.scroll_y * grain), round(rows * grain))
        if looks != self._bar_looks and self.show_vertical_scrollbar:
            self._bar_looks = looks
            bar = self.vertical_scrollbar
            bar.window_virtual_size, bar.window_size, bar.position = height, rows, self.scroll_y

    def _scroll_silently(self, line: int) -> None:
        if line != self.scroll_offset.y:
            self._sticking = True
            self.scroll_to(y=line, animate=False, immediate=True, force=True)
            self._sticking = False

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = Bar(name="vertical", thickness=self.scrollbar_size_vertical)
            self._vertical_scrollbar.display = False
            self.app._start_widget(self, self._vertical_scrollbar)
        return self._vertical_scrollbar

    # --- the Line API --------------------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of a part of the widget as they were drawn, without looking at each one's style again."""
        gutter = self.gutter
        top = self.scroll_offset.y - gutter.top
        filters = self.get_line_filters()
        ground = self.background_colors[1]
        selected = self._selected if self.has_focus else None
        look = (crop, top, self.sheet.version, self.sheet.look, selected, self.text_selection, ground, filters)
        # Textual asks every widget for its lines whenever one of them is painted.
        if look == self._painted_for:
            return self._lines
        strips = []
        for y in crop.line_range:
            strip = self._painted(top + y)
            for line_filter in filters:
                strip = strip.apply_filter(line_filter, ground)
            strips.append(strip)
        if crop.column_span != (0, self.sheet.look.left + self.sheet.look.width + self.sheet.look.right):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        self._painted_for, self._lines = look, strips
        return strips

    def render_line(self, y: int) -> Strip:
        """Return a line of the content with the places of its letters, for the mouse."""
        line = y + self.scroll_offset.y
        look = self.sheet.look
        strip = self._painted(line).crop(look.left, look.left + look.width)
        return strip.apply_offsets(self.scroll_offset.x, line)

    def _painted(self, line: int) -> Strip:
        look = self.sheet.look
        whole = look.left + look.width + look.right
        found = self.sheet.line(line)
        if found is None:
            return Strip.blank(whole, look.ground)
        strip, place = found
        if strip.cell_length != whole:
            # The width has changed, and this one is not drawn for it yet.
            strip = strip.crop_extend(0, whole, look.ground)
        if place == self._selected and self.has_focus:
            mark = Segment("▎", look.ground + self.palette.you)
            left = [Segment(" " * look.left, look.ground)] if look.left else []
            strip = Strip([*left, mark, *strip.crop(look.left + 1, whole)], whole)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(line)) is not None:
            start, end = span
            first, last = look.left + start, look.left + (look.width if end == -1 else end)
            shown = self.screen.get_component_rich_style("screen--selection", partial=True)
            parts = [strip.crop(0, first), strip.crop(first, last).apply_style(shown), strip.crop(last, whole)]
            strip = Strip.join(parts)
        return strip

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(self.sheet.texts())), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self.changed()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        # Not the base's: it would paint the scroll bar each time.
        if round(old_value) != round(new_value):
            self._move_bar()
            self.refresh(self.size.region)
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
        while 0 <= place < len(self.blocks) and not self.sheet.is_drawn(place):
            place += step
        if 0 <= place < len(self.blocks):
            self._selected = place
            top, bottom = self.sheet.starts[place], self.sheet.starts[place + 1]
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
        if self.text_selection is None and line < self.sheet.height:
            place = self.sheet.place_at(line)
            # The first line of a block is its handle; the rest is for selecting text.
            if line == self.sheet.starts[place]:
                self.toggle(self.blocks[place])
