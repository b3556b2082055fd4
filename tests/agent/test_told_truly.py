"""What the model and the log are told is what happened: words, commands of the user's, cancelled calls."""

import asyncio
from pathlib import Path

import pytest
from tests.fakes.conversation import Conversation
from tests.fakes.working import Working

from plait.agent.budget import Limits
from plait.protocol.commands import Cancel, Clear, EditQueue, Prompt, RunShell, Steer
from plait.protocol.errors import ProviderError
from plait.protocol.events import (
    ApprovalAsked,
    CallEnded,
    CallStarted,
    Event,
    HistoryReplaced,
    MessagesRecorded,
    QueueChanged,
    Steered,
    TextDelta,
    TurnEnded,
    TurnStarted,
)
from plait.protocol.ports import Restored
from plait.testing import ScriptedCall, ScriptedReply

DONE = ScriptedReply("done")


# --- words said while it works ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["as the reply streams", "as a call waits for an answer"])
async def test_words_said_before_esc_come_before_the_next_prompt(tmp_path: Path, when: str) -> None:
    write = ScriptedCall("edit", {"path": "x", "content": "x"})
    first = ScriptedReply("I was", hold=asyncio.Event()) if "streams" in when else ScriptedReply("I was", (write,))
    async with Working(tmp_path, [first, DONE]) as talk:
        talk.submit(Prompt("first prompt"))
        await talk.until(TextDelta if "streams" in when else ApprovalAsked)
        talk.submit(Steer("mind the tests"))
        await talk.until(Steered)
        talk.submit(Cancel())
        await talk.until(TurnEnded)
        await talk.prompt("next prompt")

        said = talk.said
        assert said.count("mind the tests") == 1
        order = [said.index(text) for text in ("first prompt", "mind the tests", "next prompt")]
        assert order == sorted(order)
        assert "".join(event.payload for event in talk.events(MessagesRecorded)).count("mind the tests") == 1


async def test_words_said_before_esc_do_not_survive_clear(tmp_path: Path) -> None:
    async with Working(tmp_path, [ScriptedReply("I was", hold=asyncio.Event()), DONE]) as talk:
        talk.submit(Prompt("first prompt"))
        await talk.until(TextDelta)
        talk.submit(Steer("mind the tests"))
        talk.submit(Cancel())
        await talk.until(TurnEnded)
        talk.submit(Clear())
        await talk.until(HistoryReplaced)
        await talk.prompt("next prompt")

        assert talk.said == ["next prompt"]


async def test_words_said_before_a_turn_fails_or_meets_a_limit_come_before_the_next_prompt(tmp_path: Path) -> None:
    hold = asyncio.Event()
    call = ScriptedCall("probe", {"reads": ["a"], "gate": "go"})
    failing = ScriptedReply("half", hold=hold, error=ProviderError("Down.", status=400))
    for replies, limits, end in (
        ([failing, DONE], Limits(), "failed"),
        ([ScriptedReply("half", (call,)), DONE], Limits(max_turns=1), "limit_turns"),
    ):
        talk = Conversation(tmp_path, replies, settings={"limits": limits})
        turn = talk.begin("first prompt")
        await talk.until(TextDelta)
        assert talk.agent.steer("mind the tests")
        hold.set()
        talk.world.gate("go").set()
        await turn
        await talk.prompt("next prompt", turn=2)

        said = [str(getattr(part, "content", "")) for message in talk.script.requests[-1] for part in message.parts]
        assert talk.of(TurnEnded)[0].end == end
        assert sum("mind the tests" in text for text in said) == 1
        assert [text for text in said if text in ("first prompt", "next prompt")] == ["first prompt", "next prompt"]
        assert "mind the tests" in "".join(said).partition("next prompt")[0]


