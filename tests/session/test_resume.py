"""What a session whose process died goes on with."""

import hashlib
import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from tests.session.conversations import conversation, stamp
from tests.session.talk import Talk

from plait.protocol.calls import CallKey, TextPreview, WriteIntent
from plait.protocol.commands import Deny, Rule
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
    ReplyEnded,
    RuleAdded,
    SessionResumed,
    SessionStarted,
    Stamped,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.protocol.ports import CutCall
from plait.session.resume import CUT_OFF, UNREADABLE, needed, resumption
from plait.session.store import Store

KEYS = [CallKey("main", 1, number) for number in range(1, 8)]
REPLY_ENDED = ReplyEnded(1, 1, "m", "tool_call", Usage(3, 4), 1)


def reserved(key: CallKey, effect: str = "write", reply: int = 1, parent: CallKey | None = None) -> CallReserved:
    return CallReserved(key, "edit", {}, f"id{key.call}", effect, "files", reply=reply, parent=parent)


def started(key: CallKey, *paths: str) -> CallStarted:
    return CallStarted(key, 0, "files", 0.0, {}, tuple(WriteIntent(path, "old", "new") for path in paths))


@settings(max_examples=150, deadline=None)
@given(conversation(), st.integers(0, 200), st.sampled_from([None, "before", "after", "other", UNREADABLE]))
def test_the_few_events_that_are_decoded_tell_as_much_as_all(events: list[Stamped], cut: int, now: str | None) -> None:
    events = events[: cut or None]
    few = [events[index] for index in needed([type(stamped.event).__name__ for stamped in events])]

    assert resumption(few, lambda _: now) == resumption(events, lambda _: now)


@settings(max_examples=150, deadline=None)
@given(conversation(), st.integers(0, 200))
def test_whatever_had_begun_when_the_process_died_gets_its_end(events: list[Stamped], cut: int) -> None:
    events = events[: cut or None]
    happened: list[Event] = [stamped.event for stamped in events]
    happened += resumption(events, lambda _: None).ends

    dropped = {key for event in happened if isinstance(event, CallsDropped) for key in event.keys}
    for begin, end in ((CallReserved, CallEnded), (ApprovalAsked, ApprovalAnswered)):
        begun = [event.key for event in happened if isinstance(event, begin) and event.key not in dropped]
        ended = [event.key for event in happened if isinstance(event, end) and event.key not in dropped]
        assert sorted(ended, key=str) == sorted(begun, key=str)
    assert [event.turn for event in happened if isinstance(event, TurnEnded)] == [
        event.turn for event in happened if isinstance(event, TurnStarted)
    ]
    assert resumption(stamp(*happened), lambda _: None).ends == ()


def test_calls_cut_off_by_a_kill_are_told_apart_by_the_hashes_of_what_they_wrote() -> None:
    events = stamp(
        TurnStarted(1, "p", "m"),
        MessagesRecorded(1, "request"),
        *(reserved(key, "read" if key.call == 6 else "write") for key in KEYS),
        MessagesRecorded(1, "reply"),
        REPLY_ENDED,
        CallEnded(KEYS[0], "failed", "its result", None, 0, 0),
        started(KEYS[1], "/new", "/new too"),
        started(KEYS[2], "/new", "/old"),
        started(KEYS[3], "/other", "/gone"),
        started(KEYS[4], "/unreadable"),
        started(KEYS[5]),
    )
    now = {"/new": "new", "/new too": "new", "/old": "old", "/other": "other", "/unreadable": UNREADABLE}

    cut = resumption(events, now.get).restored.cut_calls

    ran = "Plait was cut off while this call ran"
    changed = "it is neither as it was nor as it would be; someone else has changed it. Read it before you go on."
    assert cut == (
        CutCall("id1", "edit", "failed", "its result"),
        CutCall("id2", "edit", "ok", f"{ran}. `/new`: the change was applied. `/new too`: the change was applied."),
        CutCall(
            "id3", "edit", "cancelled", f"{ran}. `/new`: the change was applied. `/old`: the change was not applied."
        ),
        CutCall("id4", "edit", "cancelled", f"{ran}. `/other`: {changed} `/gone`: {changed}"),
        CutCall(
            "id5",
            "edit",
            "cancelled",
            f"{ran}. `/unreadable`: it cannot be read now; whether the change was applied is not known.",
        ),
        CutCall("id6", "edit", "cancelled", f"{ran}; it changes nothing, call again if you still need it."),
        CutCall("id7", "edit", "cancelled", "Plait was cut off before this call ran; nothing was done."),
    )


