"""The engine's thread: an event loop of its own for a session, so that a view's loop only draws."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from plait.protocol.commands import Command
from plait.protocol.ports import Completion, SessionHandle, Subscription
from plait.protocol.queries import Query

A = TypeVar("A")
JOIN_WITHIN_S = 2.0


class EngineThread:
    """A daemon thread with a running loop. It never keeps the interpreter alive."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="plait-engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, A]) -> A:
        """Run a coroutine on the engine's loop and await its result on the caller's."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(JOIN_WITHIN_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()


class ThreadedHandle:
    """A session of an engine's thread, for a view on another loop."""

    def __init__(self, session: SessionHandle, engine: EngineThread) -> None:
        self._session = session
        self._engine = engine

    @property
    def session_id(self) -> str:
        return self._session.session_id

    def submit(self, command: Command) -> None:
        self._session.submit(command)

    def subscribe(self, wake: Callable[[], None], *, since: int | None = None) -> Subscription:
        return self._session.subscribe(wake, since=since)

    async def query(self, query: Query[A]) -> A:
        return await self._engine.run(self._session.query(query))

    async def complete(self, prefix: str) -> Sequence[Completion]:
        return await self._engine.run(self._session.complete(prefix))

    async def close(self) -> None:
        """Close the session and end the thread."""
        try:
            await self._engine.run(self._session.close())
        finally:
            await asyncio.to_thread(self._engine.stop)


async def open_in_thread(open_session: Callable[[], Awaitable[SessionHandle]]) -> SessionHandle:
    """Start an engine and open a session on its loop. Raises what opening raises, and then leaves no thread behind."""
    engine = EngineThread()
    engine.start()

    async def opening() -> SessionHandle:
        return await open_session()

    try:
        return ThreadedHandle(await engine.run(opening()), engine)
    except BaseException:
        engine.stop()
        raise
