"""Everything that happened, as one union of frozen dataclasses.

`Durable` events are written to the log, and every subscriber gets each exactly once and in order.
`Live` events (text deltas, process output) are merged for a subscriber that is behind, never dropped;
the durable event that ends what they belong to carries the whole.

JSON form: `{"type": <class name>, "seq": n, "at": unix_ms, "agent": id, …fields}`; `seq` counts durable events
from 1; a live event carries the `seq` of the last durable one before it.
Each begin has its end: TurnStarted → TurnEnded, CallReserved → CallEnded, ApprovalAsked → ApprovalAnswered,
also on cancel, denial and error.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from plait.protocol.call_events import (
    ApprovalAnswered as ApprovalAnswered,
    ApprovalAsked as ApprovalAsked,
    Blocker as Blocker,
    CallEnded as CallEnded,
    CallReserved as CallReserved,
    CallsDropped as CallsDropped,
    CallStarted as CallStarted,
    TodoChanged as TodoChanged,
)
from plait.protocol.calls import CallKey
from plait.protocol.commands import PermissionMode, Rule
from plait.protocol.file_events import FilesChanged as FilesChanged, FilesKept as FilesKept, Rewound as Rewound
from plait.protocol.lean import dataclass

MAIN_AGENT = "main"

TurnEnd = Literal[
    "completed",
    "cancelled",
    "failed",
    "limit_turns",
    "limit_budget",
    "limit_time",
    "limit_tokens",
    "schema_not_met",
]

Fault = Literal["configuration", "provider", "internal"]
"""Whose failure a failed turn is: something the user set (a key, a model's name), the model's service, or ours."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or several model replies. `cost_usd` is None where the price is unknown."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: Decimal | None = None

    def plus(self, other: Usage) -> Usage:
        """Add up; an unknown cost makes the sum unknown, unless one side is empty."""
        if self == Usage():
            return other
        if other == Usage():
            return self
        known = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            (self.cost_usd or Decimal(0)) + (other.cost_usd or Decimal(0)) if known else None,
        )


# --- durable: the conversation -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """First line of every log. `version` is the format's; a reader refuses a newer one with one line."""

    session_id: str
    cwd: str
    model: str
    mode: PermissionMode
    version: int = 1
    plait_version: str = ""
    forked_from: str | None = None
    roots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionResumed:
    """The session was opened again, perhaps with another model or mode."""

    model: str
    mode: PermissionMode


@dataclass(frozen=True, slots=True)
class TitleChanged:
    title: str


@dataclass(frozen=True, slots=True)
class ModeChanged:
    mode: PermissionMode


@dataclass(frozen=True, slots=True)
class ModelChanged:
    model: str


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """The prompts that wait for the running turn to end, first to be sent first."""

    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TurnStarted:
    turn: int
    prompt: str
    model: str


@dataclass(frozen=True, slots=True)
class Steered:
    """The user spoke while the agent worked; the text joins the next request of the turn."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class TextEnded:
    """A text block of a reply is whole. `reply` counts replies in the turn from 1, `part` blocks in the reply from 0.

    `partial`: the reply broke or was cancelled, this is what had arrived.
    """

    turn: int
    reply: int
    part: int
    text: str
    partial: bool = False


@dataclass(frozen=True, slots=True)
class ThinkingEnded:
    turn: int
    reply: int
    part: int
    text: str
    partial: bool = False


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """The model's reply is complete, with its cost. `context_tokens` is the size of the context after it.

    `is_empty`: it holds neither text nor calls, and is no part of the conversation; a retry or the turn's end follows.
    """

    turn: int
    reply: int
    model: str
    finish_reason: str
    usage: Usage
    duration_ms: int
    first_token_ms: int | None = None
    context_tokens: int = 0
    context_window: int | None = None
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class SummaryMade:
    """The model has summarised the older part of the conversation, with the cost. `turn` is 0 outside of a turn.

    Within one, the cost is part of what `TurnEnded.usage` says.
    """

    turn: int
    model: str
    usage: Usage
    duration_ms: int


@dataclass(frozen=True, slots=True)
class MessagesRecorded:
    """Model messages that joined the history, as the adapter's own JSON: opaque to everyone else."""

    turn: int
    payload: str


