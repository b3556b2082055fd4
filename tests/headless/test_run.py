from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.headless.fake_session import SESSION, AwaitCancel, FakeSession, Hang, Step

from plait.protocol.calls import CallKey, TextDetail, TextPreview
from plait.protocol.commands import Cancel, Decide, Deny, Prompt
from plait.protocol.errors import ProviderError, UserError
from plait.protocol.events import (
    ApprovalAsked,
    Blocker,
    CallEnded,
    CallReserved,
    CallsDropped,
    CallStarted,
    HistoryReplaced,
    Notice,
    OutputDelta,
    Progress,
    ReplyEnded,
    RetryScheduled,
    SummaryMade,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    TurnEnded,
    Usage,
)
from plait.views.headless.run import PrintOptions, print_session, run_print

USAGE = Usage(120, 9, 100, 15, Decimal("0.01"))
NO_USAGE = {
    "input_tokens": 0,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 0,
}
REPLY_USAGE = {
    "input_tokens": 5,
    "cache_creation_input_tokens": 15,
    "cache_read_input_tokens": 100,
    "output_tokens": 9,
}


def reply_ended(turn: int = 1, reply: int = 1, finish: str = "stop", usage: Usage = USAGE) -> ReplyEnded:
    return ReplyEnded(turn, reply, "model-1", finish, usage, 50, 20, 200, 1000)


def completed(turn: int = 1, text: str = "Done.", replies: int = 1, **more: Any) -> TurnEnded:
    return TurnEnded(turn, "completed", None, USAGE, 700, replies, text, **more)


def answer(turn: int = 1, text: str = "Done.") -> list[Step]:
    return [TextEnded(turn, 1, 0, text), reply_ended(turn), completed(turn, text)]


def key(call: int, agent: str = "main") -> CallKey:
    return CallKey(agent, 1, call)


def reserved(call: int, name: str = "read", **more: Any) -> CallReserved:
    args = more.pop("args", {"path": f"{call}.py"})
    provider_id = more.pop("provider_id", f"toolu_{call}")
    return CallReserved(key(call), name, args, provider_id, more.pop("effect", "read"), "files", reply=1, **more)


def ended(call: int, status: Any = "ok", text: str = "fine", **more: Any) -> CallEnded:
    return CallEnded(key(call), status, text, more.pop("detail", None), 1.5, 20.0, **more)


DENIED_TURN: list[Step] = [
    reserved(1, "shell", args={"command": "make"}, effect="unknown"),
    reply_ended(finish="tool_call"),
    ended(1, "denied", "Not run: it would have to ask."),
    TextEnded(1, 2, 0, "I may not."),
    reply_ended(1, 2),
    completed(text="I may not.", replies=2),
]


class Ran:
    """What a run left: exit code, standard output, lines on standard error."""

    def __init__(self, code: int, out: bytes, err: list[str]) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if kind(message) in kinds]

    @property
    def kinds(self) -> list[str]:
        return [kind(message) for message in self.messages]


def kind(message: dict[str, Any]) -> str:
    return f"{message['type']}/{message['subtype']}" if message["type"] == "system" else message["type"]


def options(output_format: Any = "stream-json", **more: Any) -> PrintOptions:
    ids = itertools.count(1)
    return PrintOptions("hi", output_format, new_id=lambda: f"id-{next(ids)}", plait_version="9.9", **more)


async def run(session: FakeSession, chosen: PrintOptions | None = None, stop: asyncio.Event | None = None) -> Ran:
    out = bytearray()
    err: list[str] = []
    code = await run_print(session, chosen or options(), out.extend, err.append, stop=stop)
    return Ran(code, bytes(out), err)


async def test_a_plain_answer_as_text_is_the_answer_and_a_newline() -> None:
    session = FakeSession(answer(text="Done."))

    ran = await run(session, options("text"))

    assert (ran.code, ran.out, ran.err) == (0, b"Done.\n", [])
    assert session.commands == [Prompt("hi")]


async def test_text_on_a_terminal_cannot_drive_it_and_a_pipe_gets_it_as_it_is() -> None:
    text = "red \x1b]0;owned\x07 caf\udce9"

    on_terminal = await run(FakeSession(answer(text=text)), options("text", terminal=True))
    in_pipe = await run(FakeSession(answer(text=text)), options("text"))

    assert b"\x1b" not in on_terminal.out
    assert in_pipe.out == b"red \x1b]0;owned\x07 caf\xe9\n"


