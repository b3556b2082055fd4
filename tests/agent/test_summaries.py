"""Summaries of a long conversation, in each wire format: requests like any other, retried, and paid for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.agent.test_providers import FORMATS, Talk
from tests.wire.script import CONTEXT_TOO_LONG, Call, Reply, Status, Text, Thinking, Turn, Usage, says
from tests.wire.server import WireServer

from plait.agent.compaction import SUMMARY_INSTRUCTION
from plait.protocol.events import (
    HistoryReplaced,
    Notice,
    RetryScheduled,
    Stamped,
    SummaryMade,
    Usage as Spent,
)
from plait.session.resume import resumption

LOOK = Reply((Thinking("hm"), Text("x" * 500), Call("probe", {"reads": ["a"]}), Call("probe", {"reads": ["b"]})))
SUMMARY = Reply((Text("They want tests."),), usage=Usage(input_tokens=1000, output_tokens=30))
PAID = (1000, 30)


@pytest.fixture(params=list(FORMATS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def before(summaries: Sequence[Turn]) -> list[Turn]:
    return [LOOK, LOOK, LOOK, says("fine"), *summaries, says("done")]


def tokens(usage: Spent) -> tuple[int, int]:
    return usage.input_tokens, usage.output_tokens


async def test_a_summary_that_holds_calls_carries_their_tools_and_is_paid_for(tmp_path: Path, kind: str) -> None:
    async with WireServer(before([SUMMARY])) as server, Talk(tmp_path, kind, server) as talk:
        first = await talk.prompt("look")
        await talk.agent.compact("the tests")
        last = await talk.prompt("go on", turn=2)

        assert server.refused == []
        assert talk.last(HistoryReplaced).summary == "They want tests."
        [made] = talk.of(SummaryMade)
        assert (made.turn, tokens(made.usage)) == (0, PAID)
        assert (await spent(talk)) == tuple(map(sum, zip(tokens(first.usage), PAID, tokens(last.usage), strict=True)))


async def test_a_summary_is_asked_for_with_what_other_requests_begin_with(tmp_path: Path, kind: str) -> None:
    async with WireServer(before([SUMMARY])) as server, Talk(tmp_path, kind, server) as talk:
        await talk.prompt("look")
        await talk.agent.compact("")

        asked, summary = server.requests[3].body, server.requests[4].body
        for part in ("system", "instructions", "tools", "model"):
            assert summary.get(part) == asked.get(part)
        assert "probe" in str(summary["tools"])
        assert SUMMARY_INSTRUCTION.splitlines()[0] in str(summary)


async def test_a_summary_within_a_turn_is_part_of_what_the_turn_cost(tmp_path: Path, kind: str) -> None:
    script = [LOOK, LOOK, LOOK, CONTEXT_TOO_LONG, SUMMARY, says("done")]
    async with WireServer(script) as server, Talk(tmp_path, kind, server) as talk:
        ended = await talk.prompt("look")

        assert (ended.end, ended.text, server.refused) == ("completed", "done", [])
        assert talk.last(SummaryMade).turn == 1
        assert tokens(ended.usage) == (4 * 100 + 1000, 4 * 20 + 30)
        assert (await spent(talk)) == tokens(ended.usage)


async def test_a_summary_by_another_model_holds_nothing_that_it_does_not_know(tmp_path: Path, kind: str) -> None:
    thought = Reply((Thinking("let me see", "c2lnbmVk"), Text("x" * 500), Call("probe", {"reads": ["a"]})))
    other = "openai-chat" if kind == "anthropic" else "anthropic"
    async with WireServer([thought, thought, thought, says("fine")]) as server, Talk(tmp_path, kind, server) as talk:
        await talk.prompt("look")
        async with WireServer([SUMMARY]) as second:
            talk.client.use(f"{other}:scripted-model", second.base_url(FORMATS[other]))  # type: ignore[arg-type]
            await talk.agent.compact("")

            assert second.refused == []
            assert "c2lnbmVk" not in str(second.requests[0].body)
            assert talk.last(HistoryReplaced).summary == "They want tests."


@pytest.mark.parametrize("fault", [Status(500), Status(429, retry_after="0"), Reply(()), says(" \n")])
async def test_a_summary_that_failed_is_asked_for_again(tmp_path: Path, kind: str, fault: Turn) -> None:
    async with WireServer(before([fault, SUMMARY])) as server, Talk(tmp_path, kind, server) as talk:
        await talk.prompt("look")
        await talk.agent.compact("")

        assert len(talk.of(RetryScheduled)) == 1
        assert talk.last(HistoryReplaced).summary == "They want tests."


async def test_without_a_summary_the_prompts_are_kept_and_it_is_told(tmp_path: Path, kind: str) -> None:
    async with WireServer(before([Status(400)])) as server, Talk(tmp_path, kind, server) as talk:
        await talk.prompt("look")
        await talk.agent.compact("")

        assert "- look" in talk.last(HistoryReplaced).summary
        assert "No summary could be made" in talk.last(Notice).text


async def test_a_summary_that_calls_something_runs_nothing(tmp_path: Path, kind: str) -> None:
    calling = Reply((Text("They want tests."), Call("probe", {"writes": ["a"]})))
    async with WireServer(before([calling])) as server, Talk(tmp_path, kind, server) as talk:
        talk.permissions.mode = "bypassPermissions"
        await talk.prompt("look")
        await talk.agent.compact("")
        await talk.prompt("go on", turn=2)

        assert (server.refused, talk.world.store) == ([], {})
        assert talk.last(HistoryReplaced).summary == "They want tests."


async def test_what_a_summary_cost_is_known_after_a_resume(tmp_path: Path, kind: str) -> None:
    async with WireServer(before([SUMMARY])) as server, Talk(tmp_path, kind, server) as talk:
        ended = await talk.prompt("look")
        await talk.agent.compact("")
        log = [Stamped(number, 0, "main", event) for number, event in enumerate(talk.durable(), 1)]

        usage = resumption(log, lambda _: None).restored.usage

        assert tokens(usage) == tuple(map(sum, zip(tokens(ended.usage), PAID, strict=True)))


async def spent(talk: Talk) -> tuple[int, int]:
    return tokens(talk.agent._usage)
