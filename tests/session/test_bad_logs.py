"""What may lie in the place of a session's log: one clear line, or as much of it as can be read; never a wait."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from tests.session.fake_agent import FakeAgent
from tests.session.talk import again, identity, new

from plait.protocol.errors import UserError
from plait.protocol.events import Notice, SessionStarted, Stamped, TextEnded, TurnEnded, TurnStarted, Usage
from plait.session.codec import encode
from plait.session.log import LogLines, read_lines
from plait.session.session import Session
from plait.session.store import Store, new_session_id
from plait.session.transcript import fold


def lines(*events: object) -> list[bytes]:
    return [encode(Stamped(seq, 0, "main", event)) for seq, event in enumerate(events, 1)]  # type: ignore[arg-type]


def turn(number: int, text: str = "x") -> list[object]:
    return [
        TurnStarted(number, "p", "m"),
        TextEnded(number, 1, 0, text),
        TurnEnded(number, "completed", None, Usage(), 1, 1),
    ]


def begun(store: Store) -> Path:
    opened = store.create()
    opened.close()
    return opened.log.path


@pytest.mark.parametrize("kind", ["directory", "pipe", "dangling link"])
def test_what_is_no_file_is_no_session_and_nobody_waits_for_it(store: Store, kind: str) -> None:
    begun(store)
    session_id = new_session_id()
    path = store.directory / f"{session_id}.jsonl"
    match kind:
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to("nowhere")

    assert store.list() == ()
    assert store.latest("/w") is None
    with pytest.raises(UserError, match="no such session"):
        store.open(session_id)
    with pytest.raises(UserError, match="no such session"):
        store.read(session_id)


async def test_garbage_in_the_middle_and_at_the_end_costs_only_itself(store: Store) -> None:
    path = begun(store)
    first, *rest = lines(SessionStarted("s", "/w", "m", "default"), *turn(1), *turn(2))
    path.write_bytes(
        first + b"\x00" * 100 + b"\n{\xff}\n" + b"".join(rest[:3]) + b"\x00\n" + b"".join(rest[3:]) + b'{"type":"Te'
    )

    talk = again(store, path.stem)
    try:
        assert [notice.text[:7] for notice in await talk.until(Notice)] == ["4 lines"]
        talk.session.emit(Notice("info", "on a line of its own"))
    finally:
        await talk.session.close()

    contents = store.read(path.stem)
    assert [view.number for view in fold(contents.events).turns] == [1, 2]
    assert contents.events[-1].event == Notice("info", "on a line of its own")


async def test_a_log_of_a_newer_plait_is_one_line_and_stays_as_it_is(store: Store) -> None:
    path = begun(store)
    data = (
        encode(Stamped(1, 0, "main", SessionStarted("s", "/w", "m", "default", version=2)))
        + b'{"type":"New","seq":2}\n'
    )
    path.write_bytes(data)

    with pytest.raises(UserError, match="newer Plait") as raised:
        again(store, path.stem)

    assert "\n" not in str(raised.value)
    assert path.read_bytes() == data


async def test_the_order_of_events_does_not_depend_on_the_clock(store: Store) -> None:
    opened = store.create()
    times = iter(range(10_000, 0, -1000))
    session = Session(identity(opened), FakeAgent, opened, store, now_ms=lambda: next(times))
    session.begin()
    for word in "abc":
        session.emit(Notice("info", word))
    session.emit(TurnStarted(1, "p", "m"))
    session.emit(TurnEnded(1, "completed", None, Usage(), 1, 1))
    events = store.read(opened.session_id).events
    await session.close()

    assert [stamped.seq for stamped in events] == list(range(1, len(events) + 1))
    assert [stamped.event.text for stamped in events if isinstance(stamped.event, Notice)] == ["a", "b", "c"]


async def test_a_second_process_is_told_that_the_session_is_open(store: Store) -> None:
    talk = new(store)
    with pytest.raises(UserError, match="open in another Plait"):
        store.open(talk.session.session_id)
    await talk.session.close()


def test_a_log_is_followed_without_reading_it_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    whole = lines(*turn(1), *turn(2))
    data = b"".join(whole)
    followed = LogLines(path)
    for end in range(0, len(data) + 1, 7):
        path.write_bytes(data[:end])

        followed.follow()

        anew = read_lines(path)
        assert (followed.kinds, list(followed.seqs)) == (anew.kinds, list(anew.seqs))
        assert followed.unreadable == anew.unreadable
        assert followed.decode_all() == anew.decode_all()


def test_a_long_log_is_looked_through_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "log"
    piece = b"".join(lines(*turn(1, "x" * 50_000)))
    path.write_bytes(piece * 600)

    tracemalloc.start()
    try:
        seen = read_lines(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(seen.kinds) == 1800
    assert peak < 8_000_000 < path.stat().st_size


def test_one_line_of_many_chunks_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(lines(TextEnded(1, 1, 0, "x" * 5_000_000), Notice("info", "after"))))

    assert read_lines(path).kinds == ["TextEnded", "Notice"]
