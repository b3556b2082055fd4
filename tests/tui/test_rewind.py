"""Going back from the screen: by command and by Esc Esc, with what others changed named."""

from __future__ import annotations

from typing import Any

import pytest
from tests.tui.fake_session import FakeSession
from tests.tui.test_app import Stage, staged, turn
from tests.tui.test_sessions import until

from plait.protocol.commands import Prompt, Rewind
from plait.protocol.events import Rewound, TextEnded, TurnEnded, TurnStarted, Usage
from plait.protocol.queries import FileRewind, GetLog, GetRewindPlan, ListRewindPoints, RewindPlan, RewindPoint
from plait.views.tui.answer_keys import PAINTED_S, QUIET_S
from plait.views.tui.screens.rewind import PointPicker, RewindPage

POINTS = (
    RewindPoint(2, 0, 1, "first \x1b]0;x\x07", 3),
    RewindPoint(9, 0, 2, "second", 1),
)
PLAN = RewindPlan(
    9,
    (
        FileRewind("/w/demo/a.py", "restore", by_command=True),
        FileRewind("/w/demo/mine.py", "restore", others=True),
        FileRewind("/w/demo/\x1b[31mb.py", "delete"),
        FileRewind("/w/demo/big", "restore", why_not="what it held before was not kept"),
    ),
    ("`make` was cut off.",),
)


class Session(FakeSession):
    """Answers with what is left after the conversation went back."""

    def __init__(self, plan: RewindPlan = PLAN, points: tuple[RewindPoint, ...] = POINTS) -> None:
        super().__init__()
        self.answers |= {ListRewindPoints: points, GetRewindPlan: plan}

    async def query(self, query: Any) -> Any:
        answer = await super().query(query)
        if isinstance(query, GetLog):
            back = [stamped for stamped in self.log if isinstance(stamped.event, Rewound)]
            if back and isinstance(back[-1].event, Rewound):
                to_seq = back[-1].event.to_seq
                return tuple(stamped for stamped in answer if stamped.seq < to_seq or stamped.seq >= back[-1].seq)
        return answer


async def picking(stage: Stage, *keys: str) -> None:
    await stage.press(*keys)
    await until(stage, lambda: isinstance(stage.app.screen, PointPicker))
    await stage.wait(PAINTED_S)


async def looking(stage: Stage) -> None:
    await picking(stage, *"/rewind", "enter")
    await stage.press("enter")
    await until(stage, lambda: isinstance(stage.app.screen, RewindPage))
    await stage.wait(PAINTED_S)


async def test_nothing_of_the_page_is_beyond_the_edge_of_80_columns() -> None:
    async with staged((80, 24), session=Session()) as stage:
        await looking(stage)

        assert "choose it below to lose that" in " ".join(stage.screen.split())
        assert "Esc goes back" in stage.screen


async def test_the_newest_moment_is_chosen_first_and_the_plan_is_shown() -> None:
    async with staged(session=Session()) as stage:
        await picking(stage, *"/rewind", "enter")
        assert "3 files changed since" in stage.screen
        assert "\x1b" not in stage.screen

        await stage.press("enter")
        await until(stage, lambda: isinstance(stage.app.screen, RewindPage))
        await stage.pilot.pause()

        for words in (
            "before “second”",
            "✓ a.py restored · changed while a command ran",
            "! mine.py stays, somebody else changed it since",
            "deleted, it was not there",
            "✗ big stays: what it held before was not kept",
            "`make` was cut off.",
            "Both: the conversation and 2 files",
            "□  mine.py",
        ):
            assert words in stage.screen
        assert "\x1b" not in stage.screen


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        (["down", "up", "enter"], Rewind(9, "both")),
        (["b", "b"], Rewind(9, "both")),
        (["c", "enter"], Rewind(9, "conversation")),
        (["f", "f"], Rewind(9, "files")),
        (["down", "down", "enter"], Rewind(9, "files")),
        (["a", "wait", "f", "f"], Rewind(9, "files", ("/w/demo/mine.py",))),
        (["a", "a", "f", "f"], Rewind(9, "files")),
        (["a", "wait", "c", "c"], Rewind(9, "conversation")),
        (["up", "enter", "up", "enter"], Rewind(9, "files", ("/w/demo/mine.py",))),
    ],
)
async def test_it_is_answered_by_keyboard(keys: list[str], command: Rewind) -> None:
    async with staged(session=Session()) as stage:
        await looking(stage)

        for pressed in keys:
            await (stage.wait(QUIET_S) if pressed == "wait" else stage.press(pressed))

        await until(stage, lambda: stage.told == [command])
        assert stage.app.screen is stage.app.chat