@dataclass(frozen=True, slots=True)
class HistoryReplaced:
    """The model's view of the conversation was rewritten (compaction, rewind). What came before stays in the log."""

    reason: Literal["compacted", "cleared", "rewound"]
    payload: str
    summary: str = ""
    tokens_before: int = 0
    tokens_after: int = 0
    messages_dropped: int = 0
    by_user: bool = False
    """The user asked for it; otherwise the context was full."""


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """The provider failed; the same request goes out again after `wait_s`. `attempt` counts from 1."""

    turn: int
    attempt: int
    reason: str
    wait_s: float


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """Exactly one a turn. `error` is one line for the user; `replies` how many model replies it took."""

    turn: int
    end: TurnEnd
    error: str | None
    usage: Usage
    duration_ms: int
    replies: int
    text: str = ""
    structured: str | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know. `warning` and `error` stay in the transcript."""

    level: Literal["info", "warning", "error"]
    text: str


# --- durable: permissions and background commands ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RuleAdded:
    rule: Rule


@dataclass(frozen=True, slots=True)
class RuleRemoved:
    rule: Rule


@dataclass(frozen=True, slots=True)
class BackgroundStarted:
    """A command left the turn and goes on; `background_id` names it to the user and the model."""

    background_id: str
    key: CallKey
    command: str


@dataclass(frozen=True, slots=True)
class BackgroundEnded:
    background_id: str
    exit_code: int | None
    command: str


# --- live --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextDelta:
    turn: int
    reply: int
    part: int
    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    turn: int
    reply: int
    part: int
    text: str


@dataclass(frozen=True, slots=True)
class ArgsDelta:
    """The model is writing a call: its name, and how many characters of arguments have arrived so far."""

    turn: int
    reply: int
    part: int
    name: str
    characters: int


@dataclass(frozen=True, slots=True)
class ReplyAwaited:
    """The model's reply does not come: once a second from 10 s without content on, until content or the reply's end.

    `waited_s` counts from the request, or from the last content (text, thinking, arguments) of the reply. `silent_s`
    counts from the last byte of any kind; when it reaches `limit_s` the request is given up.
    """

    turn: int
    reply: int
    waited_s: float
    silent_s: float
    limit_s: float


@dataclass(frozen=True, slots=True)
class OutputDelta:
    """Output of a running command; a part that lagged behind is cut in its middle, never at its end."""

    key: CallKey
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running call is, in words for its lane; the newest replaces the older."""

    key: CallKey
    text: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class IndexChanged:
    """How far the code index is now: `building 43 %`, `ready`, `off (why)`; done and total count files."""

    state: Literal["starting", "building", "ready", "off"]
    words: str
    done: int = 0
    total: int = 0


Durable = (
    SessionStarted
    | SessionResumed
    | TitleChanged
    | ModeChanged
    | ModelChanged
    | QueueChanged
    | TurnStarted
    | Steered
    | TextEnded
    | ThinkingEnded
    | ReplyEnded
    | SummaryMade
    | MessagesRecorded
    | HistoryReplaced
    | RetryScheduled
    | TurnEnded
    | Notice
    | CallReserved
    | ApprovalAsked
    | ApprovalAnswered
    | CallStarted
    | CallEnded
    | CallsDropped
    | TodoChanged
    | RuleAdded
    | RuleRemoved
    | BackgroundStarted
    | BackgroundEnded
    | FilesKept
    | FilesChanged
    | Rewound
)
Live = TextDelta | ThinkingDelta | ArgsDelta | ReplyAwaited | OutputDelta | Progress | IndexChanged
Event = Durable | Live

LIVE_TYPES: tuple[type, ...] = (
    TextDelta,
    ThinkingDelta,
    ArgsDelta,
    ReplyAwaited,
    OutputDelta,
    Progress,
    IndexChanged,
)


@dataclass(frozen=True, slots=True)
class Stamped:
    """An event with its place in the session: sequence number, Unix time in milliseconds, and whose it is."""

    seq: int
    at: int
    agent: str
    event: Event
