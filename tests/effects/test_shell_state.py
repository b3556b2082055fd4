"""What a line leaves in the shell for its later commands: variables, directories, names that were listed."""

import pytest

from plait.effects.shell import command_effects, verdict
from plait.host.paths import Workspace


@pytest.fixture
def workspace(tmp_path):
    top = tmp_path / "outside" / "ws"
    (top / "sub").mkdir(parents=True)
    for name in ("b", "sub/t"):
        (top / name).write_text("x\n")
    return Workspace.at(top)


def is_judged(command, workspace):
    return verdict(command_effects(command, cwd=workspace.cwd, workspace=workspace), workspace)


@pytest.mark.parametrize(
    "command",
    [
        "cd sub && eval 'cd ..' && cat ../x",
        "cd sub && command eval 'cd ..' && cat ../x",
        "cd sub && f() { eval cd ..; } && f && cat ../x",
        "x=b; eval x=../x; cat $x",
        "x=b && eval 'read x < b' && cat $x",
        "x=b && time eval x=../x && cat $x",
        "x=(b); : ${x[5]:=../x}; cat \"${x[@]}\"",
        "x=(b); : ${x[5]=../x}; cat \"${x[@]}\"",
        'x=(b b); for x in ../x; do :; done; cat "${x[@]}"',
        'x=(b b); for x in ../*; do :; done; cat "${x[@]}"',
        "_=b; : ../x; cat $_",
        "for _ in b; do : ../x; cat $_; done",
        "for _ in 1; do : 'x[$(touch y)]'; echo $((_)); done",
        "ls -a | xargs ls",
        "ls -f | xargs ls",
        'ls --all | while read x; do ls "$x"; done',
        "x=$(ls -a); ls $x",
        "ls .*",
        "ls -d .* | xargs ls",
        "for f in .*; do ls $f; done",
        "cat .?/b",
        "cat sub/.*/../x",
    ],
)  # fmt: skip
def test_what_is_not_surely_known_later_asks(workspace, command):
    assert is_judged(command, workspace) != "read_only"


@pytest.mark.parametrize(
    "command",
    [
        "x=b; cat $x; eval true",
        'x=(b sub/t); for f in "${x[@]}"; do cat "$f"; done',
        "for _ in 1 2; do cat b; done",
        "ls -A | xargs ls",
        "ls .[!.]*",
        "ls .g*",
        "cd sub && command true && cat ../b",
    ],
)
def test_what_is_known_later_is_not_asked_about(workspace, command):
    assert is_judged(command, workspace) == "read_only"