async def test_words_said_late_are_not_lost_when_their_own_request_fails(tmp_path: Path) -> None:
    hold = asyncio.Event()
    talk = Conversation(
        tmp_path, [ScriptedReply("first", hold=hold), ScriptedReply(error=ProviderError("Down.", status=400)), DONE]
    )
    turn = talk.begin("first prompt")
    await talk.until(TextDelta)
    assert talk.agent.steer("wait, also this")
    hold.set()
    await turn
    await talk.prompt("next prompt", turn=2)

    said = [str(getattr(part, "content", "")) for message in talk.script.requests[-1] for part in message.parts]
    assert [text for text in said if not text.startswith("[")] == [
        "first prompt",
        "first",
        "wait, also this",
        "next prompt",
    ]


# --- commands of the user's ------------------------------------------------------------------------------------------


async def test_a_command_that_ran_after_a_cancelled_one_is_not_told_as_cancelled(tmp_path: Path) -> None:
    async with Working(tmp_path, [DONE]) as talk:
        talk.submit(RunShell("echo begun; sleep 300"), RunShell("echo second"), Prompt("go"))
        await talk.until(QueueChanged, 2)
        await talk.until(CallStarted)
        talk.submit(Cancel())
        await talk.until(TurnEnded, 3)

        assert [event.end for event in talk.events(TurnEnded)] == ["cancelled", "completed", "completed"]
        assert [event.status for event in talk.events(CallEnded)] == ["cancelled", "ok"]
        assert "I ran `echo second` myself. Its output:\n\nsecond\n[exit code 0]" in talk.said


async def test_nothing_that_waits_behind_a_cancelled_command_is_touched_by_that(tmp_path: Path) -> None:
    reply = ScriptedReply(calls=(ScriptedCall("shell", {"command": "echo third"}),))
    async with Working(tmp_path, [reply, DONE]) as talk:
        for _ in range(3):
            talk.submit(RunShell("sleep 300"))
        talk.submit(Prompt("go"), RunShell("echo last"))
        await talk.until(QueueChanged, 4)
        for count in range(1, 4):
            await talk.until(CallStarted, count)
            talk.submit(Cancel())
            await talk.until(TurnEnded, count)
        await talk.until(TurnEnded, 5)

        assert [event.end for event in talk.events(TurnEnded)] == ["cancelled"] * 3 + ["completed"] * 2
        assert [event.status for event in talk.events(CallEnded)] == ["cancelled"] * 3 + ["ok"] * 2


async def test_a_command_that_was_never_run_is_not_told_as_run(tmp_path: Path) -> None:
    async with Working(tmp_path, [DONE]) as talk:
        talk.submit(RunShell("x" * 200_000))
        await talk.until(TurnEnded)
        await talk.prompt("go")

        assert talk.events(CallStarted) == []
        assert not any(text.startswith("I ran") for text in talk.said)


# --- calls that were cancelled ---------------------------------------------------------------------------------------


async def test_the_early_reads_of_a_broken_reply_are_not_told_as_cancelled_by_the_user(tmp_path: Path) -> None:
    hangs = ScriptedCall("probe", {"reads": ["a"], "gate": "never"})
    broken = ScriptedReply("half", (hangs, ScriptedCall("probe", {"reads": ["b"]})), error=ConnectionResetError("torn"))
    talk = Conversation(tmp_path, [broken, DONE])

    await talk.prompt("look")

    cancelled = [event.text for event in talk.of(CallEnded) if event.status == "cancelled"]
    assert cancelled
    assert all(text.endswith("The reply that it belongs to broke off.") for text in cancelled)
    assert not any("user" in text for text in cancelled)


async def test_a_call_that_the_user_cancelled_alone_says_so(tmp_path: Path) -> None:
    reply = ScriptedReply(calls=(ScriptedCall("shell", {"command": "sleep 300"}),))
    async with Working(tmp_path, [reply, DONE], mode="bypassPermissions") as talk:
        talk.submit(Prompt("go"))
        started = await talk.until(CallStarted)
        talk.submit(Cancel(started.key))
        ended = await talk.until(TurnEnded)

        assert ended.end == "completed"
        assert talk.events(CallEnded)[0].status == "cancelled"


