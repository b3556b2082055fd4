"""Commands that would show a secret of the workspace: asked about, whatever options stand before its name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from plait.effects.shell import command_effects
from plait.host.paths import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / ".env").write_text("API_SECRET=hush\n")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "server.key").write_text("hush hush\n")
    (tmp_path / "a.txt").write_text("TODO later\n")
    return Workspace.at(tmp_path)


def asks(command: str, workspace: Workspace) -> bool:
    effects = command_effects(command, cwd=workspace.cwd, workspace=workspace)
    return bool(effects.credentials) or not effects.read_only


# Each has an option that is a flag of its program and takes a value in one that is much like it.
@pytest.mark.parametrize(
    "command",
    [
        "cat -n .env", "cat -A .env", "cat -b .env", "cat -s .env", "cat -v .env", "cat -t .env", "cat -n .e*",
        "cat -n $NAME", "tac -b .env", "fold -s .env", "md5sum -b .env", "sha256sum -t .env", "paste -s .env",
        "fmt -s .env", "pr -t .env", "comm -1 .env a.txt", "column -t .env", "cut -s .env", "diff -i .env a.txt",
        "diff -n .env a.txt", "grep --color SECRET .env", "egrep --colour SECRET .env", "grep --rege=SECRET .env",
        "hexdump -v .env", "expand -i .env", "nl -p .env", "head -s .env",
    ],
)  # fmt: skip
def test_no_option_hides_the_name_behind_it(command: str, workspace: Workspace) -> None:
    assert asks(command, workspace)


@pytest.mark.parametrize(
    "command",
    [
        "cat -n a.txt", "head -n 5 a.txt", "tail -c 100 a.txt", "cut -d / -f 1 a.txt", "cut -d . -f 2 a.txt",
        "fold -w 80 a.txt", "nl -b a a.txt", "od -A x -t x1 a.txt", "column -t -s , a.txt", "paste -d , a.txt a.txt",
        "join -t , -1 2 a.txt a.txt", "diff -U 3 a.txt a.txt", "grep --color=never TODO a.txt", "ls --color",
    ],
)  # fmt: skip
def test_values_of_options_are_no_files(command: str, workspace: Workspace) -> None:
    assert not asks(command, workspace)


@pytest.mark.parametrize("command", ["git log -L1,1:.env", "git log -L 1,1:conf/server.key", "git show HEAD:.env"])
def test_git_shows_no_secret_that_is_named_unasked(command: str, workspace: Workspace) -> None:
    subprocess.run(["git", "init", "-q", str(workspace.cwd)], check=True)

    assert asks(command, workspace)
    assert not asks("git log -L 1,1:a.txt", workspace)


@pytest.mark.parametrize(
    "command",
    [
        "grep -r SECRET .", "grep -rn hush .", "grep -ri api_ .", "grep -r . .", "grep -r '' .", "grep -rv TODO .",
        "grep -rE 'nope|hush' .", "grep -r 'nope\\|hush' .", "grep -re nope -e hush", 'grep -r "$X" .', "rg hush",
        "rg --hidden SECRET", "rg -uu SECRET", "rg -. '[A-Z]+='", "grep -r '(nope)?' .", "grep -rf words .",
    ],
)  # fmt: skip
def test_a_search_that_would_print_a_line_of_a_secret_asks(command: str, workspace: Workspace) -> None:
    assert asks(command, workspace)


@pytest.mark.parametrize(
    "command",
    [
        "grep -rn TODO .", "grep -rn 'rm -rf' .", "grep -r 'TODO\\|FIXME' .", "grep -rE '^(class|def) TODO' src",
        "grep -rl SECRET .",
        "grep -rc SECRET .", "grep -rn --include='*.txt' SECRET .", "rg TODO", "rg SECRET a.txt", "rg -n 'def \\w+'",
        "rg --hidden TODO", "rg API_SECRET", "rg -t py hush",
    ],
)  # fmt: skip
def test_a_search_for_something_else_does_not(command: str, workspace: Workspace) -> None:
    (workspace.cwd / "src").mkdir()
    (workspace.cwd / "conf" / "server.key").unlink()

    assert not asks(command, workspace)
