"""Parts of a reply that arrive by turns, in each wire format: each call made once, whole, and in its place."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from tests.agent.test_providers import FORMATS, Talk
from tests.wire.script import Call, Interleaved, Reply, Text, Until, says
from tests.wire.server import WireServer

from plait.protocol.events import ArgsDelta, CallEnded, CallReserved, CallsDropped, CallStarted, TextEnded

FINE = says("fine")


@pytest.fixture(params=list(FORMATS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_a_call_whose_arguments_go_on_beside_the_next_ones_is_made_once_and_in_order(
    tmp_path: Path, kind: str
) -> None:
    both = Interleaved(
        (
            Call("probe", {"writes": ["a"], "steps": 3}, chunk_chars=5),
            Call("probe", {"writes": ["a"]}, chunk_chars=5),
        ),
        order=(0, 1, 1, 1, 1),
    )
    async with WireServer([Reply((both,)), FINE]) as server, Talk(tmp_path, kind, server) as talk:
        talk.permissions.mode = "bypassPermissions"
        ended = await talk.prompt("hello")

        assert (ended.end, ended.text) == ("completed", "fine")
        assert [event.args for event in talk.of(CallReserved)] == [call.args for call in both.calls]
        assert [event.status for event in talk.of(CallEnded)] == ["ok", "ok"]
        assert [str(event.key) for event in talk.of(CallEnded)] == talk.world.store["a"]
        assert not talk.of(CallsDropped)
        assert [text for _, text in (server.requests[1].asked or pytest.fail("none")).results] == ["done", "done"]


@pytest.mark.parametrize("seed", range(15))
async def test_whatever_the_turns_every_call_arrives_whole(tmp_path: Path, kind: str, seed: int) -> None:
    random_ = random.Random(seed)
    calls = tuple(
        Call("probe", arguments(random_), chunk_chars=random_.choice((1, 3, 7, 40)))
        for _ in range(random_.randint(2, 6))
    )
    order = tuple(random_.randrange(len(calls)) for _ in range(random_.randint(0, 30)))
    opened = tuple(dict.fromkeys((*order, *range(len(calls)))))
    turns = [Reply((Text("I look."), Interleaved(calls, order))), FINE]
    async with WireServer(turns) as server, Talk(tmp_path, kind, server) as talk:
        talk.permissions.mode = "bypassPermissions"
        ended = await talk.prompt("hello")

        assert (ended.end, ended.text, server.refused) == ("completed", "fine", [])
        assert [event.args for event in talk.of(CallReserved)] == [calls[number].args for number in opened]
        assert {event.status for event in talk.of(CallEnded)} == {"ok"}
        for written in talk.world.store.values():
            assert written == sorted(written, key=lambda key: int(key.rpartition(".")[2]))


def arguments(random_: random.Random) -> dict[str, object]:
    match random_.randrange(4):
        case 0:
            return {}
        case 1:
            return {"writes": [random_.choice("ab")], "steps": random_.randrange(4)}
        case 2:
            return {"reads": ["x" * 90] * random_.randrange(100)}
        case _:
            return {"reads": [random_.choice(("a}", '"', "{", "é"))], "steps": random_.randrange(4)}


async def test_a_malformed_call_among_others_fails_alone(tmp_path: Path, kind: str) -> None:
    mixed = Interleaved((Call("probe", raw='{"reads": ["a"'), Call("probe", {"reads": ["b"]})), order=(0, 1, 0))
    async with WireServer([Reply((mixed,)), FINE]) as server, Talk(tmp_path, kind, server) as talk:
        ended = await talk.prompt("hello")

        assert ended.text == "fine"
        assert sorted(event.status for event in talk.of(CallEnded)) == ["failed", "ok"]


async def test_a_read_still_runs_before_the_reply_is_whole(tmp_path: Path, kind: str) -> None:
    last = asyncio.Event()
    turns = [Reply((Call("probe", {"reads": ["a"]}), Until(last), Call("probe", {"reads": ["b"]}))), FINE]
    async with WireServer(turns) as server, Talk(tmp_path, kind, server) as talk:
        turn = talk.begin("hello")
        while not talk.of(CallEnded):
            await asyncio.sleep(0)
        assert len(talk.of(CallStarted)) == 1
        last.set()
        await turn

        assert talk.events[-1].end == "completed"  # type: ignore[union-attr]  # the turn's end


async def test_text_that_goes_on_after_a_call_is_told_whole(tmp_path: Path, kind: str) -> None:
    reply = Reply((Text("First I look. "), Call("probe", {"reads": ["a"]}), Text("Then I think. ", chunk_chars=4)))
    async with WireServer([reply, FINE]) as server, Talk(tmp_path, kind, server) as talk:
        ended = await talk.prompt("hello")

        assert (ended.end, server.refused) == ("completed", [])
        told = [(event.text, event.partial) for event in talk.of(TextEnded)]
        assert told == [("First I look. ", False), ("Then I think. ", False), ("fine", False)]


async def test_the_writing_of_each_call_is_shown(tmp_path: Path, kind: str) -> None:
    both = Interleaved((Call("probe", {"reads": ["a"]}), Call("probe", {"reads": ["b"]})), order=(0, 1))
    async with WireServer([Reply((both,)), FINE]) as server, Talk(tmp_path, kind, server) as talk:
        await talk.prompt("hello")

        assert len({event.part for event in talk.of(ArgsDelta)}) == 2
