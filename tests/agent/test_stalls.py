"""Replies that do not come: counted in bytes, told of, and given up in time, in each wire format."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.agent.test_providers import FORMATS, Talk
from tests.wire.script import Break, Call, Comment, Pause, Reply, Silence, Text, Thinking, Turn, Until, says
from tests.wire.server import WireServer

from plait.agent.patience import GaveUp, Patience, watched
from plait.agent.pool import ModelPool
from plait.protocol.events import ReplyAwaited, RetryScheduled, TextDelta

FINE = says("fine")
ROLE_ONLY = Reply((Pause(0.0), Break("stall")))


@pytest.fixture(params=list(FORMATS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_silence_is_counted_from_the_last_byte_and_waiting_from_the_last_content() -> None:
    patience = Patience(lambda: 180.0, 60.0, 0.0)

    patience.byte_came(50.0)
    before = patience.silence(55.0)
    patience.content_came(70.0)
    patience.byte_came(90.0)
    after = patience.silence(100.0)

    assert (before.waited_s, before.silent_s, before.limit_s) == (55.0, 5.0, 180.0)
    assert (after.waited_s, after.silent_s, after.limit_s) == (30.0, 10.0, 60.0)


async def test_what_is_watched_may_end_by_itself_and_is_told_of_meanwhile() -> None:
    told: list[float] = []
    patience = Patience(lambda: 60.0, 60.0, asyncio.get_running_loop().time())

    async with watched(patience, lambda silence: told.append(silence.limit_s), tell_after_s=0.0):
        while not told:
            await asyncio.sleep(0)

    assert told[0] == 60.0


async def test_what_is_watched_is_given_up_after_the_limit() -> None:
    patience = Patience(lambda: 0.01, 60.0, asyncio.get_running_loop().time())

    with pytest.raises(GaveUp):
        async with watched(patience, lambda _: None):
            await asyncio.Event().wait()


async def test_a_timeout_from_within_stays_one() -> None:
    patience = Patience(lambda: 60.0, 60.0, asyncio.get_running_loop().time())

    with pytest.raises(TimeoutError):
        async with watched(patience, lambda _: None):
            raise TimeoutError


@pytest.mark.parametrize("stall", [Silence(), ROLE_ONLY], ids=["before the headers", "after the role"])
async def test_a_stall_before_the_first_content_has_a_limit_of_its_own(tmp_path: Path, kind: str, stall: Turn) -> None:
    async with WireServer([stall] * 9) as server, Talk(tmp_path, kind, server) as talk:
        talk.client._first_token_s = 0.3
        ended = await talk.prompt("hello")

        assert (ended.end, ended.fault, len(server.requests)) == ("failed", "provider", 2)
        assert server.base_url(FORMATS[kind]) in str(ended.error)  # type: ignore[arg-type]
        assert "`deadlines.first_token_s`" in str(ended.error)


@pytest.mark.parametrize(
    "begun", [Text("half"), Thinking("half"), Call("probe", {"reads": ["a"]})], ids=lambda part: type(part).__name__
)
async def test_a_stall_after_content_has_the_shorter_one(tmp_path: Path, kind: str, begun: Text) -> None:
    async with WireServer([Reply((begun, Break("stall"))), FINE]) as server, Talk(tmp_path, kind, server) as talk:
        talk.client._first_token_s = 600.0
        talk.client._idle_timeout_s = 0.3
        ended = await talk.prompt("hello")

        assert (ended.end, ended.text) == ("completed", "fine")
        assert "in the middle of its reply" in talk.of(RetryScheduled)[0].reason


async def test_bytes_that_say_nothing_are_bytes(tmp_path: Path, kind: str) -> None:
    kept_open = tuple(part for _ in range(8) for part in (Pause(0.2), Comment()))
    turn = Reply((*kept_open, Text("half "), *kept_open, Text("and half")))
    async with WireServer([turn]) as server, Talk(tmp_path, kind, server) as talk:
        talk.client._first_token_s = 1.0
        talk.client._idle_timeout_s = 1.0
        ended = await talk.prompt("hello")

        assert (ended.end, ended.text.replace(" ", "")) == ("completed", "halfandhalf")
        assert not talk.of(RetryScheduled)


async def test_the_waiting_is_told_with_the_limit_of_a_server_nearby(tmp_path: Path, kind: str) -> None:
    async with WireServer([Silence()]) as server, Talk(tmp_path, kind, server) as talk:
        talk.client._tell_after_s = 0.0
        turn = talk.begin("hello")
        awaited = await talk.until(ReplyAwaited, 2)
        talk.agent.cancel()
        await turn

        assert (awaited.turn, awaited.reply, awaited.limit_s) == (1, 1, 900.0)


async def test_the_waiting_in_the_middle_of_a_reply_is_told_too(tmp_path: Path, kind: str) -> None:
    never = asyncio.Event()
    async with WireServer([Reply((Text("half"), Until(never)))]) as server, Talk(tmp_path, kind, server) as talk:
        turn = talk.begin("hello")
        await talk.until(TextDelta)
        talk.client._tell_after_s = 0.0
        while not any(event.limit_s == 60.0 for event in talk.of(ReplyAwaited)):
            await asyncio.sleep(0.01)
        talk.agent.cancel()
        await turn

        assert talk.events[-1].end == "cancelled"  # type: ignore[union-attr]  # the turn's end


@pytest.mark.parametrize(
    ("address", "is_near"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://[::1]:8080/v1", True),
        ("http://localhost:11434/v1", True),
        ("http://10.1.2.3/v1", True),
        ("http://192.168.0.7:8000/v1", True),
        ("http://172.20.1.1/v1", True),
        ("http://[fd00::7]/v1", True),
        ("http://gpu.lan/v1", True),
        ("https://93.184.216.34/v1", False),
        ("https://172.32.0.1/v1", False),
    ],
)
async def test_which_servers_are_near(address: str, is_near: bool) -> None:
    pool = ModelPool(lambda _: "sk-test")

    assert pool.is_near(pool.model("openai-chat:m", address)) is is_near
    await pool.close()
