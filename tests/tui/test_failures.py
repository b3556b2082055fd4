"""A bug in the screen: it ends in order, the session closed, the draft kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest
from tests.tui.fake_session import FakeDesktop, FakeSession, FakeSessions, FakeSubscription
from tests.tui.test_app import staged
from tests.tui.test_sessions import until

from plait.protocol.commands import Command
from plait.protocol.errors import UserError
from plait.protocol.events import Stamped, TextEnded, TurnStarted
from plait.protocol.ports import Completion
from plait.protocol.queries import GetLog
from plait.views.tui.app import PlaitApp
from plait.views.tui.leaving import FAILED, INTERRUPTED, Left


class Broken(FakeSession):
    """A session with a bug in the method that `broken` names."""

    broken = ""

    def check(self, name: str) -> None:
        if name == self.broken:
            raise ZeroDivisionError(f"in {name}")

    def submit(self, command: Command) -> None:
        self.check("submit")
        super().submit(command)

    async def complete(self, prefix: str) -> Sequence[Completion]:
        self.check("complete")
        return await super().complete(prefix)

    def subscribe(self, wake: Callable[[], None], *, since: int | None = None) -> FakeSubscription:
        self._subscriptions.append(BrokenSubscription(wake, self))
        return self._subscriptions[-1]


class BrokenSubscription(FakeSubscription):
    def __init__(self, wake: Callable[[], None], owner: Broken) -> None:
        super().__init__(wake)
        self._owner = owner

    def take(self) -> tuple[Stamped, ...]:
        self._owner.check("take")
        return super().take()


@pytest.mark.parametrize(
    ("broken", "keys"),
    # In a handler of keys, in a worker, in a timer.
    [("submit", ["shift+tab"]), ("complete", ["@"]), ("take", [])],
)
async def test_a_bug_ends_the_screen_with_the_session_closed_and_the_draft_kept(broken: str, keys: list[str]) -> None:
    session, desktop, apps = Broken(), FakeDesktop(), list[PlaitApp]()

    async def break_it() -> None:
        async with staged(session=session, desktop=desktop) as stage:
            apps.append(stage.app)
            await stage.say(TurnStarted(1, "hi", "m"), TextEnded(1, 1, 0, "words"))
            await stage.press(*"half a thought", "ctrl+j")
            session.broken = broken
            session.say(TextEnded(1, 2, 0, "words"))
            await stage.press(*keys)
            await until(stage, lambda: stage.app.failure is not None)

    with pytest.raises(Exception, match=f"in {broken}"):
        await break_it()

    assert f"in {broken}" in str(apps[0].failure)
    assert apps[0].return_code == FAILED
    assert apps[0].return_value == Left(session.session_id, "", persisted=True)
    assert session.closed
    assert desktop.draft.startswith("half a thought")
    assert apps[0]._exit_renderables == []


async def test_an_earlier_session_is_picked_as_the_first_thing() -> None:
    sessions = FakeSessions("one")
    async with staged(sessions=sessions) as stage:
        await stage.press(*"/resume", "enter")
        await until(stage, lambda: "title of one" in stage.screen)
        await stage.press("enter")
        await until(stage, lambda: stage.session.closed)
        sessions.handles[0].say(TurnStarted(1, "what now", "m"))
        await until(stage, lambda: "what now" in stage.screen)

        assert stage.app.failure is None


async def test_a_session_that_is_picked_while_another_is_opened_takes_its_place() -> None:
    late, opened = FakeSession(), asyncio.Event()

    async def connect() -> FakeSession:
        await opened.wait()
        return late

    sessions = FakeSessions("one")
    async with staged(connect=connect, sessions=sessions, settled=False) as stage:
        await stage.press(*"/resume", "enter")
        await until(stage, lambda: "title of one" in stage.screen)
        await stage.press("enter")
        await until(stage, lambda: stage.app.chat.handle is not None)
        opened.set()
        await stage.pilot.pause(0.05)

        assert stage.app.chat.handle is sessions.handles[0]
        assert not sessions.handles[0].closed


async def test_a_session_that_cannot_be_shown_leaves_the_one_before() -> None:
    class Unreadable(FakeSessions):
        def _open(self, what: str) -> FakeSession:
            session = super()._open(what)
            session.fails[GetLog] = UserError("its log is gone.")
            return session

    sessions = Unreadable("one")
    async with staged(sessions=sessions) as stage:
        await stage.say(TurnStarted(1, "former words", "m"))
        await stage.press(*"/resume", "enter")
        await until(stage, lambda: "title of one" in stage.screen)
        await stage.press("enter")
        await until(stage, lambda: sessions.handles != [] and sessions.handles[0].closed)
        await stage.pilot.pause()

        assert "former words" in stage.screen
        assert stage.app.chat.handle is stage.session
        await stage.say(TurnStarted(2, "later words", "m"))
        assert "later words" in stage.screen


async def test_an_interrupt_ends_the_screen_as_its_user_does() -> None:
    desktop = FakeDesktop()
    async with staged(desktop=desktop) as stage:
        await stage.press(*"half a thou")
        stage.app.interrupted()

    assert stage.app.return_code == INTERRUPTED
    assert stage.session.closed
    assert desktop.draft == "half a thou"


async def test_what_was_not_sent_is_not_lost_by_leaving_at_once() -> None:
    class Slow(FakeDesktop):
        def load_draft(self) -> str:
            leave.wait(5)
            return super().load_draft()

    leave = threading.Event()
    desktop = Slow()
    desktop.draft = "from the last time"
    async with staged(desktop=desktop, settled=False) as stage:
        stage.app.exit()
        leave.set()

    assert desktop.draft == "from the last time"


async def test_a_prompt_sent_before_there_is_a_session_is_kept_as_a_draft() -> None:
    desktop = FakeDesktop()

    async def never() -> FakeSession:
        await asyncio.Event().wait()
        raise AssertionError

    async with staged(connect=never, desktop=desktop, settled=False) as stage:
        await stage.press(*"first", "enter", *"second")
        stage.app.interrupted()

    assert desktop.draft == "first\nsecond"
