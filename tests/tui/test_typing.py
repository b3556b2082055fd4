"""Typed text answers no question, whatever it is, whenever it is typed; every letter of it ends in the prompt.

`PLAIT_TYPED_TEXTS` is how many texts are typed around each kind of question.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

import pytest
from tests.tui.fake_session import FakeSession, key
from tests.tui.test_app import ASKED, EDIT, Stage, ask, staged, turn
from tests.tui.test_group import ASKED as GROUPED
from tests.tui.test_rewind import Session as RewindSession
from tests.tui.test_sessions import until
from tests.tui.test_trust import QUESTION
from tests.tui.typing import messages, strokes
from textual import events

from plait.protocol.calls import CommandPreview, DiffsDetail, Preview, QuestionPreview, TextPreview
from plait.protocol.commands import Deny, Prompt, Rule
from plait.protocol.events import ApprovalAnswered, ApprovalAsked
from plait.views.tui.answer_keys import PAINTED_S, QUIET_S, Act, AnswerKeys, Hold, Type
from plait.views.tui.screens.answer_screen import AnswerScreen
from plait.views.tui.screens.chat import Chat
from plait.views.tui.screens.picker import Picker
from plait.views.tui.screens.rewind import RewindPage
from plait.views.tui.screens.trust import TrustPage

pytestmark = pytest.mark.slow
TEXTS = int(os.environ.get("PLAIT_TYPED_TEXTS", "5"))
MAKE = CommandPreview("make", "/w", "runs make")
OFFERS = (Rule("allow", "shell(make)"), Rule("allow", "shell(make *)"))


def question(name: str, preview: Preview, offers: tuple[Rule, ...] = (), danger: str | None = None) -> ApprovalAsked:
    return ApprovalAsked(key(1), name, {"command": "x"}, preview, offers, danger)


QUESTIONS = {
    "edit": ASKED,
    "edits": question("edit", DiffsDetail((EDIT, EDIT)), OFFERS),
    "command": question("shell", MAKE, OFFERS),
    "dangerous command": question("shell", CommandPreview("rm -rf ~", "/w", "destroys"), (), "destroys the home"),
    "group": GROUPED,
    "other tool": question("mcp_x", TextPreview("mcp_x", "{}"), OFFERS),
    "plan": question("propose_plan", TextPreview("Plan", "1. do it")),
    "choice": question("ask_user", QuestionPreview("Which one?", ("left", "right", "both", "none"))),
    "open question": question("ask_user", QuestionPreview("Which one?", ())),
}


async def strike(stage: Stage, character: str) -> None:
    name = {"\r": "enter"}.get(character, character)
    await stage.app.on_event(events.Key(name, character))


async def settle(stage: Stage) -> None:
    """Wait until every key has arrived; far sooner than by a pause of the pilot, which watches the processor."""
    chat = stage.app.chat
    widgets = (stage.app, stage.app.screen, chat, chat.prompt, chat.approval)
    await asyncio.sleep(0)
    while any(widget.message_queue_size for widget in widgets):
        await asyncio.sleep(0)


async def pass_time(stage: Stage, seconds: float) -> None:
    """Let time pass; what it brings about is looked for as often as by the timer."""
    if seconds < QUIET_S:
        stage.clock.advance(seconds)
        return
    await settle(stage)
    stage.clock.advance(seconds)
    screen = stage.app.screen
    for _ in range(2):
        if isinstance(screen, Chat):
            screen.question_keys.poll()
        elif isinstance(screen, AnswerScreen):
            screen.poll()
    await settle(stage)


async def type_around(stage: Stage, random: Random, appear: Callable[[], Awaitable[None]]) -> list[str]:
    """Type a few messages, and let the question appear somewhere in between. Return what was typed."""
    texts = messages(random)
    typed = [stroke for text in texts for stroke in (*strokes(random, text), None)]
    appears_at = random.choice((0, 0, random.randrange(len(typed))))
    for place, stroke in enumerate(typed):
        if place == appears_at:
            await stage.pilot.pause()
            await appear()
            await stage.pilot.pause()
        if stroke is not None:
            await pass_time(stage, stroke.pause_s)
            await strike(stage, stroke.character)
        elif place < len(typed) - 1:
            await pass_time(stage, random.uniform(0.0, 1.0))
            await strike(stage, "\r")
            await settle(stage)
    await pass_time(stage, 5.0)
    return texts


async def typed_around_question(stage: Stage, kind: str, seed: int) -> tuple[list[object], list[object], str]:
    """Return what was asked of the session, what should have been, and what is left in the prompt, marked if wrong."""
    asked = replace(QUESTIONS[kind], key=key(seed))
    stage.told.clear()
    stage.app.chat.prompt.set_text("")
    await pass_time(stage, 5.0)

    async def appear() -> None:
        await stage.say(asked)

    *sent, left = await type_around(stage, Random(f"{kind} {seed}"), appear)
    told, is_open = list(stage.told), stage.app.chat.approval.asked is asked
    on_chat, text = stage.app.screen is stage.app.chat, stage.app.chat.prompt.text
    while stage.app.screen is not stage.app.chat:
        await stage.press("escape")
    await stage.say(ApprovalAnswered(asked.key, Deny("")))
    wanted: list[object] = [*(Prompt(text) for text in sent), left, True, True]
    return [*told, text, is_open, on_chat], wanted, kind


@pytest.mark.parametrize("kind", QUESTIONS)
async def test_no_text_answers_a_question_and_all_of_it_ends_in_the_prompt(kind: str) -> None:
    async with staged() as stage:
        await turn(stage)
        for seed in range(1, TEXTS + 1):
            got, wanted, _ = await typed_around_question(stage, kind, seed)
            assert got == wanted, f"seed {seed}"


class Hasty(AnswerKeys):
    """Answers by a key as soon as that comes, half a second after the question: as if typing could not be."""

    def press(self, key: str, character: str, now_s: float) -> Type | Hold | Act:
        answer = self._answers.get(key)
        return Act(answer.action) if answer is not None and self.is_painted(now_s) else super().press(key, "", now_s)


@pytest.mark.parametrize("kind", ["command", "group", "choice"])
async def test_text_that_answers_would_be_noticed(kind: str) -> None:
    async with staged() as stage:
        stage.app.chat.approval.keys = stage.app.chat.question_keys._keys = Hasty()
        await turn(stage)
        wrong = 0
        for seed in range(1, 9):
            got, wanted, _ = await typed_around_question(stage, kind, seed)
            wrong += got != wanted
        assert wrong > 0


@pytest.mark.parametrize("seed", range(1, TEXTS + 1))
async def test_no_text_ticks_or_allows_anything_in_the_list_of_those_that_wait(seed: int) -> None:
    async with staged() as stage:
        await ask(stage, GROUPED)

        async def appear() -> None:
            await until(stage, lambda: isinstance(stage.app.screen, Picker))

        await stage.press("g", "g")
        await appear()
        await stage.wait(Random(seed).choice((0.0, PAINTED_S, 2.0)))
        [text, *_] = messages(Random(seed))
        for stroke in strokes(Random(seed), text):
            await pass_time(stage, stroke.pause_s)
            await strike(stage, stroke.character)
        await pass_time(stage, 5.0)

        assert stage.told == []
        assert stage.app.chat.prompt.text == text


@pytest.mark.parametrize("seed", range(1, TEXTS + 1))
async def test_no_text_goes_back_in_the_session(seed: int) -> None:
    async with staged(session=RewindSession()) as stage:
        await stage.press("escape", "escape")
        await stage.wait(PAINTED_S)
        await stage.press("enter")
        await until(stage, lambda: isinstance(stage.app.screen, RewindPage))
        await stage.wait(Random(seed).choice((0.0, PAINTED_S, 2.0)))
        [text, *_] = messages(Random(seed))
        for stroke in strokes(Random(seed), text):
            await pass_time(stage, stroke.pause_s)
            await strike(stage, stroke.character)
        await pass_time(stage, 5.0)

        assert stage.told == []
        assert stage.app.chat.prompt.text == text


@pytest.mark.parametrize("seed", range(1, TEXTS + 1))
async def test_no_text_trusts_a_directory(seed: int) -> None:
    answers: list[bool] = []

    async def answer(trusted: bool) -> None:
        answers.append(trusted)

    async def connect() -> FakeSession:
        return FakeSession()

    async with staged(connect=connect, trust=(QUESTION, answer), settled=False) as stage:
        await until(stage, lambda: isinstance(stage.app.screen, TrustPage))
        await stage.wait(Random(seed).choice((0.0, PAINTED_S, 2.0)))
        texts = messages(Random(seed))
        for text in texts:
            for stroke in strokes(Random(seed), text):
                await pass_time(stage, stroke.pause_s)
                await strike(stage, stroke.character)
            await strike(stage, "\r")
        await pass_time(stage, 5.0)

        assert answers == []
        assert isinstance(stage.app.screen, TrustPage)
        assert stage.app.chat.prompt.text == "".join(texts)
