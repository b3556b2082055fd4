"""What happened in a session: each event stamped, logged and handed on, in one place; and read back.

Where nothing can be logged (any more), events are kept in memory, so that views lose nothing while the session lasts.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from plait.protocol.errors import UserError
from plait.protocol.events import MAIN_AGENT, Event, Notice, Rewound, Stamped, TurnStarted
from plait.session.bus import Bus, BusSubscription, is_live
from plait.session.live import Live, as_spent, backs, counts
from plait.session.log import Log, LogLines

MOST_RECENT = 64
"""So many events stay in memory, for whoever subscribes a moment after having read the log."""


class Record:
    """The one writer of a session's events.

    Contract: `emit`, `go_on_from` and `close` on the engine's loop; `subscribe` and `page` from any thread. `emit`
    never raises: when the log cannot be written it says so once, as an event, and goes on in memory.
    """

    def __init__(self, log: Log | None, now_ms: Callable[[], int]) -> None:
        self._log = log
        self._path: Path | None = log.path if log is not None else None
        self._lines = LogLines(log.path if log is not None else b"")
        self._reading = Lock()
        self._now_ms = now_ms
        self._bus = Bus()
        self._seq = 0
        self._unlogged: list[Stamped] = []
        self._recent: tuple[Stamped, ...] = ()
        self._is_closed = False

    @property
    def is_logged(self) -> bool:
        return self._log is not None

    def go_on_from(self, seq: int) -> None:
        """Number the next event after `seq`, the last one of the log."""
        self._seq = seq

    def emit(self, event: Event) -> None:
        """Stamp an event; log it if it is durable; hand it on."""
        if self._is_closed:
            return
        if is_live(event):
            self._bus.publish(Stamped(self._seq, self._now_ms(), MAIN_AGENT, event))
            return
        self._seq += 1
        stamped = Stamped(self._seq, self._now_ms(), MAIN_AGENT, event)
        problem = self._keep(stamped)
        self._recent = (*self._recent[1 - MOST_RECENT :], stamped)
        self._bus.publish(stamped)
        if problem is not None:
            self.emit(problem)

    def _keep(self, stamped: Stamped) -> Notice | None:
        """Log an event, or else keep it; return what is to be said about that."""
        if self._log is None:
            self._unlogged.append(stamped)
            return None
        try:
            self._log.append(stamped)
        except OSError as error:
            self._unlogged.append(stamped)
            return self._history_off(error)
        except ValueError as error:
            # One event that has no place in a log must not cost the rest of it.
            return Notice("warning", f"An event is missing from this session's history: {error}.")
        return None

    def _history_off(self, error: OSError) -> Notice:
        # The file stays open, and so locked: what it holds is still read.
        self._log = None
        return Notice(
            "error", f"History is off from here on: `{self._path}` cannot be written ({error.strerror or error})."
        )

    async def sync(self) -> None:
        """Wait until the disk has what was logged."""
        if self._log is None:
            return
        try:
            await asyncio.to_thread(self._log.sync)
        except OSError as error:
            if not self._is_closed and self._log is not None:
                self.emit(self._history_off(error))

    def close(self) -> None:
        """Nothing is recorded from here on. The log is its owner's to close."""
        self._is_closed = True
        self._log = None

    # --- read back -----------------------------------------------------------------------------------------------

    def subscribe(self, wake: Callable[[], None], since: int | None) -> BusSubscription:
        """Subscribe, first to what came after `since` if that is given."""
        subscription, last_seq = self._bus.subscribe(wake)
        if since is not None and since < last_seq:
            subscription.put_before(self._between(since, last_seq))
        return subscription

    def page(self, before: int | None, turns: int | None) -> tuple[Stamped, ...]:
        """Return the events with a number below `before`, of the last `turns` turns. Raises UserError. Blocks.

        What a rewind has taken back is not among them.
        """
        with self._history() as history:
            until = len(history.seqs) if before is None else bisect_left(history.seqs, before)
            counting = history.counting(until)
            first = _first_of_last_turns([history.kinds[index] for index in counting], turns)
            return history.events(counting[first:])

    def select(self, kinds: frozenset[str]) -> tuple[Stamped, ...]:
        """Return all events of these names, those that were taken back too. Raises UserError. Blocks."""
        with self._history() as history:
            return history.events([index for index, kind in enumerate(history.kinds) if kind in kinds])

    def _between(self, since: int, last_seq: int) -> tuple[Stamped, ...]:
        """Return the events after `since` up to `last_seq`: those of a moment ago without a look at the disk."""
        recent = self._recent
        if not recent or recent[0].seq > since + 1:
            try:
                with self._history() as history:
                    recent = history.events(range(bisect_right(history.seqs, since), len(history.seqs)))
            except UserError as error:
                return (Stamped(since, self._now_ms(), MAIN_AGENT, Notice("warning", str(error))),)
        return tuple(stamped for stamped in recent if since < stamped.seq <= last_seq)

    @contextmanager
    def _history(self) -> Iterator[History]:
        """Hold everything recorded so far; threads take turns. Raises UserError."""
        unlogged = tuple(self._unlogged)
        with self._reading:
            try:
                yield History(self._lines.follow(), unlogged)
            except OSError as error:
                raise UserError(f"History cannot be read back: `{self._path}`: {error.strerror or error}.") from error


class History:
    """Everything recorded so far: the lines of the log, then what could not be logged."""

    def __init__(self, logged: LogLines, unlogged: tuple[Stamped, ...]) -> None:
        self._logged = logged
        self._unlogged = unlogged
        self.seqs = [*logged.seqs, *(stamped.seq for stamped in unlogged)]
        self.kinds = [*logged.kinds, *(type(stamped.event).__name__ for stamped in unlogged)]
        rewound = [index for index, kind in enumerate(self.kinds) if kind == Rewound.__name__]
        self._live = Live(backs(self._decode(rewound)), 1 + max(self.seqs, default=0))

    def counting(self, until: int) -> Sequence[int]:
        """Return the indices below `until` of the events that still count."""
        if self._live.is_everything:
            return range(until)
        return [index for index in range(until) if counts(self.kinds[index], self.seqs[index], self._live)]

    def events(self, indices: Sequence[int]) -> tuple[Stamped, ...]:
        """Return the events of these indices, in order; lines that cannot be read are left out."""
        return tuple(as_spent(stamped, self._live) for stamped in self._decode(indices))

    def _decode(self, indices: Sequence[int]) -> tuple[Stamped, ...]:
        logged = len(self._logged.kinds)
        cut = bisect_left(indices, logged)
        decoded = self._logged.decode(indices[:cut]).events if cut else ()
        return decoded + tuple(self._unlogged[index - logged] for index in indices[cut:])


def _first_of_last_turns(kinds: Sequence[str], turns: int | None) -> int:
    """Return the index at which the last `turns` turns begin; what comes before the first turn belongs to it."""
    if turns is None:
        return 0
    starts = [index for index, kind in enumerate(kinds) if kind == TurnStarted.__name__]
    return starts[-turns] if 0 < turns < len(starts) else 0
