"""Commands that have to be called dangerous, and ordinary ones that look like them and must not be."""

import json
from pathlib import Path

import pytest

from plait.effects.shell import check
from plait.host.paths import Workspace

CASES = [json.loads(line) for line in (Path(__file__).parent / "named_dangers.jsonl").read_text().splitlines()]
GROUPS = sorted({case["group"] for case in CASES})


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace in a home directory, which holds a file that may be lost."""
    home = tmp_path / "home"
    top = home / "project"
    (top / "src").mkdir(parents=True)
    (home / "notes.txt").write_text("kept\n")
    monkeypatch.setenv("HOME", str(home))
    return Workspace.at(top)


@pytest.mark.parametrize("group", GROUPS)
def test_danger_is_named_in_every_command_of_the_group(workspace, group):
    missed = [
        (case["command"], verdict, reason)
        for case in CASES
        if case["group"] == group and case["class"] == "danger"
        for verdict, reason, _ in [check(case["command"], workspace.cwd, workspace)]
        if verdict != "dangerous"
    ]

    assert missed == []


@pytest.mark.parametrize("group", GROUPS)
def test_ordinary_commands_of_the_group_are_not_called_dangerous(workspace, group):
    named = [
        (case["command"], reason)
        for case in CASES
        if case["group"] == group and case["class"] == "ask"
        for verdict, reason, _ in [check(case["command"], workspace.cwd, workspace)]
        if verdict == "dangerous"
    ]

    assert named == []


def test_a_file_outside_is_lost_only_if_it_is_there(workspace):
    verdicts = {
        command: check(command, workspace.cwd, workspace)[0]
        for command in (
            "mv a ~/notes.txt",
            "mv a ~/new.txt",
            "cp a ~/notes.txt",
            "cp a ~/new.txt",
            "mv -n a ~/notes.txt",
        )
    }

    assert verdicts == {
        "mv a ~/notes.txt": "dangerous",
        "mv a ~/new.txt": "stateful",
        "cp a ~/notes.txt": "dangerous",
        "cp a ~/new.txt": "stateful",
        "mv -n a ~/notes.txt": "stateful",
    }