def test_a_call_of_parts_tells_what_became_of_its_parts() -> None:
    parts = [CallKey("main", 1, 2), CallKey("main", 1, 3)]
    events = stamp(
        TurnStarted(1, "p", "m"),
        reserved(KEYS[0]),
        MessagesRecorded(1, "reply"),
        REPLY_ENDED,
        started(KEYS[0]),
        *(reserved(part, parent=KEYS[0], reply=0) for part in parts),
        started(parts[0], "/a"),
        CallEnded(parts[0], "ok", "done", None, 0, 0),
        started(parts[1], "/b"),
    )

    [cut] = resumption(events, {"/a": "new", "/b": "old"}.get).restored.cut_calls

    assert cut.provider_id == "id1"
    assert cut.text.endswith("`/a`: the change was applied. `/b`: the change was not applied.")


def test_calls_whose_results_are_in_the_history_are_not_told_again() -> None:
    events = stamp(
        TurnStarted(1, "p", "m"),
        reserved(KEYS[0]),
        MessagesRecorded(1, "reply"),
        REPLY_ENDED,
        CallEnded(KEYS[0], "ok", "its result", None, 0, 0),
        MessagesRecorded(1, "results"),
        reserved(KEYS[1], reply=2),
        CallsDropped((KEYS[1],)),
        reserved(KEYS[2], reply=3),
    )

    assert [call.provider_id for call in resumption(events, lambda _: None).restored.cut_calls] == ["id3"]


def test_only_what_was_recorded_since_the_history_was_replaced_goes_to_the_model() -> None:
    events = stamp(
        TurnStarted(1, "p", "m"),
        MessagesRecorded(1, "old"),
        TurnEnded(1, "completed", None, Usage(1, 1), 1, 1),
        HistoryReplaced("compacted", "short"),
        TurnStarted(2, "q", "m"),
        MessagesRecorded(2, "new"),
        ReplyEnded(2, 1, "m", "stop", Usage(2, 2), 1),
    )

    found = resumption(events, lambda _: None)

    assert found.restored.payloads == ("short", "new")
    assert (found.restored.turns, found.restored.usage) == (2, Usage(3, 3))
    assert found.ends == (TurnEnded(2, "cancelled", CUT_OFF, Usage(2, 2), 0, 1),)


def test_a_question_that_was_open_is_closed() -> None:
    events = stamp(
        TurnStarted(1, "p", "m"),
        reserved(KEYS[0]),
        ApprovalAsked(KEYS[0], "edit", {}, TextPreview("t", "x")),
    )

    assert resumption(events, lambda _: None).ends[0] == ApprovalAnswered(KEYS[0], Deny(CUT_OFF), "cancel")


def test_a_rule_that_settings_hold_is_not_brought_back_from_the_log() -> None:
    own, kept_elsewhere = Rule("allow", "read"), Rule("allow", "shell(make)", "project")

    found = resumption(stamp(RuleAdded(own), RuleAdded(kept_elsewhere)), lambda _: None)

    assert found.restored.rules == (own,)


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes as files")
async def test_files_are_looked_at_without_being_led_astray(store: Store, tmp_path: Path) -> None:
    written = {name: tmp_path / name for name in ("applied", "untouched", "pipe", "linked", "gone")}
    new = hashlib.sha256(b"new").hexdigest()
    written["applied"].write_bytes(b"new")
    written["linked"].symlink_to(written["applied"])
    os.mkfifo(written["pipe"])
    opened = store.create()
    for stamped in stamp(
        SessionStarted(opened.session_id, "/w", "m", "default"),
        TurnStarted(1, "p", "m"),
        *(reserved(key) for key in KEYS[:5]),
        MessagesRecorded(1, "reply"),
        REPLY_ENDED,
        *(
            CallStarted(key, 0, "files", 0.0, {}, (WriteIntent(str(path), None, new),))
            for key, path in zip(KEYS, written.values(), strict=False)
        ),
    ):
        opened.log.append(stamped)
    opened.close()

    talk = Talk(store.open(opened.session_id), store, resume=True)

    ends = [(event.status, re.sub("`.*`", "", event.text)) for event in talk.events(CallEnded)]
    assert [text.rsplit(": ")[-1] for _, text in ends] == [
        "the change was applied.",
        "the change was not applied.",
        "it cannot be read now; whether the change was applied is not known.",
        "it cannot be read now; whether the change was applied is not known.",
        "the change was not applied.",
    ]
    assert [type(event) for event in talk.all()][-2:] == [TurnEnded, SessionResumed]
    await talk.session.close()
