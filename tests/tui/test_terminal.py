"""What the real app writes to its terminal while everything it is told is hostile."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from rich.style import Style
from rich.text import Text
from tests.tui.fake_clock import FakeClock
from tests.tui.fake_session import FakeDesktop, FakeSession, FakeSessions, key
from tests.tui.hostile import HOSTILE, every_detail, every_event, every_preview
from tests.tui.test_app import THEMES, Stage
from textual.drivers.headless_driver import HeadlessDriver
from textual.events import Paste
from textual.widgets import Static

from plait.protocol.calls import DiffsDetail, OutcomeStatus
from plait.protocol.commands import Deny, Rule
from plait.protocol.display import is_safe
from plait.protocol.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CallEnded,
    CallReserved,
    CallStarted,
    OutputDelta,
    TextDelta,
    TextEnded,
    TurnStarted,
)
from plait.protocol.ports import Completion
from plait.protocol.queries import (
    BackgroundInfo,
    ContextInfo,
    GetContext,
    GetOutline,
    GetSettings,
    GetStatus,
    ListBackground,
    ListModels,
    ListRules,
    ModelChoice,
    SessionInfo,
    SettingValue,
    Status,
)
from plait.views.tui.answer_keys import PAINTED_S
from plait.views.tui.app import PlaitApp, TuiSettings

BATCHES = [" ".join(HOSTILE[start : start + 28]) for start in range(0, len(HOSTILE), 28)]
# What Textual itself says to a terminal: where to draw, and in which colours.
OWN = re.compile(
    r"\x1b\[\d{1,3};\d{1,3}H|\x1b\[[0-9;]*m|\x1b\[\?(?:1000|1002|1003|1004|1006|1015|1016|1049|2004|2026|2031|2048|7|25)[hl$p]+"
    r"|\x1b\]22;(?:default|text|pointer)\x07|\x1b\[[<>=]\d*u|\x1b\[>1u|\x1b\[\d? q"
)


class Recorder(HeadlessDriver):
    """A terminal that only remembers what it was sent."""

    written: list[str]

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.__dict__.setdefault("written", []).append(data)


class HostileSession(FakeSession):
    async def complete(self, prefix: str) -> list[Completion]:
        return [Completion(text, text) for text in HOSTILE]


class HostileSessions(FakeSessions):
    async def list(self, *, everywhere: bool = False) -> list[SessionInfo]:
        return [SessionInfo(str(n), text, text, text, 0, 1, 1) for n, text in enumerate(HOSTILE)]


def leaks(written: str) -> list[str]:
    """Return what was sent that is neither text nor Textual's own."""
    left = OWN.sub("", written)
    found = [
        repr(left[max(0, m.start() - 20) : m.end() + 20])
        for m in re.finditer(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]", left)
    ]
    found += [repr(line) for line in left.splitlines() if not is_safe(line)]
    return found + re.findall("[^ -~]{3}777[;mhHb]", written) + re.findall(r"\x1b\[[0-9;]*777[0-9;]*m", written)


@asynccontextmanager
async def recorded(size: tuple[int, int] = (100, 60), **options: Any) -> AsyncIterator[Stage]:
    session = HostileSession()

    async def connect() -> FakeSession:
        return session

    options = {"cwd": "/w/demo", "branch": "main", **options}
    clock = FakeClock()
    app = PlaitApp(
        connect,
        FakeDesktop(THEMES),
        settings=TuiSettings(model=options.pop("model", "fake:model"), reduced_motion=True),
        sessions=HostileSessions(),
        clock=clock,
        **options,
    )
    app.driver_class = Recorder
    async with app.run_test(headless=False, size=size) as pilot:
        await app.workers.wait_for_complete([worker for worker in app.workers if worker.group == "engine"])
        await pilot.pause()
        yield Stage(app, session, pilot, clock)
    assert isinstance(app._driver, Recorder)
    assert leaks("".join(app._driver.written)) == []
    assert len(app._driver.written) > 3


async def test_the_recorder_would_notice() -> None:
    assert leaks("\x1b[1;1Hx\x1b[0m") == []
    for text in ("\x1b[6n", "\x1b]0;t\x07", "\x9b1m", "a\u202eb", "\x1bc", "\x1b[777m", "\x08"):
        assert leaks(f"\x1b[1;1H{text}\x1b[0m") != [], text


