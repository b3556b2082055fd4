"""Pass a running command's output on to views, at a rate and in amounts that they can take."""

from __future__ import annotations

import asyncio
import codecs

from plait.tools.base import Report

INTERVAL_S = 0.05
# The most that is passed on in one interval; of more, the end.
MOST_BYTES = 16_000


class LiveOutput:
    """Gathers bytes and reports them as text, the first at once and then in intervals. On one loop."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = bytearray()
        self._skipped_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def add(self, data: bytes) -> None:
        self._pending += data[-MOST_BYTES:]
        self._skipped_bytes += max(0, len(data) - MOST_BYTES)
        excess = len(self._pending) - MOST_BYTES
        # Twice the room before it is cut, so that many small pieces are not moved each time.
        if excess > MOST_BYTES:
            del self._pending[:excess]
            self._skipped_bytes += excess
        if self._timer is None and not self._closed:
            self._pass_on()

    def close(self) -> None:
        """Pass on what is left; nothing afterwards."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._closed:
            self._pass_on()
            self._closed = True

    def _pass_on(self) -> None:
        self._timer = None
        if not self._pending:
            return
        text = self._decoder.decode(bytes(self._pending))
        if self._skipped_bytes:
            text = f"\n[… {self._skipped_bytes:,} bytes not shown …]\n{text}"
        self._pending.clear()
        self._skipped_bytes = 0
        if text:
            self._report(output=text)
        self._timer = self._loop.call_later(INTERVAL_S, self._pass_on)
