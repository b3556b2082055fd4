"""The engine's thread: an event loop of its own for a session, so that a view's loop only draws."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from plait.protocol.commands import Command
from plait.protocol.errors import UserError
from plait.protocol.ports import Completion, SessionHandle, Subscription
from plait.protocol.queries import Query

A = TypeVar("A")
LOG = logging.getLogger("plait.session")
JOIN_WITHIN_S = 0.5
"""After the session has closed, which has its own limit. The thread is a daemon: left behind, it keeps nobody alive."""
UNWIND_S = 0.2
SWITCH_EVERY_S = 0.0005
MOST_REST_S = 0.025
"""For a key, or a painting. Each takes about 5 ms if the interpreter is not shared meanwhile, and 20 if it is."""


class EngineThread:
    """A daemon thread with a running loop. It never keeps the interpreter alive."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        # What is left when the interpreter ends is nothing the user's terminal should be told of.
        self.loop.set_exception_handler(lambda _, context: LOG.info("engine: %s", context.get("message")))
        self._thread = threading.Thread(target=self._run, name="plait-engine", daemon=True)
        self._is_stopping = False

    def start(self) -> None:
        # A view waits for the interpreter at each of its own system calls; by default 5 ms each, dozens a key.
        sys.setswitchinterval(SWITCH_EVERY_S)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, A]) -> A:
        """Run a coroutine on the engine's loop and await its result on the caller's.

        Raises what it raises, and UserError if the engine has ended.
        """
        if self._is_stopping:
            work.close()
            raise UserError("The session has ended.")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    def stop(self) -> None:
        """End the loop, and what still runs on it; blocks until then, but not for long. May be called again."""
        self.begin_stop()
        self._thread.join(JOIN_WITHIN_S)

    def begin_stop(self) -> None:
        self._is_stopping = True
        with suppress(RuntimeError):  # It is closed already.
            self.loop.call_soon_threadsafe(self.loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(_unwind())
        finally:
            self.loop.close()


async def _unwind() -> None:
    """Give what was left running the time to clean up."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        await asyncio.wait(rest, timeout=UNWIND_S)


class ThreadedHandle:
    """A session of an engine's thread, for a view on another loop."""

    def __init__(self, session: SessionHandle, engine: EngineThread, most_rest_s: float = MOST_REST_S) -> None:
        self._session = session
        self._engine = engine
        self._most_rest_s = most_rest_s

    @property
    def session_id(self) -> str:
        return self._session.session_id

    def submit(self, command: Command) -> None:
        self._session.submit(command)

    def subscribe(self, wake: Callable[[], None], *, since: int | None = None) -> Subscription:
        return self._session.subscribe(wake, since=since)

    def rest_until(self, done: threading.Event) -> None:
        with suppress(RuntimeError):  # It has ended.
            self._engine.loop.call_soon_threadsafe(done.wait, self._most_rest_s)

    async def query(self, query: Query[A]) -> A:
        return await self._engine.run(self._session.query(query))

    async def complete(self, prefix: str) -> Sequence[Completion]:
        return await self._engine.run(self._session.complete(prefix))

    async def close(self) -> None:
        """Close the session and end the thread. May be called again."""
        try:
            with suppress(UserError):  # It has ended already.
                await self._engine.run(self._session.close())
        finally:
            await asyncio.to_thread(self._engine.stop)


async def open_in_thread(open_session: Callable[[], Awaitable[SessionHandle]]) -> SessionHandle:
    """Start an engine and open a session on its loop.

    Raises what opening raises, and then leaves no thread behind. If it is cancelled the engine ends as soon as it can.
    """
    engine = EngineThread()
    engine.start()
    opened: list[SessionHandle] = []

    async def opening() -> SessionHandle:
        opened.append(await open_session())
        return opened[0]

    async def give_up() -> None:
        for session in opened:
            await session.close()
        engine.begin_stop()

    try:
        return ThreadedHandle(await engine.run(opening()), engine)
    except asyncio.CancelledError:
        # Not waited for: opening imports much, and an import cannot be interrupted.
        asyncio.run_coroutine_threadsafe(give_up(), engine.loop)
        raise
    except BaseException:
        await asyncio.to_thread(engine.stop)
        raise
