"""What it takes to go on with a logged conversation. Pure: the state of files on disk comes in as a function.

Nothing is run again by itself: a call that was cut off gets a result that says what is known of it, and the model
decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from plait.protocol.calls import CallKey, OutcomeStatus, TodoItem, WriteIntent
from plait.protocol.commands import Deny, Rule
from plait.protocol.events import (
    MAIN_AGENT,
    ApprovalAnswered,
    ApprovalAsked,
    CallEnded,
    CallReserved,
    CallsDropped,
    CallStarted,
    Event,
    HistoryReplaced,
    MessagesRecorded,
    QueueChanged,
    ReplyEnded,
    Rewound,
    RuleAdded,
    RuleRemoved,
    SessionStarted,
    Stamped,
    SummaryMade,
    TitleChanged,
    TodoChanged,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.protocol.ports import CutCall, Restored

CurrentHash = Callable[[str], str | None]
"""The SHA-256 of a file as it is now: None if there is no such file, UNREADABLE if it cannot be told."""
UNREADABLE = ""

CUT_OFF = "Plait was cut off before this turn ended."
ALWAYS_NEEDED = frozenset(
    kind.__name__ for kind in (SessionStarted, TurnEnded, SummaryMade, RuleAdded, RuleRemoved, Rewound)
)
LAST_NEEDED = frozenset(
    kind.__name__ for kind in (HistoryReplaced, TurnStarted, TitleChanged, QueueChanged, TodoChanged)
)


@dataclass(frozen=True, slots=True)
class Resumption:
    """How a conversation stood when its log ended.

    restored: for the agent. ends: the events that end what was begun, in order, to be logged before anything else.
    waiting: prompts that were never sent. title: None if it had none.
    """

    restored: Restored
    ends: tuple[Event, ...] = ()
    waiting: tuple[str, ...] = ()
    title: str | None = None


def needed(kinds: Sequence[str]) -> list[int]:
    """Return, in order, the indices of the events that `resumption` looks at, by the names of all."""
    last = {kind: index for index, kind in enumerate(kinds) if kind in LAST_NEEDED}
    history_begins = last.get(HistoryReplaced.__name__, -1)
    turn_begins = last.get(TurnStarted.__name__, len(kinds))
    keep = frozenset(last.values())
    return [
        index
        for index, kind in enumerate(kinds)
        if index >= turn_begins
        or index in keep
        or kind in ALWAYS_NEEDED
        or (kind == MessagesRecorded.__name__ and index > history_begins)
    ]


def resumption(events: Iterable[Stamped], current_hash: CurrentHash) -> Resumption:
    """Return how to go on after these events (all of them, or those that are `needed`)."""
    payloads: list[str] = []
    turn = OpenTurn(0)
    is_open = False
    rules: dict[Rule, None] = {}
    usage = Usage()
    todo: tuple[TodoItem, ...] = ()
    waiting: tuple[str, ...] = ()
    title: str | None = None
    for stamped in events:
        event = stamped.event
        match event:
            case MessagesRecorded(payload=payload):
                payloads.append(payload)
            case HistoryReplaced(payload=payload):
                payloads = [payload]
            case Rewound(payload=str(payload)):
                payloads = [payload]
            case TurnStarted():
                turn, is_open = OpenTurn(event.turn), True
            case TurnEnded():
                usage, is_open = usage.plus(event.usage), False
            case SummaryMade(turn=0):
                usage = usage.plus(event.usage)
            case TodoChanged(items):
                todo = items
            case RuleAdded(rule) if rule.scope == "session":
                # Rules of other scopes live in settings, where they may have been taken back since.
                rules[rule] = None
            case RuleRemoved(rule):
                rules.pop(rule, None)
            case QueueChanged(prompts):
                waiting = prompts
            case TitleChanged(text):
                title = text
            case _:
                pass
        turn.note(event)
    cut_calls = turn.cut_calls(current_hash) if is_open else ()
    if is_open:
        usage = usage.plus(turn.usage)
    restored = Restored(tuple(payloads), cut_calls, turn.number, todo, tuple(rules), usage)
    return Resumption(restored, turn.ends(current_hash) if is_open else (), waiting, title)


@dataclass(slots=True)
class OpenTurn:
    """The calls of a turn, as far as its events tell."""

    number: int
    calls: dict[CallKey, CallReserved] = field(default_factory=dict)
    started: dict[CallKey, CallStarted] = field(default_factory=dict)
    ended: dict[CallKey, CallEnded] = field(default_factory=dict)
    in_history: set[CallKey] = field(default_factory=set)
    asked: dict[CallKey, None] = field(default_factory=dict)
    replies: int = 0
    usage: Usage = field(default_factory=Usage)

    def note(self, event: Event) -> None:
        match event:
            case ReplyEnded(reply=reply, usage=usage):
                self.replies = reply
                self.usage = self.usage.plus(usage)
            case SummaryMade(turn=turn, usage=usage) if turn:
                self.usage = self.usage.plus(usage)
            case MessagesRecorded() | HistoryReplaced():
                # What is recorded after a reply has ended begins with the results of its calls.
                self.in_history.update(key for key, call in self.calls.items() if call.reply <= self.replies)
            case CallReserved(key=key):
                self.calls[key] = event
            case CallStarted(key=key):
                self.started[key] = event
            case CallEnded(key=key):
                self.ended[key] = event
            case CallsDropped(keys):
                for key in keys:
                    self.calls.pop(key, None)
            case ApprovalAsked(key=key):
                self.asked[key] = None
            case ApprovalAnswered(key=key):
                self.asked.pop(key, None)
            case _:
                pass

    def cut_calls(self, current_hash: CurrentHash) -> tuple[CutCall, ...]:
        """Return what the calls of the last reply came to, those of the main agent that the model itself made."""
        return tuple(
            self._cut_call(call, current_hash)
            for key, call in self.calls.items()
            if key not in self.in_history and key.agent == MAIN_AGENT and call.parent is None
        )

    def ends(self, current_hash: CurrentHash) -> tuple[Event, ...]:
        """Return the ends of everything that has begun and not ended, the turn last."""
        answers = [ApprovalAnswered(key, Deny(CUT_OFF), "cancel") for key in self.asked]
        calls = [
            CallEnded(key, cut.status, cut.text, None, 0.0, 0.0)
            for key, call in self.calls.items()
            if key not in self.ended
            for cut in [self._cut_call(call, current_hash)]
        ]
        turn = TurnEnded(self.number, "cancelled", CUT_OFF, self.usage, 0, self.replies)
        return (*answers, *calls, turn)

    def _cut_call(self, call: CallReserved, current_hash: CurrentHash) -> CutCall:
        status, text = self._fate(call, current_hash)
        return CutCall(call.provider_id, call.name, status, text)

    def _fate(self, call: CallReserved, current_hash: CurrentHash) -> tuple[OutcomeStatus, str]:
        ended = self.ended.get(call.key)
        if ended is not None:
            return ended.status, ended.text
        writes = self._writes(call.key)
        if not writes:
            return "cancelled", self._fate_without_writes(call)
        fates = [_write_fate(write, current_hash(write.path)) for write in writes]
        status: OutcomeStatus = "ok" if all(fate == APPLIED for fate in fates) else "cancelled"
        told = " ".join(f"`{write.path}`: {fate}" for write, fate in zip(writes, fates, strict=True))
        return status, f"Plait was cut off while this call ran. {told}"

    def _fate_without_writes(self, call: CallReserved) -> str:
        if call.key not in self.started:
            return "Plait was cut off before this call ran; nothing was done."
        if call.effect in ("none", "read"):
            return "Plait was cut off while this call ran; it changes nothing, call again if you still need it."
        return "Plait was cut off while this call ran; whether it did its work is not known. Look before you repeat it."

    def _writes(self, key: CallKey) -> list[WriteIntent]:
        """Return what a call and the calls that are parts of it were about to write."""
        own = self.started.get(key)
        writes = list(own.writes) if own is not None else []
        for part in self.calls.values():
            if part.parent == key:
                writes += self._writes(part.key)
        return writes


APPLIED = "the change was applied."


def _write_fate(write: WriteIntent, now: str | None) -> str:
    if now == UNREADABLE:
        return "it cannot be read now; whether the change was applied is not known."
    if now == write.after:
        return APPLIED
    if now == write.before:
        return "the change was not applied."
    return "it is neither as it was nor as it would be; someone else has changed it. Read it before you go on."