async def test_a_whole_stream_of_one_read_and_an_answer() -> None:
    session = FakeSession(
        [
            ThinkingEnded(1, 1, 0, "Look first."),
            TextEnded(1, 1, 1, "Reading."),
            reserved(1, resources=("/work/1.py",)),
            CallStarted(key(1), 0, "files", 1.5, {"path": "1.py"}),
            reply_ended(finish="tool_call"),
            ended(1, text="x = 1", detail=TextDetail("1 line")),
            TextEnded(1, 2, 0, "Done."),
            reply_ended(1, 2),
            completed(replies=2),
        ]
    )

    ran = await run(session)

    def assistant(uuid: str, at: str, content: Any, message_id: str, model: str = "test:model", **end: Any) -> Any:
        message = {"id": message_id, "type": "message", "role": "assistant", "model": model, "content": [content]}
        message |= {"stop_reason": end.get("stop_reason"), "usage": end.get("usage", NO_USAGE)}
        return {
            "type": "assistant",
            "message": message,
            "parent_tool_use_id": None,
            "timestamp": f"1970-01-01T00:16:{at}Z",
            "session_id": SESSION,
            "uuid": uuid,
        }

    tool_use = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "1.py"}}
    tool_result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x = 1", "is_error": False}
    whole = {"stop_reason": "end_turn", "usage": REPLY_USAGE}
    assert ran.code == 0
    assert ran.messages == [
        {
            "type": "system",
            "subtype": "init",
            "cwd": "/work",
            "tools": ["read", "edit"],
            "mcp_servers": [],
            "model": "test:model",
            "permissionMode": "default",
            "slash_commands": [],
            "plait_version": "9.9",
            "sandbox": "none",
            "agents": [],
            "skills": [],
            "session_id": SESSION,
            "uuid": "id-1",
        },
        assistant("id-3", "40.100", {"type": "thinking", "thinking": "Look first.", "signature": ""}, "msg_id-2"),
        assistant("id-4", "40.200", {"type": "text", "text": "Reading."}, "msg_id-2"),
        assistant("id-5", "40.300", tool_use, "msg_id-2", "model-1", stop_reason="tool_use", usage=REPLY_USAGE),
        {
            "type": "user",
            "message": {"role": "user", "content": [tool_result]},
            "parent_tool_use_id": None,
            "timestamp": "1970-01-01T00:16:40.600Z",
            "tool_use_result": {"status": "ok", "summary": "1 line", "text": "", "kind": "text"},
            "session_id": SESSION,
            "uuid": "id-6",
        },
        {
            "type": "system",
            "subtype": "tool_schedule",
            "tool_use_id": "toolu_1",
            "lane": 0,
            "cap": "files",
            "effect": "read",
            "resources": ["/work/1.py"],
            "waits_for": [],
            "queued_ms": 1.5,
            "run_ms": 20.0,
            "session_id": SESSION,
            "uuid": "id-7",
        },
        assistant("id-9", "40.700", {"type": "text", "text": "Done."}, "msg_id-8", "model-1", **whole),
        {
            "type": "result",
            "subtype": "success",
            "is_error": False,
            "duration_ms": 700,
            "duration_api_ms": 100,
            "ttft_ms": 20,
            "num_turns": 2,
            "stop_reason": "end_turn",
            "total_cost_usd": 0.02,
            "usage": {name: 2 * count for name, count in REPLY_USAGE.items()},
            "modelUsage": {
                "model-1": {
                    "inputTokens": 10,
                    "outputTokens": 18,
                    "cacheReadInputTokens": 200,
                    "cacheCreationInputTokens": 30,
                    "costUSD": 0.02,
                    "contextWindow": 1000,
                }
            },
            "permission_denials": [],
            "files_changed": [],
            "terminal_reason": "completed",
            "session_id": SESSION,
            "uuid": "id-10",
            "result": "Done.",
        },
    ]


async def test_json_is_the_result_alone_and_with_verbose_an_array_of_all_messages() -> None:
    short = await run(FakeSession(answer()), options("json"))
    long = await run(FakeSession(answer()), options("json", verbose=True))

    assert [message["type"] for message in short.messages] == ["result"]
    assert [message["type"] for message in json.loads(long.out)] == ["system", "assistant", "result"]


