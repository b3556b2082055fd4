"""What a conversation looks like, folded from its events. Pure: no clock, no file.

`fold` is a left fold of `step`. Turns do not look into each other, so a view may fold from the end of any turn and
fill in what came before later: `join(fold(earlier), fold(later)) == fold(earlier + later)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from plait.protocol.calls import Args, CallKey, Detail, OutcomeStatus, TodoItem
from plait.protocol.commands import Allow, AllowAlways, PermissionMode, Reply, Rule
from plait.protocol.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CallEnded,
    CallReserved,
    CallsDropped,
    CallStarted,
    HistoryReplaced,
    ModeChanged,
    ModelChanged,
    Notice,
    QueueChanged,
    RetryScheduled,
    Rewound,
    RuleAdded,
    RuleRemoved,
    SessionResumed,
    SessionStarted,
    Stamped,
    Steered,
    SummaryMade,
    TextEnded,
    ThinkingEnded,
    TitleChanged,
    TodoChanged,
    TurnEnd,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.session.live import living

CallState = Literal["queued", "asking", "running"] | OutcomeStatus


@dataclass(frozen=True, slots=True)
class CallView:
    """A call as it now stands; `state` is its outcome once it has ended."""

    key: CallKey
    name: str
    args: Args
    state: CallState = "queued"
    text: str = ""
    detail: Detail | None = None
    run_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class TextView:
    """Something that was said."""

    by: Literal["user", "assistant", "thinking", "notice"]
    text: str
    partial: bool = False


Block = TextView | CallView


@dataclass(frozen=True, slots=True)
class TurnView:
    """One turn: its prompt, its blocks in order, and how it ended (None while it runs)."""

    number: int
    prompt: str
    blocks: tuple[Block, ...] = ()
    end: TurnEnd | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """The whole conversation, or a part of it. None means that nothing was said of it in this part."""

    session_id: str | None = None
    cwd: str | None = None
    title: str | None = None
    model: str | None = None
    mode: PermissionMode | None = None
    turns: tuple[TurnView, ...] = ()
    notices: tuple[str, ...] = ()
    queue: tuple[str, ...] | None = None
    todo: tuple[TodoItem, ...] | None = None
    rule_changes: tuple[RuleAdded | RuleRemoved, ...] = ()
    asking: CallKey | None = None
    usage: Usage = field(default_factory=Usage)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that were granted and not taken back, in the order they were granted."""
        rules: dict[Rule, None] = {}
        for change in self.rule_changes:
            match change:
                case RuleAdded(rule):
                    rules[rule] = None
                case RuleRemoved(rule):
                    rules.pop(rule, None)
        return tuple(rules)


def fold(events: Iterable[Stamped], start: Transcript | None = None) -> Transcript:
    """Fold events, in order, onto an empty transcript or onto `start`; what was taken back is left out."""
    transcript = start if start is not None else Transcript()
    for stamped in living(tuple(events)):
        transcript = step(transcript, stamped)
    return transcript


def join(earlier: Transcript, later: Transcript) -> Transcript:
    """Return the transcript of both parts; the later one begins where a turn of the earlier one has ended."""
    return Transcript(
        session_id=later.session_id if later.session_id is not None else earlier.session_id,
        cwd=later.cwd if later.cwd is not None else earlier.cwd,
        title=later.title if later.title is not None else earlier.title,
        model=later.model if later.model is not None else earlier.model,
        mode=later.mode if later.mode is not None else earlier.mode,
        turns=earlier.turns + later.turns,
        notices=earlier.notices + later.notices,
        queue=later.queue if later.queue is not None else earlier.queue,
        todo=later.todo if later.todo is not None else earlier.todo,
        rule_changes=earlier.rule_changes + later.rule_changes,
        asking=later.asking,
        usage=earlier.usage.plus(later.usage),
    )


