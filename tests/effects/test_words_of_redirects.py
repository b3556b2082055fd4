"""Variables and inputs that are not what they look like: settings, vanished words, other descriptors, names unset."""

import pytest

from plait.effects.shell import command_effects, verdict
from plait.host.paths import Workspace


@pytest.fixture
def workspace(tmp_path):
    top = tmp_path / "outside" / "ws"
    (top / "sub").mkdir(parents=True)
    (top / "-").touch()
    for name in ("b", "d", "sub/t.txt"):
        (top / name).write_text("x\n")
    return Workspace.at(top)


def is_judged(command, workspace):
    return verdict(command_effects(command, cwd=workspace.cwd, workspace=workspace), workspace)


RUNS = "'a[$(./evil)]'"


@pytest.mark.parametrize(
    "command",
    [
        # A harmless setting is a variable of the shell all the same.
        "for DEBUG in b; do :; done; DEBUG=../x; cat $DEBUG",
        "for DEBUG in b; do :; done; export DEBUG=../x; cat $DEBUG",
        f"((COLUMNS=1)); COLUMNS={RUNS}; ((COLUMNS))",
        f"((DEBUG=1)); export DEBUG={RUNS}; ((DEBUG))",
        "declare VERBOSE=b; VERBOSE=../x; cat $VERBOSE",
        "f() { local DEBUG=b; DEBUG=../x; cat $DEBUG; }; f",
        # Assignments before words that become none are made in the shell.
        "x=b; e=; x=../x $e; cat $x",
        f"x=1; e=; x={RUNS} $e; ((x))",
        "x=b; e=' '; x=../x $e >/dev/null; cat $x",
        "x=b; e=; for i in 1 2; do cat $x; x=../x $e; done",
        # The input is another descriptor.
        "echo b | xargs cat 3<d <&3",
        "xargs cat 3<<<../x <<<b 0<&3",
        "echo b | { xargs cat 0>&3; } 3<d",
        "echo b | xargs cat 3<d <&3-",
        "find sub -name '*.txt' | while read -r f <&3; do cat \"$f\"; done 3<d",
        # `unset` removes a function where no variable has its name.
        "savelog() { :; }; unset savelog; savelog b",
        "savelog() { :; }; x=savelog; unset $x; savelog b",
        "savelog() { :; }; for i in 1 2; do savelog b; unset savelog; done",
        "savelog() { :; }; g() { unset savelog; }; g; savelog b",
        # `read -t 0` reads nothing.
        "f=../x; find sub -name '*.txt' | { read -t 0 f; cat \"$f\"; }",
        "f=../x; ls | { read -rt 0 f; cat \"$f\"; }",
        # A shell that is not bash reads some of its words as others.
        "sh -c '[[ a > F ]]'",
        "dash -c 'i=1; ((i>2))'",
        "sh -c 'f() { [[ a > F ]]; }; f'",
        "sh -c 'eval \"[[ a > F ]]\"'",
        "sh -c 'cat \"$(echo \"..\\0057x\")\"'",
        "sh -c 'x=../x; x+=/../ws/b; cat $x'",
        # More is printed than is told.
        "uniq $(git rev-parse --show-toplevel b)",
        "git rev-parse --show-toplevel b | xargs uniq",
        "grep -l x 'q ../x x' 2>/dev/stdout | xargs cat",
        "find 'q ../x x' -name b 2>/dev/fd/1 | xargs cat",
        # It works elsewhere, or on something else.
        "find sub -name t.txt -execdir cat link ';'",
        "md5sum -c - < d",
        "git -c grep.fallbackToNoIndex=true grep TOKEN",
        # The directory itself is among the names that are found.
        "find . | while read -r f; do cat \"$f./x\"; done",
        "find . | while read -r f; do cat \"$f\"\"\"./x; done",
        "ls -d . | while read -r f; do ls \"$f.\"; done",
    ],
)  # fmt: skip
def test_asks(command, workspace):
    assert is_judged(command, workspace) != "read_only"


@pytest.mark.parametrize(
    "command",
    [
        "export DEBUG=1; ls",
        "DEBUG=1; ls",
        "x=b; cat $x",
        "savelog() { :; }; savelog b",
        "x=b; unset x; ls",
        "find sub -name '*.txt' | while read -r f; do cat \"$f\"; done",
        "find . -name '*.txt' | while read -r f; do ls \"$f.bak\"; done",
        "find . -name '*.txt' | while read -r f; do ls \"$f/x\"; done",
        "ls 2>&1 | head",
        "sh -c '[ -f b ] && echo $((1 + 2))'",
        "find . -name b 2>/dev/null | xargs cat",
        "bash -c '[[ -f b ]] && ls'",
        "cat d <&-",
    ],
)  # fmt: skip
def test_needs_no_question(command, workspace):
    assert is_judged(command, workspace) == "read_only"
