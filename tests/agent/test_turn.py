"""Turns of a whole agent under a scripted model."""

import asyncio
from pathlib import Path
from typing import Any

from tests.fakes.conversation import Conversation

from plait.agent.budget import Limits
from plait.protocol.commands import Allow, AllowAlways, Deny, Rule
from plait.protocol.errors import ProviderError
from plait.protocol.events import (
    ApprovalAsked,
    CallEnded,
    CallsDropped,
    CallStarted,
    HistoryReplaced,
    MessagesRecorded,
    Notice,
    ReplyEnded,
    RetryScheduled,
    RuleAdded,
    TextDelta,
    TextEnded,
    TurnEnded,
)
from plait.protocol.ports import CutCall, Restored
from plait.testing import ScriptedCall, ScriptedReply

READ = ScriptedCall("probe", {"reads": ["a"]})
WRITE = ScriptedCall("probe", {"writes": ["a"]})
DONE = ScriptedReply("done")


def said(messages: list[Any]) -> str:
    return " ".join(str(getattr(part, "content", "")) for message in messages for part in message.parts)


async def test_a_turn_with_parallel_calls_ends_with_the_models_last_text(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply("looking", (READ, READ)), DONE])

    ended = await talk.prompt("look")

    assert (ended.end, ended.text, ended.replies) == ("completed", "done", 2)
    assert [event.text for event in talk.of(TextEnded)] == ["looking", "done"]
    assert "done" in said(talk.script.requests[1])
    assert [type(event).__name__ for event in talk.durable()] == [
        "TurnStarted",
        "MessagesRecorded",
        "TextEnded",
        "CallReserved",
        "CallStarted",
        "CallEnded",
        "CallReserved",
        "CallStarted",
        "CallEnded",
        "MessagesRecorded",
        "ReplyEnded",
        "MessagesRecorded",
        "MessagesRecorded",
        "TextEnded",
        "ReplyEnded",
        "TurnEnded",
    ]


async def test_a_read_is_finished_before_the_reply_is(tmp_path: Path) -> None:
    last = asyncio.Event()
    talk = Conversation(
        tmp_path, [ScriptedReply(calls=(READ, ScriptedCall("probe", {"reads": ["b"]}, after=last))), DONE]
    )
    turn = talk.begin("look")

    await talk.until(CallEnded)
    assert not talk.of(ReplyEnded)
    last.set()
    await turn
    assert talk.last(TurnEnded).end == "completed"


async def test_a_write_waits_until_the_reply_is_whole(tmp_path: Path) -> None:
    last = asyncio.Event()
    replies = [ScriptedReply(calls=(WRITE, ScriptedCall("probe", {"reads": ["b"]}, after=last))), DONE]
    talk = Conversation(tmp_path, replies, mode="bypassPermissions")
    turn = talk.begin("write")

    for _ in range(50):
        await asyncio.sleep(0)
    assert not talk.of(CallStarted)
    last.set()
    await turn
    assert len(talk.of(CallStarted)) == 2


async def test_a_broken_reply_is_tried_again_and_its_calls_never_reach_the_history(tmp_path: Path) -> None:
    broken = ScriptedReply(
        "half an ans", (READ, ScriptedCall("probe", {"reads": ["b"]})), error=ConnectionResetError("torn")
    )
    talk = Conversation(tmp_path, [broken, DONE])

    ended = await talk.prompt("look")

    assert ended.end == "completed"
    [retry] = talk.of(RetryScheduled)
    assert "torn" in retry.reason
    assert len(talk.of(CallsDropped)[0].keys) >= 1
    assert "half an ans" not in said(talk.script.requests[1])
    assert "call_1" not in "".join(event.payload for event in talk.of(MessagesRecorded))


async def test_a_provider_that_keeps_failing_ends_the_turn_with_one_line_and_the_talk_goes_on(tmp_path: Path) -> None:
    failing = ScriptedReply(error=ProviderError("The service is down.", retryable=True))
    talk = Conversation(tmp_path, [*[failing] * 5, DONE])

    ended = await talk.prompt("look")
    again = await talk.prompt("again", turn=2)

    assert (ended.end, ended.error) == ("failed", "The service is down.")
    assert len(talk.of(RetryScheduled)) == 4
    assert again.text == "done"
    assert "look" in said(talk.script.requests[-1])


async def test_what_cannot_be_retried_is_not(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply(error=ProviderError("Wrong key.", status=401))])

    ended = await talk.prompt("look")

    assert (ended.end, ended.error) == ("failed", "Wrong key.")
    assert not talk.of(RetryScheduled)