async def test_escape_twice_opens_it_and_escape_closes_each_step() -> None:
    async with staged(session=Session()) as stage:
        await picking(stage, "escape", "escape")
        await stage.press("escape")
        assert stage.app.screen is stage.app.chat

        await looking(stage)
        await stage.press("escape")

        assert stage.app.screen is stage.app.chat
        assert stage.told == []


async def test_escape_twice_does_not_go_back_while_something_is_typed_or_runs() -> None:
    async with staged(session=Session()) as stage:
        await stage.press("x", "escape", "escape")
        assert stage.app.screen is stage.app.chat

        await stage.press("backspace")
        await turn(stage)
        await stage.press("escape", "escape", *"/rewind", "enter")

        assert stage.app.screen is stage.app.chat
        assert all(not isinstance(command, Rewind) for command in stage.told)


async def test_what_was_taken_back_leaves_the_screen_and_its_prompt_returns() -> None:
    async with staged(session=Session()) as stage:
        for number, word in ((1, "alpha"), (2, "beta")):
            await stage.say(
                TurnStarted(number, f"prompt {word}", "m"),
                TextEnded(number, 1, 0, f"answer {word}"),
                TurnEnded(number, "completed", None, Usage(10, 10), 1, 1),
            )
        to_seq = next(s.seq for s in stage.session.log if isinstance(s.event, TurnStarted) and s.event.turn == 2)

        stage.session.say(Rewound(to_seq, 2, "both", "prompt beta", payload="[]", left=("`a` was left as it is.",)))
        await until(stage, lambda: stage.app.chat.prompt.text == "prompt beta")
        await stage.settle()

        assert "answer alpha" in stage.screen
        assert "answer beta" not in stage.screen
        assert "Went back with the conversation and files to before “prompt beta”" in stage.screen
        assert "`a` was left as it is." in stage.screen
        await stage.press("enter")
        assert stage.told == [Prompt("prompt beta")]


async def test_files_alone_leave_the_conversation_on_the_screen() -> None:
    async with staged(session=Session()) as stage:
        await turn(stage, TextEnded(1, 1, 0, "answer"), TurnEnded(1, "completed", None, Usage(), 1, 1))

        await stage.say(Rewound(2, 1, "files", "fix f"))

        assert "answer" in stage.screen
        assert "Went back with files to before “fix f”" in stage.screen
        assert stage.app.chat.prompt.text == ""


async def test_without_changed_files_only_the_conversation_is_offered() -> None:
    async with staged(session=Session(RewindPlan(9))) as stage:
        await looking(stage)
        assert "Both" not in stage.screen

        await stage.press("c", "c")

        await until(stage, lambda: stage.told == [Rewind(9, "conversation")])


async def test_what_is_typed_when_it_comes_up_goes_back_to_the_prompt() -> None:
    async with staged(session=Session()) as stage:
        await looking(stage)

        await stage.press(*"back it up", "enter")

        assert stage.app.screen is stage.app.chat
        assert stage.told == [Prompt("back it up")]


async def test_before_anything_was_said_there_is_nothing_to_go_back_to() -> None:
    async with staged(session=Session(points=())) as stage:
        await stage.press(*"/rewind", "enter")

        await until(stage, lambda: any("nothing to go back to" in t.message for t in stage.app._notifications))