async def test_results_come_in_completion_order_after_their_calls_and_say_what_they_waited_for() -> None:
    session = FakeSession(
        [
            reserved(1, "edit", effect="write"),
            reserved(2, waits_for=(Blocker(key(1), "/work/1.py"),)),
            reserved(3),
            CallStarted(key(3), 0, "files", 0.1, {}),
            ended(3, text="third"),
            reply_ended(finish="tool_call"),
            ended(1, text="first", files_changed=("/work/1.py",)),
            ended(2, "failed", text="second"),
            *answer(),
        ]
    )

    ran = await run(session)

    order = [
        message["message"]["content"][0].get("id") or message["message"]["content"][0]["tool_use_id"]
        for message in ran.of("assistant", "user")[:6]
    ]
    assert order == ["toolu_1", "toolu_2", "toolu_3", "toolu_3", "toolu_1", "toolu_2"]
    assert ran.of("system/tool_schedule")[2]["waits_for"] == [{"id": "toolu_1", "resource": "/work/1.py"}]
    assert [schedule["lane"] for schedule in ran.of("system/tool_schedule")] == [0, None, None]
    assert ran.of("user")[2]["message"]["content"][0]["is_error"] is True
    assert ran.of("user")[1]["tool_use_result"]["files_changed"] == ["/work/1.py"]
    assert ran.of("result")[0]["files_changed"] == ["/work/1.py"]


async def test_a_denied_call_finishes_with_success_and_code_five() -> None:
    ran = await run(FakeSession(DENIED_TURN))

    result = ran.messages[-1]
    denial = {"tool_name": "shell", "tool_use_id": "toolu_1", "tool_input": {"command": "make"}}
    assert ran.code == 5
    assert (result["subtype"], result["is_error"], result["permission_denials"]) == ("success", False, [denial])
    [line] = ran.of("system/permission_denied")
    assert (line["tool_name"], line["tool_use_id"]) == ("shell", "toolu_1")
    assert ran.kinds.index("system/permission_denied") > ran.kinds.index("assistant")


async def test_as_text_a_denied_call_is_told_on_standard_error() -> None:
    ran = await run(FakeSession(DENIED_TURN), options("text"))

    assert (ran.code, ran.out) == (5, b"I may not.\n")
    assert ran.err[0].startswith("1 call was not allowed: `shell`.")


@pytest.mark.parametrize(
    ("end", "fault", "subtype", "reason", "code"),
    [
        ("failed", "provider", "error_during_execution", "error", 2),
        ("failed", None, "error_during_execution", "error", 2),
        ("failed", "configuration", "error_during_execution", "error", 1),
        ("limit_turns", None, "error_max_turns", "max_turns", 3),
        ("limit_budget", None, "error_max_budget_usd", "max_budget_usd", 3),
        ("limit_time", None, "error_time_limit", "time_limit", 3),
        ("limit_tokens", None, "error_max_tokens", "max_tokens", 3),
        ("cancelled", None, "error_interrupted", "interrupted", 4),
        ("schema_not_met", None, "error_max_structured_output_retries", "structured_output_retries", 2),
    ],
)
async def test_each_end_has_its_subtype_and_exit_code(
    end: Any, fault: Any, subtype: str, reason: str, code: int
) -> None:
    turn = [TurnEnded(1, end, "It went wrong.", Usage(), 5, 3, fault=fault)]

    ran = await run(FakeSession(turn))
    as_text = await run(FakeSession(turn), options("text"))

    result = ran.messages[-1]
    assert (ran.code, as_text.code) == (code, code)
    assert (result["subtype"], result["is_error"], result["terminal_reason"]) == (subtype, True, reason)
    assert result["errors"] == ["It went wrong."]
    assert "result" not in result
    assert result["total_cost_usd"] == 0.0
    assert (as_text.out, as_text.err) == (b"", ["It went wrong."])


async def test_an_unknown_price_makes_the_cost_null() -> None:
    turn = [reply_ended(usage=USAGE), reply_ended(1, 2, usage=Usage(5, 5)), completed(replies=2)]

    result = (await run(FakeSession(turn))).messages[-1]

    assert result["total_cost_usd"] is None
    assert result["modelUsage"]["model-1"]["costUSD"] is None