async def test_a_cancelled_reply_leaves_its_text_and_a_history_that_goes_on(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply("I was about to", (READ,), hold=asyncio.Event()), DONE])
    turn = talk.begin("look")
    await talk.until(TextDelta)
    await talk.until(CallStarted)
    talk.agent.cancel()
    await turn

    assert talk.last(TurnEnded).end == "cancelled"
    assert (await talk.prompt("go on", turn=2)).text == "done"
    assert "I was about to" in said(talk.script.requests[1])


async def test_calls_cancelled_with_the_turn_are_closed_in_the_history(tmp_path: Path) -> None:
    calls = (READ, ScriptedCall("probe", {"writes": ["b"], "gate": "never", "then": "partial"}))
    talk = Conversation(tmp_path, [ScriptedReply(calls=calls), DONE], mode="bypassPermissions")
    turn = talk.begin("write")
    await talk.until(CallStarted, 2)
    await talk.until(CallEnded, 1)
    talk.agent.cancel()
    await turn

    assert {event.status for event in talk.of(CallEnded)} == {"ok", "cancelled"}
    assert (await talk.prompt("and?", turn=2)).text == "done"
    assert "as far as it came" in said(talk.script.requests[1])


async def test_a_word_said_while_it_works_joins_the_next_request(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply(calls=(ScriptedCall("probe", {"reads": ["a"], "gate": "go"}),)), DONE])
    turn = talk.begin("look")
    await talk.until(CallStarted)
    assert talk.agent.steer("and mind the tests")
    talk.world.gate("go").set()
    await turn

    assert "and mind the tests" in said(talk.script.requests[1])


async def test_what_is_said_as_the_last_reply_streams_is_not_lost(tmp_path: Path) -> None:
    hold = asyncio.Event()
    talk = Conversation(tmp_path, [ScriptedReply("first", hold=hold), ScriptedReply("second")])
    turn = talk.begin("look")
    await talk.until(TextDelta)
    assert talk.agent.steer("wait, also this")
    hold.set()
    await turn

    assert "wait, also this" in said(talk.script.requests[1])
    assert talk.last(TurnEnded).text == "second"


async def test_more_than_fifty_replies_are_no_limit_but_max_turns_is(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply(calls=(READ,))] * 60, settings={"limits": Limits(max_turns=55)})

    ended = await talk.prompt("work")

    assert (ended.end, ended.replies) == ("limit_turns", 55)


async def test_ids_repeated_by_a_server_are_told_apart(tmp_path: Path) -> None:
    twice = ScriptedReply(
        calls=(ScriptedCall("probe", {"reads": ["a"]}, "x"), ScriptedCall("probe", {"reads": 3}, "x"))
    )
    talk = Conversation(tmp_path, [twice, twice, DONE])

    ended = await talk.prompt("look")

    assert ended.end == "completed"
    assert [event.status for event in talk.of(CallEnded)] == ["ok", "failed", "ok", "failed"]
    assert "lost" not in said(talk.script.requests[2])


async def test_half_received_arguments_and_unknown_tools_are_never_run(tmp_path: Path) -> None:
    calls = (ScriptedCall("probe", raw='{"reads": ["a"'), ScriptedCall("nope"), READ)
    talk = Conversation(tmp_path, [ScriptedReply(calls=calls), DONE])

    ended = await talk.prompt("look")

    assert ended.end == "completed"
    assert len(talk.of(CallStarted)) == 1
    assert sorted(event.status for event in talk.of(CallEnded)) == ["failed", "failed", "ok"]


async def test_a_denial_reaches_the_model_with_its_reason(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply(calls=(WRITE,)), DONE])
    turn = talk.begin("write")
    asked = await talk.until(ApprovalAsked)
    assert talk.agent.decide(asked.key, Deny("use b instead"))
    assert not talk.agent.decide(asked.key, Allow())
    await turn

    assert "use b instead" in said(talk.script.requests[1])
    assert talk.world.store == {}


async def test_always_saves_the_rule_and_asks_no_more(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply(calls=(WRITE, WRITE)), DONE])
    turn = talk.begin("write")
    asked = await talk.until(ApprovalAsked)
    rule = Rule("allow", "probe", "project")
    talk.agent.decide(asked.key, AllowAlways(rule))
    await turn

    assert len(talk.of(ApprovalAsked)) == 1
    assert talk.last(RuleAdded).rule == rule
    assert talk.saved == [rule]


async def test_an_answer_must_meet_the_schema(tmp_path: Path) -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    talk = Conversation(
        tmp_path,
        [ScriptedReply("hm"), ScriptedReply('{"n": "x"}'), ScriptedReply('```json\n{"n": 3}\n```')],
        settings={"schema": schema},
    )

    ended = await talk.prompt("count")

    assert ended.structured == '{"n": 3}'
    assert "meets this JSON Schema" in (talk.script.instructions[0] or "")


