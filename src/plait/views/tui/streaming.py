"""A text of the model's that grows: cut into pieces that are drawn apart, so that nobody draws what nobody sees.

A piece that is closed never changes; of the last one only what is not settled is drawn again. No widget.
"""

from __future__ import annotations

import re

from rich.text import Text

from plait.protocol.display import sanitise
from plait.views.tui import markdown
from plait.views.tui.palette import Palette
from plait.views.tui.wrapping import wrap

PIECE = 600
"""Characters that a piece has at least, if it can be cut behind a block."""
LONG = 1500
"""Characters beyond which a piece is cut within a fence or a list, at the beginning of a line."""
LONGEST = 6000
"""Characters beyond which it is cut anywhere."""
ITEM = re.compile(r"^(?:[-*+]|\d{1,9}[.)])\s", re.MULTILINE)
NUMBERED = re.compile(r"\d{1,9}([.)])\s")


def next_cut(text: str, carry: str) -> tuple[int, bool, str] | None:
    """Return where the first piece of a growing text ends; whether the next goes on without a gap; and what it carries.

    `carry` is the line that opened the fence in which the text begins, or the mark with which its numbered list goes
    on. None if it is not long enough yet.
    """
    if len(text) <= PIECE:
        return None
    fence = "" if NUMBERED.match(carry) else carry
    piece = text[:LONG]
    closed = markdown.first_closed(fence + piece, len(fence) + PIECE) - len(fence)
    if 0 < closed < len(text):
        return closed, False, ""
    if len(text) <= LONG:
        return None
    inside = markdown.open_fence(fence + piece)
    newline = piece.rfind("\n")
    if inside and newline > 0 and (fence or newline >= len(inside)):
        return newline + 1, True, inside
    items = [found.start() for found in ITEM.finditer(piece, PIECE)]
    if items and not inside and ITEM.match(text):
        return items[-1], True, _mark_at(text, items[-1], carry)
    window = text[: 2 * LONGEST]
    closed = markdown.first_closed(fence + window, len(fence) + PIECE) - len(fence)
    if 0 < closed < len(text):
        return closed, False, ""
    if len(text) <= LONGEST:
        return None
    window = text[:LONGEST]
    inside = markdown.open_fence(fence + window)
    end = window.rfind("\n") + 1 or window.rfind(" ") + 1 or LONGEST
    return end, True, inside or _mark_at(text, end, carry)


def _mark_at(text: str, place: int, carry: str) -> str:
    """The mark with which the numbered list that is cut at `place` goes on; empty if none is."""
    mark = NUMBERED.match(text, place)
    number = markdown.number_at(text, place, _number(carry)) if mark is not None else None
    return f"{number}{mark[1]} " if mark is not None and number is not None else ""


def _number(carry: str) -> int | None:
    return int(carry[:-2]) if NUMBERED.match(carry) else None


class StreamedMarkdown:
    """`lines` draws `text` as far as it has come; the first `settled_lines` of them never change for a width.

    `carry` is the line that opened the fence in which the text begins, or the mark with which its list goes on.
    """

    def __init__(self, text: str = "", carry: str = "") -> None:
        self.text = text
        self._carry = carry
        self._settled: list[Text] = []
        self._settled_at = 0
        self._drawn_for: tuple[int, int] | None = None

    @property
    def settled_lines(self) -> int:
        return len(self._settled)

    def forget(self) -> None:
        """Start over: the text is another one."""
        self._drawn_for = None

    def lines(self, width: int, palette: Palette) -> list[Text]:
        drawn_for = (width, id(palette))
        if self._drawn_for != drawn_for:
            self._drawn_for, self._settled, self._settled_at = drawn_for, [], 0
        carry = self._carry if self._settled_at == 0 else ""
        rest = self.text[self._settled_at :]
        if carry and not rest:
            return []
        if carry and markdown.closes(carry, rest):
            # All of the fence was in the pieces before.
            return _draw(rest.partition("\n")[2], width, palette)
        number = _number(carry)
        fence = "" if number is not None else carry
        tail = fence + rest
        closed = markdown.split_closed(tail)
        if len(fence) < closed < len(tail):
            lines = _draw(tail[:closed], width, palette, number)
            # Between blocks there is a line.
            self._settled += [*lines, Text("")] if lines else []
            self._settled_at += closed - len(fence)
            tail, number = tail[closed:], None
        return [*self._settled, *_draw(tail, width, palette, number)]


class StreamedThought:
    """Plain text that grows: a paragraph that has ended is wrapped once."""

    def __init__(self) -> None:
        self.text = ""
        self._settled: list[Text] = []
        self._settled_at = 0
        self._drawn_for: tuple[int, int] | None = None

    def lines(self, width: int, palette: Palette) -> list[Text]:
        drawn_for = (width, id(palette))
        if self._drawn_for != drawn_for or len(self.text) < self._settled_at:
            self._drawn_for, self._settled, self._settled_at = drawn_for, [], 0
        end = self.text.rfind("\n") + 1
        if end > self._settled_at:
            self._settled += self._wrapped(self.text[self._settled_at : end - 1], width, palette)
            self._settled_at = end
        rest = self._wrapped(self.text[end:], width, palette) if end < len(self.text) else []
        return [*self._settled, *rest]

    def _wrapped(self, text: str, width: int, palette: Palette) -> list[Text]:
        text = sanitise(text)
        return wrap(Text(text if self._settled else text.lstrip(), palette.dim), width)


def _draw(text: str, width: int, palette: Palette, first_number: int | None = None) -> list[Text]:
    lines = markdown.render(sanitise(text), width, palette, first_number)
    return [Text.assemble("  ", line) for line in lines]