async def test_a_structured_answer_is_parsed_in_the_result_and_bare_as_text() -> None:
    turn = [completed(text='```json\n{"a": 1}\n```', structured='{"a": 1}')]

    result = (await run(FakeSession(turn))).messages[-1]
    as_text = await run(FakeSession(turn), options("text"))

    assert result["structured_output"] == {"a": 1}
    assert as_text.out == b'{"a": 1}\n'


async def test_a_broken_reply_that_was_half_written_is_taken_back() -> None:
    session = FakeSession(
        [
            TextEnded(1, 1, 0, "I will"),
            reserved(1),
            ended(1),
            TextEnded(1, 1, 1, "cut o", partial=True),
            CallsDropped((key(1),)),
            RetryScheduled(1, 1, "overloaded", 1.5),
            *[TextEnded(1, 2, 0, "Done."), reply_ended(1, 2), completed(replies=2)],
        ]
    )

    ran = await run(session)

    [dropped] = ran.of("system/reply_dropped")
    [retry] = ran.of("system/api_retry")
    broken = ran.of("assistant")[0]["message"]["id"]
    assert (dropped["message_id"], dropped["tool_use_ids"]) == (broken, ["toolu_1"])
    assert (retry["attempt"], retry["retry_delay_ms"], retry["error"]) == (1, 1500, "overloaded")
    texts = [message["message"]["content"][0].get("text") for message in ran.of("assistant")]
    assert texts == ["I will", None, "Done."]


async def test_a_broken_reply_of_which_nothing_was_written_leaves_no_trace() -> None:
    turn = [TextEnded(1, 1, 0, "Half", partial=True), RetryScheduled(1, 1, "cut", 1.0)]

    ran = await run(FakeSession([*turn, TextEnded(1, 2, 0, "Whole."), reply_ended(1, 2), completed()]))

    assert ran.kinds == ["system/init", "system/api_retry", "assistant", "result"]


async def test_ids_that_a_server_repeats_still_name_one_call_each() -> None:
    calls = [reserved(1, provider_id="x"), reserved(2, provider_id="x"), reserved(3, provider_id="")]

    ran = await run(FakeSession([*calls, ended(2), ended(1), ended(3), *answer()]))

    used = [message["message"]["content"][0]["id"] for message in ran.of("assistant")[:3]]
    results = [message["message"]["content"][0]["tool_use_id"] for message in ran.of("user")]
    assert used == ["x", "x_2", "call_main/1.3"]
    assert results == ["x_2", "x", "call_main/1.3"]


async def test_a_sub_agents_lines_name_the_call_that_started_it() -> None:
    child = CallReserved(CallKey("child", 1, 1), "read", {}, "toolu_c", "read", "files", reply=1, parent=key(1))
    session = FakeSession(
        [
            reserved(1, "delegate"),
            reply_ended(finish="tool_call"),
            ("child", child),
            ("child", CallEnded(child.key, "ok", "x", None, 0.0, 1.0)),
            ("child", TextEnded(1, 2, 0, "Found it.")),
            ("child", reply_ended(1, 2)),
            ("child", completed(text="Found it.")),
            ended(1),
            *answer(),
        ]
    )

    ran = await run(session)

    parents = [message["parent_tool_use_id"] for message in ran.of("assistant", "user")]
    assert parents == [None, "toolu_1", "toolu_1", "toolu_1", None, None]
    assert ran.messages[-1]["result"] == "Done."


@pytest.mark.parametrize(("by_user", "trigger"), [(True, "manual"), (False, "auto")])
async def test_a_compaction_says_who_asked_for_it(by_user: bool, trigger: str) -> None:
    ran = await run(FakeSession([HistoryReplaced("compacted", "[]", by_user=by_user), *answer()]))

    [boundary] = ran.of("system/compact_boundary")
    assert boundary["compact_metadata"]["trigger"] == trigger


