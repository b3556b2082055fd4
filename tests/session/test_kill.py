"""A process killed at any moment leaves a session that resumes, and that says rightly what was done."""

import asyncio
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.session.working_agent import WorkingAgent, session

from plait.protocol.commands import Prompt
from plait.protocol.events import CallEnded, CallReserved, MessagesRecorded, Stamped, TurnEnded, TurnStarted
from plait.session.session import Session
from plait.session.store import Store

KILLS = 20


def work_until(size: int, store: Store, session_id: str, file: Path) -> None:
    """Let a process work on a session until its log has grown by `size`, and kill it."""
    log = store.path_of(session_id)
    until = log.stat().st_size + size
    command = [sys.executable, "-m", "tests.session.working_agent", str(store.directory), session_id, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        while log.stat().st_size < until:
            assert worker.poll() is None
        worker.kill()


async def one_turn(talk: Session) -> None:
    more = asyncio.Event()
    subscription = talk.subscribe(more.set)
    talk.submit(Prompt("go on"))
    while not any(isinstance(stamped.event, TurnEnded) for stamped in subscription.take()):
        await more.wait()
        more.clear()


def check(events: tuple[Stamped, ...]) -> None:
    assert [stamped.seq for stamped in events] == list(range(1, len(events) + 1))
    happened = [stamped.event for stamped in events]
    begun = [event.turn for event in happened if isinstance(event, TurnStarted)]
    assert begun == [event.turn for event in happened if isinstance(event, TurnEnded)]
    assert len(set(begun)) == len(begun)
    assert [event.key for event in happened if isinstance(event, CallReserved)] == [
        event.key for event in happened if isinstance(event, CallEnded)
    ]
    kinds = " ".join(event.payload.split()[0] for event in happened if isinstance(event, MessagesRecorded))
    assert re.fullmatch(r"((request( reply results)* answer) ?)*", kinds)


@pytest.mark.slow
async def test_a_session_killed_again_and_again_resumes_each_time(store: Store, tmp_path: Path) -> None:
    rng = random.Random(7)
    file = tmp_path / "file"
    file.write_bytes(b"0")
    opened = store.create()
    opened.close()
    cut = 0
    for _ in range(KILLS):
        work_until(rng.randrange(1, 40_000), store, opened.session_id, file)
        written = file.read_text()
        before = store.read(opened.session_id)
        assert before.skipped <= 1

        talk = session(store, opened.session_id, file)
        talk.resume()

        agent = talk._agent
        assert isinstance(agent, WorkingAgent)
        assert agent.restored is not None
        for call in agent.restored.cut_calls:
            cut += 1
            if call.status == "ok":
                assert call.provider_id == written
            else:
                assert call.provider_id != written
        assert file.read_text() == written
        await one_turn(talk)
        await talk.close()
        after = store.read(opened.session_id).events
        assert after[: len(before.events)] == before.events
        check(after)
    assert cut > 0
