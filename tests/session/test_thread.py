"""A session in a thread of its own serves a view on another loop, and holds up nobody's end."""

import asyncio
import subprocess
import sys
import threading

import pytest
from tests.session.talk import Talk, new

from plait.protocol.commands import Cancel, Prompt
from plait.protocol.errors import UserError
from plait.protocol.events import Stamped, TurnEnded
from plait.protocol.ports import SessionHandle, SharesInterpreter
from plait.protocol.queries import GetLog
from plait.session.store import Store
from plait.session.thread import EngineThread, ThreadedHandle, open_in_thread


def engines() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "plait-engine"]


async def test_a_view_on_another_loop_sees_asks_and_closes(store: Store) -> None:
    talks: list[Talk] = []

    async def opening() -> SessionHandle:
        talks.append(new(store))
        return talks[0].session

    handle = await open_in_thread(opening)
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    seen: list[Stamped] = []
    subscription = handle.subscribe(lambda: loop.call_soon_threadsafe(woken.set))
    handle.submit(Prompt("one"))
    while not any(isinstance(stamped.event, TurnEnded) for stamped in seen):
        await woken.wait()
        woken.clear()
        seen += subscription.take()

    assert handle.session_id == talks[0].session.session_id
    assert len(await handle.query(GetLog())) >= 5
    assert [completion.text for completion in await handle.complete("@a")] == ["@a"]
    await handle.close()
    await handle.close()
    assert talks[0].agent.closed
    assert engines() == []
    handle.submit(Cancel())
    with pytest.raises(UserError, match="ended"):
        await handle.query(GetLog())


async def test_a_session_that_cannot_be_opened_leaves_no_thread() -> None:
    async def opening() -> SessionHandle:
        raise UserError("`x`: no such session.")

    with pytest.raises(UserError, match="no such session"):
        await open_in_thread(opening)
    assert engines() == []


async def test_opening_can_be_given_up(store: Store) -> None:
    loop, begun, goes_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    talks: list[Talk] = []

    async def opening() -> SessionHandle:
        loop.call_soon_threadsafe(begun.set)
        goes_on.wait()
        talks.append(new(store))
        return talks[0].session

    task = asyncio.create_task(open_in_thread(opening))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    goes_on.set()
    for engine in engines():
        await asyncio.to_thread(engine.join)

    assert talks[0].agent.closed
    assert list(store.directory.iterdir()) == []


LEFT_RUNNING = """
import asyncio, sys
from pathlib import Path
from tests.session.talk import new
from plait.protocol.commands import Prompt
from plait.session.store import Store
from plait.session.thread import open_in_thread

async def main():
    async def opening():
        return new(Store(Path(sys.argv[1]))).session
    handle = await open_in_thread(opening)
    handle.submit(Prompt("hold"))

asyncio.run(main())
print("bye")
"""


@pytest.mark.slow
def test_an_engine_that_nobody_closed_does_not_keep_the_process_alive(store: Store) -> None:
    command = [sys.executable, "-c", LEFT_RUNNING, str(store.directory)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "bye\n", "")


async def test_an_engine_rests_while_a_key_is_answered_and_no_longer(store: Store) -> None:
    engine = EngineThread()
    engine.start()

    async def opening() -> SessionHandle:
        return new(store).session

    session = await engine.run(opening())
    handle = ThreadedHandle(session, engine, most_rest_s=60)
    assert isinstance(handle, SharesInterpreter)
    done, worked = threading.Event(), threading.Event()

    handle.rest_until(done)
    engine.loop.call_soon_threadsafe(worked.set)
    assert not await asyncio.to_thread(worked.wait, 0.05)
    done.set()
    assert await asyncio.to_thread(worked.wait, 30)

    hasty = ThreadedHandle(session, engine, most_rest_s=0.001)
    hasty.rest_until(threading.Event())
    worked.clear()
    engine.loop.call_soon_threadsafe(worked.set)
    assert await asyncio.to_thread(worked.wait, 30)

    await handle.close()
    handle.rest_until(done)