@pytest.mark.parametrize("text", BATCHES)
async def test_no_event_makes_the_app_send_a_control_character_of_others(text: str) -> None:
    async with recorded((110, 60)) as stage:
        await stage.say(TurnStarted(1, text, text))
        told = list(every_event(text))
        for start in range(0, len(told), 6):
            await stage.say(*told[start : start + 6])
        statuses: tuple[OutcomeStatus, ...] = ("ok", "failed")
        for number, detail in enumerate(every_detail(text), 2):
            status = statuses[number % 2]
            await stage.say(
                TurnStarted(1, text, text),
                CallReserved(key(number), text, {"command": text, "path": text}, "i", "write", "commands"),
                CallStarted(key(number), 0, "commands", 0, {"command": text}),
                OutputDelta(key(number), text),
                CallEnded(key(number), status, text, detail, 0, 1),
            )
        await stage.press("ctrl+o")
        await stage.press("escape")


@pytest.mark.parametrize("text", BATCHES)
async def test_no_question_makes_the_app_send_a_control_character_of_others(text: str) -> None:
    async with recorded() as stage:
        await stage.say(TurnStarted(1, "x", "m"))
        for number, preview in enumerate(every_preview(text), 1):
            asked = ApprovalAsked(key(number), text, {text: text}, preview, (Rule("allow", text),), text, text, 1, 3)
            await stage.say(asked)
            if isinstance(preview, DiffsDetail):
                await stage.wait(PAINTED_S)
                await stage.press("v", "v")
                await stage.press("escape")
            await stage.say(ApprovalAnswered(key(number), Deny("")))


@pytest.mark.parametrize("text", BATCHES)
async def test_what_streams_is_safe_wherever_it_is_cut(text: str) -> None:
    async with recorded((80, 60)) as stage:
        await stage.say(TurnStarted(1, "x", "m"))
        for start in range(0, len(text), 3):
            stage.session.say(TextDelta(1, 1, 0, text[start : start + 3]))
        await stage.pilot.pause(0.2)
        await stage.say(TextEnded(1, 1, 0, text))


async def test_no_answer_to_a_question_of_the_views_sends_a_control_character() -> None:
    evil = " ".join(HOSTILE)
    rules = tuple(Rule("allow", text) for text in HOSTILE)
    async with recorded((100, 120), cwd=evil, branch=evil, model=evil) as stage:
        stage.session.answers |= {
            ListRules: rules,
            GetStatus: Status("i", evil, "default", evil, evil, evil, evil, persisted=True),
            GetSettings: tuple(SettingValue(text, text, text) for text in HOSTILE),
            ListModels: tuple(ModelChoice(text, text, text) for text in HOSTILE),
            ListBackground: tuple(BackgroundInfo(text, text, True, None, text) for text in HOSTILE),
            GetOutline: evil,
            GetContext: ContextInfo(1, 1, 1, None, None, False, HOSTILE),
        }
        for command in ("permissions", "config", "model", "background", "context", f"map {evil}", f"theme {evil}"):
            stage.app.chat.prompt.set_text(f"/{command}")
            await stage.press("enter")
            await stage.pilot.pause(0.05)
        stage.app.notify(evil)
        stage.app.chat.prompt.post_message(Paste(evil))
        await stage.pilot.pause(0.1)
        stage.app.chat.prompt.set_text("")
        await stage.press("@", "a")
        await stage.pilot.pause(0.1)
        await stage.press("escape")
        stage.app.chat.prompt.set_text("/resume")
        await stage.press("enter")
        await stage.pilot.pause(0.2)
        await stage.press("escape")


async def test_what_a_widget_forgets_is_made_safe_at_the_last_door() -> None:
    async with recorded() as stage:
        for text in HOSTILE:
            stage.app.chat.query_one("#side", Static).update(Text(text, Style(link="http://evil")))
            stage.app.chat.query_one("#side").display = True
            stage.app.chat.query_one("#approval").border_title = Text(text)
            await stage.pilot.pause()
        assert "\x1b]8;" not in "".join(stage.app._driver.written)  # type: ignore[union-attr]  # a Recorder
