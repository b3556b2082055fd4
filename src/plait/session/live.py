"""Which events of a log still count after the conversation went back. Pure.

A log only grows. Going back to an earlier moment adds a `Rewound` that says which; what lies between the two no longer
belongs to the conversation, unless another `Rewound` goes back to a moment at which it still did.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from plait.protocol.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CallEnded,
    CallReserved,
    CallsDropped,
    CallStarted,
    HistoryReplaced,
    MessagesRecorded,
    Notice,
    ReplyEnded,
    RetryScheduled,
    Rewound,
    Stamped,
    Steered,
    TextEnded,
    ThinkingEnded,
    TurnEnded,
    TurnStarted,
)

CONVERSATION = frozenset(
    kind.__name__
    for kind in (
        ApprovalAnswered,
        ApprovalAsked,
        CallEnded,
        CallReserved,
        CallsDropped,
        CallStarted,
        HistoryReplaced,
        MessagesRecorded,
        Notice,
        ReplyEnded,
        RetryScheduled,
        Steered,
        TextEnded,
        ThinkingEnded,
        TurnStarted,
    )
)
"""What is taken back. All else (modes, rules, titles, what was spent) holds for the session, not for what was said."""

Back = tuple[int, int]
"""The number of a `Rewound` of the conversation, and of the event before which it goes back."""


class Live:
    """Which numbers still count, just before the event number `end`."""

    def __init__(self, backs: Sequence[Back], end: int) -> None:
        spans: list[tuple[int, int]] = []
        for at, to_seq in reversed(backs):
            if at < end:
                spans.append((at, end))
                end = to_seq
        spans.append((0, end))
        self._spans = spans[::-1]
        self._ends = [end for _, end in self._spans]

    def __contains__(self, seq: int) -> bool:
        place = bisect_left(self._ends, seq + 1)
        return place < len(self._spans) and self._spans[place][0] <= seq

    @property
    def is_everything(self) -> bool:
        return len(self._spans) == 1


def backs(events: Sequence[Stamped]) -> list[Back]:
    """Return every time the conversation went back, in order."""
    return [
        (stamped.seq, stamped.event.to_seq)
        for stamped in events
        if isinstance(stamped.event, Rewound) and stamped.event.payload is not None
    ]


def counts(kind: str, seq: int, live: Live) -> bool:
    """Return whether an event is still part of the session, by its name and number."""
    return kind not in CONVERSATION or seq in live


def living(events: Sequence[Stamped]) -> tuple[Stamped, ...]:
    """Return the events that still count, of all events of a log."""
    end = max((stamped.seq for stamped in events), default=0) + 1
    live = Live(backs(events), end)
    if live.is_everything:
        return tuple(events)
    return tuple(
        as_spent(stamped, live) for stamped in events if counts(type(stamped.event).__name__, stamped.seq, live)
    )


def as_spent(stamped: Stamped, live: Live) -> Stamped:
    """Return the end of a turn that was taken back as what is left of it: what it cost."""
    if isinstance(stamped.event, TurnEnded) and stamped.seq not in live:
        return replace(stamped, event=replace(stamped.event, end="completed", error=None, text="", structured=None))
    return stamped
