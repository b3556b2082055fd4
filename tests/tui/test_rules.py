"""`/permissions`: where rules stand, and how they are changed."""

from __future__ import annotations

from typing import Any

import pytest
from tests.tui.fake_session import FakeSession
from tests.tui.test_app import Stage, staged

from plait.protocol.commands import AddRule, RemoveRule, Rule
from plait.protocol.queries import GetSettings, ListRules, SettingValue
from plait.views.tui.rules import source

MINE = Rule("allow", "shell(pytest tests/*)", "session")
KEPT = Rule("allow", "edit(src/**)", "project")
USERS = Rule("deny", "read(secrets/**)", "user")
THEIRS = Rule("ask", "shell(git push *)", "project")
FLAG = Rule("allow", "read", "command line")
RULES = (MINE, KEPT, USERS, THEIRS, FLAG)
SETTINGS = (
    SettingValue("permissions.deny", "Read(secrets/**)", "/home/me/.config/plait/settings.toml"),
    SettingValue("permissions.ask", "shell(git push *)", "/w/.plait/settings.toml"),
)


class RuleSession(FakeSession):
    """It takes rules as an agent does: what is none is not taken."""

    def submit(self, command: Any) -> None:
        super().submit(command)
        match command:
            case AddRule(rule=rule) if not rule.pattern.endswith("("):
                self.answers[ListRules] = (*self.answers[ListRules], rule)
            case RemoveRule(rule=rule):
                self.answers[ListRules] = tuple(kept for kept in self.answers[ListRules] if kept != rule)


async def said(stage: Stage, line: str) -> str:
    stage.app.chat.prompt.set_text(line)
    await stage.press("enter")
    await stage.pilot.pause(0.05)
    return stage.screen


def notices(stage: Stage) -> str:
    return " ".join(note.message for note in stage.app._notifications)


def session() -> RuleSession:
    session = RuleSession()
    session.answers |= {ListRules: RULES, GetSettings: SETTINGS}
    return session


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (MINE, "this session"),
        (KEPT, "this project, remembered outside of it"),
        (USERS, "everywhere · /home/me/.config/plait/settings.toml"),
        (THEIRS, "this project · /w/.plait/settings.toml · changed only there"),
        (FLAG, "this run · a flag · changed only there"),
    ],
)
def test_each_rule_says_where_it_stands(rule: Rule, words: str) -> None:
    assert source(rule, SETTINGS) == words


async def test_rules_are_listed_with_number_verdict_and_source() -> None:
    async with staged((140, 40), session=session()) as stage:
        screen = await said(stage, "/permissions")

        assert "1  allow  shell(pytest tests/*)  this session" in screen
        assert "/w/.plait/settings.toml" in screen


async def test_a_rule_is_added_changed_and_taken_away() -> None:
    async with staged((140, 40), session=session()) as stage:
        await said(stage, "/permissions deny shell(git push *)")
        await said(stage, "/permissions edit 1 shell(pytest *)")
        await said(stage, "/permissions remove edit(src/**)")

        added, changed = Rule("deny", "shell(git push *)"), Rule("allow", "shell(pytest *)")
        assert stage.told == [AddRule(added), AddRule(changed), RemoveRule(MINE), RemoveRule(KEPT)]


async def test_a_rule_stays_if_what_it_should_become_is_none() -> None:
    async with staged((140, 40), session=session()) as stage:
        await said(stage, "/permissions edit 2 edit(")

        assert RemoveRule(KEPT) not in stage.told
        assert "edit(src/**)" in stage.screen


async def test_a_rule_of_a_file_that_is_not_ours_is_not_changed_from_here() -> None:
    async with staged((140, 40), session=session()) as stage:
        await said(stage, "/permissions edit 4 shell(ls *)")
        assert stage.told == []
        assert "cannot be changed from here" in notices(stage)

        await said(stage, "/permissions remove 4")
        assert stage.told == [RemoveRule(THEIRS)]
        assert "for this session only" in notices(stage)


@pytest.mark.parametrize(
    "line", ["remove 99", "remove 0", "remove nothing", "edit 1", "edit x y", "frobnicate", "allow"]
)
async def test_what_is_not_understood_changes_nothing_and_says_so(line: str) -> None:
    async with staged((140, 40), session=session()) as stage:
        await said(stage, f"/permissions {line}")

        assert stage.told == []
        assert notices(stage)
