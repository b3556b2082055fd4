"""What happens to a call, from its place in line to its end. Part of `protocol.events`, which says how events go."""

from __future__ import annotations

from typing import Literal

from plait.protocol.calls import Args, CallKey, Detail, OutcomeStatus, Preview, TodoItem, WriteIntent
from plait.protocol.commands import Answer, Rule
from plait.protocol.effects import EffectKind
from plait.protocol.lean import dataclass


@dataclass(frozen=True, slots=True)
class Blocker:
    """A call that another one waits for, and the resource on which they conflict (a path, `network`, `anything`)."""

    key: CallKey
    resource: str


@dataclass(frozen=True, slots=True)
class CallReserved:
    """The call has its place in line. `cap` names the one limit it will hold; `waits_for` what it conflicts with."""

    key: CallKey
    name: str
    args: Args
    provider_id: str
    effect: EffectKind
    cap: str
    resources: tuple[str, ...] = ()
    waits_for: tuple[Blocker, ...] = ()
    reason: str = ""
    reply: int = 0
    parent: CallKey | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call in the line of questions; it may not have asked yet. `subject`: what it changes, runs or contacts.

    apart: it is dangerous, changes what is protected or asks something itself: it is answered by itself alone.
    """

    key: CallKey
    name: str
    subject: str = ""
    apart: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    """A question to the user. `offers` are the rules that "always" could mean, the best first.

    group: all that stands in line now, this call too.
    """

    key: CallKey
    name: str
    args: Args
    preview: Preview
    offers: tuple[Rule, ...] = ()
    danger: str | None = None
    reason: str = ""
    position: int = 1
    waiting: int = 1
    group: tuple[Waiting, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalAnswered:
    """The question is closed. `by` says who closed it: the user, a new rule, or the end of the turn."""

    key: CallKey
    answer: Answer
    by: Literal["user", "rule", "cancel"] = "user"


@dataclass(frozen=True, slots=True)
class CallStarted:
    """It runs now. `args` are what runs, edited ones included; `lane` is the lowest free lane, from 0.

    `writes` lets a resumed session tell whether a killed process applied them.
    """

    key: CallKey
    lane: int
    cap: str
    queued_ms: float
    args: Args
    writes: tuple[WriteIntent, ...] = ()
    edited: bool = False


@dataclass(frozen=True, slots=True)
class CallEnded:
    """Exactly one a call. `queued_ms` + `run_ms` is the time since it was reserved; `text` is what the model gets."""

    key: CallKey
    status: OutcomeStatus
    text: str
    detail: Detail | None
    queued_ms: float
    run_ms: float
    reused: CallKey | None = None
    files_changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallsDropped:
    """A reply broke before it was complete: these early calls never reach the history."""

    keys: tuple[CallKey, ...]


@dataclass(frozen=True, slots=True)
class TodoChanged:
    items: tuple[TodoItem, ...]
