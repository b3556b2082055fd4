"""A session that plays scripts of events: one script a prompt, each step an event, a pause or a wait for a cancel."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from plait.protocol.commands import Cancel, Command, Prompt
from plait.protocol.events import Event, Stamped, TurnEnded, TurnStarted, Usage
from plait.protocol.ports import Completion, Subscription
from plait.protocol.queries import GetStatus, Query, Status


@dataclass(frozen=True)
class AwaitCancel:
    """The turn goes on until it is cancelled."""


@dataclass(frozen=True)
class Hang:
    """The turn never ends, whatever is asked."""


Step = Event | AwaitCancel | Hang | tuple[str, Event]
SESSION = "11111111-1111-4111-8111-111111111111"


class FakeSubscription:
    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.waiting: list[Stamped] = []
        self.closed = False

    def take(self) -> tuple[Stamped, ...]:
        taken, self.waiting = tuple(self.waiting), []
        return taken

    def close(self) -> None:
        self.closed = True


class FakeSession:
    """Events are stamped a tenth of a second apart, from Unix second 1,000 on."""

    session_id = SESSION

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self.commands: list[Command] = []
        self.closed = False
        self.playing: asyncio.Event = asyncio.Event()
        self._scripts = list(scripts)
        self._cancelled = asyncio.Event()
        self._subscriptions: list[FakeSubscription] = []
        self._times = itertools.count(1_000_000, 100)
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = 0

    def submit(self, command: Command) -> None:
        self.commands.append(command)
        match command:
            case Prompt(text=text):
                self._turn += 1
                task = asyncio.get_running_loop().create_task(self._play(text, self._scripts.pop(0)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case Cancel():
                self._cancelled.set()
            case _:
                pass

    async def _play(self, prompt: str, script: Sequence[Step]) -> None:
        self.emit(TurnStarted(self._turn, prompt, "test:model"))
        for step in script:
            await asyncio.sleep(0)
            match step:
                case AwaitCancel():
                    self.playing.set()
                    await self._cancelled.wait()
                    self.emit(TurnEnded(self._turn, "cancelled", None, Usage(), 700, 1))
                case Hang():
                    self.playing.set()
                    await asyncio.Event().wait()
                case (str(agent), event):
                    self.emit(event, agent)
                case _:
                    self.emit(step)

    def emit(self, event: Event, agent: str = "main") -> None:
        stamped = Stamped(1, next(self._times), agent, event)
        for subscription in self._subscriptions:
            subscription.waiting.append(stamped)
            subscription.wake()

    def subscribe(self, wake: Callable[[], None], *, since: int | None = None) -> Subscription:
        subscription = FakeSubscription(wake)
        self._subscriptions.append(subscription)
        return subscription

    async def query(self, query: Query[Any]) -> Any:
        assert isinstance(query, GetStatus)
        return Status(SESSION, "test:model", "default", "/work", None, "none", "off", True, ("read", "edit"))

    async def complete(self, prefix: str) -> Sequence[Completion]:
        return ()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.closed = True
