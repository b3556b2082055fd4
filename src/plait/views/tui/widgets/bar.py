"""The transcript's scroll bar: Textual's, painted without looking at the style of each of its cells."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.filter import LineFilter
from textual.geometry import Region
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip


class Bar(ScrollBar):
    """While a reply streams it changes with every line, and is as high as the screen."""

    _painted_for: tuple[object, ...] = ()
    _lines: list[Strip]

    def render_lines(self, crop: Region) -> list[Strip]:
        bar = self.render()
        assert isinstance(bar, ScrollBarRender)
        assert isinstance(bar.style, Style)
        filters = self.get_line_filters()
        looks = (crop, self.size, bar.virtual_size, bar.window_size, bar.position, bar.style, filters)
        if looks != self._painted_for:
            self._painted_for, self._lines = looks, self._paint(crop, bar, bar.style, filters)
        return self._lines

    def _paint(self, crop: Region, bar: ScrollBarRender, style: Style, filters: Sequence[LineFilter]) -> list[Strip]:
        assert style.color is not None
        assert style.bgcolor is not None
        cells = bar.render_bar(
            size=self.size.height,
            virtual_size=bar.virtual_size,
            window_size=bar.window_size,
            position=bar.position,
            thickness=bar.thickness,
            vertical=True,
            back_color=style.bgcolor,
            bar_color=style.color,
        ).segments
        made: dict[int, Strip] = {}
        ground = self.background_colors[1]
        strips = []
        for cell in list(cells)[crop.y : crop.bottom]:
            strip = made.get(id(cell))
            if strip is None:
                strip = Strip([Segment(cell.text, cell.style)], bar.thickness)
                for line_filter in filters:
                    strip = strip.apply_filter(line_filter, ground)
                made[id(cell)] = strip
            strips.append(strip)
        return strips
