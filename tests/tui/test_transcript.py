"""The transcript as a list of blocks: what is drawn again, and what stands between two of them."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from rich.text import Text
from textual.app import App, ComposeResult

from plait.views.tui.blocks import Block
from plait.views.tui.keymap import read_keyboard
from plait.views.tui.palette import Palette
from plait.views.tui.widgets.transcript import SLICE_S, Transcript


class Lines(Block):
    """As many lines as it is told; counts how often it is looked at."""

    def __init__(self, name: str, count: int = 1) -> None:
        super().__init__()
        self.name = name
        self.count = count
        self.looks = 0

    def lines(self, width: int, palette: Palette) -> list[Text]:
        self.looks += 1
        return [Text(f"{self.name}.{number}.{self.version}") for number in range(self.count)]


class Packed(Lines):
    packs = True


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield Transcript(read_keyboard({})[0])


@asynccontextmanager
async def transcript(*blocks: Block) -> AsyncIterator[Transcript]:
    async with Host().run_test(size=(40, 20)) as pilot:
        await pilot.pause()
        widget = pilot.app.query_one(Transcript)
        widget.add(*blocks)
        finish(widget)
        await pilot.pause()
        # A scroll bar may have come, and all lines are drawn for another width.
        finish(widget)
        yield widget


def finish(widget: Transcript) -> None:
    widget.changed()
    while widget.is_behind:
        widget.settle()


def shown(widget: Transcript) -> list[str]:
    return widget.sheet.texts()


async def test_one_change_among_a_thousand_blocks_looks_at_no_other() -> None:
    blocks = [Lines(str(number), 2) for number in range(1000)]
    async with transcript(*blocks) as widget:
        for block in blocks:
            block.looks = 0
        blocks[500].count = 3
        blocks[500].touch()

        finish(widget)

        assert sum(block.looks for block in blocks[:-3] if block is not blocks[500]) == 0
        assert blocks[500].looks > 0
        assert widget.virtual_size.height == 3001


async def test_one_line_calls_stand_together_and_all_else_apart() -> None:
    card, other, text = Packed("card"), Packed("other"), Lines("text")
    async with transcript(card, other, text) as widget:
        assert shown(widget) == ["card.0.0", "other.0.0", "", "text.0.0", ""]

        card.count = 2
        card.touch()
        widget.changed()
        assert shown(widget)[:4] == ["card.0.1", "card.1.1", "", "other.0.0"]

        widget.drop(other)
        widget.changed()
        assert shown(widget) == ["card.0.1", "card.1.1", "", "text.0.0", ""]


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_comes_and_goes_it_looks_as_if_drawn_at_once(seed: int) -> None:
    chance = random.Random(seed)
    async with transcript() as widget:
        for step in range(150):
            kind = chance.choice((Lines, Packed))
            match chance.choice(
                ("add", "add", "touch", "touch", "drop", "before", "clear" if step % 50 == 9 else "add")
            ):
                case "touch" if widget.blocks:
                    block = chance.choice(widget.blocks)
                    assert isinstance(block, Lines)
                    block.count = chance.randrange(4)
                    block.touch()
                case "drop" if widget.blocks:
                    widget.drop(chance.choice(widget.blocks))
                case "before":
                    widget.insert_before([kind(f"b{step}", chance.randrange(3))])
                case "clear" if step % 50 == 9:
                    widget.clear()
                case _:
                    widget.add(kind(str(step), chance.randrange(3)))
            if chance.random() < 0.6:
                widget.changed()
        finish(widget)
        before, height = shown(widget), widget.virtual_size.height

        widget.set_palette(Palette.of({}, dark=False))
        finish(widget)

        assert before == shown(widget)
        assert height == len(before) == widget.sheet.height


class Slow(Lines):
    """Takes longer than a slice, by the clock that slices are measured with."""

    def lines(self, width: int, palette: Palette) -> list[Text]:
        end_s = time.perf_counter() + SLICE_S
        while time.perf_counter() <= end_s:
            pass
        return super().lines(width, palette)


async def test_what_is_seen_is_drawn_first_and_the_rest_in_slices() -> None:
    blocks = [Slow(str(number), 5) for number in range(12)]
    async with transcript() as widget:
        widget.add(*blocks)
        widget.changed()

        assert [block.name for block in blocks if block.looks] == ["11"]
        assert widget.is_behind

        finish(widget)
        assert all(block.looks for block in blocks)
        assert widget.scroll_offset.y == widget.max_scroll_y


async def test_what_is_read_stays_in_its_place_while_blocks_above_come_and_grow() -> None:
    blocks = [Lines(str(number), 5) for number in range(30)]
    async with transcript(*blocks) as widget:
        widget.scroll_to(y=60, animate=False, immediate=True)
        assert not widget.sticks
        line = shown(widget)[60]

        widget.insert_before([Lines("earlier", 7)])
        blocks[2].count = 9
        blocks[2].touch()
        finish(widget)

        assert widget.scroll_offset.y == 60 + 8 + 4
        assert shown(widget)[widget.scroll_offset.y] == line
