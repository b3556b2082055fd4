"""What is asked again, how often and when: empty replies, limits of the service, and what a filter cut."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.agent.test_connecting import At, answering
from tests.agent.test_providers import FORMATS, Talk
from tests.fakes.conversation import Conversation
from tests.wire.script import Call, Reply, Status, Text, Thinking, Usage as Spent, says
from tests.wire.server import WireServer

from plait.agent.arriving import EmptyReply
from plait.agent.budget import Limits
from plait.agent.retries import Retries
from plait.protocol.errors import ProviderError
from plait.protocol.events import Notice, ReplyEnded, RetryScheduled, TextEnded
from plait.testing import ScriptedReply

NOTHING = {
    "no part": Reply(()),
    "empty text": Reply((Text(""),)),
    "white space": Reply((Text(" \n\t\n"),)),
    "thinking": Reply((Thinking("What would I say?"),)),
    "thinking and white space": Reply((Thinking("Hm."), Text("\n"))),
}


@pytest.fixture(params=list(FORMATS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("nothing", NOTHING.values(), ids=NOTHING)
async def test_a_model_that_answers_with_nothing_is_asked_twice_and_no_more(
    tmp_path: Path, kind: str, nothing: Reply
) -> None:
    async with WireServer([nothing] * 9) as server, Talk(tmp_path, kind, server) as talk:
        ended = await talk.prompt("hello")

        assert (ended.end, ended.fault, len(server.requests)) == ("failed", "provider", 2)
        assert "answered with nothing" in str(ended.error)
        assert all(event.partial for event in talk.of(TextEnded))
        assert server.refused == []


@pytest.mark.parametrize("nothing", NOTHING.values(), ids=NOTHING)
async def test_after_nothing_the_answer_counts_and_what_was_paid_too(tmp_path: Path, kind: str, nothing: Reply) -> None:
    paid = Reply(nothing.parts, usage=Spent(input_tokens=100, output_tokens=7))
    async with WireServer([paid, says("fine"), says("again")]) as server, Talk(tmp_path, kind, server) as talk:
        ended = await talk.prompt("hello")

        assert (ended.end, ended.text) == ("completed", "fine")
        assert (ended.usage.input_tokens, ended.usage.output_tokens) == (200, 27)
        assert (await talk.prompt("and?", turn=2)).text == "again"
        assert server.refused == []


async def test_nothing_after_calls_is_asked_twice_too_and_runs_no_call_again(tmp_path: Path, kind: str) -> None:
    calling = Reply((Call("probe", {"writes": ["a"]}),))
    async with WireServer([calling, *[Reply(())] * 9]) as server, Talk(tmp_path, kind, server) as talk:
        talk.permissions.mode = "bypassPermissions"
        ended = await talk.prompt("hello")

        assert (ended.end, len(server.requests)) == ("failed", 3)
        assert len(talk.world.store["a"]) == 1


async def test_nothing_between_failures_does_not_start_the_count_anew(tmp_path: Path, kind: str) -> None:
    async with WireServer([Reply(()), Status(500)] * 9) as server, Talk(tmp_path, kind, server) as talk:
        ended = await talk.prompt("hello")

        assert (ended.end, len(server.requests)) == ("failed", 3)


@pytest.mark.parametrize(("finish", "said"), [("length", "output limit"), ("content_filter", "content filter")])
async def test_nothing_for_a_reason_is_not_asked_again(tmp_path: Path, kind: str, finish: Any, said: str) -> None:
    async with (
        WireServer([Reply((Thinking("hm"),), finish=finish)] * 9) as server,
        Talk(tmp_path, kind, server) as talk,
    ):
        ended = await talk.prompt("hello")

        assert (ended.end, len(server.requests)) == ("failed", 1)
        assert said in str(ended.error)


async def test_a_reply_that_a_filter_cut_is_told(tmp_path: Path, kind: str) -> None:
    cut = Reply((Text("The recipe begins with"),), finish="content_filter")
    async with WireServer([cut]) as server, Talk(tmp_path, kind, server) as talk:
        ended = await talk.prompt("hello")

        assert (ended.end, ended.text) == ("completed", "The recipe begins with")
        assert talk.last(ReplyEnded).finish_reason == "content_filter"
        [notice] = talk.of(Notice)
        assert (notice.level, "content filter" in notice.text) == ("warning", True)


async def test_the_words_of_a_refusal_are_told(tmp_path: Path) -> None:
    refusing = b"".join(
        b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":'
        + delta
        + b',"finish_reason":'
        + finish
        + b"}]}\n\n"
        for delta, finish in ((b'{"refusal":"I will not.\\nNever."}', b"null"), (b"{}", b'"stop"'))
    )
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    async with answering(head + refusing + b"data: [DONE]\n\n") as port:
        async with At(tmp_path, "openai-chat", f"http://127.0.0.1:{port}/v1") as talk:
            ended = await talk.prompt("hello")

    assert str(ended.error).endswith(
        "content filter stopped the reply of `openai-chat:scripted-model`: I will not. Never."
    )
    assert not talk.of(RetryScheduled)


def test_an_empty_reply_is_tried_again_once() -> None:
    retries = Retries(1.0, attended=True)
    empty = EmptyReply("nothing")

    assert [retries.next_wait_s(empty, None) for _ in range(3)] == [0.5, None, None]
    retries.succeeded()
    assert retries.next_wait_s(empty, None) == 0.5


def test_a_failure_is_tried_again_four_times_with_growing_waits() -> None:
    retries = Retries(1.0, attended=False)
    failing = ProviderError("down", retryable=True)

    assert [retries.next_wait_s(failing, None) for _ in range(5)] == [1.0, 2.0, 4.0, 8.0, None]


@pytest.mark.parametrize(
    ("asked_s", "attended", "left_s", "waits"),
    [
        (7.0, False, None, True),
        (60.0, False, None, True),
        (61.0, False, None, False),
        (600.0, True, None, True),
        (600.0, False, 700.0, True),
        (600.0, False, 600.0, False),
        (600.0, False, 100.0, False),
        (600.0, True, 100.0, True),
    ],
)
def test_how_long_the_service_may_ask_to_wait(
    asked_s: float, attended: bool, left_s: float | None, waits: bool
) -> None:
    retries = Retries(1.0, attended=attended)
    limited = ProviderError("busy", status=429, retry_after_s=asked_s, retryable=True)

    assert retries.next_wait_s(limited, left_s) == (asked_s if waits else None)
    final = retries.final(limited, left_s)
    assert (f"{asked_s:.0f} s" in str(final)) is not waits


async def test_a_long_wait_ends_a_turn_that_nobody_watches_at_once(tmp_path: Path, kind: str) -> None:
    async with WireServer([Status(429, retry_after="600")] * 9) as server:
        async with Talk(tmp_path, kind, server, settings={"attended": False}) as talk:
            ended = await talk.prompt("hello")

            assert (ended.end, ended.fault, len(server.requests)) == ("failed", "provider", 1)
            assert "600 s" in str(ended.error)
            assert not talk.of(RetryScheduled)


@pytest.mark.parametrize("settings", [{}, {"attended": False, "limits": Limits(time_limit_s=700)}])
async def test_a_long_wait_is_told_and_can_be_ended(tmp_path: Path, kind: str, settings: Any) -> None:
    async with WireServer([Status(429, retry_after="600")] * 9) as server:
        async with Talk(tmp_path, kind, server, settings=settings) as talk:
            turn = talk.begin("hello")
            while not talk.of(RetryScheduled):
                await asyncio.sleep(0)
            talk.agent.cancel()
            await turn

            [retry] = talk.of(RetryScheduled)
            assert (retry.wait_s, len(server.requests)) == (600, 1)
            assert talk.events[-1].end == "cancelled"  # type: ignore[union-attr]  # the turn's end


@pytest.mark.parametrize("asked", ["Wed, 21 Oct 2015 07:28:00 GMT", "0", "0.01"])
async def test_a_wait_can_be_a_date_or_a_fraction(tmp_path: Path, kind: str, asked: str) -> None:
    script = [Status(429, retry_after=asked), says("fine")]
    async with WireServer(script) as server, Talk(tmp_path, kind, server, settings={"retry_base_s": 99.0}) as talk:
        ended = await talk.prompt("hello")

        assert ended.text == "fine"
        assert talk.of(RetryScheduled)[0].wait_s == float(asked if asked[0] == "0" else 0)


async def test_a_long_wait_goes_to_the_fallback_if_there_is_one(tmp_path: Path) -> None:
    limited = ProviderError("busy", status=429, retry_after_s=600, retryable=True)
    settings = {"attended": False, "fallback_model": "scripted"}
    talk = Conversation(tmp_path, [ScriptedReply(error=limited), ScriptedReply("done")], settings=settings)
    talk.client.name = "other"
    talk.pool.add("other", talk.script.model())

    assert (await talk.prompt("hello")).text == "done"
