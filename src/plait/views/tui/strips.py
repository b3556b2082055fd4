"""A line of styled text as what a terminal is sent, and the last doors before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Span, Text
from textual.color import Color
from textual.filter import LineFilter
from textual.strip import Strip

from plait.protocol.display import UNSAFE, sanitise_in_place


def to_strip(line: Text, width: int, ground: Style, left: int = 0, right: int = 0) -> Strip:
    """Return a line on its ground, cut or filled up to `width` cells between two margins; markup in it stays text.

    This is the last door before the terminal: what a block forgot to make safe is replaced here.
    """
    plain = line.plain
    if UNSAFE.search(plain) or "\n" in plain:
        line = line.copy()
        plain = line.plain = sanitise_in_place(plain).replace("\n", "\u240a")
    base = ground + _style(line.style) if line.style else ground
    segments = [Segment(" " * left, ground)] if left else []
    segments += _segments(plain, line.spans, base)
    missing = width - (len(plain) if plain.isascii() and plain.isprintable() else cell_len(plain))
    if missing < 0:
        segments = list(Strip(segments).crop(0, left + width))
        missing = left + width - sum(segment.cell_length for segment in segments)
    if missing + right:
        segments.append(Segment(" " * (missing + right), ground))
    return Strip(segments, left + width + right)


class LastDoor(LineFilter):
    """Every line of every widget passes here: what a widget forgot to make safe is replaced, and no link is live."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if any(_acts(segment) for segment in segments):
            return [_harmless(segment) if _acts(segment) else segment for segment in segments]
        return segments


def _acts(segment: Segment) -> bool:
    text, style, _ = segment
    return (style is not None and style.link is not None) or (
        not (text.isascii() and text.isprintable())
        and (UNSAFE.search(text) is not None or "\n" in text or "\t" in text)
    )


def _harmless(segment: Segment) -> Segment:
    style = segment.style.update_link(None) if segment.style is not None else None
    return Segment(sanitise_in_place(segment.text).replace("\n", "\u240a").replace("\t", " "), style)


def _segments(plain: str, spans: Sequence[Span], base: Style) -> Iterator[Segment]:
    """Cut a text where its style changes; of spans that overlap the later one wins."""
    size = len(plain)
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for number, span in enumerate(spans):
        if span.style and span.start < min(span.end, size):
            begins.setdefault(span.start, []).append(number)
            ends.setdefault(min(span.end, size), []).append(number)
    cuts = sorted({0, size, *begins, *ends})
    open_now: set[int] = set()
    for start, end in pairwise(cuts):
        open_now.difference_update(ends.get(start, ()))
        open_now.update(begins.get(start, ()))
        style = base
        for number in sorted(open_now):
            style += _style(spans[number].style)
        yield Segment(plain[start:end], style)


def _style(style: str | Style) -> Style:
    return Style.parse(style) if isinstance(style, str) else style
