"""Lines of a Markdown text that grows: what is settled is drawn once, only the rest again.

A long text that arrives at once is settled a piece at a time, so that no flush holds up a key; a fence that does not
end is settled line by line, as pieces of the same language.
"""

from __future__ import annotations

from rich.text import Text

from plait.protocol.display import sanitise
from plait.views.tui import markdown
from plait.views.tui.palette import Palette

PIECE = 3000
"""Characters that are settled in one flush."""
LONG_TAIL = 1200
"""Characters of an open fence beyond which its whole lines are settled."""


class StreamedMarkdown:
    """`lines` draws `text` as far as it has come; the first `settled_lines` of them never change for a width."""

    def __init__(self) -> None:
        self.text = ""
        self._settled: list[Text] = []
        self._settled_at = 0
        self._carry = ""
        self._drawn_for: tuple[int, int] | None = None

    @property
    def settled_lines(self) -> int:
        return len(self._settled)

    @property
    def is_behind(self) -> bool:
        """True if there is more to settle than one flush takes."""
        return len(self.text) - self._settled_at > 2 * PIECE and self._next_end() > self._settled_at

    def forget(self) -> None:
        """Start over: the text is another one."""
        self._drawn_for = None

    def lines(self, width: int, palette: Palette) -> list[Text]:
        drawn_for = (width, id(palette))
        if self._drawn_for != drawn_for:
            self._drawn_for, self._settled, self._settled_at, self._carry = drawn_for, [], 0, ""
        end = self._next_end()
        if end > self._settled_at:
            self._settle(end, width, palette)
        if self.is_behind:
            return self._settled
        return [*self._settled, *self._draw(self._carry + self.text[self._settled_at :], width, palette)]

    def _next_end(self) -> int:
        """Return up to where the text may be settled now: not beyond one piece, not in the midst of a block."""
        tail = self.text[self._settled_at :]
        if not tail:
            return self._settled_at
        piece = tail[: 2 * PIECE]
        closed = markdown.split_closed(self._carry + piece[:PIECE]) - len(self._carry)
        if closed <= 0:
            closed = markdown.split_closed(self._carry + piece) - len(self._carry)
        if 0 < closed < len(tail):
            return self._settled_at + closed
        inside = self._carry or markdown.open_fence(piece)
        newline = piece.rfind("\n", 0, PIECE)
        if inside and len(tail) > LONG_TAIL and newline > len(self._fence_line(piece)):
            return self._settled_at + newline + 1
        return self._settled_at

    def _fence_line(self, tail: str) -> str:
        return "" if self._carry else tail.split("\n", 1)[0]

    def _settle(self, end: int, width: int, palette: Palette) -> None:
        piece = self._carry + self.text[self._settled_at : end]
        fence = markdown.open_fence(piece)
        lines = self._draw(piece, width, palette)
        self._settled += lines
        # Between blocks there is a line, within a fence there is none.
        if lines and not fence:
            self._settled.append(Text(""))
        self._carry = fence
        self._settled_at = end

    @staticmethod
    def _draw(text: str, width: int, palette: Palette) -> list[Text]:
        lines = markdown.render(sanitise(text), width, palette)
        return [Text.assemble("  ", line) for line in lines]
