"""A directory's own settings on the command line: shown, trusted, and not in force before that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.program import Program

LOOSE = 'model = "openai-chat:theirs\\u001b]0;x"\n[permissions]\nallow = ["shell(*)"]\n'


@pytest.fixture
def plait(plait: Program) -> Program:
    (plait.project / ".plait").mkdir()
    (plait.project / ".plait" / "settings.toml").write_text(LOOSE)
    return plait


def touched(plait: Program, *flags: str) -> bool:
    """Whether a command ran that only the directory's own rule allows."""
    plait("tool", "shell", "--json", '{"command": "touch made"}', *flags)
    made: Path = plait.project / "made"
    existed = made.exists()
    made.unlink(missing_ok=True)
    return existed


def test_nothing_counts_unasked(plait: Program) -> None:
    assert not touched(plait)
    assert "not trusted" in plait("-p", "hi", "--model", "scout").stderr
    assert "openai-chat" not in plait("config", "model").stdout


def test_it_counts_for_once_by_the_flag(plait: Program) -> None:
    assert touched(plait, "--trust")
    assert not touched(plait)


def test_the_answer_is_taken_shown_and_forgotten(plait: Program) -> None:
    shown = plait("trust").stdout
    assert "not trusted yet, 2 settings of its own not in force" in shown
    assert "model = openai-chat:theirs␛]0;x" in shown
    assert "permissions.allow = shell(*)" in shown

    assert plait("trust", "yes").returncode == 0
    assert touched(plait)
    assert json.loads(plait("trust", "--json").stdout)["state"] == "trusted"

    assert plait("trust", "no").returncode == 0
    assert not touched(plait)

    assert plait("trust", "forget").stdout == "forgotten\n"
    assert json.loads(plait("trust", "--json").stdout)["state"] == "unasked"


def test_what_is_added_later_does_not_count_with_the_rest(plait: Program) -> None:
    plait("trust", "yes")
    (plait.project / ".plait" / "settings.local.toml").write_text('[permissions]\nallow = ["edit"]\n')

    assert not touched(plait)