async def test_compaction_and_slow_calls_have_lines_of_their_own() -> None:
    waiting = [Progress(key(1), "half", 1, 2), *[OutputDelta(key(1), ".")] * 12]
    session = FakeSession(
        [
            HistoryReplaced("compacted", "[]", "Short.", 900, 100, 12),
            reserved(1, "shell"),
            CallStarted(key(1), 0, "commands", 0.1, {}),
            *waiting,
            ended(1),
            *answer(),
        ]
    )

    ran = await run(session)

    [boundary] = ran.of("system/compact_boundary")
    [progress] = ran.of("tool_progress")
    assert boundary["compact_metadata"] == {"trigger": "auto", "pre_tokens": 900, "post_tokens": 100}
    assert (progress["tool_use_id"], progress["tool_name"], progress["elapsed_time_seconds"]) == (
        "toolu_1",
        "shell",
        1.0,
    )
    assert ran.kinds.index("assistant") < ran.kinds.index("tool_progress")


async def test_partial_messages_stream_a_reply_block_by_block() -> None:
    session = FakeSession(
        [
            ThinkingDelta(1, 1, 0, "Hm"),
            ThinkingEnded(1, 1, 0, "Hm."),
            TextDelta(1, 1, 1, "Do"),
            TextDelta(1, 1, 1, "ne"),
            TextEnded(1, 1, 1, "Done."),
            reserved(1),
            reply_ended(finish="tool_call"),
            TextDelta(1, 1, 1, "late"),
            ended(1),
            completed(),
        ]
    )

    ran = await run(session, options(include_partial_messages=True))

    events = [message["event"] for message in ran.of("stream_event")]
    message_id = ran.of("assistant")[0]["message"]["id"]
    start = {"id": message_id, "type": "message", "role": "assistant", "model": "test:model", "content": []}
    start |= {"stop_reason": None, "stop_sequence": None, "usage": NO_USAGE}
    tool = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}}
    thinking = {"type": "thinking", "thinking": "", "signature": ""}

    def delta(index: int, kind: str, field: str, text: str) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": index, "delta": {"type": kind, field: text}}

    assert events == [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": thinking},
        delta(0, "thinking_delta", "thinking", "Hm"),
        delta(0, "thinking_delta", "thinking", "."),
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        delta(1, "text_delta", "text", "Do"),
        delta(1, "text_delta", "text", "ne"),
        delta(1, "text_delta", "text", "."),
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": tool},
        delta(2, "input_json_delta", "partial_json", '{"path": "1.py"}'),
        {"type": "content_block_stop", "index": 2},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": REPLY_USAGE,
        },
        {"type": "message_stop"},
    ]


async def test_a_name_that_is_not_utf8_stays_valid_json() -> None:
    ran = await run(FakeSession([reserved(1, args={"path": "caf\udce9"}), ended(1), *answer()]))

    assert ran.of("assistant")[0]["message"]["content"][0]["input"] == {"path": "caf\udce9"}
    ran.out.decode("utf-8")


async def test_warnings_and_retries_go_to_standard_error_and_news_only_when_verbose() -> None:
    turn = [
        Notice("info", "news"),
        Notice("warning", "careful"),
        RetryScheduled(1, 2, "busy", 4.0),
        reserved(1),
        ended(1),
    ]

    quiet = await run(FakeSession([*turn, *answer()]), options("text"))
    verbose = await run(FakeSession([*turn, *answer()]), options("text", verbose=True))

    assert quiet.err == ["warning: careful", "retry 2 in 4.0 s: busy"]
    assert verbose.err == ["news", *quiet.err, "read: ok in 20 ms"]
    assert quiet.out == verbose.out == b"Done.\n"


async def test_the_thinking_of_an_empty_reply_is_no_message_but_is_paid_for() -> None:
    nothing = replace(reply_ended(), is_empty=True)
    turn = [ThinkingEnded(1, 1, 0, "Hm."), nothing, RetryScheduled(1, 1, "nothing", 0.5)]

    without = await run(FakeSession(answer()))
    ran = await run(FakeSession([*turn, *answer()]))

    assert [line["message"]["content"] for line in ran.of("assistant")] == [
        line["message"]["content"] for line in without.of("assistant")
    ]
    [paid], [once] = ran.of("result"), without.of("result")
    assert paid["usage"]["output_tokens"] == 2 * once["usage"]["output_tokens"]


