"""What a conversation looks like, folded from its events. Pure: no clock, no file.

`fold` is a left fold of `step`; a view may start at the end of any turn and fill what came before later, since
turns do not look into each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from plait.protocol.calls import Args, CallKey, Detail, OutcomeStatus, TodoItem
from plait.protocol.commands import PermissionMode, Rule
from plait.protocol.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CallEnded,
    CallReserved,
    CallsDropped,
    CallStarted,
    HistoryReplaced,
    MessagesRecorded,
    ModeChanged,
    ModelChanged,
    Notice,
    QueueChanged,
    ReplyEnded,
    RetryScheduled,
    RuleAdded,
    RuleRemoved,
    SessionResumed,
    SessionStarted,
    Stamped,
    Steered,
    TextEnded,
    ThinkingEnded,
    TitleChanged,
    TodoChanged,
    TurnEnd,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.protocol.ports import CutCall, Restored


@dataclass(frozen=True, slots=True)
class CallView:
    """A call as it now stands; `state` is an outcome once it has ended."""

    key: CallKey
    name: str
    args: Args
    state: OutcomeStatus | str = "queued"
    text: str = ""
    detail: Detail | None = None
    run_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class TextView:
    """Something that was said: by `user`, `assistant`, `thinking`, or `notice`."""

    by: str
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
    """The whole conversation."""

    session_id: str = ""
    cwd: str = ""
    title: str = ""
    model: str = ""
    mode: PermissionMode = "default"
    turns: tuple[TurnView, ...] = ()
    notices: tuple[str, ...] = ()
    queue: tuple[str, ...] = ()
    todo: tuple[TodoItem, ...] = ()
    rules: tuple[Rule, ...] = ()
    asking: CallKey | None = None
    usage: Usage = field(default_factory=Usage)


def fold(events: Iterable[Stamped], start: Transcript | None = None) -> Transcript:
    """Fold events, in order, onto an empty transcript or onto `start`."""
    transcript = start if start is not None else Transcript()
    for stamped in events:
        transcript = step(transcript, stamped)
    return transcript


def step(transcript: Transcript, stamped: Stamped) -> Transcript:
    """Return the transcript after one more event; live events change nothing."""
    match stamped.event:
        case SessionStarted(session_id=session_id, cwd=cwd, model=model, mode=mode):
            return replace(transcript, session_id=session_id, cwd=cwd, model=model, mode=mode)
        case SessionResumed(model=model, mode=mode):
            return replace(transcript, model=model, mode=mode, asking=None)
        case TitleChanged(title=title):
            return replace(transcript, title=title)
        case ModeChanged(mode=mode):
            return replace(transcript, mode=mode)
        case ModelChanged(model=model):
            return replace(transcript, model=model)
        case QueueChanged(prompts=prompts):
            return replace(transcript, queue=prompts)
        case TodoChanged(items=items):
            return replace(transcript, todo=items)
        case RuleAdded(rule=rule):
            return replace(transcript, rules=(*transcript.rules, rule))
        case RuleRemoved(rule=rule):
            return replace(transcript, rules=tuple(other for other in transcript.rules if other != rule))
        case ApprovalAsked(key=key):
            return replace(transcript, asking=key)
        case ApprovalAnswered():
            return replace(transcript, asking=None)
        case TurnStarted(turn=number, prompt=prompt):
            return replace(transcript, turns=(*transcript.turns, TurnView(number, prompt)))
        case TurnEnded(end=end, error=error, usage=usage):
            ended = _in_turn(transcript, lambda turn: replace(turn, end=end, error=error))
            return replace(ended, usage=transcript.usage.plus(usage))
        case Steered(text=text):
            return _say(transcript, TextView("user", text))
        case TextEnded(text=text, partial=partial):
            return _say(transcript, TextView("assistant", text, partial))
        case ThinkingEnded(text=text, partial=partial):
            return _say(transcript, TextView("thinking", text, partial))
        case Notice(text=text):
            if not transcript.turns or transcript.turns[-1].end is not None:
                return replace(transcript, notices=(*transcript.notices, text))
            return _say(transcript, TextView("notice", text))
        case RetryScheduled(reason=reason, wait_s=wait_s):
            return _say(transcript, TextView("notice", f"{reason} Trying again in {wait_s:g} s."))
        case HistoryReplaced(reason=reason):
            return replace(transcript, notices=(*transcript.notices, f"history {reason}"))
        case CallReserved(key=key, name=name, args=args):
            return _say(transcript, CallView(key, name, args))
        case CallStarted(key=key, args=args):
            return _with_call(transcript, key, lambda call: replace(call, state="running", args=args))
        case CallEnded(key=key, status=status, text=text, detail=detail, run_ms=run_ms):
            return _with_call(
                transcript, key, lambda call: replace(call, state=status, text=text, detail=detail, run_ms=run_ms)
            )
        case CallsDropped(keys=keys):
            dropped = set(keys)
            return _in_turn(
                transcript,
                lambda turn: replace(
                    turn,
                    blocks=tuple(
                        block for block in turn.blocks if not (isinstance(block, CallView) and block.key in dropped)
                    ),
                ),
            )
        case _:
            return transcript


def _in_turn(transcript: Transcript, change: Callable[[TurnView], TurnView]) -> Transcript:
    if not transcript.turns:
        return transcript
    return replace(transcript, turns=(*transcript.turns[:-1], change(transcript.turns[-1])))


def _say(transcript: Transcript, block: Block) -> Transcript:
    return _in_turn(transcript, lambda turn: replace(turn, blocks=(*turn.blocks, block)))


def _with_call(transcript: Transcript, key: CallKey, change: Callable[[CallView], CallView]) -> Transcript:
    return _in_turn(
        transcript,
        lambda turn: replace(
            turn,
            blocks=tuple(
                change(block) if isinstance(block, CallView) and block.key == key else block for block in turn.blocks
            ),
        ),
    )


# --- what an agent needs to go on --------------------------------------------------------------------------------

NEEDED_TO_RESTORE = frozenset(
    kind.__name__
    for kind in (
        SessionStarted,
        SessionResumed,
        TitleChanged,
        ModeChanged,
        ModelChanged,
        QueueChanged,
        TurnStarted,
        TurnEnded,
        MessagesRecorded,
        ReplyEnded,
        HistoryReplaced,
        TodoChanged,
        RuleAdded,
        RuleRemoved,
        CallReserved,
        CallStarted,
        CallEnded,
        CallsDropped,
    )
)


def restored(events: Iterable[Stamped], current_hash: Callable[[str], str | None]) -> Restored:
    """Return what an agent needs to go on after these events.

    `current_hash` says what a file's SHA-256 is now (None: it does not exist), to tell whether the write of a call
    that was cut off had been applied.
    """
    payloads: list[str] = []
    calls: dict[CallKey, CallReserved] = {}
    started: dict[CallKey, CallStarted] = {}
    ended: dict[CallKey, CallEnded] = {}
    state = Transcript()
    turns = replied = 0
    turn_is_open = False
    for stamped in events:
        event = stamped.event
        match event:
            case MessagesRecorded(payload=payload):
                payloads.append(payload)
                # What is recorded after a reply has ended begins with the results of its calls.
                calls = {key: call for key, call in calls.items() if call.reply > replied}
            case HistoryReplaced(payload=payload):
                payloads = [payload]
            case ReplyEnded(reply=reply):
                replied = reply
            case TurnStarted(turn=turn):
                turns, turn_is_open, replied = max(turns, turn), True, 0
                calls, started, ended = {}, {}, {}
            case TurnEnded():
                turn_is_open = False
                state = step(state, stamped)
            case CallReserved(key=key):
                calls[key] = event
            case CallStarted(key=key):
                started[key] = event
            case CallEnded(key=key):
                ended[key] = event
            case CallsDropped(keys=keys):
                calls = {key: call for key, call in calls.items() if key not in keys}
            case TodoChanged() | RuleAdded() | RuleRemoved():
                state = step(state, stamped)
            case _:
                pass
    cut = (
        tuple(_cut_call(call, started.get(key), ended.get(key), current_hash) for key, call in calls.items())
        if turn_is_open
        else ()
    )
    return Restored(tuple(payloads), cut, turns, state.todo, state.rules, state.usage)


def _cut_call(
    call: CallReserved,
    started: CallStarted | None,
    ended: CallEnded | None,
    current_hash: Callable[[str], str | None],
) -> CutCall:
    if ended is not None:
        return CutCall(call.provider_id, call.name, ended.status, ended.text)
    if started is None:
        text = "Plait ended before this call ran; nothing was done."
    elif not started.writes:
        text = "Plait ended while this call ran; whether it did its work is not known. Look before you repeat it."
    else:
        text = "Plait ended while this call ran. " + " ".join(
            _fate(write.path, write.before, write.after, current_hash(write.path)) for write in started.writes
        )
    return CutCall(call.provider_id, call.name, "cancelled", text)


def _fate(path: str, before: str | None, after: str | None, now: str | None) -> str:
    if now == after:
        return f"`{path}`: the change was applied."
    if now == before:
        return f"`{path}`: the change was not applied."
    return f"`{path}`: someone else has changed the file since; read it before you go on."