@pytest.mark.parametrize("alone", [True, False])
async def test_an_edit_that_was_made_all_the_same_is_told_as_made(tmp_path: Path, alone: bool) -> None:
    edit = ScriptedCall("edit", {"path": "x", "content": "made\n"})
    async with Working(tmp_path, [ScriptedReply(calls=(edit,)), DONE], mode="acceptEdits") as talk:

        def cancel_as_it_starts(event: Event) -> None:
            if isinstance(event, CallStarted):
                talk.agent.cancel(event.key if alone else None)

        talk.on_event = cancel_as_it_starts
        await talk.prompt("go")

        made = (talk.ws / "x").exists()
        assert [event.status for event in talk.events(CallEnded)] == ["ok" if made else "cancelled"]
        assert made


async def test_an_entry_that_waits_can_be_edited_away_without_touching_the_rest(tmp_path: Path) -> None:
    async with Working(tmp_path, [DONE]) as talk:
        talk.submit(RunShell("sleep 300"), RunShell("echo a"), RunShell("echo b"))
        await talk.until(QueueChanged, 2)
        await talk.until(CallStarted)
        talk.submit(EditQueue(0, ""), Cancel())
        await talk.until(TurnEnded, 2)

        assert [event.status for event in talk.events(CallEnded)] == ["cancelled", "ok"]


# --- answers of earlier calls ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "look",
    [
        ScriptedCall("read", {"files": [{"path": "link"}]}),
        ScriptedCall("list", {"path": "link-dir"}),
        ScriptedCall("glob", {"path": "link-dir", "pattern": "*"}),
    ],
    ids=lambda call: call.name,
)
async def test_a_link_that_leads_elsewhere_is_not_answered_from_where_it_led(
    tmp_path: Path, look: ScriptedCall
) -> None:
    ws = tmp_path / "ws"
    for name in ("one", "two"):
        (ws / name).mkdir(parents=True)
        (ws / name / f"in-{name}").write_text(f"text of {name}\n")
    (ws / "link").symlink_to("one/in-one")
    (ws / "link-dir").symlink_to("one")
    turn_links = ScriptedCall("shell", {"command": "ln -sfn two/in-two link; ln -sfn two link-dir"})
    replies = [ScriptedReply(calls=(call,)) for call in (look, turn_links, look)]
    async with Working(tmp_path, [*replies, DONE], mode="bypassPermissions") as talk:
        await talk.prompt("go")

        first, _, second = (event.text for event in talk.events(CallEnded))
        assert "one" in first
        assert "two" in second
        assert "Unchanged since" not in second


async def test_a_turn_that_is_cancelled_before_its_first_step_is_not_told_as_completed(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [DONE])
    turn = talk.begin("first prompt")
    await talk.until(TurnStarted)
    talk.agent.cancel()
    await turn

    assert talk.last(TurnEnded).end == "cancelled"
    assert talk.script.requests == []
    assert (await talk.prompt("next prompt", turn=2)).text == "done"
    said = [str(getattr(part, "content", "")) for message in talk.script.requests[-1] for part in message.parts]
    assert said == ["first prompt", "[The user interrupted here.]", "next prompt"]


async def test_the_log_misses_nothing_of_what_follows_words_said_while_it_worked(tmp_path: Path) -> None:
    call = ScriptedCall("probe", {"reads": ["a"], "gate": "go"})
    talk = Conversation(tmp_path, [ScriptedReply("I look", (call,)), DONE])
    turn = talk.begin("first prompt")
    await talk.until(CallStarted)
    assert talk.agent.steer("mind the tests")
    talk.world.gate("go").set()
    await turn
    await talk.prompt("next prompt", turn=2)
    payloads = tuple(event.payload for event in talk.of(MessagesRecorded))
    again = Conversation(tmp_path, [DONE])
    again.agent.restore(Restored(payloads, turns=2))

    await again.prompt("last prompt", turn=3)

    whole = [str(getattr(part, "content", "")) for message in again.script.requests[0] for part in message.parts]
    assert [text for text in whole if "prompt" in text or "mind" in text] == [
        "first prompt",
        "mind the tests",
        "next prompt",
        "last prompt",
    ]
