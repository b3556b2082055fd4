"""Pasted text as terminals send it: CR at the end of lines (tmux, GNOME Terminal, iTerm2, xterm), CR LF, or LF."""

from __future__ import annotations

import pytest
from tests.tui.test_app import ASKED, Stage, ask, staged
from textual._xterm_parser import XTermParser
from textual.events import Paste
from textual.widgets import TextArea

from plait.protocol.commands import Decide, Deny, Prompt
from plait.views.tui.screens.pages import ArgumentEditor

ENDS = ["\r", "\r\n", "\n"]


async def paste(stage: Stage, text: str) -> None:
    parser = XTermParser()
    for event in parser.feed(f"\x1b[200~{text}\x1b[201~"):
        if isinstance(event, Paste):
            stage.app.post_message(event)
    await stage.pilot.pause()


@pytest.mark.parametrize("end", ENDS)
async def test_a_paste_reaches_the_model_with_plain_line_ends(end: str) -> None:
    async with staged() as stage:
        await paste(stage, f"def f():{end}    return 1{end}")
        await stage.press("enter")

        assert stage.told == [Prompt("def f():\n    return 1")]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("last", ["", "end"])
async def test_a_long_paste_is_counted_by_its_lines_and_becomes_a_chip(end: str, last: str) -> None:
    text = "".join(f"line {n}{end}" for n in range(30))
    async with staged() as stage:
        await paste(stage, text + last)
        assert stage.app.chat.prompt.text == f"[pasted {31 if last else 30} lines · 1]"

        await stage.press("enter")
        assert stage.told == [Prompt(("".join(f"line {n}\n" for n in range(30)) + last).strip())]


async def test_a_long_line_is_one_line() -> None:
    async with staged() as stage:
        await paste(stage, "x" * 3_000 + "\r")

        assert stage.app.chat.prompt.text == "[pasted 1 line · 1]"
        await stage.press("enter")
        assert stage.told == [Prompt("x" * 3_000)]


@pytest.mark.parametrize("end", ENDS)
async def test_a_paste_into_edited_arguments_has_plain_line_ends(end: str) -> None:
    async with staged() as stage:
        await ask(stage)
        await stage.press("e")
        if not isinstance(stage.app.screen, ArgumentEditor):
            await stage.press("enter")
        await stage.pilot.pause()
        assert isinstance(stage.app.screen, ArgumentEditor)
        stage.app.screen.query_one(TextArea).clear()
        await paste(stage, f'{{"path":{end}"src/app.py"}}')

        assert stage.app.screen.query_one(TextArea).text == '{"path":\n"src/app.py"}'


@pytest.mark.parametrize("end", ENDS)
async def test_no_line_of_a_pasted_reason_is_lost(end: str) -> None:
    async with staged() as stage:
        await ask(stage)
        await stage.press("n")
        if not stage.app.chat.approval.query_one("#approval-reason").has_focus:
            await stage.press("enter")
        await paste(stage, f"not here{end}but there")
        await stage.press("enter")

        assert stage.told[-1:] == [Decide(ASKED.key, Deny("not here but there"))]


@pytest.mark.parametrize("end", ENDS)
async def test_text_from_elsewhere_gives_the_prompt_no_other_line_ends(end: str) -> None:
    async with staged() as stage:
        stage.app.chat.prompt.set_text(f"one{end}two")
        await stage.press("ctrl+j", *"three", "enter")

        assert stage.told == [Prompt("one\ntwo\nthree")]


async def test_bytes_of_another_encoding_do_not_reach_the_model_as_surrogates() -> None:
    async with staged() as stage:
        stage.app.chat.prompt.set_text("caf\udce9 au lait")
        await stage.press("enter")

        assert stage.told == [Prompt("caf\ufffd au lait")]
