"""Hand events to every subscriber: durable ones each exactly once and in order, live ones merged for whoever lags.

Nobody is waited for. A subscriber may live in another thread.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Hashable

from plait.protocol.events import (
    LIVE_TYPES,
    ArgsDelta,
    Event,
    OutputDelta,
    Progress,
    Stamped,
    TextDelta,
    ThinkingDelta,
)

MOST_OUTPUT_CHARACTERS = 200_000
"""Of a command's live output that a subscriber has not taken yet; beyond it the middle is cut."""
CUT = "\n… output cut …\n"


class BusSubscription:
    """See `protocol.ports.Subscription`."""

    def __init__(self, bus: Bus, wake: Callable[[], None]) -> None:
        self._bus = bus
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: list[Stamped] = []
        self._merging: dict[Hashable, int] = {}

    def take(self) -> tuple[Stamped, ...]:
        with self._lock:
            taken = tuple(self._waiting)
            self._waiting.clear()
            self._merging.clear()
        return taken

    def close(self) -> None:
        self._bus.remove(self)

    def put(self, stamped: Stamped) -> None:
        """For the bus: add an event, or merge it into one that still waits."""
        with self._lock:
            was_empty = not self._waiting
            key = _merge_key(stamped.event)
            if key is None:
                # What follows a durable event must not be merged into what came before it.
                self._merging.clear()
                self._waiting.append(stamped)
            elif (place := self._merging.get(key)) is not None:
                self._waiting[place] = _merged(self._waiting[place], stamped)
            else:
                self._merging[key] = len(self._waiting)
                self._waiting.append(stamped)
        if was_empty:
            self._wake()


class Bus:
    """The subscribers of one session."""

    def __init__(self) -> None:
        self._subscriptions: tuple[BusSubscription, ...] = ()
        self._lock = threading.Lock()

    def subscribe(self, wake: Callable[[], None]) -> BusSubscription:
        subscription = BusSubscription(self, wake)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def remove(self, subscription: BusSubscription) -> None:
        with self._lock:
            self._subscriptions = tuple(other for other in self._subscriptions if other is not subscription)

    def publish(self, stamped: Stamped) -> None:
        for subscription in self._subscriptions:
            subscription.put(stamped)


def is_live(event: Event) -> bool:
    return isinstance(event, LIVE_TYPES)


def _merge_key(event: Event) -> Hashable | None:
    """Return what a live event may be merged by; None for a durable one."""
    match event:
        case TextDelta() | ThinkingDelta() | ArgsDelta():
            return (type(event), event.turn, event.reply, event.part)
        case OutputDelta() | Progress():
            return (type(event), event.key)
        case _:
            return None


def _merged(earlier: Stamped, later: Stamped) -> Stamped:
    old, new = earlier.event, later.event
    match new:
        case TextDelta() | ThinkingDelta():
            assert isinstance(old, TextDelta | ThinkingDelta)
            return dataclasses.replace(later, event=dataclasses.replace(new, text=old.text + new.text))
        case OutputDelta():
            assert isinstance(old, OutputDelta)
            return dataclasses.replace(later, event=OutputDelta(new.key, _bounded(old.text + new.text)))
        case _:
            return later


def _bounded(text: str) -> str:
    if len(text) <= 2 * MOST_OUTPUT_CHARACTERS:
        return text
    half = MOST_OUTPUT_CHARACTERS // 2
    return text[:half] + CUT + text[-half:]
