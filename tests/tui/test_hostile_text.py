"""Nothing that comes from outside reaches the terminal as more than text."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st
from tests.tui.fake_session import key
from tests.tui.test_app import ask, staged, turn
from textual.events import Paste

from plait.protocol.calls import CommandPreview, DiffDetail
from plait.protocol.display import is_safe, sanitise, sanitise_in_place
from plait.protocol.events import ApprovalAsked, CallReserved, Notice, QueueChanged, TextEnded
from plait.views.tui.markdown import render
from plait.views.tui.palette import Palette

EVIL = "\x1b]52;c;aGk=\x07 \x9b31m \u202egpj.exe\u2066 \u200b\U000e0041"
PIECES = st.sampled_from(
    (
        "a ",
        "\n\n",
        "- ",
        "> ",
        "# ",
        "**",
        "`",
        "```\n",
        "![",
        "](",
        ")",
        "| x |\n|-|\n| ",
        "&#x202e;",
        "&zwj;",
        "&lrm;",
        "&#27;",
        "&#x9b;",
        "[l](http://a/%E2%80%AE)",
        "<http://a/%E2%80%AE%1b>",
        "\x1b[31m",
        "\u202e",
        "\x85",
        "\udc9b",
    )
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=14))
def test_no_markdown_becomes_something_a_terminal_acts_on(pieces: list[str]) -> None:
    lines = render(sanitise("".join(pieces)), 60, Palette.of({}, dark=True))

    assert [line.plain for line in lines if not is_safe(line.plain) or "\n" in line.plain] == []


@given(st.text())
def test_what_is_shown_in_place_keeps_its_columns(text: str) -> None:
    shown = sanitise_in_place(text)

    assert len(shown) == len(text)
    assert is_safe(shown)


async def test_no_text_from_outside_is_painted_raw() -> None:
    async with staged((100, 60)) as stage:
        await turn(
            stage,
            TextEnded(1, 1, 0, f"text {EVIL}\n\n```{EVIL}\n{EVIL}\n```\n\n[link](http://{EVIL})"),
            Notice("warning", EVIL),
            CallReserved(key(1), "read", {"files": [{"path": EVIL}]}, "i", "read", "files"),
            CallReserved(key(2), EVIL, {"command": EVIL}, "i", "unknown", "commands"),
            QueueChanged((EVIL,)),
            prompt=EVIL,
        )
        stage.app.notify(EVIL, markup=False)
        stage.app.chat.prompt.post_message(Paste(f"typed {EVIL}"))
        await ask(stage, ApprovalAsked(key(3), "edit", {}, DiffDetail(EVIL, EVIL, EVIL + "x"), danger=EVIL))
        await stage.pilot.pause(0.2)
        assert_safe(stage.screen)

        await stage.press("tab", "v", "v")
        assert_safe(stage.screen)


async def test_arguments_are_edited_as_they_are_and_shown_safely() -> None:
    async with staged() as stage:
        command = f"echo {EVIL}"
        await ask(stage, ApprovalAsked(key(1), "shell", {"command": command}, CommandPreview(command, "/w", EVIL)))
        assert_safe(stage.screen)

        await stage.press("e", "e")
        assert "echo" in stage.screen
        assert_safe(stage.screen)
        await stage.press("end", "x", "ctrl+s")

        assert stage.told[-1].answer.args == {"command": command + "x"}


def assert_safe(screen: str) -> None:
    assert [line for line in screen.split("\n") if not is_safe(line)] == []
