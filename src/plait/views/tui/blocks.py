"""The blocks of a transcript: each knows its lines at a width. No widget, no event, no clock of its own.

A block says that it has changed by a new `version`; the transcript then asks for its lines again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from rich.text import Text

from plait.protocol.display import sanitise
from plait.views.tui.palette import Palette
from plait.views.tui.streaming import StreamedMarkdown, StreamedThought, next_cut
from plait.views.tui.wrapping import cut, wrap

STEERED = "said meanwhile"


class Block:
    """Base of all blocks. `watcher` is told of every change; the blank line between two blocks is not theirs."""

    packs: ClassVar[bool] = False
    """True if one line of it may stand next to one line of another without a gap."""

    def __init__(self) -> None:
        self.version = 0
        self.is_open = False
        self.watcher: Callable[[], None] | None = None

    def touch(self) -> None:
        self.version += 1
        if self.watcher is not None:
            self.watcher()

    @property
    def can_open(self) -> bool:
        return False

    @property
    def is_live(self) -> bool:
        """True while it must be drawn again as time passes."""
        return False

    @property
    def settled_lines(self) -> int:
        """How many of its first lines, as last drawn, will not change for the same width and theme."""
        return 0

    @property
    def joins(self) -> bool:
        """True if the next block goes on where this one ends, without a gap."""
        return False

    def lines(self, width: int, palette: Palette) -> list[Text]:
        raise NotImplementedError

    def plain(self) -> str:
        """What copying the block gives."""
        return ""

    def full_text(self) -> str | None:
        """What the pager shows, if there is more than the block does."""
        return None


class UserBlock(Block):
    """What the user said; `steered` while the agent worked."""

    def __init__(self, text: str, *, steered: bool = False) -> None:
        super().__init__()
        self.text = text
        self.steered = steered

    def lines(self, width: int, palette: Palette) -> list[Text]:
        rows = []
        for line in wrap(Text(sanitise(self.text).strip("\n"), palette.you_block), min(width, 100) - 3):
            row = Text.assemble(("▌ ", palette.you), line)
            row.append(" " * max(0, width - row.cell_len), palette.you_block)
            rows.append(row)
        if self.steered and rows:
            rows[0].right_crop(len(STEERED) + 1)
            rows[0].append(f"{STEERED} ", palette.you_block + palette.dim)
        return rows

    def plain(self) -> str:
        return self.text


class TextBlock(Block):
    """A piece of what the model says; `answer` has all of it."""

    def __init__(self, answer: Answer, carry: str) -> None:
        super().__init__()
        self.partial = False
        self.streamed = StreamedMarkdown(carry=carry)
        self._answer = answer
        self._joins = False

    def change(self, text: str, *, joins: bool = False, partial: bool = False) -> None:
        """Show another text; if it only goes on, what is settled of it stays."""
        if not text.startswith(self.streamed.text):
            self.streamed.forget()
        self.streamed.text, self._joins, self.partial = text, joins, partial
        self.touch()

    @property
    def settled_lines(self) -> int:
        return self.streamed.settled_lines

    @property
    def joins(self) -> bool:
        return self._joins

    def lines(self, width: int, palette: Palette) -> list[Text]:
        rows = self.streamed.lines(width - 2, palette)
        end = len(rows)
        while end > 0 and not self._joins and not rows[end - 1].plain.strip():
            end -= 1
        cut_off = [Text("  ↷ cut off here", palette.error)] if self.partial else []
        return [*rows[:end], *cut_off]

    def plain(self) -> str:
        return self._answer.text


class Answer:
    """What the model says in one part of a reply, as it arrives: blocks that are added one after the other."""

    def __init__(self, add: Callable[[Block], None], drop: Callable[[Block], None]) -> None:
        self._add = add
        self._drop = drop
        self._said: list[str] = []
        self._pieces: list[TextBlock] = []
        self._tail = ""
        self._carry = ""

    @property
    def text(self) -> str:
        self._said = ["".join(self._said)]
        return self._said[0]

    def append(self, delta: str) -> None:
        self._said.append(delta)
        if not self._pieces:
            self._open("")
        self._tail += delta
        while (cut := next_cut(self._tail, self._carry)) is not None:
            end, joins, carry = cut
            self._pieces[-1].change(self._tail[:end], joins=joins)
            self._tail = self._tail[end:]
            self._open(carry)
        self._pieces[-1].change(self._tail)

    def finish(self, text: str, *, partial: bool) -> None:
        """It is whole; `text` is what counts."""
        if text != self.text:
            for piece in self._pieces:
                self._drop(piece)
            self._said, self._pieces, self._tail, self._carry = [], [], "", ""
            self.append(text)
        if self._pieces:
            self._pieces[-1].change(self._tail, partial=partial)

    def _open(self, carry: str) -> None:
        self._carry = carry
        self._pieces.append(TextBlock(self, carry))
        self._add(self._pieces[-1])


class ThoughtBlock(Block):
    """What the model thinks, as it arrives: one line unless it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self._streamed = StreamedThought()

    def append(self, delta: str) -> None:
        self._streamed.text += delta
        self.touch()

    def finish(self, text: str, *, partial: bool) -> None:
        if text != self._streamed.text:
            self._streamed = StreamedThought()
            self._streamed.text = text
        self.touch()

    @property
    def can_open(self) -> bool:
        return True

    def lines(self, width: int, palette: Palette) -> list[Text]:
        lines = self._streamed.lines(min(width, 100) - 4, palette)
        if not self.is_open:
            more = f" · {len(lines)} lines ▸" if len(lines) > 1 else ""
            first = lines[0].plain if lines else ""
            return [Text(f"  ∴ {cut(first, max(8, width - 20))}{more}", palette.dim)]
        return [Text.assemble(("  ∴ " if n == 0 else "    ", palette.dim), line) for n, line in enumerate(lines)]

    def plain(self) -> str:
        return self._streamed.text


class NoticeBlock(Block):
    """Something Plait has to say."""

    packs = True

    def __init__(self, level: Literal["info", "warning", "error"], text: str) -> None:
        super().__init__()
        self.level = level
        self.text = text

    def lines(self, width: int, palette: Palette) -> list[Text]:
        style = {"info": palette.dim, "warning": palette.write, "error": palette.error}[self.level]
        mark = {"info": "·", "warning": "!", "error": "✗"}[self.level]
        lines = wrap(Text(sanitise(self.text), style), min(width, 100) - 4)
        return [Text.assemble((f"{mark if n == 0 else ' '} ", style), line) for n, line in enumerate(lines)]

    def plain(self) -> str:
        return self.text


class LinesBlock(Block):
    """Lines made by whoever adds it: the first screen, tables of commands."""

    def __init__(self, draw: Callable[[int, Palette], list[Text]]) -> None:
        super().__init__()
        self._draw = draw

    def lines(self, width: int, palette: Palette) -> list[Text]:
        return self._draw(width, palette)

    def plain(self) -> str:
        return "\n".join(line.plain for line in self._draw(100, Palette.of({}, dark=True)))
