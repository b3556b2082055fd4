"""Made-up conversations, as hypothesis strategies: lists of stamped events as a session would log them."""

from __future__ import annotations

from hypothesis import strategies as st

from plait.protocol.calls import CallKey, TextPreview, TodoItem, WriteIntent
from plait.protocol.commands import Allow, Deny, Rule
from plait.protocol.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CallEnded,
    CallReserved,
    CallsDropped,
    CallStarted,
    Event,
    HistoryReplaced,
    MessagesRecorded,
    ModeChanged,
    ModelChanged,
    Notice,
    QueueChanged,
    ReplyEnded,
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
    TurnEnded,
    TurnStarted,
    Usage,
)

WORD = st.sampled_from(["a", "b", "c"])
RULE = st.builds(Rule, st.just("allow"), WORD, st.sampled_from(["session", "project"]))
AT_ANY_TIME: st.SearchStrategy[Event] = st.one_of(
    st.builds(Notice, st.just("info"), WORD),
    st.builds(ModeChanged, st.sampled_from(["plan", "default"])),
    st.builds(ModelChanged, WORD),
    st.builds(TitleChanged, WORD),
    st.builds(QueueChanged, st.lists(WORD, max_size=2).map(tuple)),
    st.builds(TodoChanged, st.lists(st.builds(TodoItem, WORD), max_size=2).map(tuple)),
    st.builds(RuleAdded, RULE),
    st.builds(RuleRemoved, RULE),
    st.builds(HistoryReplaced, st.just("compacted"), WORD),
)


@st.composite
def turn(draw: st.DrawFn, number: int) -> list[Event]:
    events: list[Event] = [TurnStarted(number, draw(WORD), "m"), MessagesRecorded(number, f"request {number}")]
    calls = 0
    for reply in range(1, draw(st.integers(1, 3)) + 1):
        events.append(ThinkingEnded(number, reply, 0, draw(WORD)))
        events.append(TextEnded(number, reply, 1, draw(WORD)))
        keys = [CallKey("main", number, calls + place) for place in range(1, draw(st.integers(0, 3)) + 1)]
        calls += len(keys)
        effect = draw(st.sampled_from(["none", "read", "write", "unknown"]))
        events += [CallReserved(key, "tool", {}, f"id{key.call}", effect, "files", reply=reply) for key in keys]
        if draw(st.booleans()):
            events.append(CallsDropped(tuple(keys)))
            continue
        events.append(MessagesRecorded(number, f"reply {number}.{reply}"))
        events.append(ReplyEnded(number, reply, "m", "stop", Usage(1, 2), 1))
        for key in keys:
            if draw(st.booleans()):
                events.append(ApprovalAsked(key, "tool", {}, TextPreview("t", "x")))
                events.append(ApprovalAnswered(key, draw(st.sampled_from([Allow(), Deny("no")]))))
            writes = (WriteIntent(f"/{draw(WORD)}", "before", "after"),) if effect == "write" else ()
            events.append(CallStarted(key, 0, "files", 0.0, {"edited": True}, writes))
            events.append(CallEnded(key, draw(st.sampled_from(["ok", "failed"])), draw(WORD), None, 0.0, 1.0))
        if keys:
            events.append(MessagesRecorded(number, f"results {number}.{reply}"))
        if draw(st.booleans()):
            events.append(Steered(number, draw(WORD)))
        events += draw(st.lists(AT_ANY_TIME, max_size=2))
    events.append(TurnEnded(number, "completed", None, Usage(1, 2), 1, 1))
    return events


@st.composite
def conversation(draw: st.DrawFn) -> list[Stamped]:
    events: list[Event] = [SessionStarted("s", "/w", "m", "default")]
    events += draw(st.lists(AT_ANY_TIME, max_size=2))
    for number in range(1, draw(st.integers(0, 4)) + 1):
        events += draw(turn(number))
        events += draw(st.lists(AT_ANY_TIME, max_size=3))
        if draw(st.booleans()):
            events.append(SessionResumed("n", "plan"))
    return stamp(*events)


def stamp(*events: Event) -> list[Stamped]:
    return [Stamped(number, 0, "main", event) for number, event in enumerate(events, 1)]
