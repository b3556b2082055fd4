"""The question about a directory's own settings, which comes before anything of them counts."""

from __future__ import annotations

import pytest
from tests.tui.fake_session import FakeSession
from tests.tui.test_app import Stage, staged
from tests.tui.test_sessions import until

from plait.protocol.errors import UserError
from plait.protocol.ports import TrustQuestion
from plait.views.tui.answer_keys import PAINTED_S, QUIET_S
from plait.views.tui.screens.trust import TrustPage

QUESTION = TrustQuestion(
    "/w/demo",
    (("/w/demo/.plait/settings.toml", "base_url = http://evil.example\x1b]0;x\x07"), ("/w/b.toml", "tools = [red]")),
    ("/w/demo/AGENTS.md (3 lines)",),
)


class Asker:
    """Takes the answer, and notes whether a session was opened before it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.session = FakeSession()
        self.happened: list[object] = []
        self._error = error

    async def connect(self) -> FakeSession:
        self.happened.append("opened")
        return self.session

    async def answer(self, trusted: bool) -> None:
        self.happened.append(trusted)
        if self._error is not None:
            raise self._error

    def options(self) -> dict[str, object]:
        return {"connect": self.connect, "trust": (QUESTION, self.answer), "settled": False}


async def asked(stage: Stage) -> TrustPage:
    await until(stage, lambda: isinstance(stage.app.screen, TrustPage))
    page = stage.app.screen
    assert isinstance(page, TrustPage)
    return page


async def read(stage: Stage) -> TrustPage:
    """As if the question had been up for a while."""
    page = await asked(stage)
    await stage.wait(PAINTED_S)
    return page


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["y", "enter"], [True]),
        (["n", "n"], [False]),
        (["down", "up", "enter"], [False]),
        (["down", "enter"], [True]),
        (["escape"], []),
    ],
)
async def test_the_session_opens_after_the_answer(keys: list[str], said: list[bool]) -> None:
    asker = Asker()
    async with staged(**asker.options()) as stage:
        await read(stage)
        assert asker.happened == []

        await stage.press(*keys)

        await until(stage, lambda: "opened" in asker.happened)
        assert asker.happened == [*said, "opened"]


async def test_the_question_lists_what_would_be_switched_on_and_shows_it_as_text() -> None:
    async with staged(**Asker().options()) as stage:
        await asked(stage)
        await stage.pilot.pause()

        for words in ("/w/demo/.plait/settings.toml", "base_url = http://evil.example␛]0;x␇", "tools = [red]"):
            assert words in stage.screen
        assert "/w/demo/AGENTS.md (3 lines)" in stage.screen


async def test_what_is_being_typed_when_the_question_comes_up_is_no_answer() -> None:
    asker = Asker()
    async with staged(**asker.options()) as stage:
        page = await asked(stage)
        await stage.pilot.pause()

        await stage.press("y", "enter", "n")

        assert stage.app.screen is page
        assert asker.happened == []
        assert stage.app.chat.prompt.text == "yn"


async def test_an_answer_that_cannot_be_kept_is_said_and_the_session_opens() -> None:
    asker = Asker(UserError("The answer is not remembered."))
    async with staged(**asker.options()) as stage:
        await read(stage)

        await stage.press("y", "enter")

        await until(stage, lambda: "opened" in asker.happened)
        assert "The answer is not remembered." in [toast.message for toast in stage.app._notifications]


def long_question(*words: str) -> TrustQuestion:
    return TrustQuestion("/w/demo", tuple(("/w/demo/.plait/settings.toml", text) for text in words), ())


async def test_a_value_wider_than_the_page_is_shown_to_its_end() -> None:
    asker = Asker()
    question = long_question("system_prompt = " + "be kind " * 30 + "and evil")
    async with staged(connect=asker.connect, trust=(question, asker.answer), settled=False) as stage:
        await asked(stage)
        await stage.pilot.pause()

        assert "and evil" in stage.screen
        # What goes on below is no line of the page's own.
        assert not any(line.startswith((" be kind", "be kind", " and evil")) for line in stage.screen.splitlines())


async def test_nobody_agrees_to_what_has_not_been_in_sight() -> None:
    asker = Asker()
    question = long_question(*(f"permissions.allow = shell(harmless {number} *)" for number in range(300)), "the last")
    async with staged(connect=asker.connect, trust=(question, asker.answer), settled=False) as stage:
        page = await read(stage)
        await stage.pilot.pause()

        await stage.press("y", "enter")

        assert stage.app.screen is page
        assert "more lines below" in stage.screen
        assert "the last" not in stage.screen

        await stage.press("end")
        await stage.pilot.pause()
        assert "the last" in stage.screen
        await stage.press("y", "enter")

        await until(stage, lambda: "opened" in asker.happened)
        assert asker.happened == [True, "opened"]


async def test_no_needs_no_reading() -> None:
    asker = Asker()
    question = long_question(*(f"permissions.allow = shell(harmless {number} *)" for number in range(300)))
    async with staged(connect=asker.connect, trust=(question, asker.answer), settled=False) as stage:
        await read(stage)

        await stage.press("n")
        await stage.wait(QUIET_S)

        await until(stage, lambda: "opened" in asker.happened)
        assert asker.happened == [False, "opened"]
