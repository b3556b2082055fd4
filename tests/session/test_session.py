"""A session through its face: commands in, events out, a log that survives."""

import asyncio
import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.session.fake_agent import FakeAgent

from plait.protocol.calls import CallKey, WriteIntent
from plait.protocol.commands import Cancel, Clear, EditQueue, Prompt, SetMode, Steer
from plait.protocol.errors import UserError
from plait.protocol.events import (
    CallEnded,
    CallReserved,
    CallStarted,
    Event,
    MessagesRecorded,
    Notice,
    QueueChanged,
    ReplyEnded,
    SessionStarted,
    Stamped,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.protocol.queries import GetContext, GetLog, ListSessions
from plait.session.log import Log, read_log
from plait.session.session import Identity, Session
from plait.session.store import SessionInUse, Store
from plait.session.thread import open_in_thread
from plait.session.transcript import fold, restored


class Opened:
    """A session with a fake agent, and everything it said."""

    def __init__(self, store: Store, session_id: str | None = None, *, persist: bool = True) -> None:
        self.store = store
        opened = None if not persist else store.create() if session_id is None else store.open(session_id)
        identity = Identity(opened.session_id if opened else "none", "/w", "fake", "default", "0")
        self.session = Session(identity, self._make, opened, store)
        self.changed = asyncio.Event()
        self.subscription = self.session.subscribe(self.changed.set)
        self.seen: list[Stamped] = []
        self.session.begin() if session_id is None else self.session.resume()

    def _make(self, emit: Callable[[Event], None]) -> FakeAgent:
        self.agent = FakeAgent(emit)
        return self.agent

    async def until(self, kind: type, count: int = 1) -> list[Event]:
        while len(found := [s.event for s in self.seen if isinstance(s.event, kind)]) < count:
            await self.changed.wait()
            self.changed.clear()
            self.seen += self.subscription.take()
        return found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state" / "sessions")


async def test_prompts_sent_while_it_works_wait_in_a_queue_that_can_be_edited(store: Store) -> None:
    talk = Opened(store)
    for text in ("hold", "second", "third"):
        talk.session.submit(Prompt(text))
    await talk.until(QueueChanged, 2)
    talk.session.submit(EditQueue(0, "second, better"))
    talk.session.submit(EditQueue(1, ""))
    await talk.until(QueueChanged, 4)
    talk.agent.hold.set()
    await talk.until(TurnEnded, 2)

    assert talk.agent.prompts == ["hold", "second, better"]
    await talk.session.close()


async def test_steering_joins_the_turn_and_starts_one_if_none_runs(store: Store) -> None:
    talk = Opened(store)
    talk.session.submit(Steer("hold"))
    await talk.until(TurnStarted)
    talk.session.submit(Steer("mind the tests"))
    talk.session.submit(Cancel())
    [ended] = await talk.until(TurnEnded)

    assert isinstance(ended, TurnEnded)
    assert ended.end == "cancelled"
    assert talk.agent.steered == ["mind the tests"]
    await talk.session.close()


async def test_a_bug_in_the_agent_ends_the_turn_and_not_the_session(store: Store) -> None:
    talk = Opened(store)
    talk.session.submit(Prompt("crash"))
    talk.session.submit(Prompt("go on"))
    ends = await talk.until(TurnEnded, 2)

    assert [(end.end, end.fault) for end in ends if isinstance(end, TurnEnded)] == [
        ("failed", "internal"),
        ("completed", None),
    ]
    await talk.session.close()


async def test_the_log_holds_exactly_the_durable_events_that_were_seen(store: Store) -> None:
    talk = Opened(store)
    talk.session.submit(Prompt("one"))
    talk.session.submit(SetMode("plan"))
    await talk.until(TurnEnded)
    seen = [stamped for stamped in talk.seen if type(stamped.event).__name__ != "TextDelta"]

    assert await talk.session.query(GetLog()) == tuple(seen)
    assert [stamped.seq for stamped in seen] == list(range(1, len(seen) + 1))
    await talk.session.close()


async def test_files_and_directories_are_private(store: Store, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        talk = Opened(store)
    finally:
        os.umask(before)
    await talk.session.close()

    assert stat.S_IMODE((tmp_path / "state" / "sessions").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in store.directory.iterdir()} == {0o600}


async def test_a_session_in_use_is_refused_but_can_be_forked(store: Store) -> None:
    talk = Opened(store)
    talk.session.submit(Prompt("one"))
    await talk.until(TurnEnded)
    with pytest.raises(SessionInUse):
        store.open(talk.session.session_id)

    fork = store.fork(talk.session.session_id)
    assert len(read_log(fork.log.path).events) >= 5
    fork.close()
    await talk.session.close()
    store.open(talk.session.session_id).close()


async def test_resuming_goes_on_with_numbers_turns_and_messages(store: Store) -> None:
    first = Opened(store)
    first.session.submit(Prompt("one"))
    await first.until(TurnEnded)
    await first.session.close()

    second = Opened(store, first.session.session_id)
    second.session.submit(Prompt("two"))
    await second.until(TurnEnded)

    assert second.agent.restored is not None
    assert second.agent.restored.payloads == ('["one"]',)
    events = await second.session.query(GetLog())
    assert [stamped.seq for stamped in events] == list(range(1, len(events) + 1))
    assert [event.turn for s in events if isinstance(event := s.event, TurnStarted)] == [1, 2]
    await second.session.close()


async def test_a_log_that_cannot_be_written_is_said_and_the_talk_goes_on(store: Store) -> None:
    talk = Opened(store)
    os.close(talk.session._opened.log._fd)
    talk.session.submit(Prompt("one"))
    await talk.until(TurnEnded)

    assert any(isinstance(s.event, Notice) and "History is off" in s.event.text for s in talk.seen)
    await talk.session.close()


async def test_what_needs_an_idle_session_says_so(store: Store) -> None:
    talk = Opened(store, persist=False)
    talk.session.submit(Prompt("hold"))
    talk.session.submit(Clear())
    [notice] = await talk.until(Notice)

    assert "/clear" in str(notice)
    await talk.session.close()
    assert talk.agent.closed


async def test_queries_of_its_own_and_the_agents(store: Store) -> None:
    talk = Opened(store)
    [info] = await talk.session.query(ListSessions())

    assert (info.session_id, info.in_use) == (talk.session.session_id, True)
    assert str(await talk.session.query(GetContext())) == "the agent's"
    await talk.session.close()


async def test_a_session_in_the_engines_thread_serves_a_view_on_another_loop(store: Store) -> None:
    holder: list[Opened] = []

    async def opening() -> Session:
        holder.append(Opened(store))
        return holder[0].session

    handle = await open_in_thread(opening)
    loop, woken, seen = asyncio.get_running_loop(), asyncio.Event(), []
    subscription = handle.subscribe(lambda: loop.call_soon_threadsafe(woken.set))
    handle.submit(Prompt("one"))
    while not any(isinstance(stamped.event, TurnEnded) for stamped in seen):
        await woken.wait()
        woken.clear()
        seen += subscription.take()

    assert len(await handle.query(GetLog())) >= 5
    await handle.close()


async def test_folding_from_the_end_of_a_turn_and_filling_backwards_is_the_whole_fold(store: Store) -> None:
    talk = Opened(store)
    for text in ("one", "two", "three"):
        talk.session.submit(Prompt(text))
    await talk.until(TurnEnded, 3)
    events = await talk.session.query(GetLog())
    ends = [place + 1 for place, stamped in enumerate(events) if isinstance(stamped.event, TurnEnded)]

    whole = fold(events)
    for cut in ends[:-1]:
        assert fold(events[:cut]).turns + fold(events[cut:]).turns == whole.turns
        assert fold(events[cut:], fold(events[:cut])) == whole
    last = await talk.session.query(GetLog(turns=1))
    assert fold(last).turns == whole.turns[-1:]
    await talk.session.close()


def stamp(*events: Event) -> list[Stamped]:
    return [Stamped(number, 0, "main", event) for number, event in enumerate(events, 1)]


KEYS = [CallKey("main", 1, number) for number in range(1, 6)]


def test_calls_cut_off_by_a_kill_are_told_apart_by_the_hashes_of_what_they_wrote() -> None:
    events = stamp(
        TurnStarted(1, "p", "m"),
        MessagesRecorded(1, "request"),
        *(CallReserved(key, "edit", {}, f"id{key.call}", "write", "files", reply=1) for key in KEYS),
        MessagesRecorded(1, "reply"),
        ReplyEnded(1, 1, "m", "tool_call", Usage(), 1),
        CallEnded(KEYS[0], "ok", "its result", None, 0, 0),
        *(CallStarted(key, 0, "files", 0, {}, (WriteIntent(f"/f{key.call}", "old", "new"),)) for key in KEYS[1:4]),
    )
    now = {"/f2": "new", "/f3": "old", "/f4": "other"}

    cut = restored(events, now.get).cut_calls

    assert [call.text.rsplit(": ")[-1] for call in cut] == [
        "its result",
        "the change was applied.",
        "the change was not applied.",
        "someone else has changed the file since; read it before you go on.",
        "Plait ended before this call ran; nothing was done.",
    ]


def test_calls_whose_results_are_in_the_history_are_not_told_again() -> None:
    events = stamp(
        TurnStarted(1, "p", "m"),
        CallReserved(KEYS[0], "read", {}, "id1", "read", "files", reply=1),
        MessagesRecorded(1, "reply"),
        ReplyEnded(1, 1, "m", "tool_call", Usage(), 1),
        CallEnded(KEYS[0], "ok", "its result", None, 0, 0),
        MessagesRecorded(1, "results"),
        CallReserved(KEYS[1], "read", {}, "id2", "read", "files", reply=2),
    )

    assert [call.provider_id for call in restored(events, lambda _: None).cut_calls] == ["id2"]


WRITER = """
import sys
from pathlib import Path
from plait.protocol.events import MessagesRecorded, SessionStarted, Stamped, TurnEnded, TurnStarted, Usage
from plait.session.log import Log
log = Log(Path(sys.argv[1]))
log.append(Stamped(1, 0, "main", SessionStarted("s", "/w", "m", "default")))
print("ready", flush=True)
for turn in range(1, 10_000_000):
    ended = TurnEnded(turn, "completed", None, Usage(), 1, 1)
    for event in (TurnStarted(turn, "p", "m"), MessagesRecorded(turn, "x" * 5000), ended):
        log.append(Stamped(turn * 3, 0, "main", event))
"""


@pytest.mark.slow
def test_a_process_killed_at_any_moment_leaves_a_log_that_reads(tmp_path: Path) -> None:
    rng = random.Random(7)
    for number in range(12):
        path = tmp_path / f"{number}.jsonl"
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        size = rng.randrange(1, 300_000)
        while path.stat().st_size < size:
            pass
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()

        contents = read_log(path)
        assert contents.skipped <= 1
        log = Log(path)
        log.append(Stamped(999, 0, "main", Notice("info", "after")))
        log.close()
        assert read_log(path).events[:-1] == contents.events


def test_a_torn_last_line_is_skipped_and_the_next_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    log = Log(path)
    log.append(Stamped(1, 0, "main", Notice("info", "whole")))
    log.close()
    path.write_bytes(path.read_bytes() + b'{"type":"Notice","seq":2,"at"')

    log = Log(path)
    log.append(Stamped(2, 0, "main", Notice("info", "next")))
    log.close()

    contents = read_log(path)
    assert [stamped.seq for stamped in contents.events] == [1, 2]
    assert contents.skipped == 1


def test_a_log_of_a_newer_plait_is_refused_with_one_line(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    log = Log(path)
    log.append(Stamped(1, 0, "main", SessionStarted("s", "/w", "m", "default", version=99)))
    log.close()

    with pytest.raises(UserError, match="newer Plait"):
        read_log(path)


@pytest.mark.parametrize("text", ["../../etc/passwd", "", "x", "a/b", "\0", "00000000"])
def test_an_id_that_is_none_is_refused(store: Store, text: str) -> None:
    with pytest.raises(UserError, match="session"):
        store.open(text)
    with pytest.raises(UserError):
        store.find(text)


async def test_sessions_are_listed_found_renamed_pruned_and_deleted(store: Store) -> None:
    talk = Opened(store)
    talk.session.submit(Prompt("fix the parser\nplease"))
    await talk.until(TurnEnded)
    with pytest.raises(SessionInUse):
        store.delete(talk.session.session_id)
    await talk.session.close()

    [info] = store.list("/w")
    assert (info.title, info.turns, info.in_use) == ("fix the parser", 1, False)
    assert store.find(info.session_id[:8]) == info.session_id
    store.rename(info.session_id, "Parser")
    assert store.list()[0].title == "Parser"
    assert store.list("/elsewhere") == ()
    assert store.prune(older_than_days=1) == ()
    assert store.prune(older_than_days=0, now_s=2e9 * 2) == (info.session_id,)
    assert list(store.directory.iterdir()) == []
