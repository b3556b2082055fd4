"""Words that vanish, that are spread over several commands, or that a program takes for something else."""

import subprocess

import pytest

from plait.effects.shell import command_effects, verdict
from plait.host.paths import Workspace


@pytest.fixture
def workspace(tmp_path):
    top = tmp_path / "outside" / "ws"
    (top / "sub").mkdir(parents=True)
    (top / "src").mkdir()
    for name in ("b", "sub/t", "f", "src/a"):
        (top / name).write_text("x\n")
    (top / "sub" / "f").symlink_to(top.parent / "x")
    subprocess.run(["git", "init", "-q"], cwd=top, check=True)
    return Workspace.at(top)


def is_judged(command, workspace):
    return verdict(command_effects(command, cwd=workspace.cwd, workspace=workspace), workspace)


RUNS = "'x[$(./evil)]'"


@pytest.mark.parametrize(
    "command",
    [
        # Words that are spread over several commands, left out, or put in by another name.
        "echo p 1wF | xargs -n1 sed",
        "printf '%s\\n' p 1wF | xargs -L 1 sed",
        "echo p 1wF | xargs --max-args=1 sed",
        "echo -f -d END -n | xargs -E END git clean",
        "printf '%s\\n' b F | xargs -d '\\n' uniq",
        "printf '%s\\n' x ../x | xargs -d '\\n' grep",
        "x=%; echo ../x | xargs -I% cat ./$x",
        "echo ../ | xargs -I ab cat a''bx",
        "echo 'x -f ../x' | xargs -I{} -n9 grep -e {} b",
        "echo 'x -f ../x' | xargs -I{} -L2 grep -e {} b",
        # What is printed.
        "printf %s . ./x | xargs cat",
        "echo b -e 1wF | xargs sed p",
        # Words that become none.
        f"printf none* -v {RUNS} hi",
        f"printf $(find sub -name none) -v {RUNS} hi",
        "tar tf none* ../x",
        "tar tf $(find sub -name none) ../x",
        "unzip -l none* ../x",
        # Words that may be an operator.
        f'read o < b; [ ! "$o" {RUNS} ]',
        f'read o < b; [ -n a -a "$o" {RUNS} ]',
        f'read o < b; test "(" "$o" {RUNS} ")"',
        # The environment in which git only reads.
        "env -i git status",
        "env - git diff",
        "env -i bash -c 'git status'",
        "GIT_OPTIONAL_LOCKS=1 git status",
        "unset GIT_OPTIONAL_LOCKS; git status",
        "for GIT_OPTIONAL_LOCKS in 1; do git status; done",
        "((GIT_OPTIONAL_LOCKS=1)); git status",
        "env GIT_OPTIONAL_LOCKS=1 git status",
        # Paths and options of git.
        "git diff b sub/../../x",
        "git diff b ./../x",
        "git -C sub diff t deep/../../../x",
        "git grep --untracked --no-exclude-standard TOKEN",
        "git log --diff-merges=remerge",
        "git show --diff-merges=r",
        "git log --diff-merges=on",
        # A file is compared with that of its name in a directory.
        "diff f sub",
        "diff sub f",
        "sdiff f sub",
        # Of modes that exclude each other, the last counts.
        "xz -t -d -f b.xz",
        "xz --list --decompress b.xz",
        "bzip2 -tdf b.bz2",
    ],
)
def test_words_that_mean_something_else_ask(command, workspace):
    assert is_judged(command, workspace) != "read_only"


@pytest.mark.parametrize(
    "command",
    [
        "echo b f | xargs cat",
        "find src -name a | xargs -n1 wc -l",
        "printf '%s\\n' b f | xargs -d '\\n' cat",
        "printf '%s\\n' b f | xargs -I{} cat {}",
        "printf '%s\\n' *",
        'read o < b; [ "$o" = x ]',
        'read o < b; [ -n "$o" -a "$o" = x ]',
        'read o < b; [ ! "$o" ]',
        "GIT_OPTIONAL_LOCKS=0 git status",
        "git diff sub/../b",
        "git log --diff-merges=first-parent",
        "diff f sub/t",
        "xz -t b.xz",
        "gzip -dc b.gz",
        "bzip2 -dkc b.bz2",
    ],
)
def test_words_that_mean_what_they_say_do_not(command, workspace):
    assert is_judged(command, workspace) == "read_only"