async def test_what_a_summary_cost_is_counted() -> None:
    summary = SummaryMade(1, "other", Usage(1000, 30, 0, 0, Decimal("0.5")), 250)

    without = (await run(FakeSession(answer()))).of("result")[0]
    counted = await run(FakeSession([summary, *answer()]))

    [result] = counted.of("result")
    assert result["usage"]["input_tokens"] == without["usage"]["input_tokens"] + 1000
    assert result["usage"]["output_tokens"] == without["usage"]["output_tokens"] + 30
    assert result["duration_api_ms"] == without["duration_api_ms"] + 250
    assert result["modelUsage"]["other"]["inputTokens"] == 1000


async def test_every_retry_is_told() -> None:
    turn = [RetryScheduled(1, 1, "busy", 1.0), RetryScheduled(1, 2, "busy", 2.0), RetryScheduled(1, 3, "cut", 4.0)]

    told = await run(FakeSession([*turn, *answer()]), options("text"))
    lines = await run(FakeSession([*turn, *answer()]), options("stream-json"))

    assert told.err == ["retry 1 in 1.0 s: busy", "retry 2 in 2.0 s: busy", "retry 3 in 4.0 s: cut"]
    retries = [(line["attempt"], line["retry_delay_ms"]) for line in lines.of("system/api_retry")]
    assert retries == [(1, 1000), (2, 2000), (3, 4000)]


async def test_a_question_that_comes_all_the_same_is_refused_at_once() -> None:
    session = FakeSession([ApprovalAsked(key(1), "edit", {}, TextPreview("edit", "")), *answer()])

    await run(session)

    assert session.commands[1:] == [Decide(key(1), Deny("Nobody can be asked here."))]


async def test_the_last_answer_also_goes_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "answer.txt"

    await run(FakeSession(answer()), options("stream-json", output_file=file))

    assert file.read_text() == "Done.\n"


async def test_a_file_that_cannot_be_written_is_an_error_after_the_result(tmp_path: Path) -> None:
    out = bytearray()

    with pytest.raises(UserError, match="could not be written"):
        await run_print(FakeSession(answer()), options(output_file=tmp_path), out.extend, print)

    assert json.loads(out.splitlines()[-1])["subtype"] == "success"


# --- being stopped ---


async def test_a_stop_cancels_the_turn_and_its_result_still_comes() -> None:
    session = FakeSession([TextEnded(1, 1, 0, "I was"), AwaitCancel()])
    stop = asyncio.Event()

    running = asyncio.ensure_future(run(session, stop=stop))
    await session.playing.wait()
    stop.set()
    ran = await running

    assert ran.code == 4
    assert session.commands[1:] == [Cancel()]
    assert ran.kinds == ["system/init", "assistant", "result"]
    assert ran.messages[-1]["subtype"] == "error_interrupted"
    assert ran.messages[-1]["errors"] == ["Interrupted."]


@pytest.mark.slow
async def test_a_turn_that_will_not_end_does_not_keep_the_result_back() -> None:
    session = FakeSession([reply_ended(), Hang()])
    stop = asyncio.Event()

    running = asyncio.ensure_future(run(session, stop=stop))
    await session.playing.wait()
    stop.set()
    ran = await asyncio.wait_for(running, 2)

    assert ran.code == 4
    assert ran.messages[-1]["subtype"] == "error_interrupted"
    assert ran.messages[-1]["usage"] == REPLY_USAGE


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_each_signal_interrupts(number: signal.Signals) -> None:
    session = FakeSession([AwaitCancel()])
    out = bytearray()

    async def open_session() -> FakeSession:
        return session

    running = asyncio.ensure_future(print_session(open_session, options(), out.extend, print))
    await session.playing.wait()
    os.kill(os.getpid(), number)
    code = await running

    assert code == 4
    assert json.loads(out.splitlines()[-1])["subtype"] == "error_interrupted"
    assert session.closed


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
async def test_a_signal_while_the_session_opens_still_gets_a_result() -> None:
    out = bytearray()
    opening = asyncio.Event()

    async def open_session() -> FakeSession:
        opening.set()
        await asyncio.Event().wait()
        raise AssertionError

    running = asyncio.ensure_future(print_session(open_session, options(), out.extend, print))
    await opening.wait()
    os.kill(os.getpid(), signal.SIGTERM)

    assert await running == 4
    assert json.loads(out)["subtype"] == "error_interrupted"


