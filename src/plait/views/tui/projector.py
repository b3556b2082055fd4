"""From events to blocks: a dispatch table, and the only subscriber in the TUI.

It holds nothing that the log does not: subscribe anew, project the log, and the screen looks the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from plait.protocol.calls import CallKey, TodoItem
from plait.protocol.commands import PermissionMode
from plait.protocol.display import sanitise_path
from plait.protocol.events import (
    ApprovalAnswered,
    ApprovalAsked,
    ArgsDelta,
    BackgroundEnded,
    BackgroundStarted,
    CallEnded,
    CallReserved,
    CallsDropped,
    CallStarted,
    HistoryReplaced,
    IndexChanged,
    ModeChanged,
    ModelChanged,
    Notice,
    OutputDelta,
    Progress,
    QueueChanged,
    ReplyAwaited,
    ReplyEnded,
    RetryScheduled,
    Rewound,
    RuleAdded,
    RuleRemoved,
    SessionResumed,
    SessionStarted,
    Stamped,
    Steered,
    SummaryMade,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    TitleChanged,
    TodoChanged,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.views.tui.blocks import Answer, Block, NoticeBlock, ThoughtBlock, UserBlock
from plait.views.tui.call_blocks import READS, CallCard, CallGroup, CallRow

KEPT_OUTPUT = 400_000
ENDS_WAITING = (
    TextDelta, ThinkingDelta, ArgsDelta, TextEnded, ThinkingEnded, ReplyEnded, TurnStarted, TurnEnded, SummaryMade,
    CallReserved, HistoryReplaced, SessionStarted, SessionResumed,
)  # fmt: skip
"""After these the model is not waited for any more. A summary outside of a turn may end with a notice instead."""

ENDINGS = {
    "cancelled": ("info", "Interrupted."),
    "limit_turns": ("warning", "Stopped by a limit."),
    "limit_budget": ("warning", "Stopped by a limit."),
    "limit_time": ("warning", "Stopped by a limit."),
    "limit_tokens": ("warning", "Stopped by a limit."),
    "schema_not_met": ("error", "The answer does not meet the schema."),
    "failed": ("error", "The turn failed."),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """The model is waited for: for `waited_s` by now, or until the request goes out again at `retry_at_s` (Unix time).

    silent_s: for how long no byte has come; at `limit_s` the request is given up.
    """

    retry_at_s: float | None = None
    waited_s: float = 0.0
    silent_s: float = 0.0
    limit_s: float = 0.0


@dataclass(slots=True)
class State:
    """What the widgets around the transcript show."""

    model: str = ""
    mode: PermissionMode = "default"
    title: str = ""
    working: bool = False
    doing: str = ""
    waiting: Waiting | None = None
    queue: tuple[str, ...] = ()
    todo: tuple[TodoItem, ...] = ()
    asked: ApprovalAsked | None = None
    context_tokens: int = 0
    context_window: int | None = None
    usage: Usage = field(default_factory=Usage)
    turn_usage: Usage = field(default_factory=Usage)
    background: int = 0
    index: str = ""
    sandbox: str = ""
    answer: str = ""


class Sink(Protocol):
    """Where blocks go."""

    def add(self, *blocks: Block) -> None: ...

    def drop(self, block: Block) -> None: ...


class Projector:
    """`take` projects events; `state` and the blocks are current afterwards. `sequence` is the last durable one."""

    def __init__(self, sink: Sink, now_s: Callable[[], float], *, expand_key: str = "Ctrl+O") -> None:
        self.state = State()
        self.sequence = 0
        self.last_row: CallRow | None = None
        self._sink = sink
        self._now_s = now_s
        self._expand_key = expand_key
        self._texts: dict[tuple[type, int, int, int], Answer | ThoughtBlock] = {}
        self._rows: dict[CallKey, tuple[CallRow, Block]] = {}
        self._group: CallGroup | None = None
        self._turn = 0

    @property
    def has_turns(self) -> bool:
        return self._turn > 0

    def take(self, events: Iterable[Stamped]) -> None:
        for stamped in events:
            if stamped.seq < self.sequence:
                continue
            self.sequence = max(self.sequence, stamped.seq)
            self.project(stamped)

    def project(self, stamped: Stamped) -> None:
        state = self.state
        if isinstance(stamped.event, ENDS_WAITING) or (isinstance(stamped.event, Notice) and not state.working):
            state.waiting = None
        match stamped.event:
            case TextDelta(turn=turn, reply=reply, part=part, text=text):
                self._text(TextEnded, turn, reply, part).append(text)
                state.doing = "writing"
            case ThinkingDelta(turn=turn, reply=reply, part=part, text=text):
                self._text(ThinkingEnded, turn, reply, part).append(text)
                state.doing = "thinking"
            case TextEnded(turn=turn, reply=reply, part=part, text=text, partial=partial):
                self._text(TextEnded, turn, reply, part).finish(text, partial=partial)
            case ThinkingEnded(turn=turn, reply=reply, part=part, text=text, partial=partial):
                self._text(ThinkingEnded, turn, reply, part).finish(text, partial=partial)
            case ArgsDelta(name=name, characters=characters):
                state.doing = f"preparing {name}" + (f" · {characters:,} characters" if characters > 2000 else "")
            case OutputDelta(key=key, text=text):
                self._output(key, text)
            case Progress(key=key, text=text):
                self._change(key, progress=text)
            case IndexChanged(state=index, words=words):
                # What is ready needs no words; what is off says so in the answers that it is missing from.
                state.index = f"index {words}" if index in ("starting", "building") else ""
            case TurnStarted(turn=turn, prompt=prompt, model=model):
                self._turn = turn
                state.working, state.doing, state.model = True, "waiting for the model", model
                state.turn_usage = Usage()
                self._add(UserBlock(prompt))
            case Steered(text=text):
                self._add(UserBlock(text, steered=True))
            case SummaryMade(turn=0, usage=usage):
                state.usage = state.usage.plus(usage)
            case SummaryMade(usage=usage):
                state.turn_usage = state.turn_usage.plus(usage)
            case ReplyEnded() as ended:
                state.context_tokens, state.context_window = ended.context_tokens, ended.context_window
                state.turn_usage = state.turn_usage.plus(ended.usage)
                state.doing = "working"
                self._group = None
            case TurnEnded() as turn_ended:
                self._end_turn(turn_ended)
            case CallReserved() as reserved:
                self._reserve(reserved)
            case CallStarted(key=key, args=args, edited=edited, queued_ms=queued_ms):
                self._change(
                    key, state="running", args=args, edited=edited, queued_ms=queued_ms, started_s=stamped.at / 1000
                )
                state.doing = "working"
            case CallEnded() as call_ended:
                self._end_call(call_ended, stamped.at / 1000)
            case CallsDropped(keys=keys):
                self._drop(keys)
            case ApprovalAsked(key=key) as asked:
                state.asked = asked
                self._change(key, state="asking")
            case ApprovalAnswered(key=key):
                if state.asked is not None and state.asked.key == key:
                    state.asked = None
                if key in self._rows and self._rows[key][0].state == "asking":
                    self._change(key, state="queued")
            case Notice(level=level, text=text):
                self._add(NoticeBlock(level, text))
            case RetryScheduled(reason=reason, wait_s=wait_s, attempt=attempt):
                self._add(NoticeBlock("warning", f"{reason} Trying again in {in_time(wait_s)} (attempt {attempt})."))
                state.waiting = Waiting(retry_at_s=stamped.at / 1000 + wait_s)
                state.doing = "waiting for the model"
            case ReplyAwaited(waited_s=waited_s, silent_s=silent_s, limit_s=limit_s):
                state.waiting = Waiting(None, waited_s, silent_s, limit_s)
            case HistoryReplaced(reason=reason, tokens_before=before, tokens_after=after, messages_dropped=dropped):
                self._add(NoticeBlock("info", _replaced(reason, before, after, dropped)))
                state.context_tokens = after
            case Rewound() as rewound:
                self._add(NoticeBlock("info", "\n".join(_went_back(rewound))))
                if rewound.payload is not None:
                    state.context_tokens, state.answer = 0, ""
            case QueueChanged(prompts=prompts):
                state.queue = prompts
            case TodoChanged(items=items):
                state.todo = items
            case ModeChanged(mode=mode):
                state.mode = mode
            case ModelChanged(model=model):
                state.model = model
            case TitleChanged(title=title):
                state.title = title
            case SessionStarted(model=model, mode=mode) | SessionResumed(model=model, mode=mode):
                state.model, state.mode = model, mode
                state.working, state.asked = False, None
            case BackgroundStarted(background_id=identity, command=command):
                state.background += 1
                self._add(NoticeBlock("info", f"{identity} goes on in the background: {command}"))
            case BackgroundEnded(background_id=identity, exit_code=code, command=command):
                state.background = max(0, state.background - 1)
                ended_with = f"exit {code}" if code is not None else "ended"
                self._add(NoticeBlock("info", f"{identity} · {ended_with}: {command}"))
            case RuleAdded(rule=rule):
                self._add(NoticeBlock("info", f"From now on: {rule.verdict} {rule.pattern} ({rule.scope})"))
            case RuleRemoved(rule=rule):
                self._add(NoticeBlock("info", f"No longer: {rule.verdict} {rule.pattern}"))
            case _:
                pass

    # --- inside --------------------------------------------------------------------------------------------------

    def _add(self, block: Block) -> None:
        self._group = None
        self._sink.add(block)

    def _text(self, kind: type, turn: int, reply: int, part: int) -> Answer | ThoughtBlock:
        key = (kind, turn, reply, part)
        if key not in self._texts:
            if kind is ThinkingEnded:
                thought = self._texts[key] = ThoughtBlock()
                self._add(thought)
            else:
                self._texts[key] = Answer(self._add, self._sink.drop)
        return self._texts[key]

    def _reserve(self, reserved: CallReserved) -> None:
        waits = tuple(_blocker(self._rows[b.key][0]) for b in reserved.waits_for[:2] if b.key in self._rows)
        row = CallRow(reserved.key, sanitise_path(reserved.name), reserved.args, reserved.effect, waits_for=waits)
        if reserved.name in READS:
            if self._group is None:
                group = CallGroup(self._now_s)
                self._add(group)
                self._group = group
            self._group.rows.append(row)
            self._group.touch()
            self._rows[reserved.key] = (row, self._group)
            return
        group_before = self._group
        card = CallCard(row, self._now_s, self._expand_key)
        self._add(card)
        # A write between two reads does not end the lanes of one reply.
        self._group = group_before
        self._rows[reserved.key] = (row, card)

    def _change(self, key: CallKey, **changes: object) -> None:
        if key in self._rows:
            row, block = self._rows[key]
            for name, value in changes.items():
                setattr(row, name, value)
            block.touch()

    def _output(self, key: CallKey, text: str) -> None:
        if key not in self._rows:
            return
        row, block = self._rows[key]
        row.output.append(text)
        row.output_size += len(text)
        if row.output_size > KEPT_OUTPUT:
            whole = row.output_text()
            row.output = [whole[: KEPT_OUTPUT // 4], "\n…\n", whole[-KEPT_OUTPUT // 4 :]]
            row.output_size = sum(map(len, row.output))
        block.touch()

    def _end_call(self, ended: CallEnded, at_s: float) -> None:
        self._change(
            ended.key,
            state=ended.status,
            text=ended.text,
            detail=ended.detail,
            run_ms=ended.run_ms,
            queued_ms=ended.queued_ms,
            ended_s=at_s,
            reused=ended.reused is not None,
        )
        if ended.key in self._rows:
            self.last_row = self._rows[ended.key][0]

    def _drop(self, keys: tuple[CallKey, ...]) -> None:
        for key in keys:
            if key not in self._rows:
                continue
            row, block = self._rows.pop(key)
            if isinstance(block, CallGroup):
                block.rows.remove(row)
                block.touch()
                if not block.rows:
                    self._sink.drop(block)
                    self._group = None
            else:
                self._sink.drop(block)

    def _end_turn(self, ended: TurnEnded) -> None:
        state = self.state
        state.working, state.doing, state.asked = False, "", None
        state.usage = state.usage.plus(ended.usage)
        state.turn_usage = Usage()
        if ended.text:
            state.answer = ended.text
        if ended.end in ENDINGS:
            level, text = ENDINGS[ended.end]
            said = ended.error or text
            self._add(NoticeBlock(level, said))  # type: ignore[arg-type]  # the table holds levels only
        self._rows.clear()
        self._texts.clear()
        self._group = None


def _blocker(row: CallRow) -> str:
    subject = row.subject.split("\n")[0]
    return f"{row.name} {subject}"[:40]


def _replaced(reason: str, before: int, after: int, dropped: int) -> str:
    match reason:
        case "compacted":
            return f"Compacted: {dropped} messages summarised, about {before:,} → {after:,} tokens. The log keeps them."
        case "cleared":
            return "Cleared: the agent starts over; the log keeps what was said."
        case _:
            return f"History {reason}."


def _went_back(rewound: Rewound) -> list[str]:
    what = {"conversation": "the conversation", "files": "files", "both": "the conversation and files"}[rewound.what]
    first = next((line.strip() for line in rewound.prompt.splitlines() if line.strip()), "")
    to = f" to before “{first if len(first) <= 60 else first[:59] + '…'}”" if first else " to before the rewind"
    count = len(rewound.changes)
    files = "" if rewound.what == "conversation" else f" {count} file{'' if count == 1 else 's'} changed."
    return [f"Went back with {what}{to}.{files} `/rewind` can undo it.", *rewound.left]


def in_time(seconds: float) -> str:
    """Return `0.5 s`, `90 s` or `10 min 5 s`."""
    if seconds < 120:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min" + (f" {rest} s" if rest else "")


def cost_in_words(usage: Usage) -> str:
    """Return the cost, or that it is not known."""
    if usage == Usage():
        return ""
    if usage.cost_usd is None:
        return "cost unknown"
    return f"${usage.cost_usd:.2f}" if usage.cost_usd >= Decimal("0.01") else f"${usage.cost_usd:.4f}"
