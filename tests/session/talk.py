"""A session with a fake agent, and everything it said."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from tests.session.fake_agent import FakeAgent

from plait.protocol.events import Event, Stamped
from plait.protocol.ports import Agent, Emit
from plait.session.session import Identity, Session
from plait.session.store import OpenLog, Store

E = TypeVar("E")


def identity(opened: OpenLog | None) -> Identity:
    return Identity(opened.session_id if opened else "none", "/w", "fake", "default", "0")


class Talk:
    """Open one with `new`, `again` or `unlogged`."""

    def __init__(self, opened: OpenLog | None, store: Store, *, resume: bool) -> None:
        self.opened = opened
        self.session = Session(identity(opened), self._make, opened, store)
        self.changed = asyncio.Event()
        self.subscription = self.session.subscribe(self.changed.set)
        self.seen: list[Stamped] = []
        if resume:
            self.session.resume()
        else:
            self.session.begin()

    def _make(self, emit: Emit) -> Agent:
        self.agent = FakeAgent(emit)
        return self.agent

    async def until(self, kind: type[E], count: int = 1) -> list[E]:
        while len(found := self.events(kind)) < count:
            await self.changed.wait()
            self.changed.clear()
        return found

    def events(self, kind: type[E]) -> list[E]:
        self.seen += self.subscription.take()
        return [stamped.event for stamped in self.seen if isinstance(stamped.event, kind)]

    def all(self) -> list[Event]:
        self.events(object)
        return [stamped.event for stamped in self.seen]


def new(store: Store) -> Talk:
    return Talk(store.create(), store, resume=False)


def again(store: Store, session_id: str) -> Talk:
    return Talk(store.open(session_id), store, resume=True)


def unlogged(store: Store) -> Talk:
    return Talk(None, store, resume=False)