@pytest.mark.parametrize("error", [UserError("No such model."), ProviderError("Not there.")])
async def test_a_session_that_cannot_be_opened_gets_a_result_line_too(error: Exception) -> None:
    out = bytearray()

    async def open_session() -> FakeSession:
        raise error

    with pytest.raises(type(error)):
        await print_session(open_session, options("json"), out.extend, print)

    assert json.loads(out)["errors"] == [str(error)]


async def test_a_reader_that_goes_away_ends_the_run_in_silence() -> None:
    session = FakeSession([TextEnded(1, 1, 0, "a"), reserved(1), AwaitCancel()])
    err: list[str] = []

    def write(data: bytes) -> None:
        raise BrokenPipeError

    code = await run_print(session, options(), write, err.append)

    assert (code, err) == (4, [])
    assert Cancel() in session.commands


async def test_a_full_disk_behind_standard_output_is_an_error() -> None:
    def write(data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await run_print(FakeSession(answer()), options("text"), write, print)


# --- prompts as lines ---


def fed(*chunks: bytes) -> Any:
    left = list(chunks)
    return lambda: left.pop(0) if left else b""


def user_line(content: Any) -> bytes:
    return json.dumps({"type": "user", "message": {"role": "user", "content": content}}).encode() + b"\n"


def prompts(session: FakeSession) -> list[str]:
    return [command.text for command in session.commands if isinstance(command, Prompt)]


async def test_each_line_gets_its_own_group_under_the_same_session() -> None:
    session = FakeSession(answer(1, "One."), answer(2, "Two."))
    blocks = [{"type": "text", "text": "second"}, {"type": "text", "text": "part"}]
    whole = user_line("first") + b"\n" + user_line(blocks)

    ran = await run(session, options(read_input=fed(whole[:20], whole[20:90], whole[90:-1])))

    assert ran.code == 0
    assert prompts(session) == ["first", "second\npart"]
    assert ran.kinds == ["system/init", "assistant", "result"] * 2
    assert {message["session_id"] for message in ran.messages} == {SESSION}
    assert [result["total_cost_usd"] for result in ran.of("result")] == [0.01, 0.02]
    assert [result["usage"] for result in ran.of("result")] == [REPLY_USAGE, REPLY_USAGE]


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"[1]\n",
        b'{"type":"control"}\n',
        b'{"type":"user","message":{"content":7}}\n',
        user_line(""),
        user_line([{"type": "image", "source": {}}]),
        user_line(["x"]),
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\n",
    ],
)
async def test_a_bad_line_is_one_clear_error_and_the_stream_goes_on(line: bytes) -> None:
    session = FakeSession(answer())

    ran = await run(session, options(read_input=fed(line, user_line("good"))))

    assert ran.code == 1
    assert prompts(session) == ["good"]
    assert ran.kinds == ["result", "system/init", "assistant", "result"]
    [error] = ran.err
    assert error.startswith("line 1 of standard input")
    assert ran.messages[0]["errors"] == [error]


def request(subtype: str, request_id: Any = "r1", **more: Any) -> bytes:
    body = {"type": "control_request", "request_id": request_id, "request": {"subtype": subtype, **more}}
    return json.dumps(body).encode() + b"\n"


def responses(ran: Any) -> list[tuple[str, Any, str]]:
    answered = [message["response"] for message in ran.messages if message["type"] == "control_response"]
    return [(answer["subtype"], answer["request_id"], answer.get("error", "")) for answer in answered]


