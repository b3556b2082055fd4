"""A log keeps whole lines, whatever happened to the process or the disk."""

import os
import stat
from pathlib import Path

import pytest
from tests.session.talk import new

from plait.protocol.commands import Prompt
from plait.protocol.errors import UserError
from plait.protocol.events import LIVE_TYPES, Notice, SessionStarted, Stamped, TextEnded, TurnEnded
from plait.protocol.queries import GetLog, GetStatus
from plait.session.codec import encode
from plait.session.log import Log, read_lines, split_lines
from plait.session.store import Store


def notice(seq: int, text: str = "n") -> Stamped:
    return Stamped(seq, 0, "main", Notice("info", text))


def test_a_torn_last_line_is_skipped_and_the_next_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    line = encode(notice(2))
    for length in range(len(line)):
        path.write_bytes(encode(notice(1)) + line[:length])

        log = Log(path, new=False)
        log.append(notice(3))
        log.close()

        contents = read_lines(path).decode_all()
        # A line that only lacks its end is whole.
        assert [stamped.seq for stamped in contents.events] == [1, *[2] * (length == len(line) - 1), 3]
        assert contents.skipped == (0 < length < len(line) - 1)


def test_unreadable_lines_are_counted_and_the_rest_is_read() -> None:
    good = encode(Stamped(1, 0, "main", TextEnded(1, 1, 0, "hi")))
    well_begun = good.replace(b'"text":"hi"', b'"text":7')

    contents = split_lines(
        good + b"garbage\n\0\0\0\n" + good[:30] + b"\n\n" + well_begun + good + good[:9]
    ).decode_all()

    assert len(contents.events) == 2
    assert contents.skipped == 5


@pytest.mark.parametrize("more", ["", ',"model":{"of a shape":"to come"}'])
def test_a_log_of_a_newer_plait_is_refused_with_one_line(tmp_path: Path, more: str) -> None:
    path = tmp_path / "s.jsonl"
    line = encode(Stamped(1, 0, "main", SessionStarted("s", "/w", "m", "default", version=99)))
    path.write_bytes(line[:-2] + more.encode() + b"}\n")

    with pytest.raises(UserError, match="newer Plait"):
        read_lines(path)


@pytest.mark.skipif(not hasattr(os, "fchmod"), reason="no permission bits")
@pytest.mark.parametrize("umask", [0, 0o777])
def test_files_and_directories_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    tmp_path.chmod(0o755)
    before = os.umask(umask & 0o077)
    try:
        store = Store(tmp_path / "state" / "plait" / "sessions")
        opened = store.create()
    finally:
        os.umask(before)
    opened.close()

    places = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").rglob("*")}
    assert {mode for path, mode in places.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in places.items() if path.is_file()} == {0o600}
    assert len(places) == 4


@pytest.mark.skipif(not hasattr(os, "fchmod"), reason="no permission bits")
def test_what_others_could_read_is_closed_to_them_when_it_is_opened(store: Store) -> None:
    opened = store.create()
    opened.close()
    opened.log.path.chmod(0o644)
    store.directory.chmod(0o755)

    store.open(opened.session_id).close()

    assert stat.S_IMODE(opened.log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
async def test_a_full_disk_is_said_once_and_the_talk_goes_on(store: Store) -> None:
    talk = new(store)
    talk.session.submit(Prompt("one"))
    await talk.until(TurnEnded)
    assert (await talk.session.query(GetStatus())).persisted
    assert talk.opened is not None
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, talk.opened.log._fd)
    os.close(full)
    talk.session.submit(Prompt("two"))
    talk.session.submit(Prompt("three"))
    await talk.until(TurnEnded, 3)

    [said] = talk.events(Notice)
    assert said.level == "error"
    assert (
        said.text
        == f"History is off from here on: `{talk.opened.log.path}` cannot be written (No space left on device)."
    )
    durable = tuple(stamped for stamped in talk.seen if not isinstance(stamped.event, LIVE_TYPES))
    assert not (await talk.session.query(GetStatus())).persisted
    assert await talk.session.query(GetLog()) == durable
    assert await talk.session.query(GetLog(turns=1)) == durable[-4:]
    assert [stamped.seq for stamped in durable] == list(range(1, len(durable) + 1))
    await talk.session.close()
