"""When a key is an answer and when it is text: the state machine alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from plait.views.tui.answer_keys import (
    NEXT_S,
    PAINTED_S,
    QUIET_S,
    Act,
    ActOnChoice,
    Answer,
    AnswerKeys,
    Confirm,
    Hold,
    Ignore,
    Type,
)

ANSWERS = {
    "y": Answer("yes"),
    "n": Answer("no"),
    "a": Answer("always", Confirm.ENTER),
    "ctrl+y": Answer("yes"),
}
SOON, LATE = 0.05, 1.0
EPSILON = 0.001


def opened(answers: dict[str, Answer] | None = None) -> AnswerKeys:
    keys = AnswerKeys()
    keys.ask(ANSWERS if answers is None else answers)
    keys.painted(0.0)
    return keys


def play(keys: AnswerKeys, typed: Sequence[tuple[str, float]], now_s: float = PAINTED_S) -> list[object]:
    """Press each key after its pause; return what came of all of them, time included."""
    steps: list[object] = []
    for key, pause_s in typed:
        now_s += pause_s
        if (due := keys.due(now_s)) is not None:
            steps.append(due)
        match key:
            case "enter":
                steps.append(keys.enter(now_s))
            case "right":
                steps.append(keys.move(now_s))
            case "wait":
                pass
            case _:
                steps.append(keys.press(key, key if len(key) == 1 else "", now_s))
    return steps


@pytest.mark.parametrize(
    ("typed", "steps"),
    [
        # By quiet, Enter, or the same key again.
        ([("y", 0), ("wait", QUIET_S - EPSILON)], [Hold()]),
        ([("y", 0), ("wait", QUIET_S + EPSILON)], [Hold(), Act("yes")]),
        ([("y", 0), ("enter", SOON)], [Hold(), Act("yes")]),
        ([("y", 0), ("y", SOON)], [Hold(), Act("yes")]),
        ([("n", 0), ("wait", LATE)], [Hold(), Act("no")]),
        ([("ctrl+y", 0), ("wait", LATE)], [Hold(), Act("yes")]),
        # What grants more acts by Enter only.
        ([("a", 0), ("wait", LATE)], [Hold()]),
        ([("a", 0), ("enter", LATE)], [Hold(), Act("always")]),
        ([("a", 0), ("a", SOON), ("wait", LATE)], [Hold(), Hold()]),
        ([("a", 0), ("a", SOON), ("n", LATE)], [Hold(), Hold(), Type("aa")]),
        ([("a", 0), ("n", LATE), ("d", SOON)], [Hold(), Type("a"), Type()]),
        ([("a", 0), ("y", LATE), ("wait", LATE)], [Hold(), Type("a")]),
        # Another key shows that both were text, and what follows soon is text too.
        ([("y", 0), ("e", SOON), ("s", SOON)], [Hold(), Type("y"), Type()]),
        ([("y", 0), ("n", SOON), ("y", SOON), ("wait", LATE)], [Hold(), Type("y"), Type()]),
        ([("x", 0), ("y", QUIET_S - EPSILON), ("wait", LATE)], [Type(), Type()]),
        ([("x", 0), ("y", QUIET_S + EPSILON), ("wait", LATE)], [Type(), Hold(), Act("yes")]),
        ([("y", 0), ("ctrl+y", SOON)], [Hold(), Type("y")]),
        # Enter alone answers nothing but what an arrow has chosen.
        ([("enter", 0)], [Ignore()]),
        ([("right", 0), ("enter", SOON)], [True, ActOnChoice()]),
        ([("right", 0), ("x", SOON), ("enter", LATE)], [True, Type(), Ignore()]),
        ([("x", 0), ("enter", SOON)], [Type(), Type()]),
        ([("x", 0), ("right", SOON), ("enter", LATE)], [Type(), False, Ignore()]),
        # An arrow after a letter: the letter was a choice.
        ([("y", 0), ("right", SOON), ("wait", LATE), ("enter", 0)], [Hold(), True, ActOnChoice()]),
        ([("right", 0), ("y", SOON), ("x", SOON), ("enter", LATE)], [True, Hold(), Type("y"), Ignore()]),
    ],
)
def test_a_key_is_an_answer_or_text(typed: list[tuple[str, float]], steps: list[object]) -> None:
    assert play(opened(), typed) == steps


@pytest.mark.parametrize("key", ["y", "n", "a", "x", "enter"])
@pytest.mark.parametrize("since_s", [0.0, PAINTED_S - EPSILON])
def test_no_key_answers_before_the_question_has_been_seen(key: str, since_s: float) -> None:
    assert play(opened(), [(key, 0.0), ("wait", LATE)], since_s) == [Type()]


def test_a_question_that_is_not_painted_yet_takes_no_key() -> None:
    keys = AnswerKeys()
    keys.ask(ANSWERS)

    assert play(keys, [("y", LATE), ("enter", LATE)], 100.0) == [Type(), Type()]
    assert not keys.move(200.0)


def test_after_another_screen_the_question_has_to_be_seen_again() -> None:
    keys = opened()
    keys.painted(50.0)

    assert keys.press("y", "y", 50.0 + PAINTED_S - EPSILON) == Type()


def test_an_answer_key_right_after_an_answer_waits_for_the_next_question() -> None:
    keys = opened()
    keys.answered(10.0)
    assert keys.press("y", "y", 10.1) == Hold()
    assert keys.lit is None
    assert keys.close() == ""

    assert keys.ask(ANSWERS) == ""
    assert keys.lit is not None
    keys.painted(10.3)

    assert keys.due(10.3 + PAINTED_S) is None
    assert keys.enter(10.3 + PAINTED_S - EPSILON) == Ignore()
    assert keys.due(10.3 + PAINTED_S + QUIET_S + EPSILON) == Act("yes")


def test_a_key_that_waits_is_text_as_soon_as_another_follows() -> None:
    keys = opened()
    keys.answered(10.0)

    assert play(keys, [("y", 0.1), ("e", 0.1)], 10.0) == [Hold(), Type("y")]


def test_a_key_that_waits_acts_on_nothing_by_being_pressed_again_before_the_question_was_seen() -> None:
    keys = opened()
    keys.answered(10.0)
    keys.close()
    keys.press("y", "y", 10.1)
    keys.ask(ANSWERS)
    keys.painted(10.2)

    assert keys.press("y", "y", 10.3) == Type("y")


def test_a_key_for_the_next_question_may_come_when_that_is_already_up() -> None:
    keys = opened()
    keys.answered(10.0)
    keys.close()
    keys.ask(ANSWERS)
    keys.painted(10.1)

    assert keys.press("y", "y", 10.2) == Hold()
    assert keys.due(10.1 + PAINTED_S + QUIET_S - EPSILON) is None
    assert keys.due(10.1 + PAINTED_S + QUIET_S + EPSILON) == Act("yes")


def test_a_key_that_no_question_comes_for_is_text() -> None:
    keys = opened()
    keys.answered(10.0)
    keys.close()
    keys.press("y", "y", 10.1)

    assert keys.due(10.1 + NEXT_S - EPSILON) is None
    assert keys.due(10.1 + NEXT_S + EPSILON) == Type("y")


def test_a_key_that_means_nothing_to_the_next_question_is_text() -> None:
    keys = opened()
    keys.answered(10.0)
    keys.close()
    keys.press("y", "y", 10.1)

    assert keys.ask({"1": Answer("option 1")}) == "y"


def test_what_is_lit_when_its_question_goes_is_text() -> None:
    for end in (AnswerKeys.close, lambda keys: keys.ask(ANSWERS)):
        keys = opened()
        keys.press("y", "y", PAINTED_S)

        assert end(keys) == "y"
        assert keys.due(100.0) is None


def test_a_list_that_the_user_opened_is_answered_by_enter_alone_but_not_after_text() -> None:
    keys = AnswerKeys(enter_alone=True)
    keys.ask({})
    keys.painted(0.0)

    assert play(keys, [("enter", 0)]) == [ActOnChoice()]
    assert play(keys, [("x", 0), ("enter", LATE), ("right", LATE), ("enter", 0)]) == [
        Type(),
        Ignore(),
        True,
        ActOnChoice(),
    ]
