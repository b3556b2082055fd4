"""While the model does not answer, the screen says for how long, and when it is asked again."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.tui.fake_session import key
from tests.tui.test_app import ASKED, staged, turn
from tests.tui.test_sessions import until

from plait.protocol.commands import Cancel
from plait.protocol.events import (
    ArgsDelta,
    CallReserved,
    Event,
    HistoryReplaced,
    Notice,
    ReplyAwaited,
    ReplyEnded,
    RetryScheduled,
    TextDelta,
    ThinkingDelta,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.views.tui.projector import Waiting, in_time
from plait.views.tui.surroundings import waiting_words

AWAITED = ReplyAwaited(1, 1, 34.0, 34.0, 180.0)
RETRY = RetryScheduled(1, 1, "`m` answered 429.", 600.0)
COUNTDOWN = re.compile(r"trying again in (10:00|9:[45]\d) · Esc ends it")


@pytest.mark.parametrize("size", [(60, 15), (100, 30)])
async def test_the_wait_for_a_reply_is_shown_and_can_be_ended(size: tuple[int, int]) -> None:
    async with staged(size) as stage:
        await turn(stage, AWAITED)
        await until(stage, lambda: "nothing from the model for 34 s of 180 s · Esc ends it" in stage.screen)

        await stage.say(replace(AWAITED, waited_s=35.0, silent_s=0.4))
        await until(stage, lambda: "server there, model silent for 35 s · Esc ends it" in stage.screen)

        await stage.press("escape")
        assert stage.told == [Cancel()]


@pytest.mark.parametrize("size", [(60, 15), (100, 30)])
async def test_a_countdown_runs_until_the_request_goes_out_again_and_can_be_ended(size: tuple[int, int]) -> None:
    async with staged(size) as stage:
        await turn(stage, RETRY)
        assert "Trying again in 10 min (attempt 1)." in " ".join(stage.screen.split())
        assert COUNTDOWN.search(stage.screen)
        await stage.say(Notice("info", "something else"))
        assert COUNTDOWN.search(stage.screen)

        await stage.press("escape")
        assert stage.told == [Cancel()]


ENDS: list[Event] = [
    TextDelta(1, 1, 0, "Well, "),
    ThinkingDelta(1, 1, 0, "hm"),
    ArgsDelta(1, 1, 0, "read", 3),
    CallReserved(key(1), "read", {"path": "a"}, "id", "read", "files"),
    ReplyEnded(1, 1, "m", "stop", Usage(), 1),
    TurnEnded(1, "cancelled", None, Usage(), 1, 1),
    AWAITED,
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: type(end).__name__)
async def test_the_countdown_ends_with_what_it_waited_for(end: Event) -> None:
    async with staged() as stage:
        await turn(stage, RETRY)
        await stage.say(end)

        await until(stage, lambda: "trying again" not in stage.screen)


@pytest.mark.parametrize(
    "end", [HistoryReplaced("compacted", "", 2, 1, 1), Notice("error", "no"), TurnStarted(1, "hi", "m")]
)
async def test_a_summary_outside_of_a_turn_is_waited_for_too(end: Event) -> None:
    async with staged() as stage:
        await stage.say(replace(RETRY, turn=0))
        assert COUNTDOWN.search(stage.screen)

        await stage.press("escape")
        assert stage.told == [Cancel()]
        await stage.say(end)
        assert "trying again" not in stage.screen


async def test_a_question_is_said_before_a_wait() -> None:
    async with staged() as stage:
        await turn(stage, AWAITED, ASKED)

        assert "waiting for you" in stage.screen
        assert "nothing from the model" not in stage.screen


@pytest.mark.parametrize(
    ("left_s", "words"),
    [(600.0, "10:00"), (599.5, "10:00"), (65.0, "1:05"), (59.0, "0:59"), (0.2, "0:01"), (0.0, ""), (-5.0, "")],
)
def test_the_countdown_counts_in_minutes_and_seconds(left_s: float, words: str) -> None:
    said = waiting_words(Waiting(retry_at_s=1_000.0), 1_000.0 - left_s)

    assert said == (f"trying again in {words}" if words else "trying again")


@pytest.mark.parametrize(("seconds", "words"), [(0.5, "0.5 s"), (90, "90 s"), (600, "10 min"), (125, "2 min 5 s")])
def test_a_time_is_said_as_people_do(seconds: float, words: str) -> None:
    assert in_time(seconds) == words
