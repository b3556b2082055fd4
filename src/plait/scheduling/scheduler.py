"""Order calls by what they touch.

A ticket is taken in the order the model emitted the calls and is ready once no earlier, still open ticket
conflicts with it (`protocol.effects.conflict`). It keeps its place when its effects change. Open tickets hang in a
trie of path components, so taking one costs what its own paths and the tickets met on them cost, not a scan over all
open calls. Nothing here knows tools, permissions or events.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from plait.protocol.effects import Access, Effects, Mode, conflict

K = TypeVar("K", bound=Hashable)

ANYTHING = "anything"
NETWORK = "network"


@dataclass(eq=False, slots=True)
class Node(Generic[K]):
    """One path. `exact` and `trees` map open tickets to whether they write there.

    Whoever writes a name decides what lies below it, so that a write always stands in `trees`.
    """

    path: str = ""
    children: dict[str, Node[K]] = field(default_factory=dict)
    exact: dict[Ticket[K], bool] = field(default_factory=dict)
    trees: dict[Ticket[K], bool] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.children or self.exact or self.trees)


@dataclass(eq=False, slots=True)
class Ticket(Generic[K]):
    """A call's place in line, the `number`-th. `waits_for` maps the calls it waits for to the resource they share.

    has_begun: the call runs, so nothing can go before it any more. overtaken: how often an earlier ticket came to
    conflict with this one after it was taken.
    """

    key: K
    effects: Effects
    number: int
    waits_for: dict[K, str] = field(default_factory=dict)
    blockers: set[Ticket[K]] = field(default_factory=set)
    followers: set[Ticket[K]] = field(default_factory=set)
    opened: asyncio.Event | None = None
    has_begun: bool = False
    overtaken: int = 0

    @property
    def is_ready(self) -> bool:
        return not self.blockers

    @property
    def follows_change(self) -> bool:
        """True if a call that it waits for may change something."""
        return any(not blocker.effects.read_only for blocker in self.blockers)

    async def ready(self) -> None:
        """Return once no earlier open ticket conflicts. Cancelling the wait leaves the ticket in its place.

        Whoever awaits anything else before the call begins looks at `is_ready` again: an earlier ticket may have
        been amended meanwhile.
        """
        while self.blockers:
            self.opened = self.opened or asyncio.Event()
            self.opened.clear()
            await self.opened.wait()

    def begin(self) -> None:
        """The call runs from now on. Must be ready."""
        self.has_begun = True


def components(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


class Scheduler(Generic[K]):
    """The open tickets of everything that shares a machine's files.

    Contract: one event loop; `reserve`, `amend` and `release` never await, so tickets keep the order of the calls.
    """

    def __init__(self) -> None:
        self._root: Node[K] = Node()
        self._open: set[Ticket[K]] = set()
        self._unknown: set[Ticket[K]] = set()
        self._numbers = itertools.count(1)

    def reserve(self, key: K, effects: Effects) -> Ticket[K]:
        """Take the next ticket. It is ready at once if nothing open conflicts with `effects`."""
        ticket = Ticket(key, effects, next(self._numbers))
        self._line_up(ticket)
        return ticket

    def amend(self, ticket: Ticket[K], effects: Effects) -> None:
        """Let a ticket whose call has not begun stand for other effects, in its old place in line.

        It waits for what conflicts now: earlier tickets, and later ones that have begun. Other later ones wait for it.
        """
        self.release(ticket)
        ticket.effects = effects
        ticket.waits_for = {}
        self._line_up(ticket)

    def _line_up(self, ticket: Ticket[K]) -> None:
        effects = ticket.effects
        if effects.kind == "none":
            return
        for other, what in self._conflicts(effects).items():
            if other.number < ticket.number or other.has_begun:
                ticket.waits_for[other.key] = what
                ticket.blockers.add(other)
                other.followers.add(ticket)
            else:
                other.waits_for[ticket.key] = what
                other.blockers.add(ticket)
                other.overtaken += 1
                ticket.followers.add(other)
        self._open.add(ticket)
        if effects.boundless:
            self._unknown.add(ticket)
        for access in effects.accesses:
            self._enter(ticket, access)

    def release(self, ticket: Ticket[K]) -> None:
        """Give the ticket back, run or not; whoever waited for it moves up. Releasing twice is harmless."""
        if ticket not in self._open:
            return
        self._open.discard(ticket)
        self._unknown.discard(ticket)
        for access in ticket.effects.accesses:
            self._leave(ticket, access)
        for follower in ticket.followers:
            follower.blockers.discard(ticket)
            if not follower.blockers and follower.opened is not None:
                follower.opened.set()
        # A ticket that leaves before it was ready must not be woken by those it waited for.
        for earlier in ticket.blockers:
            earlier.followers.discard(ticket)
        ticket.blockers.clear()
        ticket.followers.clear()

    @property
    def open_count(self) -> int:
        return len(self._open)

    def _conflicts(self, effects: Effects) -> dict[Ticket[K], str]:
        if effects.kind == "none":
            return {}
        if effects.boundless:
            return dict.fromkeys(self._open, ANYTHING)
        found: dict[Ticket[K], str] = dict.fromkeys(self._unknown, ANYTHING)
        for access in effects.accesses:
            self._meet(access, found)
        # The tree of paths knows nothing of what a bounded call leaves out.
        return {
            ticket: what
            for ticket, what in found.items()
            if not (effects.bounded or ticket.effects.bounded) or conflict(effects, ticket.effects)
        }

    def _meet(self, access: Access, found: dict[Ticket[K], str]) -> None:
        """Add every open ticket that conflicts with `access`."""
        writes = access.mode is Mode.WRITE
        node: Node[K] | None = self._root
        for part in components(access.path):
            assert node is not None
            self._collect(node.trees, writes, access.path, found)
            node = node.children.get(part)
            if node is None:
                return
        assert node is not None
        self._collect(node.trees, writes, access.path, found)
        self._collect(node.exact, writes, access.path, found)
        if access.tree or writes:
            below = list(node.children.values())
            while below:
                child = below.pop()
                self._collect(child.trees, writes, child.path, found)
                self._collect(child.exact, writes, child.path, found)
                below.extend(child.children.values())

    @staticmethod
    def _collect(there: dict[Ticket[K], bool], writes: bool, resource: str, found: dict[Ticket[K], str]) -> None:
        for ticket, ticket_writes in there.items():
            if writes or ticket_writes:
                found.setdefault(ticket, resource)

    def _enter(self, ticket: Ticket[K], access: Access) -> None:
        node = self._root
        for part in components(access.path):
            child = node.children.get(part)
            if child is None:
                child = node.children[part] = Node(f"{node.path}/{part}")
            node = child
        writes = access.mode is Mode.WRITE
        there = node.trees if access.tree or writes else node.exact
        there[ticket] = there.get(ticket, False) or writes

    def _leave(self, ticket: Ticket[K], access: Access) -> None:
        trail: list[tuple[Node[K], str]] = []
        node = self._root
        for part in components(access.path):
            child = node.children.get(part)
            if child is None:
                return
            trail.append((node, part))
            node = child
        (node.trees if access.tree or access.mode is Mode.WRITE else node.exact).pop(ticket, None)
        for parent, part in reversed(trail):
            if not parent.children[part].is_empty:
                return
            del parent.children[part]
