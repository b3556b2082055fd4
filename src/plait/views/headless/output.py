"""Standard output without ever blocking the loop: a reader that is slow or gone must not hold up a cancel.

A thread writes; `flush` waits for it, so that a slow reader slows the run down instead of filling the memory.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable


class Output:
    """Bytes on their way to `write`, a blocking function that writes all of them or raises OSError.

    Contract: one loop calls `put`, `flush` and `drain`. After a failure everything put is dropped.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[bytes] = deque()
        self._condition = threading.Condition()
        self._idle = asyncio.Event()
        self._idle.set()
        self._failure: OSError | None = None
        self._thread: threading.Thread | None = None

    def put(self, data: bytes) -> None:
        if self._failure is not None:
            return
        if self._thread is None:
            # A daemon: a write that never returns must not keep the process alive.
            self._thread = threading.Thread(target=self._work, name="standard output", daemon=True)
            self._thread.start()
        self._idle.clear()
        with self._condition:
            self._waiting.append(data)
            self._condition.notify()

    async def flush(self) -> None:
        """Wait until all that was put is written. Raises the OSError that writing ended with."""
        await self._idle.wait()
        if self._failure is not None:
            raise self._failure

    async def drain(self, limit_s: float) -> None:
        """As `flush`, but for `limit_s` seconds at most; gives up in silence."""
        try:
            async with asyncio.timeout(limit_s):
                await self.flush()
        except TimeoutError:
            pass

    def _work(self) -> None:
        failure: OSError | None = None
        while failure is None:
            with self._condition:
                while not self._waiting:
                    self._condition.wait()
                batch = list(self._waiting)
                self._waiting.clear()
            try:
                # Line by line: a reader never sees half a line in one write where a whole one fits.
                for data in batch:
                    self._write(data)
            except OSError as error:
                failure = error
            try:
                self._loop.call_soon_threadsafe(self._written, failure)
            except RuntimeError:  # The loop has ended; nobody waits any more.
                return

    def _written(self, failure: OSError | None) -> None:
        self._failure = failure
        if failure is not None or not self._waiting:
            self._idle.set()
