"""What a request says, in each wire format: effort, marks for the cache, whose thinking; and how long it waits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.agent.test_providers import FORMATS, Talk
from tests.wire.script import Call, Pause, Reply, Status, Text, Thinking, Until, says
from tests.wire.server import WireServer

from plait.protocol.events import MessagesRecorded, RetryScheduled
from plait.protocol.ports import Restored

SIGNATURE = "c2lnbmVk"


@pytest.fixture(params=list(FORMATS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def marked(node: Any) -> int:
    """Count the marks for the cache below a part of a request."""
    if isinstance(node, dict):
        return ("cache_control" in node) + sum(map(marked, node.values()))
    return sum(map(marked, node)) if isinstance(node, list) else 0


async def test_instructions_tools_and_the_newest_message_are_marked_for_anthropics_cache(tmp_path: Path) -> None:
    calling = Reply((Call("probe", {"reads": ["a"]}),))
    async with WireServer([calling, says("fine")]) as server, Talk(tmp_path, "anthropic", server) as talk:
        await talk.prompt("hello")

        for request in server.requests:
            static, changing = request.body["system"]
            assert static["text"] == "Be brief."
            assert "cache_control" in static
            # Date, mode and branch come after the mark, so that they do not spoil what stays.
            assert "cache_control" not in changing
            assert "cache_control" in request.body["tools"][-1]
            # At the top it stands for the end of the last message.
            assert "cache_control" in request.body
            assert marked(request.body) <= 4, "Anthropic refuses more than four"


@pytest.mark.parametrize("effort", ["low", "high"])
async def test_the_effort_is_asked_for(tmp_path: Path, kind: str, effort: Any) -> None:
    model = {"openai-chat": "gpt-5", "openai-responses": "gpt-5", "anthropic": "claude-opus-4-6"}[kind]
    async with WireServer([says("fine")]) as server, Talk(tmp_path, kind, server) as talk:
        talk.client._effort = effort
        talk.client.use(f"{kind}:{model}", talk.client.base_url)

        assert (await talk.prompt("hello")).text == "fine"

        body = server.requests[0].body
        match kind:
            case "openai-chat":
                assert body["reasoning_effort"] == effort
            case "openai-responses":
                assert body["reasoning"]["effort"] == effort
            case _:
                assert (body["thinking"]["type"], body["output_config"]["effort"]) == ("adaptive", effort)


async def test_without_a_wish_no_effort_is_asked_for(tmp_path: Path, kind: str) -> None:
    async with WireServer([says("fine")]) as server, Talk(tmp_path, kind, server) as talk:
        await talk.prompt("hello")

        assert not {"reasoning_effort", "reasoning", "thinking"} & server.requests[0].body.keys()


async def test_the_first_token_may_take_longer_than_the_pause_that_breaks_a_reply(tmp_path: Path, kind: str) -> None:
    slow = Reply((Pause(0.4), Text("slow but fine")))
    async with WireServer([slow]) as server, Talk(tmp_path, kind, server) as talk:
        talk.client._idle_timeout_s = 0.1

        ended = await talk.prompt("hello")

        assert (ended.end, ended.text) == ("completed", "slow but fine")
        assert not talk.of(RetryScheduled)


async def test_a_reply_that_pauses_but_goes_on_is_whole(tmp_path: Path, kind: str) -> None:
    go_on = asyncio.Event()
    async with WireServer([Reply((Text("one "), Until(go_on), Text("two")))]) as server:
        async with Talk(tmp_path, kind, server) as talk:
            talk.client._idle_timeout_s = 20
            turn = talk.begin("hello")
            while not any("one" in str(event) for event in talk.events):
                await asyncio.sleep(0)
            go_on.set()
            await turn

            assert "two" in str(talk.events[-1])


async def test_only_we_try_again(tmp_path: Path, kind: str) -> None:
    """Five requests: the first and our four; a client of the SDK's that retried too would make more."""
    async with WireServer([Status(500)] * 20) as server, Talk(tmp_path, kind, server) as talk:
        ended = await talk.prompt("hello")

        assert (ended.end, ended.fault) == ("failed", "provider")
        assert len(server.requests) == 1 + len(talk.of(RetryScheduled)) == 5


async def test_another_providers_thinking_is_not_sent_to_this_one(tmp_path: Path) -> None:
    thought = Reply((Thinking("hm, let me see", SIGNATURE), Text("first"), Call("probe", {"reads": ["a"]})))
    async with WireServer([thought, says("second")]) as server, Talk(tmp_path, "anthropic", server) as talk:
        await talk.prompt("hello")
        payloads = tuple(event.payload for event in talk.of(MessagesRecorded))
        # To the provider itself its thinking goes back, signed.
        assert SIGNATURE in str(server.requests[1].body["messages"])

    for kind in ("openai-chat", "openai-responses"):
        async with WireServer([says("third")]) as server, Talk(tmp_path, kind, server) as other:
            other.agent.restore(Restored(payloads, turns=1))
            ended = await other.prompt("go on", turn=2)

            assert (ended.end, ended.text) == ("completed", "third")
            sent = str(server.requests[0].body)
            assert "first" in sent
            assert SIGNATURE not in sent
            assert "let me see" not in sent


async def test_what_was_thought_elsewhere_is_not_sent_to_anthropic(tmp_path: Path) -> None:
    thought = Reply((Thinking("hm, let me see", SIGNATURE), Text("first")))
    async with WireServer([thought]) as server, Talk(tmp_path, "openai-responses", server) as talk:
        await talk.prompt("hello")
        payloads = tuple(event.payload for event in talk.of(MessagesRecorded))

    async with WireServer([says("second")]) as server, Talk(tmp_path, "anthropic", server) as other:
        other.agent.restore(Restored(payloads, turns=1))

        assert (await other.prompt("go on", turn=2)).text == "second"
        sent = str(server.requests[0].body)
        assert "first" in sent
        assert "let me see" not in sent