async def test_a_conversation_begins_with_initialize() -> None:
    session = FakeSession(answer())

    # As the SDKs send it; the schema comes by a flag, too.
    first = request("initialize", hooks=None, systemPrompt=[""], jsonSchema={"type": "object"}, title="x")
    ran = await run(session, options(read_input=fed(first, user_line("a"))))

    assert ran.code == 0
    assert ran.kinds == ["control_response", "system/init", "assistant", "result"]
    assert ran.messages[0]["response"]["response"]["commands"] == []


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (request("set_model", 7, model="x"), "`set_model` is no control request"),
        (request("x" * 500), "x…` is no control request"),
        (request("initialize", hooks={"PreToolUse": [{}]}), "hooks are not there yet"),
        (request("initialize", sdkMcpServers=["x"]), "MCP servers are not there yet"),
        (request("initialize", systemPrompt=["", "Be brief."]), "`--system-prompt`"),
        (b'{"type":"control_request","request_id":"r1"}\n', "needs a `request` with a `subtype`"),
        (b'{"type":"control_request","request_id":"r1","request":{"subtype":[]}}\n', "needs a `request`"),
        (b'{"type":"control_request"}\n', "needs a `request`"),
    ],
)
async def test_every_other_request_is_refused_at_once_and_the_stream_goes_on(line: bytes, error: str) -> None:
    session = FakeSession(answer())

    ran = await run(session, options(read_input=fed(line, user_line("a"))))

    [(subtype, request_id, told)] = responses(ran)
    assert (ran.code, subtype) == (0, "error")
    assert request_id == json.loads(line).get("request_id")
    assert error in told
    assert ran.kinds == ["control_response", "system/init", "assistant", "result"]


@pytest.mark.parametrize("kind", ["keep_alive", "control_cancel_request", "control_response"])
async def test_lines_that_ask_for_nothing_are_passed_over(kind: str) -> None:
    line = json.dumps({"type": kind, "request_id": "r1"}).encode() + b"\n"

    ran = await run(FakeSession(answer()), options(read_input=fed(line, user_line("a"))))

    assert (ran.code, ran.kinds) == (0, ["system/init", "assistant", "result"])


def fed_once(started: asyncio.Event, first: bytes, then: bytes) -> Any:
    """The second part comes once the turn plays."""
    loop = asyncio.get_running_loop()
    parts = [first, then]

    def read() -> bytes:
        if len(parts) == 1:
            asyncio.run_coroutine_threadsafe(started.wait(), loop).result()
        return parts.pop(0) if parts else b""

    return read


async def test_an_interrupt_ends_the_prompt_that_runs_and_no_other() -> None:
    session = FakeSession([AwaitCancel()], answer(2))
    read = fed_once(session.playing, request("initialize") + user_line("a") + user_line("b"), request("interrupt"))

    ran = await run(session, options(read_input=read))

    assert ran.code == 0
    assert prompts(session) == ["a", "b"]
    assert [result["subtype"] for result in ran.of("result")] == ["error_interrupted", "success"]
    assert [subtype for subtype, *_ in responses(ran)] == ["success", "success"]


async def test_an_interrupt_that_comes_with_its_prompt_ends_it_begun_or_not() -> None:
    session = FakeSession([AwaitCancel()])

    ran = await run(session, options(read_input=fed(user_line("a") + request("interrupt"))))

    assert ran.code == 4
    assert [result["subtype"] for result in ran.of("result")] == ["error_interrupted"]


async def test_an_interrupt_while_nothing_runs_is_answered() -> None:
    ran = await run(FakeSession(), options(read_input=fed(request("interrupt"))))

    assert (ran.code, responses(ran)) == (0, [("success", "r1", "")])


@pytest.mark.parametrize(("lines", "code"), [(request("initialize"), 0), (b"", 5)])
async def test_denials_are_no_exit_code_for_who_drives_the_conversation(lines: bytes, code: int) -> None:
    session = FakeSession([reserved(1), ended(1, "denied", "No."), *answer()])

    ran = await run(session, options(read_input=fed(lines + user_line("a"))))

    assert ran.code == code
    assert len(ran.of("result")[0]["permission_denials"]) == 1


async def test_who_drives_the_conversation_gets_the_code_of_the_last_prompt() -> None:
    failed = TurnEnded(1, "failed", "Not there.", USAGE, 1, 0)

    first = await run(
        FakeSession([failed], answer(2)), options(read_input=fed(request("initialize") + user_line("a") * 2))
    )
    last = await run(
        FakeSession(answer(), [failed]), options(read_input=fed(request("initialize") + user_line("a") * 2))
    )

    assert (first.code, last.code) == (0, 2)


async def test_a_stop_between_two_lines_ends_the_run() -> None:
    session = FakeSession([AwaitCancel()], answer(2))
    stop = asyncio.Event()

    running = asyncio.ensure_future(run(session, options(read_input=fed(user_line("a"), user_line("b"))), stop))
    await session.playing.wait()
    stop.set()
    ran = await running

    assert ran.code == 4
    assert prompts(session) == ["a"]
