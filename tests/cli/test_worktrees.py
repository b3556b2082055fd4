"""What was allowed and forbidden in a repository, in its worktrees: by the installed program, with real worktrees."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.cli.program import Program

from plait.config.shape import Directories
from plait.permissions.store import save_rule
from plait.protocol.commands import Rule

TOUCH = Rule("allow", "shell(touch made)", "project")


class Worktree:
    """The project with a commit and the worktree `tree`; rules as an earlier session has remembered them."""

    def __init__(self, plait: Program) -> None:
        self.plait = plait
        self.main, self.tree = plait.project, plait.project.parent / "tree"
        self.directories = Directories(plait.config, plait.state, plait.project.parent / "cache")
        for words in (
            ["init", "-q"],
            ["commit", "-q", "--allow-empty", "-m", "1"],
            ["worktree", "add", str(self.tree)],
        ):
            author = ["-c", "user.name=a", "-c", "user.email=a@b"]
            subprocess.run(["git", *author, *words], cwd=self.main, check=True, capture_output=True)

    def remember(self, rule: Rule, place: Path | None = None) -> None:
        save_rule(rule, self.directories, place or self.main)

    def verdict(self, command: str = "touch made", *flags: str, at: Path | None = None) -> str:
        call = json.dumps({"command": command})
        ran = self.plait("tool", "shell", "--json", call, *flags, cwd=at or self.tree)
        return str(json.loads(ran.stdout)["verdict"])


@pytest.fixture
def worktree(plait: Program) -> Worktree:
    return Worktree(plait)


def test_what_was_allowed_in_the_repository_holds_in_a_trusted_worktree_only(worktree: Worktree) -> None:
    worktree.remember(TOUCH)

    assert worktree.verdict(at=worktree.main) == "allowed"
    assert worktree.verdict() == "ask"
    assert worktree.verdict("touch made", "--trust") == "allowed"

    shown = worktree.plait("trust", cwd=worktree.tree).stdout
    assert "not trusted yet, the rules remembered for this repository not in force" in shown
    assert str(worktree.main) in shown

    assert worktree.plait("trust", "yes", cwd=worktree.tree).returncode == 0
    assert worktree.verdict() == "allowed"
    worktree.remember(Rule("allow", "shell(touch more)", "project"))
    assert worktree.verdict("touch more") == "allowed"

    worktree.plait("trust", "no", cwd=worktree.tree)
    assert worktree.verdict() == "ask"


def test_a_worktree_that_the_user_listed_is_trusted(worktree: Worktree) -> None:
    worktree.remember(TOUCH)
    (worktree.plait.config / "settings.toml").write_text(f'trusted_directories = ["{worktree.tree}"]\n')

    assert worktree.verdict() == "allowed"


def test_what_is_not_in_force_is_told(worktree: Worktree) -> None:
    worktree.remember(TOUCH)

    told = worktree.plait("-p", "hi", "--model", "scout", cwd=worktree.tree).stderr

    assert f"What was allowed in `{worktree.main}` is not in force in this worktree" in told
    assert "not in force" not in worktree.plait("-p", "hi", "--model", "scout", cwd=worktree.main).stderr


def test_what_denies_and_asks_holds_from_both_trusted_or_not(worktree: Worktree) -> None:
    worktree.remember(Rule("deny", "shell(touch never)", "project"))
    worktree.remember(Rule("deny", "shell(touch nowhere)", "project"), worktree.tree)

    for flags in ((), ("--trust",), ("--allowed-tools", "shell(*)", "--trust")):
        assert worktree.verdict("touch never", *flags) == "refused"
        assert worktree.verdict("touch nowhere", *flags) == "refused"
    assert worktree.verdict("touch nowhere", at=worktree.main) == "ask"


def test_trust_of_the_repository_is_not_the_worktrees(worktree: Worktree) -> None:
    for place in (worktree.main, worktree.tree):
        (place / ".plait").mkdir()
        (place / ".plait/settings.toml").write_text('[permissions]\nallow = ["shell(touch made)"]\n')

    worktree.plait("trust", "yes", cwd=worktree.main)

    assert worktree.verdict(at=worktree.main) == "allowed"
    assert worktree.verdict() == "ask"


@pytest.mark.parametrize("kind", ["file", "link", "entry"])
def test_a_directory_that_only_says_so_inherits_nothing(worktree: Worktree, kind: str) -> None:
    worktree.remember(TOUCH)
    worktree.remember(Rule("deny", "shell(touch never)", "project"))
    evil = worktree.main.parent / "evil"
    evil.mkdir()
    entry = worktree.main / ".git/worktrees/tree"
    match kind:
        case "file":
            (evil / ".git").write_text(f"gitdir: {entry}\n")
        case "link":
            (evil / ".git").symlink_to(worktree.tree / ".git")
        case _:
            made = evil / "made/worktrees/tree"
            made.mkdir(parents=True)
            (made / "commondir").write_text(f"{worktree.main / '.git'}\n")
            (made / "gitdir").write_text(f"{evil / '.git'}\n")
            (evil / ".git").write_text(f"gitdir: {made}\n")

    assert worktree.verdict("touch made", "--trust", at=evil) == "ask"
    assert worktree.verdict("touch never", "--trust", at=evil) == "ask"
    assert "rules remembered" not in worktree.plait("trust", cwd=evil).stdout


def test_damaged_rules_of_the_repository_are_one_line(worktree: Worktree) -> None:
    worktree.remember(TOUCH)
    [file] = (worktree.plait.state / "rules").iterdir()
    file.write_text("[permissions\n")

    ran = worktree.plait("-p", "hi", "--model", "scout", cwd=worktree.tree)

    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)
    assert str(file) in ran.stderr
