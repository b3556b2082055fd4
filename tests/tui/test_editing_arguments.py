"""Arguments under the user's hands: what was written stays until it runs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.tui.fake_session import key
from tests.tui.test_app import ASKED, Stage, ask, staged
from textual.widgets import TextArea

from plait.protocol.calls import CommandPreview, TextPreview
from plait.protocol.commands import Allow, Decide
from plait.protocol.events import ApprovalAnswered, ApprovalAsked
from plait.views.tui.answer_keys import PAINTED_S
from plait.views.tui.screens.pages import ArgumentEditor

SHELL = ApprovalAsked(key(1), "shell", {"command": "make"}, CommandPreview("make", "/w", "runs make"))


async def begin_edit(stage: Stage) -> None:
    await stage.wait(PAINTED_S)
    await stage.press("e", "enter")
    await stage.pilot.pause()
    assert isinstance(stage.app.screen, ArgumentEditor)


def editor(stage: Stage) -> TextArea:
    return stage.app.screen.query_one(TextArea)


@pytest.mark.parametrize(
    ("written", "why", "at"),
    [
        ('{"path": "b.py",}', "not JSON", (0, 16)),
        ('{\n "path": "b.py"\n', "not JSON", (2, 0)),
        ("", "not JSON", (0, 0)),
        ("[1]", "must be a JSON object", (0, 0)),
        ('{"a": NaN}', "`NaN` is no number", (0, 0)),
        (r'{"a": "\ud800"}', "not JSON", (0, 0)),
        ("[" * 3_000, "not JSON", (0, 0)),
        ("1" * 9_000, "not JSON", (0, 0)),
    ],
)
@pytest.mark.parametrize("size", [(100, 30), (60, 15)])
async def test_a_slip_is_told_and_mended_where_it_was_made(
    written: str, why: str, at: tuple[int, int], size: tuple[int, int]
) -> None:
    async with staged(size) as stage:
        await ask(stage)
        await begin_edit(stage)
        editor(stage).load_text(written)
        await stage.press("ctrl+s")
        await stage.pilot.pause()

        assert editor(stage).text == written
        assert editor(stage).cursor_location == at
        assert why in stage.screen
        assert stage.told == []

        editor(stage).load_text('{"path": "b.py"}')
        await stage.press("ctrl+s")
        assert stage.told == [Decide(ASKED.key, Allow({"path": "b.py"}))]


async def test_what_was_written_is_there_again_after_going_back_to_the_question() -> None:
    async with staged() as stage:
        await ask(stage, SHELL)
        await begin_edit(stage)
        await stage.press("end", *" -n", "escape")
        assert stage.told == []

        await begin_edit(stage)
        assert editor(stage).text == "make -n"
        await stage.press("ctrl+s")
        assert stage.told == [Decide(SHELL.key, Allow({"command": "make -n"}))]


async def test_what_was_written_for_one_call_is_not_offered_for_another() -> None:
    async with staged() as stage:
        await ask(stage, SHELL)
        await begin_edit(stage)
        await stage.press("end", *" -n", "escape")
        await stage.say(ApprovalAnswered(SHELL.key, Allow()))
        await ask(stage, replace(ASKED, key=key(2)))

        await begin_edit(stage)
        assert json.loads(editor(stage).text) == ASKED.args


async def test_arguments_that_the_session_cannot_take_are_edited_on() -> None:
    written = {"path": 7}
    again = ApprovalAsked(
        ASKED.key, "edit", written, TextPreview("edit, as you wrote it", "Not run as you wrote it: …")
    )
    async with staged((60, 15)) as stage:
        await ask(stage)
        await begin_edit(stage)
        editor(stage).load_text(json.dumps(written))
        await stage.press("ctrl+s")
        await stage.say(ApprovalAnswered(ASKED.key, Allow(written)))
        await ask(stage, again)
        assert "Not run as you wrote it" in stage.screen

        await begin_edit(stage)
        assert json.loads(editor(stage).text) == written
