"""The transcript's scroll bar: Textual's, painted without looking at the style of each of its cells."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip


class Bar(ScrollBar):
    """While a reply streams it changes with every line, and is as high as the screen."""

    def render_lines(self, crop: Region) -> list[Strip]:
        bar = self.render()
        assert isinstance(bar, ScrollBarRender)
        assert isinstance(bar.style, Style)
        assert bar.style.color is not None
        assert bar.style.bgcolor is not None
        cells = bar.render_bar(
            size=self.size.height,
            virtual_size=bar.virtual_size,
            window_size=bar.window_size,
            position=bar.position,
            thickness=bar.thickness,
            vertical=True,
            back_color=bar.style.bgcolor,
            bar_color=bar.style.color,
        ).segments
        made: dict[int, Strip] = {}
        filters = self.get_line_filters()
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
