"""What a reply says as it streams, handed on in pieces that are worth an event each.

A model may say hundreds of pieces at once; nobody sees them one by one, and each would cost an event, a lock and a
wake-up. The first is handed on at once, what follows within `APART_S` together with what follows that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable

from plait.protocol.events import Event
from plait.protocol.ports import Emit

APART_S = 0.01
"""A fifth of what an eye takes for one moment; a model that says 100 pieces a second is not held up."""


class Deltas:
    """Pieces of one part at a time. On the engine's loop; whoever emits anything else calls `flush` before."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._part: Hashable = None
        self._make: Callable[[str], Event] | None = None
        self._pieces: list[str] = []
        self._told_at = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    def add(self, part: Hashable, make: Callable[[str], Event], piece: str = "") -> None:
        """Hand on `make(text)`, now or soon; of one part the last `make` is asked, for all pieces joined."""
        if part != self._part:
            self.flush()
            self._part = part
        self._make = make
        self._pieces.append(piece)
        if self._alarm is None:
            loop = asyncio.get_running_loop()
            wait_s = self._told_at + APART_S - loop.time()
            if wait_s <= 0:
                self.flush()
            else:
                self._alarm = loop.call_later(wait_s, self.flush)

    def flush(self) -> None:
        """Hand on what waits."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._make is None:
            return
        event = self._make("".join(self._pieces))
        self._make = None
        self._pieces.clear()
        self._told_at = asyncio.get_running_loop().time()
        self._emit(event)
