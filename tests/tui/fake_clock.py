"""A clock that stands still until a test moves it: of typing, only what the test says has been soon or late."""

from __future__ import annotations

from textual.message import Message


class FakeClock:
    """Implements `plait.views.tui.clock.Clock`."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def now(self) -> float:
        return self.now_s

    def of(self, event: Message) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds
