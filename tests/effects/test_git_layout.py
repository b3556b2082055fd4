"""Repositories laid out so that git and a reader of its files may disagree about what git obeys.

Each trap is shown to spring under plain git, and `git status` there must ask.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from plait.effects.shell import command_effects, verdict
from plait.host.paths import Workspace

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
PLAIN = "[core]\n\trepositoryformatversion = 0\n"


class Trap:
    """A repository at `root` whose program leaves a mark beside it."""

    def __init__(self, top: Path) -> None:
        self.root = top / "work"
        self.mark = top / "mark"
        self.program = top / "program"
        self.program.write_text(f"#!/bin/sh\ntouch {self.mark}\nexec cat /dev/null\n")
        self.program.chmod(0o755)
        self.root.mkdir()
        self.git("init", "-q")
        (self.root / "a").write_text("1\n")
        (self.root / "same").write_text("1\n")
        self.git("add", ".")
        self.git("commit", "-qm", "1")
        (self.root / "a").write_text("2\n")
        # The index has another time for it, so that git writes the index, whatever the clock says.
        os.utime(self.root / "same", (1, 1))
        self.config(PLAIN + self.line)

    @property
    def line(self) -> str:
        return f"\tfsmonitor = {self.program}\n"

    def config(self, text: str) -> None:
        (self.root / ".git/config").write_text(text, encoding="utf-8", newline="")

    def git(self, *words: str, at: Path | None = None) -> None:
        author = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *author, *words], cwd=at or self.root, check=True, capture_output=True, env=ENVIRONMENT)

    def springs(self, cwd: Path, command: str = "git status") -> bool:
        subprocess.run(command.split(), cwd=cwd, check=False, capture_output=True, env=ENVIRONMENT)
        return self.mark.exists()

    def points(self, content: bytes, git_dir: str) -> None:
        """Put the git directory elsewhere, named by a file."""
        (self.root / git_dir).parent.mkdir(parents=True, exist_ok=True)
        (self.root / ".git").rename(self.root / git_dir)
        (self.root / ".git").write_bytes(content)

    def shares(self, content: bytes, common: str) -> None:
        """Let another directory be the common one; what lies in the usual place is harmless."""
        (self.root / common).parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.root / ".git", self.root / common)
        self.config(PLAIN)
        (self.root / ".git/commondir").write_bytes(content)


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path.resolve())


def asks(cwd: Path, command: str = "git status") -> bool:
    workspace = Workspace.at(cwd)
    return verdict(command_effects(command, cwd=cwd, workspace=workspace), workspace) == "stateful"


@pytest.mark.parametrize(
    ("content", "git_dir", "decoys"),
    [
        (b"gitdir: real\r\n", "real", ["real\r"]),
        (b"gitdir: real\r", "real", ["real\r"]),
        (b"gitdir: real\n\n\r\n", "real", []),
        (b"gitdir: real\0more\n", "real", []),
        (b"gitdir: real \n", "real ", ["real"]),
        (b"gitdir:  real\n", " real", ["real"]),
        (b"gitdir: real\t\n", "real\t", ["real"]),
        (b"gitdir: real\xff\n", os.fsdecode(b"real\xff"), ["real"]),
        (b"gitdir: link/../real\n", "far/real", ["real", "far/away"]),
    ],
)
def test_a_file_that_names_the_git_directory_in_an_odd_way(
    trap: Trap, content: bytes, git_dir: str, decoys: list[str]
) -> None:
    trap.points(content, git_dir)
    for decoy in decoys:
        (trap.root / decoy).mkdir(parents=True, exist_ok=True)
    (trap.root / "link").symlink_to("far/away")

    assert asks(trap.root)
    assert trap.springs(trap.root)


@pytest.mark.parametrize(
    ("content", "common", "decoys"),
    [
        (b"../real\n", "real", []),
        (b"../real \n", "real ", ["real"]),
        (b"../real\t\n", "real\t", ["real"]),
        (b"../real\x0c\n", "real\x0c", ["real"]),
        (b"../real\0more\n", "real", []),
        (b"../real\r\n", "real", ["real\r"]),
        (b"../link/../real\n", "far/real", ["real", "far/away"]),
    ],
)
def test_a_common_directory_that_is_named_in_an_odd_way(
    trap: Trap, content: bytes, common: str, decoys: list[str]
) -> None:
    trap.shares(content, common)
    for decoy in decoys:
        (trap.root / decoy).mkdir(parents=True, exist_ok=True)
    (trap.root / "link").symlink_to("far/away")

    assert asks(trap.root)
    assert trap.springs(trap.root)


def empty(git_dir: Path) -> None:
    git_dir.mkdir(parents=True)


def without_head(git_dir: Path) -> None:
    for name in ("objects", "refs"):
        (git_dir / name).mkdir(parents=True)
    (git_dir / "config").write_text(PLAIN)


def with_a_bad_head(git_dir: Path) -> None:
    without_head(git_dir)
    (git_dir / "HEAD").write_text("neither a branch nor a commit\n")


def with_a_file_for_objects(git_dir: Path) -> None:
    (git_dir / "refs").mkdir(parents=True)
    (git_dir / "objects").write_text("")
    (git_dir / "HEAD").write_text("ref: refs/heads/main\n")


@pytest.mark.parametrize("make", [empty, without_head, with_a_bad_head, with_a_file_for_objects])
def test_what_is_no_git_directory_is_passed_by_and_an_outer_one_obeyed(
    trap: Trap, make: Callable[[Path], None]
) -> None:
    make(trap.root / "sub/.git")

    assert asks(trap.root / "sub")
    assert trap.springs(trap.root / "sub")


def test_a_directory_that_shares_the_files_of_a_repository_is_one(trap: Trap) -> None:
    trap.git("commit", "-qam", "2")
    trap.config(f"{PLAIN}[diff]\n\texternal = {trap.program}\n")
    (trap.root / ".git").rename(trap.root / "real")
    (trap.root / "sub").mkdir()
    shutil.copy(trap.root / "real/HEAD", trap.root / "sub/HEAD")
    (trap.root / "sub/commondir").write_text("../real\n")

    assert asks(trap.root / "sub", "git diff HEAD~1 HEAD")
    assert trap.springs(trap.root / "sub", "git diff HEAD~1 HEAD")


@pytest.mark.parametrize("break_", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r"])
def test_a_comment_ends_where_git_ends_it(trap: Trap, break_: str) -> None:
    trap.config(f"[core]\n# {break_}[alias]\n{trap.line}")

    assert asks(trap.root)
    assert trap.springs(trap.root)


@pytest.mark.parametrize("value", ['"h"', "h # x", "h ; x", 'h""', '"ROOT/h"', "./h", "x/../h"])
def test_the_directory_of_hooks_is_read_as_git_reads_it(trap: Trap, value: str) -> None:
    trap.config(f"[core]\n\thooksPath = {value.replace('ROOT', str(trap.root))}\n")
    for folder in ("h", "x"):
        (trap.root / folder).mkdir()
    shutil.copy(trap.program, trap.root / "h/post-index-change")

    assert asks(trap.root)
    assert trap.springs(trap.root)


@pytest.mark.parametrize(
    "text",
    [
        '[core "x"]\n[core]LINE', '[alias "a]"]\n[core]\nLINE', '[alias] x = "\\\n[alias]"\n[core]LINE',
        "[CORE]LINE#\n", "[Core]\r\nLINE", '[alias]\n\tx = "#"\n[core]\nLINE', "[include]\n\tpath = more\n",
        '[includeIf "gitdir:/"]\n\tpath = more\n',
    ],
)  # fmt: skip
def test_a_program_is_found_wherever_the_configuration_names_it(trap: Trap, text: str) -> None:
    (trap.root / ".git/more").write_text(f"[core]\n{trap.line}")
    trap.config(text.replace("LINE", trap.line))

    assert asks(trap.root)
    assert trap.springs(trap.root)


# --- submodules, and merges that are shown ------------------------------------------------------------------------


def inner(trap: Trap, *, object_format: str = "sha1") -> Path:
    """A repository in another, as git links it; the inner one's configuration names the program."""
    shutil.rmtree(trap.root / ".git")
    for place in (trap.root, trap.root / "sub"):
        place.mkdir(exist_ok=True)
        trap.git("init", "-q", f"--object-format={object_format}", at=place)
    (trap.root / "sub/b").write_text("1\n")
    for place in (trap.root / "sub", trap.root):
        trap.git("add", ".", at=place)
        trap.git("commit", "-qm", "1", at=place)
    return trap.root / "sub"


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_submodule_is_looked_at_whatever_its_ids_are(trap: Trap, object_format: str) -> None:
    sub = inner(trap, object_format=object_format)
    assert not asks(trap.root)
    with (sub / ".git/config").open("a") as config:
        config.write(f"[core]\n{trap.line}")

    assert asks(trap.root)
    assert trap.springs(trap.root)


def formerly_a_submodule(trap: Trap) -> None:
    """Two commits know a link that the index does not; what lies there is left as it was."""
    sub = inner(trap)
    (sub / "b").write_text("2\n")
    trap.git("commit", "-qam", "2", at=sub)
    trap.git("add", "sub")
    trap.git("commit", "-qm", "2")
    trap.git("rm", "-q", "--cached", "sub")
    trap.git("commit", "-qm", "3")
    (sub / ".git/config").write_text(f"{PLAIN}[diff]\n\texternal = {trap.program}\n")


@pytest.mark.parametrize(
    "command",
    ["git show --submodule=diff HEAD~1", "git log -p --submodule=diff", "git diff --submodule=diff HEAD~2 HEAD~1"],
)
def test_git_is_not_run_where_only_history_knows_a_submodule(trap: Trap, command: str) -> None:
    formerly_a_submodule(trap)

    assert asks(trap.root, command)
    assert not asks(trap.root, command.replace(" --submodule=diff", ""))
    assert trap.springs(trap.root, command)


@pytest.mark.parametrize("command", ["git log -p", "git show HEAD~1", "git diff HEAD~2 HEAD~1"])
def test_nor_by_the_repositorys_own_configuration(trap: Trap, command: str) -> None:
    formerly_a_submodule(trap)
    trap.config(PLAIN + "[diff]\n\tsubmodule = diff\n")

    assert asks(trap.root, command)
    assert trap.springs(trap.root, command)


