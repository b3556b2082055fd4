"""A transcript is a fold over events, and folds of parts join to the fold of the whole."""

from hypothesis import given, settings
from tests.session.conversations import conversation, stamp

from plait.protocol.calls import CallKey, TextPreview
from plait.protocol.commands import Allow, Deny, Rule
from plait.protocol.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CallEnded,
    CallReserved,
    CallsDropped,
    CallStarted,
    Notice,
    RuleAdded,
    RuleRemoved,
    Stamped,
    TextDelta,
    TextEnded,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.session.transcript import CallView, TextView, TurnView, fold, join, step

KEY = CallKey("main", 1, 1)
OTHER = CallKey("main", 1, 2)


@settings(max_examples=150, deadline=None)
@given(conversation())
def test_folding_from_the_end_of_any_turn_and_filling_backwards_is_the_whole_fold(events: list[Stamped]) -> None:
    whole = fold(events)

    for place, stamped in enumerate(events, 1):
        if isinstance(stamped.event, TurnEnded):
            assert join(fold(events[:place]), fold(events[place:])) == whole
            assert fold(events[place:], fold(events[:place])) == whole


def test_a_call_goes_from_queued_over_asking_and_running_to_its_outcome() -> None:
    transcript = fold(stamp(TurnStarted(1, "p", "m")))
    states = []
    for stamped in stamp(
        CallReserved(KEY, "edit", {}, "id", "write", "files"),
        ApprovalAsked(KEY, "edit", {}, TextPreview("t", "x")),
        ApprovalAnswered(KEY, Allow({"path": "b"})),
        CallStarted(KEY, 0, "files", 0.0, {"path": "b"}),
        CallEnded(KEY, "ok", "done", None, 0.0, 2.0),
    ):
        transcript = step(transcript, stamped)
        [call] = transcript.turns[0].blocks
        assert isinstance(call, CallView)
        states.append((call.state, transcript.asking))

    assert states == [("queued", None), ("asking", KEY), ("queued", None), ("running", None), ("ok", None)]
    assert call == CallView(KEY, "edit", {"path": "b"}, "ok", "done", None, 2.0)


def test_a_turn_holds_what_was_said_and_done_in_order() -> None:
    transcript = fold(
        stamp(
            Notice("info", "before"),
            TurnStarted(1, "p", "m"),
            TextDelta(1, 1, 0, "live"),
            TextEnded(1, 1, 0, "I look"),
            CallReserved(KEY, "read", {}, "id", "read", "files"),
            CallReserved(OTHER, "read", {}, "id", "read", "files"),
            Notice("info", "within"),
            ApprovalAsked(OTHER, "read", {}, TextPreview("t", "x")),
            ApprovalAnswered(OTHER, Deny("no")),
            CallEnded(OTHER, "denied", "no", None, 0.0, 0.0),
            CallsDropped((KEY,)),
            TurnEnded(1, "failed", "broke", Usage(1), 1, 1),
            Notice("info", "after"),
        )
    )

    assert transcript.turns == (
        TurnView(
            1,
            "p",
            (
                TextView("assistant", "I look"),
                CallView(OTHER, "read", {}, "denied", "no"),
                TextView("notice", "within"),
            ),
            "failed",
            "broke",
        ),
    )
    assert transcript.notices == ("before", "after")
    assert transcript.usage == Usage(1)


def test_a_rule_that_was_taken_back_is_no_rule_wherever_it_was_granted() -> None:
    rule, kept = Rule("allow", "edit(src/**)"), Rule("allow", "shell(pytest)")
    granted = fold(stamp(RuleAdded(rule), RuleAdded(kept)))

    assert join(granted, fold(stamp(RuleRemoved(rule)))).rules == (kept,)
