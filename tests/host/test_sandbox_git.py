"""A `.git` that points elsewhere opens nothing there, unless the other end names this place."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.host.test_sandbox import Place, outside_tmp, place  # noqa: F401

from plait.host.sandbox_git import git_guards
from plait.host.sandbox_grants import NOTHING, Grants


class Two:
    """A repository of the user's, and a directory from elsewhere."""

    def __init__(self, top: Path) -> None:
        self.victim, self.evil = top / "victim", top / "evil"
        self.evil.mkdir()
        self.git("init", "-q", str(self.victim), at=top)
        self.git("commit", "-q", "--allow-empty", "-m", "1", at=self.victim)

    def git(self, *words: str, at: Path) -> None:
        author = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]
        subprocess.run(["git", *author, *words], check=True, cwd=at, capture_output=True)

    def worktree(self) -> Path:
        tree = self.victim.parent / "tree"
        self.git("worktree", "add", "-q", str(tree), at=self.victim)
        return tree


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path.resolve())


def a_link_to_the_directory(two: Two) -> Path:
    (two.evil / ".git").symlink_to(two.victim / ".git")
    return two.evil


def the_same_seen_from_below(two: Two) -> Path:
    (two.evil / ".git").symlink_to(two.victim / ".git")
    (two.evil / "sub").mkdir()
    return two.evil / "sub"


def a_link_to_the_file_of_a_worktree(two: Two) -> Path:
    (two.evil / ".git").symlink_to(two.worktree() / ".git")
    return two.evil


def a_file_that_names_a_module_of_a_repository_above(two: Two) -> Path:
    two.git("submodule", "--quiet", "add", str(two.victim), "sub", at=two.victim)
    evil = two.victim / "unpacked/evil"
    evil.mkdir(parents=True)
    (evil / ".git").write_text("gitdir: ../../.git/modules/sub\n")
    return evil


POINTERS: list[Callable[[Two], Path]] = [
    a_link_to_the_directory, the_same_seen_from_below, a_link_to_the_file_of_a_worktree,
    a_file_that_names_a_module_of_a_repository_above,
]  # fmt: skip


@pytest.mark.parametrize("point", POINTERS)
def test_what_only_points_elsewhere_opens_nothing(two: Two, point: Callable[[Two], Path]) -> None:
    assert git_guards(str(point(two))).directories == ()


def test_what_the_other_end_names_is_open(two: Two) -> None:
    tree = two.worktree()
    two.git("submodule", "--quiet", "add", str(two.victim), "deep/sub", at=two.victim)
    (two.victim / "folder").mkdir()

    assert git_guards(str(two.victim)).directories == (str(two.victim / ".git"),)
    assert git_guards(str(two.victim / "folder")).directories == (str(two.victim / ".git"),)
    assert git_guards(str(tree)).directories == (str(two.victim / ".git"),)
    assert git_guards(str(two.victim / "deep/sub")).directories == (str(two.victim / ".git/modules/deep/sub"),)


def test_a_link_within_the_workspace_is_followed(two: Two) -> None:
    (two.victim / ".git").rename(two.victim / "kept")
    os.symlink("kept", two.victim / ".git")

    assert git_guards(str(two.victim)).directories == (str(two.victim / "kept"),)


@pytest.mark.parametrize("grants", [NOTHING, Grants(home=True)], ids=["hidden", "seen"])
async def test_a_command_cannot_write_there(place: Place, grants: Grants) -> None:  # noqa: F811
    two = Two(place.home)
    (place.root / ".git").symlink_to(two.victim / ".git")

    end = await place.run("rm -f .git/HEAD; git branch other; echo x > .git/refs/heads/evil", grants=grants)

    assert end.exit_code != 0
    assert sorted(os.listdir(two.victim / ".git/refs/heads")) == os.listdir(two.victim / ".git/refs/heads")
    assert not (two.victim / ".git/refs/heads/evil").exists()
    assert (two.victim / ".git/HEAD").exists()
