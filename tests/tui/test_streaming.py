"""A growing text is drawn as the whole would be, and what is settled is drawn once."""

import pytest
from hypothesis import given, settings, strategies as st

from plait.views.tui.blocks import Answer, Block
from plait.views.tui.markdown import render
from plait.views.tui.palette import Palette
from plait.views.tui.sheet import Look, Sheet
from plait.views.tui.streaming import LONGEST

PALETTE = Palette.of({}, dark=True)
PIECES = st.sampled_from(
    [
        "# Title\n\n",
        "plain words here ",
        "more\n",
        "\n\n",
        "- item\n",
        "1. one\n",
        "```py\nx = 1\n",
        "```\n\n",
        "> quote\n\n",
        "`code` ",
    ]
)


class Page:
    """An answer on a sheet, as the transcript has it."""

    def __init__(self, width: int = 60) -> None:
        self.sheet = Sheet()
        self.sheet.set_look(Look(width + 2, PALETTE))
        self.answer = Answer(self.sheet.add, self.sheet.drop)

    def append(self, text: str) -> None:
        self.answer.append(text)
        for place in self.sheet.behind_near(0):
            self.sheet.draw(place)
        self.sheet.add_up()

    def texts(self) -> list[str]:
        for place in self.sheet.behind_near(0):
            self.sheet.draw(place)
        return self.sheet.texts()


def whole(text: str) -> list[str]:
    return [("  " + line.plain).rstrip() for line in render(text, 60, PALETTE)]


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_streamed_or_at_once_it_ends_the_same(pieces: list[str]) -> None:
    grown, at_once = Page(), Page()
    for piece in pieces:
        grown.append(piece)
    at_once.append("".join(pieces))

    assert [line for line in grown.texts() if line] == [line for line in whole("".join(pieces)) if line]
    assert grown.texts() == at_once.texts()
    assert grown.answer.text == "".join(pieces)


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, min_size=150, max_size=250), st.integers(1, 4000))
def test_a_long_text_is_drawn_in_pieces_as_it_would_be_in_one(pieces: list[str], size: int) -> None:
    text = "".join(pieces)
    page = Page()
    for start in range(0, len(text), size):
        page.append(text[start : start + size])

    assert max(len(block.streamed.text) for block in page.sheet.blocks) <= LONGEST  # type: ignore[attr-defined]
    assert [line for line in page.texts() if line] == [line for line in whole(text) if line]


@pytest.mark.parametrize("item", ["1. one\n", "1) one\n", "7. one\n", "1. one\n\n", "0. one\n", "1. one\n   - two\n"])
@pytest.mark.parametrize("count", [250, 1200])
def test_a_list_of_equal_numbers_goes_on_counting_where_it_is_cut(item: str, count: int) -> None:
    page = Page()
    for start in range(0, count, 10):
        page.append(item * min(10, count - start))

    assert len(page.sheet.blocks) > 1
    assert [line for line in page.texts() if line] == [line for line in whole(item * count) if line]


def test_a_list_goes_on_whose_next_number_has_come_only_in_part() -> None:
    page = Page()
    for piece in ("1. one\n\n", "1", ". two\n"):
        page.append(piece)
        page.texts()

    assert [line for line in page.texts() if line] == ["  1. one", "  2. two"]


def test_a_settled_line_is_never_drawn_again() -> None:
    page = Page()
    seen: list[object] = []
    for number in range(200):
        page.append(f"paragraph {number} with **bold**\n\n")
        strips = [page.sheet.line(line) for line in range(page.sheet.height)]
        assert all(old is new for (old, _), (new, _) in zip(seen, strips, strict=False))  # type: ignore[misc]
        seen = strips[:-2]


def test_only_what_is_seen_of_a_flood_is_drawn() -> None:
    page = Page()
    page.answer.append("some words in a paragraph\n\n" * 4000)
    drawn = 0
    for place in page.sheet.behind_from_end(50):
        page.sheet.draw(place)
        drawn += 1

    assert len(page.sheet.blocks) > 100
    assert drawn <= 3
    page.sheet.add_up()
    assert page.sheet.height >= 50


def test_a_fence_that_does_not_end_is_cut_between_its_lines() -> None:
    page = Page()
    page.append("```python\n")
    for number in range(400):
        page.append(f"x_{number} = {number}\n")
    assert [line.strip() for line in page.texts()[:-1]] == [f"x_{n} = {n}" for n in range(400)]
    page.append("```\n\nafter\n")
    assert page.texts()[-2:] == ["  after", ""]
    assert [line.strip() for line in page.texts()[-5:-3]] == ["x_398 = 398", "x_399 = 399"]


@pytest.mark.parametrize(
    "text", ["word " * 20_000, "x" * 60_000, "- item\n" * 9000, "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 6000]
)
def test_nothing_makes_a_piece_that_takes_long_to_draw(text: str) -> None:
    page = Page()
    page.append(text)
    assert max(len(block.streamed.text) for block in page.sheet.blocks) <= LONGEST  # type: ignore[attr-defined]
    assert "".join(block.streamed.text for block in page.sheet.blocks) == text  # type: ignore[attr-defined]


def test_a_list_goes_on_counting_where_it_was_cut() -> None:
    page = Page()
    page.append("".join(f"{number}. item\n" for number in range(1, 400)))
    assert len(page.sheet.blocks) > 1
    assert page.texts()[:-1] == [f"  {number}. item" for number in range(1, 400)]


def test_an_answer_that_turns_out_to_be_another_replaces_what_was_shown() -> None:
    page = Page()
    page.append("one\n\n" * 500)
    page.answer.finish("two", partial=False)
    assert page.texts() == ["  two", ""]
    blocks: list[Block] = page.sheet.blocks
    assert blocks[0].plain() == "two"