def step(transcript: Transcript, stamped: Stamped) -> Transcript:
    """Return the transcript after one more event; live events change nothing."""
    match stamped.event:
        case SessionStarted(session_id=session_id, cwd=cwd, model=model, mode=mode):
            return replace(transcript, session_id=session_id, cwd=cwd, model=model, mode=mode)
        case SessionResumed(model=model, mode=mode):
            return replace(transcript, model=model, mode=mode)
        case TitleChanged(title):
            return replace(transcript, title=title)
        case ModeChanged(mode):
            return replace(transcript, mode=mode)
        case ModelChanged(model):
            return replace(transcript, model=model)
        case QueueChanged(prompts):
            return replace(transcript, queue=prompts)
        case TodoChanged(items):
            return replace(transcript, todo=items)
        case RuleAdded() | RuleRemoved() as change:
            return replace(transcript, rule_changes=(*transcript.rule_changes, change))
        case TurnStarted(turn=number, prompt=prompt):
            return replace(transcript, turns=(*transcript.turns, TurnView(number, prompt)))
        case TurnEnded(end=end, error=error, usage=usage):
            ended = _in_turn(transcript, lambda turn: replace(turn, end=end, error=error))
            return replace(ended, usage=transcript.usage.plus(usage), asking=None)
        case SummaryMade(turn=0, usage=usage):
            return replace(transcript, usage=transcript.usage.plus(usage))
        case Notice(text=text):
            return _note(transcript, text)
        case RetryScheduled(reason=reason, wait_s=wait_s):
            return _note(transcript, f"{reason} Trying again in {wait_s:g} s.")
        case HistoryReplaced(reason=reason):
            return _note(transcript, f"History {reason}.")
        case Rewound() as rewound:
            return _go_back(transcript, rewound)
        case Steered() | TextEnded() | ThinkingEnded() as said:
            return _in_turn(transcript, lambda turn: replace(turn, blocks=(*turn.blocks, _text(said))))
        case _:
            return _step_call(transcript, stamped)


def _step_call(transcript: Transcript, stamped: Stamped) -> Transcript:
    match stamped.event:
        case CallReserved(key=key, name=name, args=args):
            return _in_turn(transcript, lambda turn: replace(turn, blocks=(*turn.blocks, CallView(key, name, args))))
        case ApprovalAsked(key=key):
            return replace(_with_call(transcript, key, lambda call: replace(call, state="asking")), asking=key)
        case ApprovalAnswered(key=key, answer=answer):
            # Who is refused stays as it is until its end says so.
            state: CallState = "queued" if isinstance(answer, Allow | AllowAlways | Reply) else "asking"
            return replace(_with_call(transcript, key, lambda call: replace(call, state=state)), asking=None)
        case CallStarted(key=key, args=args):
            return _with_call(transcript, key, lambda call: replace(call, state="running", args=args))
        case CallEnded(key=key, status=status, text=text, detail=detail, run_ms=run_ms):
            return _with_call(
                transcript, key, lambda call: replace(call, state=status, text=text, detail=detail, run_ms=run_ms)
            )
        case CallsDropped(keys):
            return _in_turn(transcript, lambda turn: _without(turn, frozenset(keys)))
        case _:
            return transcript


def _text(event: Steered | TextEnded | ThinkingEnded) -> TextView:
    match event:
        case Steered(text=text):
            return TextView("user", text)
        case TextEnded(text=text, partial=partial):
            return TextView("assistant", text, partial)
        case ThinkingEnded(text=text, partial=partial):
            return TextView("thinking", text, partial)


def _note(transcript: Transcript, text: str) -> Transcript:
    """Add a notice to the turn that runs, or to those between turns."""
    if transcript.turns and transcript.turns[-1].end is None:
        return _in_turn(transcript, lambda turn: replace(turn, blocks=(*turn.blocks, TextView("notice", text))))
    return replace(transcript, notices=(*transcript.notices, text))


def _go_back(transcript: Transcript, rewound: Rewound) -> Transcript:
    """What was taken back goes, as far as it is here: the events of a log come without it (`session.live`)."""
    if rewound.payload is None:
        return _note(transcript, f"Files as before turn {rewound.turn}.")
    left = tuple(turn for turn in transcript.turns if turn.number < rewound.turn)
    return _note(replace(transcript, turns=left, asking=None), f"Rewound to before turn {rewound.turn}.")


def _in_turn(transcript: Transcript, change: Callable[[TurnView], TurnView]) -> Transcript:
    """Change the turn that runs; what belongs to none is left out."""
    if not transcript.turns or transcript.turns[-1].end is not None:
        return transcript
    return replace(transcript, turns=(*transcript.turns[:-1], change(transcript.turns[-1])))


def _with_call(transcript: Transcript, key: CallKey, change: Callable[[CallView], CallView]) -> Transcript:
    def changed(block: Block) -> Block:
        return change(block) if isinstance(block, CallView) and block.key == key else block

    return _in_turn(transcript, lambda turn: replace(turn, blocks=tuple(map(changed, turn.blocks))))


def _without(turn: TurnView, keys: frozenset[CallKey]) -> TurnView:
    blocks = (block for block in turn.blocks if not (isinstance(block, CallView) and block.key in keys))
    return replace(turn, blocks=tuple(blocks))
