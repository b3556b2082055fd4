"""A session that says what a test tells it to, and keeps what it was told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from plait.protocol.calls import CallKey
from plait.protocol.commands import Command
from plait.protocol.errors import SessionInUse
from plait.protocol.events import LIVE_TYPES, Event, SessionStarted, Stamped
from plait.protocol.ports import Completion
from plait.protocol.queries import GetLog, GetStatus, ListRules, SessionInfo, Status


class FakeSubscription:
    """Everything in order, nothing merged."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.waiting: list[Stamped] = []

    def put(self, stamped: Stamped) -> None:
        self.waiting.append(stamped)
        if len(self.waiting) == 1:
            self.wake()

    def take(self) -> tuple[Stamped, ...]:
        taken, self.waiting = tuple(self.waiting), []
        return taken

    def close(self) -> None:
        self.wake = lambda: None


class FakeSession:
    """Implements `protocol.ports.SessionHandle`."""

    def __init__(self) -> None:
        self.submitted: list[Command] = []
        self.log: list[Stamped] = []
        status = Status(self.session_id, "fake:model", "default", "/w", "main", "none", "off", persisted=True)
        self.answers: dict[type, Any] = {ListRules: (), GetStatus: status}
        self.fails: dict[type, Exception] = {}
        self.closed = False
        self._subscriptions: list[FakeSubscription] = []
        self._seq = 0
        self.say(SessionStarted("11111111-1111-4111-8111-111111111111", "/w", "fake:model", "default"))

    def say(self, *events: Event) -> None:
        for event in events:
            is_live = isinstance(event, LIVE_TYPES)
            self._seq += not is_live
            stamped = Stamped(self._seq, int(time.time() * 1000), "main", event)
            if not is_live:
                self.log.append(stamped)
            for subscription in self._subscriptions:
                subscription.put(stamped)

    @property
    def session_id(self) -> str:
        return "11111111-1111-4111-8111-111111111111"

    def submit(self, command: Command) -> None:
        self.submitted.append(command)

    def subscribe(self, wake: Callable[[], None], *, since: int | None = None) -> FakeSubscription:
        self._subscriptions.append(FakeSubscription(wake))
        return self._subscriptions[-1]

    async def query(self, query: Any) -> Any:
        if type(query) in self.fails:
            raise self.fails[type(query)]
        if isinstance(query, GetLog):
            return tuple(stamped for stamped in self.log if query.before is None or stamped.seq < query.before)
        return self.answers[type(query)]

    async def complete(self, prefix: str) -> Sequence[Completion]:
        return tuple(Completion(path) for path in ("src/app.py", "src/util.py") if prefix[1:] in path)

    async def close(self) -> None:
        self.closed = True


class FakeDesktop:
    """Implements `protocol.ports.Desktop`."""

    def __init__(self, themes: tuple[tuple[str, str], ...] = ()) -> None:
        self.copied: list[str] = []
        self.remembered: list[str] = []
        self.draft = ""
        self._themes = themes

    def copy(self, text: str) -> bool:
        self.copied.append(text)
        return True

    def edit_text(self, text: str, suffix: str = ".md") -> str | None:
        return None

    def themes(self) -> tuple[tuple[str, str], ...]:
        return self._themes

    def prompt_history(self) -> tuple[str, ...]:
        return ("an earlier prompt",)

    def remember_prompt(self, text: str) -> None:
        self.remembered.append(text)

    def load_draft(self) -> str:
        return self.draft

    def save_draft(self, text: str) -> None:
        self.draft = text

    def branch(self) -> str | None:
        return "main"


def key(number: int) -> CallKey:
    return CallKey("main", 1, number)


class FakeSessions:
    """Implements `protocol.ports.Sessions`; `in_use` sessions can only be had as copies."""

    def __init__(self, *ids: str, in_use: bool = False) -> None:
        self.opened: list[str] = []
        self.handles: list[FakeSession] = []
        self._ids = ids
        self._in_use = in_use

    async def list(self, *, everywhere: bool = False) -> Sequence[SessionInfo]:
        return [SessionInfo(i, f"title of {i}", "/w", "fake:model", 0, 3, 100, self._in_use) for i in self._ids]

    async def open_new(self) -> FakeSession:
        return self._open("new")

    async def resume(self, session_id: str, *, fork: bool = False) -> FakeSession:
        if self._in_use and not fork:
            raise SessionInUse(f"session `{session_id}` is open in another Plait.", session_id)
        return self._open(f"copy of {session_id}" if fork else session_id)

    def _open(self, what: str) -> FakeSession:
        self.opened.append(what)
        self.handles.append(FakeSession())
        return self.handles[-1]
