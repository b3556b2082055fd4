"""How the screen comes to a session, and what it does when there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from tests.tui.fake_session import FakeDesktop, FakeSession, FakeSessions, key
from tests.tui.test_app import Stage, staged, turn

from plait.protocol.calls import CommandPreview
from plait.protocol.commands import Prompt
from plait.protocol.errors import SessionInUse, UserError
from plait.protocol.events import ApprovalAsked, TextEnded, TurnStarted
from plait.protocol.queries import GetContext, GetStatus, Status
from plait.views.tui.answer_keys import PAINTED_S
from plait.views.tui.app import Left


class Engine:
    """Fails as often as it has errors, then opens its session."""

    def __init__(self, *errors: Exception) -> None:
        self.session = FakeSession()
        self._errors = list(errors)

    async def connect(self) -> FakeSession:
        if self._errors:
            raise self._errors.pop(0)
        return self.session


async def until(stage: Stage, is_so: Callable[[], bool]) -> None:
    while not is_so():
        await stage.pilot.pause(0.01)


@pytest.mark.parametrize("error", [UserError("`nope`: no such model."), RuntimeError("engine broke")])
async def test_after_a_failed_start_the_next_prompt_tries_again(error: Exception) -> None:
    engine = Engine(error)
    async with staged(connect=engine.connect, session=engine.session) as stage:
        await until(stage, lambda: "no session · Enter tries again" in stage.screen)
        assert str(error) in stage.screen

        await stage.press(*"hi", "enter")
        await until(stage, lambda: engine.session.submitted != [])

        assert engine.session.submitted == [Prompt("hi")]
        assert "no session" not in stage.screen


async def test_what_was_sent_before_a_failed_start_is_in_the_prompt_again() -> None:
    engine = Engine(UserError("no luck."))
    async with staged(connect=engine.connect, initial_prompt="fix it") as stage:
        await until(stage, lambda: "no luck." in stage.screen)

        assert stage.app.chat.prompt.text == "fix it"
        assert engine.session.submitted == []


async def test_a_query_that_fails_is_one_line() -> None:
    async with staged() as stage:
        stage.session.fails[GetContext] = UserError("The session has ended.")

        await stage.press(*"/context", "enter")

        assert "The session has ended." in [toast.message for toast in stage.app._notifications]
        await stage.press(*"still here")
        assert stage.app.chat.prompt.text == "still here"


async def test_a_session_in_use_is_offered_as_a_copy() -> None:
    engine = Engine(SessionInUse("in use.", "abc"))
    sessions = FakeSessions("abc", in_use=True)
    async with staged(connect=engine.connect, sessions=sessions, settled=False) as stage:
        await until(stage, lambda: "open in another Plait" in stage.screen)
        await stage.wait(PAINTED_S)

        await stage.press("enter")
        await until(stage, lambda: stage.app.chat.handle is not None)

        assert sessions.opened == ["copy of abc"]


@pytest.mark.parametrize(("keys", "opened"), [(("down", "enter"), "two"), (("escape",), "new")])
async def test_an_earlier_session_is_picked_before_any_is_opened(keys: tuple[str, ...], opened: str) -> None:
    sessions = FakeSessions("one", "two")
    async with staged(sessions=sessions, pick_session=True, settled=False) as stage:
        await until(stage, lambda: "title of two" in stage.screen)
        assert "spaces>" not in stage.screen

        await stage.press(*keys)
        await until(stage, lambda: stage.app.chat.handle is not None)

        assert sessions.opened == [opened]


async def test_changing_the_session_takes_the_open_question_off_the_screen() -> None:
    sessions = FakeSessions("one")
    async with staged(sessions=sessions) as stage:
        preview = CommandPreview("make", "/w", "runs make")
        await turn(stage, TextEnded(1, 1, 0, "former words"), ApprovalAsked(key(1), "shell", {}, preview))
        assert "Run this command?" in stage.screen
        await stage.press(*"/resume", "enter")
        await until(stage, lambda: "title of one" in stage.screen)
        await stage.press("enter")
        await until(stage, lambda: stage.app.chat.handle is not stage.session and stage.session.closed)
        await stage.pilot.pause()

        assert "Run this command?" not in stage.screen
        assert "former words" not in stage.screen


async def test_keys_can_be_given_other_actions() -> None:
    async with staged(keyboard={"todo": "f7", "newline": "f8", "dance": "f9"}) as stage:
        await stage.pilot.pause(0.1)
        await stage.press("f7", "a", "f8", "b")

        said = [toast.message for toast in stage.app._notifications]
        assert "The agent has no list of work yet." in said
        assert any("no such action: dance" in message for message in said)
        assert stage.app.chat.prompt.text == "a\nb"


async def test_keys_that_changed_places_do_so_on_the_screen_and_in_the_help() -> None:
    async with staged(keyboard={"todo": "Ctrl+O", "expand": "Ctrl+T", "help": "f3"}) as stage:
        await stage.press("ctrl+o")
        await stage.press("ctrl+t")
        said = [toast.message for toast in stage.app._notifications]
        assert said == ["The agent has no list of work yet.", "No output to show yet."]

        await stage.press("f3")
        await stage.pilot.pause()
        assert any(line.split()[:2] == ["F3", "this"] for line in stage.screen.splitlines())


async def test_what_was_not_sent_is_there_the_next_time() -> None:
    desktop = FakeDesktop()
    async with staged(desktop=desktop) as stage:
        await stage.press(*"half a thou")
        stage.app.exit()
    async with staged(desktop=desktop) as stage:
        await until(stage, lambda: stage.app.chat.prompt.text != "")

        assert stage.app.chat.prompt.text == "half a thou"


@pytest.mark.parametrize("persisted", [True, False])
async def test_leaving_tells_what_was_last_said_and_whether_it_was_kept(persisted: bool) -> None:
    session = FakeSession()
    session.answers[GetStatus] = Status("x", "m", "default", "/w", None, "none", "off", persisted=persisted)
    async with staged(session=session) as stage:
        await stage.say(TurnStarted(1, "hi", "m"))
        stage.app.exit()

        assert stage.app.return_value == Left(session.session_id, "", persisted)


async def test_a_working_engine_rests_until_a_key_is_painted() -> None:
    class Restful(FakeSession):
        def __init__(self) -> None:
            super().__init__()
            self.rests: list[threading.Event] = []

        def rest_until(self, done: threading.Event) -> None:
            self.rests.append(done)

    session = Restful()
    async with staged(session=session) as stage:
        await stage.press("a")
        assert session.rests == []

        await stage.say(TurnStarted(1, "go", "m"))
        await stage.press("b")
        assert session.rests
        await until(stage, lambda: all(done.is_set() for done in session.rests))
