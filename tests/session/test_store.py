"""Sessions are found, locked, copied and deleted by their ids."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from tests.session.talk import Talk, again, new

from plait.protocol.commands import Prompt, Rename
from plait.protocol.errors import UserError
from plait.protocol.events import MessagesRecorded, SessionStarted, Stamped, TitleChanged, TurnEnded, TurnStarted, Usage
from plait.session.glance import CHUNK_BYTES
from plait.session.log import Log
from plait.session.store import SessionInUse, Store


async def said(store: Store, *prompts: str) -> Talk:
    talk = new(store)
    for prompt in prompts:
        talk.session.submit(Prompt(prompt))
    await talk.until(TurnEnded, len(prompts))
    await talk.session.close()
    return talk


@pytest.mark.parametrize("text", ["../../etc/passwd", "", " ", "x", "a/b", "\0", "00000000", "*", "..", "~"])
def test_an_id_that_is_none_is_refused(store: Store, text: str) -> None:
    store.create().close()
    with pytest.raises(UserError, match="session"):
        store.open(text)
    with pytest.raises(UserError, match="session"):
        store.create(text)
    with pytest.raises(UserError, match="no such session"):
        store.find(text)


def test_an_id_of_ones_own_can_be_used_once(store: Store) -> None:
    identity = str(uuid.uuid4())
    opened = store.create(identity.upper())

    assert opened.session_id == identity
    with pytest.raises(SessionInUse):
        store.create(identity)
    opened.close()
    with pytest.raises(UserError, match="exists already"):
        store.create(identity)


def test_a_prefix_finds_the_one_session_it_fits(store: Store) -> None:
    identities = [f"{number:08x}-0000-4000-8000-000000000000" for number in (0xAB000001, 0xAB000002)]
    for identity in identities:
        store.create(identity).close()
    (store.directory / "ab-no-session.jsonl").write_text("x")

    assert store.find("AB000001") == identities[0]
    with pytest.raises(UserError, match="2 sessions begin so"):
        store.find("ab")


async def test_a_session_in_use_is_refused_but_can_be_forked(store: Store) -> None:
    talk = new(store)
    talk.session.submit(Prompt("one"))
    await talk.until(TurnEnded)
    with pytest.raises(SessionInUse, match="open in another Plait"):
        store.open(talk.session.session_id)
    with pytest.raises(SessionInUse):
        store.delete(talk.session.session_id)

    fork = store.fork(talk.session.session_id, cwd="/elsewhere")
    events = [stamped.event for stamped in store.read(fork.session_id).events]
    fork.close()

    assert events[0] == SessionStarted(
        fork.session_id, "/elsewhere", "fake", "default", plait_version="0", forked_from=talk.session.session_id
    )
    assert events[1:] == [stamped.event for stamped in store.read(talk.session.session_id).events][1:]
    await talk.session.close()


async def test_a_fork_goes_on_by_itself(store: Store) -> None:
    origin = await said(store, "one")
    before = origin.session.session_id, store.read(origin.session.session_id)
    fork = Talk(store.fork(before[0]), store, resume=True)
    fork.session.submit(Prompt("two"))
    await fork.until(TurnEnded)
    await fork.session.close()

    assert fork.agent.restored is not None
    assert fork.agent.restored.payloads == ('["one"]',)
    assert store.read(before[0]) == before[1]
    assert {info.session_id: info.turns for info in store.list("/w")} == {before[0]: 1, fork.session.session_id: 2}


def test_a_fork_leaves_out_a_line_that_is_being_written(store: Store) -> None:
    opened = store.create()
    opened.log.append(Stamped(1, 0, "main", SessionStarted(opened.session_id, "/w", "m", "default")))
    opened.log.append(Stamped(2, 0, "main", TurnStarted(1, "p", "m")))
    with opened.log.path.open("ab") as file:
        file.write(b'{"type":"TurnEn')

    fork = store.fork(opened.session_id)
    contents = store.read(fork.session_id)

    assert [type(stamped.event) for stamped in contents.events] == [SessionStarted, TurnStarted]
    assert contents.skipped == 0
    fork.close()
    opened.close()


async def test_sessions_are_listed_renamed_pruned_and_deleted(store: Store) -> None:
    first = await said(store, "fix the parser\nplease", "more")
    second = await said(store, "other")
    os.utime(store.path_of(first.session.session_id), (1e9, 1e9))

    assert [(info.title, info.turns, info.in_use) for info in store.list("/w")] == [
        ("other", 1, False),
        ("fix the parser", 2, False),
    ]
    assert store.list("/elsewhere") == ()
    store.rename(first.session.session_id, " Parser \n")
    assert store.list()[0].title == "Parser"
    with pytest.raises(UserError, match="empty"):
        store.rename(first.session.session_id, " ")
    os.utime(store.path_of(first.session.session_id), (1e9, 1e9))
    assert store.prune(older_than_days=1, keep=2) == ()
    assert store.prune(older_than_days=1, keep=1) == (first.session.session_id,)
    store.delete(second.session.session_id)
    assert list(store.directory.iterdir()) == []


async def test_pruning_leaves_what_is_in_use(store: Store) -> None:
    talk = new(store)
    talk.session.submit(Prompt("one"))
    await talk.until(TurnEnded)

    assert store.prune(older_than_days=0, now_s=1e12) == ()
    await talk.session.close()
    assert store.prune(older_than_days=0, now_s=1e12) == (talk.session.session_id,)


async def test_the_latest_session_of_a_directory_is_the_one_last_talked_in(store: Store) -> None:
    first = await said(store, "one")
    await said(store, "two")
    for number in range(2):
        store.create(f"0000000{number}-0000-4000-8000-000000000000").close()
    resumed = again(store, first.session.session_id)
    resumed.session.submit(Prompt("three"))
    await resumed.until(TurnEnded)
    await resumed.session.close()

    latest = store.latest("/w")
    assert latest is not None
    assert latest.session_id == first.session.session_id
    assert store.latest("/elsewhere") is None


async def test_a_title_given_long_ago_is_found_in_a_long_log(store: Store) -> None:
    talk = await said(store, "one")
    talk = again(store, talk.session.session_id)
    talk.session.submit(Rename("Given"))
    await talk.until(TitleChanged)
    await talk.session.close()
    log = Log(store.path_of(talk.session.session_id), new=False)
    for turn in range(2, 5):
        log.append(Stamped(turn * 10, 0, "main", TurnStarted(turn, "p", "m")))
        log.append(Stamped(turn * 10 + 1, 0, "main", MessagesRecorded(turn, "x" * CHUNK_BYTES * 2)))
        log.append(Stamped(turn * 10 + 2, 0, "main", TurnEnded(turn, "completed", None, Usage(), 1, 1)))
    log.close()
    with log.path.open("ab") as file:
        file.write(b'{"type":"TurnStarted","seq":99')

    [info] = store.list()

    assert (info.title, info.turns) == ("Given", 4)


def test_files_that_are_no_logs_disturb_nothing(store: Store) -> None:
    store.create().close()
    for text in (b"", b"\0" * 9, b"garbage\n", b'{"type":"TurnStarted","seq":1}\n'):
        (store.directory / f"{uuid.uuid4()}.jsonl").write_bytes(text)
    (store.directory / f"{uuid.uuid4()}.jsonl").mkdir()

    assert store.list() == ()
    assert store.latest("/w") is None
    assert Store(store.directory / "missing").list() == ()


HOLDER = """
import sys
from pathlib import Path
from plait.session.store import Store
opened = Store(Path(sys.argv[1])).open(sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_a_killed_process_leaves_no_lock(store: Store) -> None:
    opened = store.create()
    opened.close()
    command = [sys.executable, "-c", HOLDER, str(store.directory), opened.session_id]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(SessionInUse):
            store.open(opened.session_id)
        holder.kill()
        holder.wait()
        holder.stdout.close()

        store.open(opened.session_id).close()


def test_a_lock_on_a_deleted_session_is_no_lock_on_its_successor(store: Store, tmp_path: Path) -> None:
    opened = store.create()
    store.discard(opened)

    again_opened = store.create(opened.session_id)

    with pytest.raises(SessionInUse):
        store.open(opened.session_id)
    again_opened.close()
