"""Plait where the whole file system is the workspace: started in `/`, or given it with `--add-dir`."""

from __future__ import annotations

import json

import pytest
from tests.cli.program import POSIX, Program

pytestmark = POSIX


@pytest.mark.parametrize("flags", [(), ("--add-dir", "/")])
def test_tools_run(plait: Program, flags: tuple[str, ...]) -> None:
    (plait.project / "a.txt").write_text("found\n")
    place = {} if flags else {"cwd": "/"}

    read = plait("tool", "read", "--json", json.dumps({"path": str(plait.project / "a.txt")}), *flags, **place)
    ran = plait("tool", "shell", "--json", '{"command": "echo found"}', *flags, **place)

    assert (read.returncode, read.stderr) == (ran.returncode, ran.stderr) == (0, "")
    assert "found" in read.stdout
    assert "found" in json.loads(ran.stdout)["result"]


def test_the_system_in_it_is_still_the_system(plait: Program) -> None:
    commands = ["touch /etc/x", "echo x > usr/bin/ls", "chmod -R 777 /", "cp a /boot/b"]
    lines = "\n".join(json.dumps({"id": command, "command": command}) for command in commands)

    answered = [json.loads(line) for line in plait("check-command", "--json", piped=lines, cwd="/").stdout.splitlines()]

    assert [(answer["id"], answer["verdict"]) for answer in answered] == [(line, "dangerous") for line in commands]


def test_the_copies_of_its_programs_go_when_it_ends_and_those_of_killed_ones_at_the_next_start(plait: Program) -> None:
    temporary = plait.project.parent / "tmp"
    killed = temporary / "plait-programs-killed"
    killed.mkdir(parents=True)
    (killed / "in-use").touch()
    (killed / "rg").write_text("x")

    ran = plait(
        "tool", "shell", "--json", '{"command": "echo a"}', "--add-dir", "/", environ={"TMPDIR": str(temporary)}
    )

    assert ran.returncode == 0
    assert [entry.name for entry in temporary.iterdir() if entry.name.startswith("plait-programs-")] == []
