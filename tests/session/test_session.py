"""A session through its face: commands in, events out, one thing at a time."""

import asyncio
import threading

import pytest
from tests.session.talk import Talk, again, new, unlogged

from plait.protocol.calls import CallKey
from plait.protocol.commands import (
    Background,
    Cancel,
    Clear,
    Compact,
    Decide,
    Deny,
    EditQueue,
    EndBackground,
    Prompt,
    Rename,
    RunShell,
    SetMode,
    SetModel,
    Steer,
)
from plait.protocol.events import (
    LIVE_TYPES,
    CallEnded,
    MessagesRecorded,
    ModeChanged,
    Notice,
    QueueChanged,
    SessionResumed,
    SessionStarted,
    Steered,
    TextDelta,
    TextEnded,
    TitleChanged,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.protocol.queries import GetContext, GetLog, ListSessions
from plait.session.store import Store


def notices(talk: Talk) -> list[str]:
    return [notice.text for notice in talk.events(Notice)]


async def test_a_turn_is_these_events(store: Store) -> None:
    talk = new(store)
    talk.session.submit(Prompt("one\ntwo"))
    await talk.until(TurnEnded)

    assert talk.all() == [
        SessionStarted(talk.session.session_id, "/w", "fake", "default", plait_version="0"),
        TitleChanged("one"),
        TurnStarted(1, "one\ntwo", "fake"),
        TextDelta(1, 1, 0, "he"),
        TextEnded(1, 1, 0, "heard one\ntwo"),
        MessagesRecorded(1, '["one\ntwo"]'),
        TurnEnded(1, "completed", None, Usage(1, 1), 1, 1, "heard"),
    ]
    await talk.session.close()


async def test_prompts_sent_while_it_works_wait_in_a_queue_that_can_be_edited(store: Store) -> None:
    talk = new(store)
    for text in ("hold", "second", "third"):
        talk.session.submit(Prompt(text))
    await talk.until(QueueChanged, 2)
    talk.session.submit(EditQueue(0, "second, better"))
    talk.session.submit(EditQueue(1, ""))
    talk.session.submit(EditQueue(7, "nothing is there"))
    await talk.until(QueueChanged, 4)
    talk.agent.hold.set()
    await talk.until(TurnEnded, 2)

    assert talk.agent.prompts == ["hold", "second, better"]
    assert [event.prompts for event in talk.events(QueueChanged)] == [
        ("second",),
        ("second", "third"),
        ("second, better", "third"),
        ("second, better",),
        (),
    ]
    await talk.session.close()


async def test_a_waiting_prompt_never_becomes_a_command_that_runs(store: Store) -> None:
    talk = new(store)
    for command in (Prompt("hold"), Prompt("say"), RunShell("ls")):
        talk.session.submit(command)
    await talk.until(QueueChanged, 2)
    talk.session.submit(EditQueue(0, "! rm -rf x"))
    talk.session.submit(EditQueue(1, "!ls -l"))
    talk.agent.hold.set()
    await talk.until(TurnEnded, 3)

    assert talk.agent.prompts == ["hold", "! rm -rf x", "! ls -l"]
    assert talk.agent.shells == ["ls -l"]
    await talk.session.close()


async def test_steering_joins_the_turn_and_starts_one_if_none_runs(store: Store) -> None:
    talk = new(store)
    talk.session.submit(Steer("hold"))
    await talk.until(TurnStarted)
    talk.session.submit(Steer("mind the tests"))
    talk.session.submit(Cancel())
    [ended] = await talk.until(TurnEnded)

    assert ended.end == "cancelled"
    assert talk.agent.steered == ["mind the tests"]
    assert talk.events(Steered) == [Steered(1, "mind the tests")]
    await talk.session.close()


async def test_a_cancel_right_behind_a_prompt_is_not_lost(store: Store) -> None:
    talk = new(store)
    talk.session.submit(Prompt("hold"))
    talk.session.submit(Cancel())
    talk.session.submit(Prompt("next"))
    ends = await talk.until(TurnEnded, 2)

    assert [end.end for end in ends] == ["cancelled", "completed"]
    assert talk.agent.prompts == ["hold", "next"]
    await talk.session.close()


@pytest.mark.parametrize("prompt", ["crash", "break off"])
async def test_a_bug_in_the_agent_ends_the_turn_and_not_the_session(store: Store, prompt: str) -> None:
    talk = new(store)
    talk.session.submit(Prompt(prompt))
    talk.session.submit(Prompt("go on"))
    ends = await talk.until(TurnEnded, 2)

    assert [(end.end, end.fault) for end in ends] == [("failed", "internal"), ("completed", None)]
    assert ends[0].error is not None
    assert ends[0].error.startswith("Plait failed: ")
    assert len(talk.events(TurnStarted)) == 2
    assert len(talk.events(CallEnded)) == (prompt == "break off")
    await talk.session.close()


async def test_a_turn_that_has_ended_is_not_ended_again_by_a_bug(store: Store) -> None:
    talk = new(store)
    talk.session.submit(Prompt("end and crash"))
    talk.session.submit(Prompt("go on"))
    await talk.until(TextEnded)

    assert [end.turn for end in await talk.until(TurnEnded, 2)] == [1, 2]
    await talk.session.close()


async def test_what_is_wrong_with_a_command_comes_back_as_a_notice(store: Store) -> None:
    talk = new(store)
    for command in (SetModel("none"), SetModel("bug"), Prompt(" \n"), Rename(" "), Background(), EndBackground("b1")):
        talk.session.submit(command)
    talk.session.submit(Decide(CallKey("main", 9, 9), Deny()))
    await talk.until(Notice, 6)

    assert notices(talk) == [
        "`none` is no model.",
        "Plait failed at `SetModel`: a bug",
        "There was nothing to send.",
        "`/rename` needs a title.",
        "No command is running that could go to the background.",
        "`b1`: no such command in the background.",
    ]
    await talk.session.close()


async def test_compacting_and_clearing_wait_for_the_turn_and_prompts_wait_for_them(store: Store) -> None:
    talk = new(store)
    for command in (Prompt("hold"), Compact("tests"), Clear(), Prompt("next")):
        talk.session.submit(command)
    await talk.until(QueueChanged, 3)
    shown = talk.events(QueueChanged)[-1].prompts
    talk.agent.hold.set()
    await talk.until(TurnEnded, 2)

    assert shown == ("/compact tests", "/clear", "next")
    assert talk.agent.prompts == ["hold", "compacted", "cleared", "next"]
    await talk.session.close()


async def test_compacting_can_be_interrupted_and_may_fail(store: Store) -> None:
    talk = new(store)
    talk.session.submit(Compact())
    await talk.agent.compacting.wait()
    talk.session.submit(Cancel())
    talk.session.submit(Compact("crash"))
    await talk.until(Notice, 2)

    assert notices(talk) == [
        "Compacting was interrupted; nothing was changed.",
        "`/compact crash` failed: ZeroDivisionError: a bug",
    ]
    await talk.session.close()


async def test_the_title_is_the_first_prompt_until_it_is_renamed(store: Store) -> None:
    talk = new(store)
    talk.session.submit(Prompt(f"\n{'x' * 80}\nmore"))
    talk.session.submit(Rename("Parser"))
    talk.session.submit(Prompt("another"))
    await talk.until(TurnEnded, 2)

    assert [event.title for event in talk.events(TitleChanged)] == ["x" * 59 + "…", "Parser"]
    await talk.session.close()


# --- the log, as views see it ----------------------------------------------------------------------------------------


async def test_the_log_holds_exactly_the_durable_events_that_were_seen(store: Store) -> None:
    for talk in (new(store), unlogged(store)):
        talk.session.submit(Prompt("one"))
        talk.session.submit(SetMode("plan"))
        await talk.until(TurnEnded)
        await talk.until(ModeChanged)
        seen = [stamped for stamped in talk.seen if not isinstance(stamped.event, LIVE_TYPES)]

        assert await talk.session.query(GetLog()) == tuple(seen)
        assert [stamped.seq for stamped in seen] == list(range(1, len(seen) + 1))
        await talk.session.close()


async def test_pages_of_the_log_put_together_are_the_log(store: Store) -> None:
    talk = new(store)
    for number in range(7):
        talk.session.submit(Prompt(f"prompt {number}"))
    await talk.until(TurnEnded, 7)
    whole = await talk.session.query(GetLog())

    pages = [await talk.session.query(GetLog(turns=2))]
    while pages[0][0].seq > 1:
        pages.insert(0, await talk.session.query(GetLog(before=pages[0][0].seq, turns=2)))

    assert sum(pages, ()) == whole
    assert [sum(isinstance(s.event, TurnStarted) for s in page) for page in pages] == [1, 2, 2, 2]
    await talk.session.close()


@pytest.mark.parametrize("turns_before", [1, 30])
async def test_whoever_read_the_log_and_then_subscribes_misses_nothing(store: Store, turns_before: int) -> None:
    talk = new(store)
    for number in range(turns_before):
        talk.session.submit(Prompt(f"prompt {number}"))
    await talk.until(TurnEnded, turns_before)
    log = await talk.session.query(GetLog(before=4))
    woken: list[None] = []
    late = talk.session.subscribe(lambda: woken.append(None), since=log[-1].seq)
    talk.session.submit(Prompt("last"))
    await talk.until(TurnEnded, turns_before + 1)

    assert woken
    seen = [stamped for stamped in late.take() if not isinstance(stamped.event, LIVE_TYPES)]
    assert (*log, *seen) == await talk.session.query(GetLog())
    await talk.session.close()


async def test_subscribing_from_another_thread_while_it_works_loses_and_doubles_nothing(store: Store) -> None:
    talk = new(store)
    await talk.until(SessionStarted)
    subscriptions = []

    def subscribe_often() -> None:
        subscriptions.extend(talk.session.subscribe(lambda: None, since=1) for _ in range(50))

    subscriber = threading.Thread(target=subscribe_often)
    subscriber.start()
    for number in range(20):
        talk.session.submit(Prompt(f"prompt {number}"))
    await talk.until(TurnEnded, 20)
    await asyncio.to_thread(subscriber.join)

    expected = list(range(2, (await talk.session.query(GetLog()))[-1].seq + 1))
    for subscription in subscriptions:
        seqs = [stamped.seq for stamped in subscription.take() if not isinstance(stamped.event, LIVE_TYPES)]
        assert seqs == expected
    await talk.session.close()


async def test_queries_of_its_own_and_the_agents(store: Store) -> None:
    talk = new(store)
    [info] = await talk.session.query(ListSessions())

    assert (info.session_id, info.in_use) == (talk.session.session_id, True)
    assert str(await talk.session.query(GetContext())) == "the agent's"
    await talk.session.close()


# --- the end ---------------------------------------------------------------------------------------------------------


async def test_closing_ends_the_turn_and_leaves_what_waits_unsent(store: Store) -> None:
    talk = new(store)
    talk.session.submit(Prompt("hold"))
    talk.session.submit(Prompt("unsent"))
    await talk.until(QueueChanged)
    await asyncio.gather(talk.session.close(), talk.session.close())
    talk.session.submit(Prompt("too late"))

    assert talk.agent.closed
    assert talk.agent.prompts == ["hold"]
    resumed = again(store, talk.session.session_id)
    assert "Not sent before the session ended: unsent" in notices(resumed)
    assert resumed.events(QueueChanged) == [QueueChanged(())]
    await resumed.session.close()


@pytest.mark.slow
async def test_a_turn_that_will_not_end_does_not_hold_up_the_end(store: Store) -> None:
    talk = new(store)
    talk.session.submit(Prompt("stuck"))
    await talk.until(TurnStarted)
    async with asyncio.timeout(10):
        await talk.session.close()

    assert talk.agent.ignored_cancels == 1
    assert [event.end for event in talk.events(TurnEnded)] == ["cancelled"]
    assert [type(s.event) for s in store.read(talk.session.session_id).events][-1] is TurnEnded


async def test_a_session_in_which_nothing_was_said_leaves_nothing_behind(store: Store) -> None:
    talk = new(store)
    talk.session.submit(SetMode("plan"))
    await talk.until(ModeChanged)
    await talk.session.close()

    assert list(store.directory.iterdir()) == []


async def test_resuming_goes_on_with_numbers_turns_messages_and_title(store: Store) -> None:
    first = new(store)
    first.session.submit(Prompt("one"))
    await first.until(TurnEnded)
    await first.session.close()

    second = again(store, first.session.session_id)
    second.session.submit(Prompt("two"))
    await second.until(TurnEnded)

    assert second.agent.restored is not None
    assert second.agent.restored.payloads == ('["one"]',)
    assert second.all()[0] == SessionResumed("fake", "default")
    assert second.events(TitleChanged) == []
    events = await second.session.query(GetLog())
    assert [stamped.seq for stamped in events] == list(range(1, len(events) + 1))
    assert [event.turn for s in events if isinstance(event := s.event, TurnStarted)] == [1, 2]
    await second.session.close()
