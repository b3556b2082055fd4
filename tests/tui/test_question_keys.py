"""Keys around a question, on the running app: what has the focus, what is shown, where letters go."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.tui.fake_session import key
from tests.tui.test_app import ASKED, Stage, ask, staged, turn
from textual.events import Paste

from plait.protocol.calls import CommandPreview, QuestionPreview
from plait.protocol.commands import Allow, AllowAlways, Decide, Deny, Prompt, Reply, Rule
from plait.protocol.events import ApprovalAnswered, ApprovalAsked, CallReserved, TextEnded
from plait.views.tui.answer_keys import NEXT_S, PAINTED_S, QUIET_S
from plait.views.tui.screens.pages import HelpPage

DANGER = ApprovalAsked(
    key(1), "shell", {"command": "rm -rf ~"}, CommandPreview("rm -rf ~", ".", "destroys"), (), "destroys the home"
)
CHOICE = ApprovalAsked(key(1), "ask_user", {}, QuestionPreview("Which one?", ("left", "right")))


def text(stage: Stage) -> str:
    return stage.app.chat.prompt.text


@pytest.mark.parametrize("width", [60, 120])
async def test_the_answer_that_is_lit_is_shown_with_how_to_confirm_it(width: int) -> None:
    async with staged((width, 30)) as stage:
        await ask(stage)
        assert "› y Yes" in stage.screen

        await stage.press("y")
        assert "❯ y Yes" in stage.screen
        assert "Enter or y: yes, now" in stage.screen

        await stage.press("backspace", "a")
        assert "❯ a Always" in stage.screen
        assert "Enter: always, this session" in stage.screen
        await stage.wait(10)
        assert stage.told == []

        await stage.press("enter")
        assert stage.told == [Decide(key(1), AllowAlways(Rule("allow", "edit(src/**)")))]


async def test_what_is_dangerous_is_allowed_by_enter_only() -> None:
    async with staged() as stage:
        await ask(stage, DANGER)
        await stage.press("y", "y")
        await stage.wait(10)
        assert stage.told == []

        await stage.press("enter")
        assert stage.told == [Decide(key(1), Allow())]


async def test_text_takes_the_focus_back_and_the_question_gets_it_when_the_prompt_is_empty() -> None:
    async with staged() as stage:
        await ask(stage)
        await stage.press(*"yet another thing", "enter")
        assert stage.told == [Prompt("yet another thing")]
        assert stage.app.focused is stage.app.chat.prompt
        assert "Tab answers" in stage.screen

        await stage.wait(QUIET_S)
        assert stage.app.focused is stage.app.chat.approval
        await stage.press("y", "enter")
        assert stage.told[1:] == [Decide(key(1), Allow())]


async def test_a_draft_keeps_the_focus_until_tab_and_is_kept() -> None:
    async with staged() as stage:
        await stage.press(*"and")
        await stage.wait(10)
        await ask(stage)
        assert stage.app.focused is stage.app.chat.prompt
        await stage.press("y")
        await stage.wait(10)
        assert stage.told == []
        assert text(stage) == "andy"

        await stage.press("tab", "y")
        await stage.wait(QUIET_S)
        assert stage.told == [Decide(key(1), Allow())]
        assert text(stage) == "andy"


async def test_a_key_right_after_an_answer_is_for_the_next_question() -> None:
    async with staged() as stage:
        await ask(stage)
        await stage.press("y", "y", "y")
        assert stage.told == [Decide(key(1), Allow())]
        assert text(stage) == ""

        await stage.say(ApprovalAnswered(key(1), Allow()), replace(ASKED, key=key(2)))
        assert "❯ y Yes" in stage.screen
        await stage.wait(PAINTED_S)
        assert len(stage.told) == 1
        await stage.wait(QUIET_S)
        assert stage.told[1:] == [Decide(key(2), Allow())]


async def test_a_key_right_after_the_last_answer_is_text() -> None:
    async with staged() as stage:
        await ask(stage)
        await stage.press("y", "enter")
        await stage.say(ApprovalAnswered(key(1), Allow()))
        await stage.press("y")
        assert text(stage) == ""

        await stage.wait(NEXT_S)
        assert text(stage) == "y"


async def test_a_letter_that_is_lit_when_the_question_goes_is_text() -> None:
    async with staged() as stage:
        await ask(stage)
        await stage.press("y")
        await stage.say(ApprovalAnswered(key(1), Allow(), "rule"), replace(ASKED, key=key(2)))
        await stage.wait(10)

        assert stage.told == []
        assert text(stage) == "y"


async def test_a_reason_that_is_being_written_when_the_question_goes_is_text() -> None:
    async with staged() as stage:
        await ask(stage)
        await stage.press("n", "n", *"not so")
        await stage.say(ApprovalAnswered(key(1), Allow(), "rule"))
        await stage.press(*" fast")

        assert stage.told == []
        assert text(stage) == "not so fast"


async def test_a_reason_that_was_sent_does_not_come_back() -> None:
    async with staged() as stage:
        await ask(stage)
        await stage.press("n", "n", *"not so", "enter")
        await stage.say(ApprovalAnswered(key(1), Deny("not so")))

        assert stage.told == [Decide(key(1), Deny("not so"))]
        assert text(stage) == ""


async def test_a_paste_is_no_answer() -> None:
    async with staged() as stage:
        await ask(stage)
        await stage.press("y")
        stage.app.post_message(Paste("y"))
        await stage.wait(10)

        assert stage.told == []
        assert text(stage) == "yy"


@pytest.mark.parametrize("asked", [None, ASKED])
async def test_a_click_never_moves_the_focus(asked: ApprovalAsked | None) -> None:
    async with staged() as stage:
        await turn(stage, TextEnded(1, 1, 0, "words"), CallReserved(key(1), "edit", {}, "id", "write", "files"))
        if asked is not None:
            await ask(stage, asked)
        before = stage.app.focused
        for selector in ("#transcript", "#approval" if asked else "#activity", "#prompt", "#status"):
            await stage.pilot.click(selector)
            assert stage.app.focused is before
        await stage.press(*"xy")

        assert stage.told == []
        assert stage.app.clipboard == ""
        assert text(stage) == "xy"


async def test_tab_does_not_go_to_the_transcript() -> None:
    async with staged() as stage:
        await turn(stage, TextEnded(1, 1, 0, "words"))
        await stage.press("tab", *"xy")
        assert text(stage) == "xy"


async def test_who_walks_the_transcript_goes_on_doing_so_when_a_question_comes() -> None:
    async with staged() as stage:
        await turn(stage, TextEnded(1, 1, 0, "words"))
        await stage.press("ctrl+up")
        await ask(stage)
        await stage.press("y")
        await stage.wait(10)
        assert stage.told == []
        assert stage.app.clipboard != ""

        await stage.press("escape")
        await stage.wait(QUIET_S)
        await stage.press("y", "enter")
        assert stage.told == [Decide(key(1), Allow())]


async def test_after_another_page_the_question_has_to_be_seen_again() -> None:
    async with staged() as stage:
        await ask(stage)
        await stage.press("f1")
        assert isinstance(stage.app.screen, HelpPage)
        await stage.press("escape", "y")
        await stage.wait(10)

        assert stage.told == []
        assert text(stage) == "y"


async def test_an_answer_in_words_is_written_after_tab() -> None:
    async with staged() as stage:
        await ask(stage, CHOICE)
        await stage.press(*"neither")
        assert stage.told == []

        await stage.press("tab", *" of them", "enter")
        assert stage.told == [Decide(key(1), Reply("neither of them"))]


async def test_a_draft_is_no_answer_in_words() -> None:
    async with staged() as stage:
        await stage.press(*"a draft")
        await ask(stage, CHOICE)
        await stage.press("tab", *"both", "enter")

        assert stage.told == [Decide(key(1), Reply("both"))]
        assert text(stage) == "a draft"


async def test_escape_denies_at_once_with_a_letter_lit_and_with_a_draft() -> None:
    for before in ("y", "xy"):
        async with staged() as stage:
            await ask(stage)
            await stage.press(*before, "escape")
            await stage.wait(10)

            assert stage.told == [Decide(key(1), Deny(""))]


async def test_own_keys_answer_by_the_same_rule() -> None:
    async with staged(keyboard={"yes": "ctrl+y"}) as stage:
        await ask(stage)
        await stage.press("y")
        assert text(stage) == "y"
        await stage.press("backspace")
        await stage.wait(QUIET_S)

        await stage.press("ctrl+y")
        assert stage.told == []
        await stage.wait(QUIET_S)
        assert stage.told == [Decide(key(1), Allow())]
