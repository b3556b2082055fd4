"""The app under real keys."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.tui.fake_clock import FakeClock
from tests.tui.fake_session import FakeDesktop, FakeSession, key
from textual.events import Paste
from textual.pilot import Pilot

from plait.protocol.calls import CommandDetail, CommandPreview, DiffDetail, QuestionPreview, TextDetail
from plait.protocol.commands import (
    Allow,
    AllowAllLike,
    AllowAlways,
    Cancel,
    Decide,
    Deny,
    EditQueue,
    Prompt,
    Reply,
    Rule,
    RunShell,
    SetMode,
    Steer,
)
from plait.protocol.errors import UserError
from plait.protocol.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CallEnded,
    CallReserved,
    CallStarted,
    Event,
    ModeChanged,
    Notice,
    OutputDelta,
    QueueChanged,
    ReplyEnded,
    TextDelta,
    TextEnded,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.views.tui.answer_keys import NEXT_S, PAINTED_S, QUIET_S
from plait.views.tui.app import PlaitApp, TuiSettings
from plait.views.tui.keymap import as_markdown
from plait.views.tui.palette import Palette
from plait.views.tui.projector import State
from plait.views.tui.screens.answer_screen import AnswerScreen
from plait.views.tui.screens.chat import Chat
from plait.views.tui.screens.pages import HelpPage, Pager
from plait.views.tui.widgets.status import status_line
from plait.views.tui.widgets.transcript import Transcript

REPOSITORY = Path(__file__).parents[2]
THEMES = tuple((path.stem, path.read_text()) for path in sorted((REPOSITORY / "themes").glob("*.toml")))
EDIT = DiffDetail("src/app.py", "def f(x):\n    return x + 1\n", "def f(x):\n    return x\n", 1, 1)
ASKED = ApprovalAsked(key(1), "edit", {"path": "src/app.py"}, EDIT, (Rule("allow", "edit(src/**)"),), waiting=2)


class Stage:
    """An app, its session, and what is on the screen."""

    def __init__(self, app: PlaitApp, session: FakeSession, pilot: Pilot[Any], clock: FakeClock | None = None) -> None:
        self.app = app
        self.session = session
        self.pilot = pilot
        self.clock = clock or FakeClock()

    async def say(self, *events: Event) -> None:
        self.session.say(*events)
        await self.settle()

    async def settle(self) -> None:
        """Wait until everything that was said is drawn."""
        chat = self.app.chat
        while chat._flush_timer is not None or (chat.projector and chat.projector.sequence < self.session.log[-1].seq):
            await self.pilot.pause(0.01)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def wait(self, seconds: float) -> None:
        """Let time pass, as far as keys are concerned."""
        await self.pilot.pause()
        screen = self.app.screen
        self.clock.advance(seconds + 0.001)
        for _ in range(2):
            if isinstance(screen, Chat):
                screen.question_keys.poll()
            elif isinstance(screen, AnswerScreen):
                screen.poll()
        await self.pilot.pause()

    @property
    def screen(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def told(self) -> list[Any]:
        return self.session.submitted


@asynccontextmanager
async def staged(size: tuple[int, int] = (100, 30), **options: Any) -> AsyncIterator[Stage]:
    session = options.pop("session", None) or FakeSession()

    async def connect() -> FakeSession:
        return session

    settled = options.pop("settled", True)
    clock = FakeClock()
    app = PlaitApp(
        options.pop("connect", connect),
        options.pop("desktop", None) or FakeDesktop(options.pop("themes", THEMES)),
        cwd="/w/demo",
        branch="main",
        settings=TuiSettings(model="fake:model", reduced_motion=True, keyboard=options.pop("keyboard", {})),
        clock=clock,
        **options,
    )
    async with app.run_test(size=size) as pilot:
        if settled:
            await app.workers.wait_for_complete([worker for worker in app.workers if worker.group == "engine"])
        await pilot.pause()
        yield Stage(app, session, pilot, clock)


async def turn(stage: Stage, *events: Event, prompt: str = "fix f") -> None:
    await stage.say(TurnStarted(1, prompt, "fake:model"), *events)


async def ask(stage: Stage, asked: ApprovalAsked = ASKED) -> None:
    reserved = CallReserved(asked.key, asked.name, asked.args, "id", "write", "files")
    await turn(stage, reserved, asked)
    await stage.wait(PAINTED_S)


async def test_the_first_screen_says_what_it_is_and_takes_a_prompt() -> None:
    async with staged() as stage:
        assert "plait" in stage.screen
        assert "ask before writes" in stage.screen
        assert "/w/demo main" in stage.screen

        await stage.press(*"hello", "enter")

        assert stage.told == [Prompt("hello")]
        assert stage.app.chat.prompt.text == ""


async def test_a_reply_streams_and_what_is_markup_stays_text() -> None:
    async with staged() as stage:
        await turn(
            stage, TextDelta(1, 1, 0, "Some **bold** [red]text[/red] "), TextDelta(1, 1, 0, "\x1b]52;c;aGk=\x07")
        )
        assert "Some bold [red]text[/red] ␛]52;c;aGk=␇" in stage.screen

        await stage.say(TextEnded(1, 1, 0, "Some **bold** end"), TurnEnded(1, "completed", None, Usage(), 5, 1, "x"))

        assert "Some bold end" in stage.screen
        assert stage.screen.count("Some bold") == 1


async def test_reads_run_in_lanes_and_fold_to_one_line_that_names_the_files() -> None:
    async with staged() as stage:
        paths = ("src/app.py", "src/util.py")
        await turn(
            stage,
            *(
                CallReserved(key(n), "read", {"files": [{"path": path}]}, "i", "read", "files")
                for n, path in enumerate(paths)
            ),
        )
        await stage.say(
            *(CallStarted(key(n), n, "files", 0.1, {"files": [{"path": path}]}) for n, path in enumerate(paths))
        )
        assert "reading · 2 in parallel" in stage.screen
        assert "0/2" in stage.screen

        await stage.say(*(CallEnded(key(n), "ok", "t", TextDetail("182 lines"), 0.1, 400.0) for n in (0, 1)))

        assert "reading" not in stage.screen
        [line] = [line for line in stage.screen.splitlines() if "read 2" in line]
        assert all(path in line for path in paths)
        assert "one after another: 800ms" in line


async def test_a_command_shows_its_output_as_it_comes_and_its_end() -> None:
    async with staged() as stage:
        await turn(stage, CallReserved(key(1), "shell", {"command": "pytest"}, "i", "unknown", "commands"))
        await stage.say(
            CallStarted(key(1), 0, "commands", 0.1, {"command": "pytest"}), OutputDelta(key(1), "collecting\n")
        )
        assert "collecting" in stage.screen

        output = "\n".join(f"line {n}" for n in range(5000))
        await stage.say(CallEnded(key(1), "ok", output, CommandDetail("pytest", 1, output), 0.1, 1200.0))

        assert "exit 1" in stage.screen
        assert "line 4999" in stage.screen
        assert "✓" not in stage.screen
        assert "lines · Ctrl+O shows all" in stage.screen
        await stage.press("ctrl+o")
        assert isinstance(stage.app.screen, Pager)
        assert "5,000 lines" in stage.screen
        await stage.press("escape")
        assert stage.app.screen is stage.app.chat


async def test_a_command_shows_what_is_to_be_known_of_it_besides_its_output() -> None:
    async with staged() as stage:
        await turn(stage, CallReserved(key(1), "shell", {"command": "make"}, "i", "unknown", "commands"))
        detail = CommandDetail("make", 2, "cat: x: No such file\n", note="the sandbox hides `~/x`: ask for it")
        await stage.say(CallEnded(key(1), "ok", "text", detail, 0.1, 1200.0))

        assert "No such file" in stage.screen
        assert "the sandbox hides `~/x`: ask for it" in stage.screen


async def test_a_question_shows_the_change_and_one_key_allows_it() -> None:
    async with staged() as stage:
        await ask(stage)
        assert "Apply this edit?  src/app.py" in stage.screen
        assert re.search(r"2 -\s+return x \+ 1", stage.screen)
        assert "Always: edit(src/**), this session" in stage.screen
        assert "1 of 2" in stage.screen

        await stage.press("y")
        await stage.wait(QUIET_S)

        assert stage.told == [Decide(key(1), Allow())]
        await stage.say(ApprovalAnswered(key(1), Allow()))
        assert "Apply this edit?" not in stage.screen
        assert stage.app.focused is stage.app.chat.prompt


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (("y", "y"), Allow()),
        (("1", "enter"), Allow()),
        (("a", "enter"), AllowAlways(Rule("allow", "edit(src/**)"))),
        (("2", "enter"), AllowAlways(Rule("allow", "edit(src/**)"))),
        (("right", "enter"), AllowAlways(Rule("allow", "edit(src/**)"))),
        (("n", "n", "b", "a", "d", "enter"), Deny("bad")),
        (("escape",), Deny("")),
    ],
)
async def test_each_answer_has_its_keys(keys: tuple[str, ...], answer: object) -> None:
    async with staged() as stage:
        await ask(stage)

        await stage.press(*keys)

        assert stage.told == [Decide(key(1), answer)]


async def test_all_like_this_is_one_key() -> None:
    async with staged() as stage:
        await ask(stage)

        await stage.press("A", "enter")

        assert stage.told == [AllowAllLike(key(1))]


async def test_keys_meant_for_the_prompt_do_not_answer() -> None:
    async with staged() as stage:
        await stage.press(*"ma")
        await turn(stage, CallReserved(key(1), "edit", {}, "id", "write", "files"), ASKED)
        await stage.press(*"y")

        assert stage.told == []
        assert stage.app.chat.prompt.text == "may"


async def test_why_it_is_dangerous_is_said_once() -> None:
    async with staged() as stage:
        preview = CommandPreview("rm -rf ~; touch a", "/w", "destroys the home; writes `a` through `touch`")
        await ask(stage, ApprovalAsked(key(1), "shell", {"command": "x"}, preview, (), "destroys the home"))

        assert stage.screen.count("destroys the home") == 1
        assert "writes `a` through `touch` · in /w" in stage.screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_of_a_long_command_its_end_and_why_it_asks_stay_in_sight(size: tuple[int, int]) -> None:
    async with staged(size) as stage:
        command = "touch " + " ".join(f"a_long_name_{number}" for number in range(300)) + " ; rm -rf build"
        preview = CommandPreview(command, ".", "deletes the tree `build`")
        await ask(stage, ApprovalAsked(key(1), "shell", {}, preview, ()))

        assert "$ touch a_long_name_0 " in stage.screen
        assert "; rm -rf build" in stage.screen
        assert "deletes the tree `build`" in stage.screen
        assert "more lines · v shows all" in stage.screen


async def test_escape_is_said_to_do_what_it_does() -> None:
    async with staged() as stage:
        await turn(stage)
        assert "Esc interrupts" in stage.screen

        await ask(stage)
        assert "Esc says no" in stage.screen
        assert "Esc interrupts" not in stage.screen


async def test_the_help_is_wrapped_where_the_terminal_is_narrow() -> None:
    async with staged((80, 60)) as stage:
        await stage.press("f1")
        await stage.pilot.pause()

        assert "nothing running or typed: go back" in " ".join(stage.screen.split())


@pytest.mark.parametrize("width", [45, 60, 80])
def test_the_mode_stays_in_the_status_line_when_there_is_no_room_for_the_rest(width: int) -> None:
    state = State(model="openai-chat:scripted-model", sandbox="bubblewrap 0.8.0", context_tokens=100, background=1)

    line = status_line(state, "/work/somewhere", "main", Palette.of({}, dark=True), width)

    assert "ask before writes" in line.plain
    assert line.cell_len <= width


async def test_enter_alone_does_not_run_what_is_dangerous() -> None:
    async with staged() as stage:
        preview = CommandPreview("rm -rf ~", ".", "destroys the home")
        await ask(stage, ApprovalAsked(key(1), "shell", {"command": "rm -rf ~"}, preview, (), "destroys the home"))

        assert "› n No" in stage.screen
        await stage.press("enter", "enter")
        assert stage.told == []


async def test_what_is_dangerous_has_no_always() -> None:
    async with staged() as stage:
        preview = CommandPreview("rm -rf ~", "/w", "deletes your home directory")
        await ask(stage, ApprovalAsked(key(1), "shell", {"command": "rm -rf ~"}, preview, (), "deletes your home"))
        assert "DANGEROUS: deletes your home" in stage.screen
        assert "Always" not in stage.screen

        await stage.press("a", "enter")

        assert not any(isinstance(command, Decide) for command in stage.told)


async def test_edited_arguments_are_what_is_allowed() -> None:
    async with staged() as stage:
        await ask(stage, ApprovalAsked(key(1), "shell", {"command": "make"}, CommandPreview("make", "/w", "runs make")))

        await stage.press("e", "e")
        await stage.press("end", *" -n", "ctrl+s")

        assert stage.told == [Decide(key(1), Allow({"command": "make -n"}))]


async def test_a_question_of_the_agent_takes_an_option_or_words() -> None:
    async with staged() as stage:
        asked = ApprovalAsked(key(1), "ask_user", {}, QuestionPreview("Which one?", ("left", "right")))
        await ask(stage, asked)
        assert "Which one?" in stage.screen

        await stage.press("2")
        assert "❯ 2 right" in stage.screen
        await stage.wait(QUIET_S)
        await stage.wait(NEXT_S)
        await stage.press("tab", *"both", "enter")

        assert stage.told == [Decide(key(1), Reply("right")), Decide(key(1), Reply("both"))]


async def test_escape_interrupts_and_the_queue_can_be_taken_back() -> None:
    async with staged() as stage:
        await turn(stage)
        await stage.press(*"later", "enter")
        await stage.say(QueueChanged(("later",)))
        assert "queued 1: later" in stage.screen

        await stage.press("escape")
        await stage.say(TurnEnded(1, "cancelled", None, Usage(), 5, 1))
        await stage.press("escape")

        assert stage.told == [Prompt("later"), Cancel(), EditQueue(0, "")]
        assert stage.app.chat.prompt.text == "later"
        assert "Interrupted." in stage.screen


async def test_newlines_steering_shell_history_and_modes() -> None:
    async with staged() as stage:
        await stage.press(*"one", "ctrl+j", *"two\\", "enter", *"three", "enter")
        await stage.press(*"mind it", "ctrl+s")
        await stage.press(*"!ls", "enter")
        await stage.press("shift+tab")
        await stage.say(ModeChanged("acceptEdits"))
        assert "accept edits" in stage.screen
        await stage.press("up")

        assert stage.told == [Prompt("one\ntwo\nthree"), Steer("mind it"), RunShell("ls"), SetMode("acceptEdits")]
        assert stage.app.chat.prompt.text == "!ls"


async def test_commands_and_files_are_completed() -> None:
    async with staged() as stage:
        await stage.press(*"/he")
        assert "keys and commands" in stage.screen
        await stage.press("enter")
        assert isinstance(stage.app.screen, HelpPage)
        await stage.press("escape")

        await stage.press(*"see @uti")
        await stage.app.workers.wait_for_complete([w for w in stage.app.workers if w.group == "completion"])
        await stage.pilot.pause()
        await stage.press("tab")

        assert stage.app.chat.prompt.text == "see @src/util.py "


async def test_an_unknown_command_says_so_and_is_not_sent() -> None:
    async with staged() as stage:
        await stage.press(*"/hepl", "enter", "enter")

        assert "Did you mean `/help`?" in stage.screen
        assert stage.told == []


async def test_a_large_paste_becomes_a_chip_and_is_sent_whole() -> None:
    async with staged() as stage:
        text = "\n".join(f"line {n}" for n in range(2020))
        stage.app.chat.prompt.post_message(Paste(text))
        await stage.pilot.pause()
        assert stage.app.chat.prompt.text == "[pasted 2020 lines · 1]"

        await stage.press("enter")

        assert stage.told == [Prompt(text)]


async def test_the_screen_is_the_same_after_it_is_drawn_from_the_log() -> None:
    async with staged() as first:
        await turn(
            first,
            TextEnded(1, 1, 0, "I look."),
            CallReserved(key(1), "read", {"files": [{"path": "a.py"}]}, "i", "read", "files"),
            CallStarted(key(1), 0, "files", 0.1, {"files": [{"path": "a.py"}]}),
            CallEnded(key(1), "ok", "t", TextDetail("3 lines"), 0.1, 12.0),
            ReplyEnded(1, 1, "m", "stop", Usage(), 5, 1, 100, 1000),
            TextEnded(1, 2, 0, "Done:\n\n- one\n- two"),
            TurnEnded(1, "completed", None, Usage(), 5, 2, "Done"),
            Notice("warning", "something"),
        )
        async with staged(session=first.session) as second:
            await second.settle()

            assert second.screen == first.screen


async def test_an_engine_that_cannot_start_is_one_line_and_the_app_stays() -> None:
    async def connect() -> FakeSession:
        raise UserError("`nope:model` cannot be used: no such provider.")

    async with staged(connect=connect) as stage:
        while "cannot be used" not in stage.screen:
            await stage.pilot.pause(0.01)
        await stage.press(*"still typing")

        assert stage.app.chat.prompt.text == "still typing"


@pytest.mark.parametrize("size", [(20, 5), (40, 12), (80, 24), (200, 50)])
async def test_any_size_is_drawn(size: tuple[int, int]) -> None:
    async with staged(size) as stage:
        await turn(
            stage,
            TextEnded(
                1,
                1,
                0,
                "# Title\n\n" + "wide 宽字 🎉 text " * 30 + "\n\n```py\nx = 1\n```\n\n| a | b |\n|-|-|\n| 1 | 2 |",
            ),
        )
        await ask(stage)
        await stage.pilot.resize_terminal(70, 20)
        await stage.pilot.pause()

        assert "Apply this edit?" in stage.screen
        assert all(len(line) <= 70 for line in stage.screen.splitlines())


async def test_a_bad_theme_is_a_warning() -> None:
    async with staged(themes=(*THEMES, ("broken", "colors = 3"))) as stage:
        await stage.pilot.pause(0.1)

        assert "broken" in "".join(str(toast.message) for toast in stage.app._notifications)
        assert stage.app.theme == "ember"


async def test_a_thousand_messages_are_one_widget_and_a_key_touches_none_of_them() -> None:
    async with staged() as stage:
        events: list[Event] = []
        for number in range(1, 501):
            events += [
                TurnStarted(number, f"prompt {number}", "m"),
                TextEnded(number, 1, 0, f"answer {number}\n\n- a\n- b"),
            ]
            events.append(TurnEnded(number, "completed", None, Usage(), 5, 1, "x"))
        await stage.say(*events)
        transcript = stage.app.chat.query_one(Transcript)
        while transcript.is_behind:
            transcript.settle()
        widgets, layouts = len(stage.app.chat.query("*")), transcript.layouts

        await stage.press(*"typing")

        assert "answer 500" in stage.screen
        assert widgets < 40
        assert (len(stage.app.chat.query("*")), transcript.layouts) == (widgets, layouts)


def test_the_keys_page_is_made_from_the_key_map() -> None:
    assert (REPOSITORY / "docs" / "keys.md").read_text() == as_markdown()


async def test_text_is_selected_with_the_mouse_and_copied_with_one_key() -> None:
    desktop = FakeDesktop()
    async with staged(desktop=desktop) as stage:
        await turn(stage, TextEnded(1, 1, 0, "first words\n\nsecond words"))
        lines = stage.screen.splitlines()
        row = next(number for number, line in enumerate(lines) if "first words" in line)
        column = lines[row].index("words")
        await stage.pilot.mouse_down(offset=(column, row))
        await stage.pilot.hover(offset=(column + 3, row + 2))
        await stage.pilot.mouse_up(offset=(column + 3, row + 2))

        assert stage.app.chat.get_selected_text() == "words\n\n  second wor"
        await stage.press("ctrl+c")
        assert stage.app.clipboard == "words\n\n  second wor"
