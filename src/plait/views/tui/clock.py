"""The clock by which keys are told from typed text: a test brings its own."""

from __future__ import annotations

import time
from typing import Protocol

from textual.message import Message


class Clock(Protocol):
    """Seconds on one clock that never goes back."""

    def now(self) -> float:
        """Return the time now."""
        ...

    def of(self, event: Message) -> float:
        """Return when an event came from the terminal, however long it had to wait for its turn."""
        ...


class MonotonicClock:
    """The machine's clock, by which Textual stamps its events too."""

    def now(self) -> float:
        return time.monotonic()

    def of(self, event: Message) -> float:
        return event.time
