import asyncio

from plait.agent.deltas import APART_S, Deltas
from plait.protocol.events import Event, TextDelta, ThinkingDelta


class Said:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.deltas = Deltas(self.events.append)

    def text(self, piece: str, part: int = 0) -> None:
        self.deltas.add((TextDelta, part), lambda text: TextDelta(1, 1, part, text), piece)

    def thinking(self, piece: str) -> None:
        self.deltas.add((ThinkingDelta, 0), lambda text: ThinkingDelta(1, 1, 0, text), piece)


async def test_the_first_piece_is_handed_on_at_once_and_those_that_follow_together() -> None:
    said = Said()

    for piece in "abcd":
        said.text(piece)

    assert said.events == [TextDelta(1, 1, 0, "a")]
    said.deltas.flush()
    assert said.events[1:] == [TextDelta(1, 1, 0, "bcd")]


async def test_what_waits_is_handed_on_even_if_nothing_follows() -> None:
    said = Said()
    said.text("a")
    said.text("b")

    async with asyncio.timeout(100 * APART_S):
        while len(said.events) < 2:
            await asyncio.sleep(0)

    assert said.events[1] == TextDelta(1, 1, 0, "b")


async def test_pieces_of_different_parts_stay_apart_and_in_order() -> None:
    said = Said()
    said.thinking("a")
    said.thinking("b")
    said.text("c")
    said.text("d", part=1)
    said.deltas.flush()

    assert said.events == [
        ThinkingDelta(1, 1, 0, "a"),
        ThinkingDelta(1, 1, 0, "b"),
        TextDelta(1, 1, 0, "c"),
        TextDelta(1, 1, 1, "d"),
    ]
    said.deltas.flush()
    assert len(said.events) == 4