@pytest.mark.parametrize("command", ["git log --diff-merges=remerge -1", "git log --remerge-diff -1"])
def test_a_merge_that_is_made_to_be_shown_runs_no_driver(trap: Trap, command: str) -> None:
    trap.config(PLAIN)
    (trap.root / ".gitattributes").write_text("a merge=theirs\n")
    trap.git("add", ".")
    trap.git("commit", "-qm", "2")
    trap.git("checkout", "-qb", "other", "HEAD~1")
    (trap.root / "a").write_text("3\n")
    (trap.root / ".gitattributes").write_text("a merge=theirs\n")
    trap.git("add", ".")
    trap.git("commit", "-qm", "3")
    with pytest.raises(subprocess.CalledProcessError):
        trap.git("merge", "-q", "@{-1}")
    trap.git("commit", "-qam", "merged")
    trap.config(f'{PLAIN}[merge "theirs"]\n\tdriver = {trap.program}\n')

    assert asks(trap.root, command)
    assert trap.springs(trap.root, command)


def test_a_setting_of_core_that_is_not_known_asks(trap: Trap) -> None:
    trap.config(f"{PLAIN}\tvirtualFilesystem = {trap.program}\n")

    assert asks(trap.root)


# --- what git itself makes runs unasked --------------------------------------------------------------------------


def test_repositories_as_git_makes_them_do_not_ask(trap: Trap, tmp_path: Path) -> None:
    trap.config(PLAIN + '\thooksPath = ci/hooks ; mine\n[user]\n\tname = "Zoë #1"\n[alias]\n\tst = status -sb\n')
    trap.git("worktree", "add", "-q", str(tmp_path / "tree"))
    trap.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(trap.root), "sub")
    (tmp_path / "fresh").mkdir()
    trap.git("init", "-q", at=tmp_path / "fresh")
    trap.git("checkout", "-q", "--detach", at=tmp_path / "tree")
    (trap.root / "folder").mkdir()

    for place in (trap.root, trap.root / "folder", trap.root / "sub", tmp_path / "tree", tmp_path / "fresh"):
        assert not asks(place.resolve()), place
