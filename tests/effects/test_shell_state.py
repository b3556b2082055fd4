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


# What a line leaves in a shell that takes another way through it than the words' order says.
RUNS = "'x[$(./evil)]'"
OTHER_WAYS = [
    "x=b; for i in 1; do x=../x; break; x=b; done; cat $x",
    "x=b; for i in 1 2; do cat $x; x=../x; continue; x=b; done",
    "x=b; while true; do x=../x; [ -f b ] && break; x=b; done; cat $x",
    "x=b; f() { x=../x; [ -f b ] && return; x=b; }; f; cat $x",
    "x=b; for i in 1; do eval 'x=../x; break'; x=b; done; cat $x",
    "x=1; f() { read x < b; return; x=1; }; f; echo $((x))",
    "x=../x; x=b & cat $x",
    "x=../x; { x=b; } & cat $x",
    "f() { cat ../x; }; f() { :; } & f",
    "f() { :; }; for i in 1 2; do f; f() { cat ../x; }; done",
    "cd none || return; cat ../x",
    "x=../x; for x in none*; do :; done; cat $x",
    "x=../x; e=; for x in $e; do :; done; cat $x",
    "x=../x; for x in; do :; done; cat $x",
    "readonly x=../x; declare x=b; cat $x",
    "f() { local -r x=../x; local x=b; cat $x; }; f",
    "readonly x=../x; for x in b; do :; done; cat $x",
    f"x=1; read -dt x <<< {RUNS}; echo $((x))",
    f"x=1; read -pn x <<< {RUNS}; echo $((x))",
    "x=b; read -rdd x <<< ../x; cat $x",
    "f() { set pipefail; sed $2 1wF b; }; f x p",
    "x=b; x=../x eval 'cat $x'",
    "x=b; x=../x bash -c 'cat $x'",
    "x=p; bash -c 'sed $x 1wF b'",
    "f() { sh -c 'sed $1 1wF b'; }; f p",
    "mkfifo() { :; }; bash -c 'mkfifo F'",
    "x=b; bash -c 'cat ${x:-../x}'",
    "x=[bc]; uniq $x",
    "sed {,1wF} b",
    "f() { cat $2; }; f {,b} ../x",
    "sed $(echo p >&2) 1wF b",
    "sed $(echo p >/dev/null) 1wF b",
    "sed $({ echo p; } >/dev/null) 1wF b",
    "sed $(case x in y) echo p;; esac) 1wF b",
    "cat .$(echo x >/dev/null)./x",
    "printf '%s\\n' p 1wF b | { read x; xargs sed; }",
    "while read x; do xargs sed; done <<EOF\np\n1wF b\nEOF",
    "x=1e./evi[l]; xargs -I{} sed {} b <<< $x",
]


@pytest.mark.parametrize("command", OTHER_WAYS)
def test_a_value_counts_only_where_no_other_way_through_the_line_leaves_another(command, workspace):
    (workspace.cwd / "c").write_text("y\n")

    assert is_judged(command, workspace) != "read_only"


@pytest.mark.parametrize(
    "command",
    [
        "x=b; for i in 1 2; do x=sub/t; done; cat b",
        "for x in b sub/t; do [ -f $x ] || continue; cat $x; done",
        "f() { local x=$1; [ -f $x ] || return; cat $x; }; f b",
        "set -euo pipefail; cat b",
        "set -o pipefail; cat b | head",
        "x=s*; wc -c $x/t",
        "x=b; cat $x & wait",
        "read -rd '' x < b; echo \"$x\"",
        "cd sub || exit; cat t",
        "grep x $(echo b 2>/dev/null)",
    ],
)
def test_a_value_still_counts_where_every_way_leaves_it(command, workspace):
    assert is_judged(command, workspace) == "read_only"
