"""Questions that stand in line are seen and answered together."""

from __future__ import annotations

from typing import Any

import pytest
from tests.tui.fake_session import key
from tests.tui.test_app import EDIT, Stage, staged, turn

from plait.protocol.call_events import Waiting
from plait.protocol.calls import CommandPreview
from plait.protocol.commands import Allow, AllowAlways, Decide, Rule
from plait.protocol.events import ApprovalAsked
from plait.views.tui.answer_keys import PAINTED_S, QUIET_S
from plait.views.tui.groups import in_words

GROUP = (
    Waiting(key(1), "edit", "src/app.py"),
    Waiting(key(2), "edit", "src/deep/b.py"),
    Waiting(key(3), "shell", "pytest tests"),
    Waiting(key(4), "shell", "rm -rf ~", apart=True),
)
ASKED = ApprovalAsked(
    key(1), "edit", {"path": "src/app.py"}, EDIT, (Rule("allow", "edit(src/**)"),), waiting=2, group=GROUP
)


async def asked(stage: Stage, question: ApprovalAsked = ASKED) -> None:
    await turn(stage, question)
    await stage.wait(PAINTED_S)


async def picking(stage: Stage) -> None:
    await asked(stage)
    await stage.press("g", "g")
    await stage.wait(PAINTED_S)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_panel_says_what_else_stands_in_line(size: tuple[int, int]) -> None:
    async with staged(size) as stage:
        await asked(stage)

        assert "2 edits under src/, 1 command, 1 apart" in stage.screen
        assert "G all" in stage.screen
        assert "g pick" in stage.screen


async def test_all_that_wait_are_allowed_at_once_but_what_stands_apart_and_the_one_shown_comes_last() -> None:
    async with staged() as stage:
        await asked(stage)
        await stage.press("G", "enter")

        assert stage.told == [Decide(key(number), Allow()) for number in (3, 2, 1)]


async def test_the_keys_of_the_list_fit_into_80_columns() -> None:
    async with staged((80, 24)) as stage:
        await picking(stage)

        assert "Esc goes back" in stage.screen


async def test_some_of_them_are_picked_by_keys() -> None:
    async with staged() as stage:
        await picking(stage)
        assert "[✓] edit" in stage.screen
        assert "asked about by itself: rm -rf ~" in stage.screen
        await stage.press("down", "space", "enter")

        assert stage.told == [Decide(key(number), Allow()) for number in (3, 1)]


async def test_none_or_all_are_ticked_by_a_key_each_and_escape_allows_nothing() -> None:
    async with staged() as stage:
        await picking(stage)
        await stage.press("n")
        assert "[✓]" not in stage.screen
        await stage.wait(QUIET_S)
        await stage.press("a")
        assert stage.screen.count("[✓]") == 3
        await stage.press("escape")

        assert stage.told == []
        assert "Apply this edit?" in stage.screen


async def test_a_rule_is_granted_for_the_session_or_for_the_project() -> None:
    for pressed, scope in (("a", "session"), ("p", "project")):
        async with staged() as stage:
            await asked(stage)
            await stage.press(pressed)
            await stage.wait(QUIET_S)
            assert stage.told == []
            await stage.press("enter")

            assert stage.told == [Decide(key(1), AllowAlways(Rule("allow", "edit(src/**)", scope)))]  # type: ignore[arg-type]  # both are scopes


async def test_what_is_dangerous_is_neither_remembered_nor_answered_with_others() -> None:
    preview = CommandPreview("rm -rf ~", "/w", "deletes your home")
    question = ApprovalAsked(
        key(4), "shell", {"command": "rm -rf ~"}, preview, (), "deletes your home", group=GROUP[3:]
    )
    async with staged() as stage:
        await asked(stage, question)
        for pressed in ("a", "p", "G", "g", "A"):
            await stage.press(pressed)
            await stage.wait(QUIET_S)

        assert stage.told == []
        assert "Always" not in stage.screen


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((("edit", "a/b.py"), ("edit", "a/c/d.py")), "2 edits under a/"),
        ((("edit", "a.py"), ("edit", "b/c.py")), "2 edits"),
        ((("edit", "a.py"), ("edit", "a.py")), "2 edits of a.py"),
        ((("edit", "/x/a"), ("edit", "b/c.py")), "2 edits"),
        ((("web_fetch", "a.org"), ("mcp_x", ""), ("read", "/etc/x")), "1 fetch, 1 other call, 1 read"),
    ],
)
def test_a_group_is_counted_by_what_its_calls_do(names: Any, words: str) -> None:
    assert in_words([Waiting(key(n), name, subject) for n, (name, subject) in enumerate(names)]) == words
