"""Hand events to every subscriber: durable ones each exactly once and in order, live ones merged for whoever lags.

Nobody is waited for. A subscriber may live in another thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable

from plait.protocol.events import (
    LIVE_TYPES,
    ArgsDelta,
    Event,
    IndexChanged,
    OutputDelta,
    Progress,
    ReplyAwaited,
    Stamped,
    TextDelta,
    ThinkingDelta,
)

MOST_OUTPUT_CHARACTERS = 200_000
"""Of a command's live output that a subscriber has not taken yet; beyond it the middle is cut."""
CUT = "\n… output cut …\n"


class Gathering:
    """Live events of one text that merge until they are taken; joined only then, so that a long wait costs nothing."""

    __slots__ = ("_head", "_head_size", "_is_cut", "_last", "_tail", "_tail_size")

    def __init__(self, stamped: Stamped) -> None:
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._head_size = self._tail_size = 0
        self._is_cut = False
        self.add(stamped)

    def add(self, stamped: Stamped) -> None:
        self._last = stamped
        event = stamped.event
        if isinstance(event, TextDelta | ThinkingDelta):
            self._head.append(event.text)
        elif isinstance(event, OutputDelta):
            self._add_output(event.text)

    def _add_output(self, text: str) -> None:
        half = MOST_OUTPUT_CHARACTERS // 2
        room = half - self._head_size
        if room > 0:
            self._head.append(text[:room])
            self._head_size += len(self._head[-1])
            text = text[room:]
        if not text:
            return
        self._tail.append(text)
        self._tail_size += len(text)
        while self._tail_size - len(self._tail[0]) >= half:
            self._tail_size -= len(self._tail.popleft())
            self._is_cut = True

    def merged(self) -> Stamped:
        """Return the one event that stands for all of them."""
        stamped = self._last
        match stamped.event:
            case TextDelta(turn, reply, part):
                event: Event = TextDelta(turn, reply, part, "".join(self._head))
            case ThinkingDelta(turn, reply, part):
                event = ThinkingDelta(turn, reply, part, "".join(self._head))
            case OutputDelta(key):
                event = OutputDelta(key, self._output())
            case _:
                return stamped
        return Stamped(stamped.seq, stamped.at, stamped.agent, event)

    def _output(self) -> str:
        head, tail = "".join(self._head), "".join(self._tail)
        half = MOST_OUTPUT_CHARACTERS // 2
        if not self._is_cut and len(tail) <= half:
            return head + tail
        return head + CUT + tail[-half:]


class BusSubscription:
    """See `protocol.ports.Subscription`. `wake` may raise RuntimeError: its loop has ended, and so has this."""

    def __init__(self, bus: Bus, wake: Callable[[], None]) -> None:
        self._bus = bus
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: list[Stamped | Gathering] = []
        self._gathering: dict[Hashable, Gathering] = {}
        self._is_closed = False

    def take(self) -> tuple[Stamped, ...]:
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._gathering.clear()
        return tuple(entry if isinstance(entry, Stamped) else entry.merged() for entry in waiting)

    def close(self) -> None:
        self._bus.remove(self)
        with self._lock:
            self._is_closed = True
            self._waiting.clear()
            self._gathering.clear()

    def put(self, stamped: Stamped) -> None:
        """For the bus: add an event, or merge it into one that still waits."""
        with self._lock:
            if self._is_closed:
                return
            was_empty = not self._waiting
            if not isinstance(stamped.event, LIVE_TYPES):
                # What follows a durable event must not be merged into what came before it.
                self._gathering.clear()
                self._waiting.append(stamped)
            else:
                key = _merge_key(stamped.event)
                gathering = self._gathering.get(key)
                if gathering is None:
                    gathering = self._gathering[key] = Gathering(stamped)
                    self._waiting.append(gathering)
                else:
                    gathering.add(stamped)
        if was_empty:
            self._wake_up()

    def put_before(self, events: Iterable[Stamped]) -> None:
        """For the session: add what happened before the subscription, ahead of what has gathered since."""
        with self._lock:
            was_empty = not self._waiting
            self._waiting[:0] = events
            is_empty = not self._waiting
        if was_empty and not is_empty:
            self._wake_up()

    def _wake_up(self) -> None:
        try:
            self._wake()
        except RuntimeError:
            self.close()


class Bus:
    """The subscribers of one session."""

    def __init__(self) -> None:
        self._subscriptions: tuple[BusSubscription, ...] = ()
        self._lock = threading.Lock()
        self._last_seq = 0

    def subscribe(self, wake: Callable[[], None]) -> tuple[BusSubscription, int]:
        """Return a subscription, and the number of the last event that it will not get."""
        subscription = BusSubscription(self, wake)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
            return subscription, self._last_seq

    def remove(self, subscription: BusSubscription) -> None:
        with self._lock:
            self._subscriptions = tuple(other for other in self._subscriptions if other is not subscription)

    def publish(self, stamped: Stamped) -> None:
        """Hand an event to everyone subscribed at this moment. One thread publishes."""
        with self._lock:
            subscriptions = self._subscriptions
            self._last_seq = stamped.seq
        for subscription in subscriptions:
            subscription.put(stamped)


def is_live(event: Event) -> bool:
    return isinstance(event, LIVE_TYPES)


def _merge_key(event: Event) -> Hashable:
    """Return what a live event is merged by."""
    match event:
        case TextDelta() | ThinkingDelta() | ArgsDelta():
            return (type(event), event.turn, event.reply, event.part)
        case OutputDelta() | Progress():
            return (type(event), event.key)
        case IndexChanged() | ReplyAwaited():
            return (type(event),)
        case _:
            return None