async def test_an_answer_that_never_meets_the_schema_ends_after_three_tries(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply("no")], settings={"schema": {"type": "object"}})

    assert (await talk.prompt("count")).end == "schema_not_met"
    assert len(talk.script.requests) == 3


async def test_compacting_keeps_pairs_together_and_the_talk_goes_on(tmp_path: Path) -> None:
    talk = Conversation(
        tmp_path,
        [ScriptedReply("x" * 500, (READ,))] * 6 + [ScriptedReply("a summary"), DONE],
        settings={"limits": Limits(max_turns=6)},
    )
    await talk.prompt("work")

    await talk.agent.compact("the tests")

    replaced = talk.last(HistoryReplaced)
    assert (replaced.summary, replaced.by_user) == ("a summary", True)
    assert "the tests" in said(talk.script.requests[6])
    assert (await talk.prompt("go on", turn=2)).end in ("completed", "limit_turns")


async def test_a_context_that_is_too_long_is_compacted_and_tried_again(tmp_path: Path) -> None:
    full = ProviderError("too long", status=400, is_context_full=True)
    replies = [ScriptedReply("x" * 300, (READ,))] * 4 + [ScriptedReply(error=full), ScriptedReply("a summary"), DONE]
    talk = Conversation(tmp_path, replies)

    ended = await talk.prompt("work")

    assert (ended.end, ended.text) == ("completed", "done")
    assert not talk.last(HistoryReplaced).by_user
    assert "a summary" in said(talk.script.requests[-1])


async def test_a_killed_session_goes_on_with_what_the_log_could_find_out(tmp_path: Path) -> None:
    first = Conversation(tmp_path, [ScriptedReply(calls=(READ, WRITE)), DONE], mode="bypassPermissions")
    await first.prompt("work")
    payloads = tuple(event.payload for event in first.of(MessagesRecorded))[:2]
    second = Conversation(tmp_path, [DONE])

    second.agent.restore(Restored(payloads, (CutCall("call_1", "probe", "ok", "what it had read"),), turns=1))
    await second.prompt("go on", turn=2)

    sent = said(second.script.requests[0])
    assert "what it had read" in sent
    assert "Interrupted before it ran" in sent
    assert second.world.order == []


async def test_the_time_limit_ends_the_turn_and_its_calls(tmp_path: Path) -> None:
    hangs = ScriptedReply(calls=(ScriptedCall("probe", {"reads": ["a"], "gate": "never"}),))
    talk = Conversation(tmp_path, [hangs], settings={"limits": Limits(time_limit_s=0.5)})

    ended = await talk.prompt("work")

    assert ended.end == "limit_time"
    assert talk.last(CallEnded).status == "cancelled"


async def test_a_second_turn_makes_no_new_agent_or_model(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [DONE])
    pool_model = talk.client.model

    await talk.prompt("one")
    await talk.prompt("two", turn=2)

    assert talk.client.model is pool_model


async def test_a_rule_that_is_none_is_said_and_changes_nothing(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply(calls=(WRITE,)), DONE])
    turn = talk.begin("write")
    asked = await talk.until(ApprovalAsked)

    assert not talk.agent.decide(asked.key, AllowAlways(Rule("allow", "probe(")))
    talk.agent.add_rule(Rule("deny", "edit()"))
    talk.agent.decide(asked.key, Deny(""))
    await turn

    assert ["not understood" in notice.text or "is empty" in notice.text for notice in talk.of(Notice)] == [True, True]
    assert talk.of(RuleAdded) == []
    assert talk.saved == []


async def test_the_rules_of_a_session_hold_after_it_is_resumed_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply(calls=(WRITE,)), DONE])
    talk.agent.restore(Restored(rules=(Rule("allow", "probe("), Rule("allow", "probe"))))

    await talk.prompt("write", turn=2)

    assert talk.of(ApprovalAsked) == []
    assert talk.world.store != {}
    assert len(talk.of(Notice)) == 1


async def test_a_rule_settles_the_rest_of_the_line_and_an_answer_may_come_before_the_question(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply(calls=(WRITE, WRITE, WRITE)), DONE])
    turn = talk.begin("write")
    asked = await talk.until(ApprovalAsked)
    later = [call.key for call in talk.machinery.approvals.group[1:]]

    for key in (*reversed(later), asked.key):
        assert talk.agent.decide(key, Allow())
    await turn

    assert len(later) == 2
    assert len(talk.of(ApprovalAsked)) == 1
