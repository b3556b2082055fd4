"""A growing text is drawn as the whole would be, and what is settled is drawn once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from plait.views.tui.markdown import render
from plait.views.tui.palette import Palette
from plait.views.tui.streaming import PIECE, StreamedMarkdown

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


def plain(streamed: StreamedMarkdown, width: int = 60) -> list[str]:
    lines = streamed.lines(width, PALETTE)
    while streamed.is_behind:
        lines = streamed.lines(width, PALETTE)
    return [line.plain.rstrip() for line in lines]


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_streamed_or_at_once_it_ends_the_same(pieces: list[str]) -> None:
    grown = StreamedMarkdown()
    for piece in pieces:
        grown.text += piece
        grown.lines(60, PALETTE)
    whole = [("  " + line.plain).rstrip() for line in render("".join(pieces), 60, PALETTE)]

    assert [line for line in plain(grown) if line] == [line for line in whole if line]


def test_a_settled_line_is_never_drawn_again() -> None:
    streamed = StreamedMarkdown()
    seen: list[object] = []
    for number in range(200):
        streamed.text += f"paragraph {number} with **bold**\n\n"
        lines = streamed.lines(60, PALETTE)
        assert all(old is new for old, new in zip(seen, lines, strict=False))
        seen = lines[: streamed.settled_lines]
    assert streamed.settled_lines >= 396


def test_a_text_that_arrives_at_once_is_settled_in_pieces() -> None:
    streamed = StreamedMarkdown()
    streamed.text = "some words in a paragraph\n\n" * 2000

    streamed.lines(60, PALETTE)

    assert streamed.is_behind
    assert streamed.settled_lines <= 2 * PIECE // 26 * 2
    assert len(plain(streamed)) >= 3999


def test_a_fence_that_does_not_end_is_settled_line_by_line() -> None:
    streamed = StreamedMarkdown()
    streamed.text = "```python\n"
    for number in range(400):
        streamed.text += f"x_{number} = {number}\n"
        lines = streamed.lines(60, PALETTE)
    assert streamed.settled_lines > 300
    assert [line.plain.strip() for line in lines if line.plain.strip()] == [f"x_{n} = {n}" for n in range(400)]
