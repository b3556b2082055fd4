"""A worktree belongs to the repository that lists it, and nothing else does, whatever it says of itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from plait.host.worktrees import repository_of


class Place:
    """A repository of the user's with the worktree `tree`, and a directory `evil` that came from elsewhere."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.main, self.tree, self.evil = (top / name for name in ("main", "tree", "evil"))
        self.main.mkdir()
        self.git("init", "-q", at=self.main)
        self.git("commit", "-q", "--allow-empty", "-m", "1", at=self.main)
        self.git("worktree", "add", "-q", str(self.tree), at=self.main)
        self.evil.mkdir()

    @property
    def entry(self) -> Path:
        return self.main / ".git/worktrees/tree"

    def git(self, *words: str, at: Path) -> None:
        author = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]
        subprocess.run(["git", *author, *words], check=True, cwd=at, capture_output=True)

    def says(self, text: str, *, at: Path | None = None) -> None:
        (self.evil if at is None else at).mkdir(parents=True, exist_ok=True)
        ((self.evil if at is None else at) / ".git").write_text(text)

    def own_entry(self, common: str, back: str | None = None) -> Path:
        """A directory of `evil` made up as one of a repository's for a worktree."""
        made = self.evil / "made/worktrees/tree"
        made.mkdir(parents=True)
        (made / "commondir").write_text(f"{common}\n")
        (made / "gitdir").write_text(f"{back or self.evil / '.git'}\n")
        (made / "HEAD").write_text("ref: refs/heads/x\n")
        return made


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path.resolve())


def test_a_worktree_belongs_to_the_repository_that_lists_it(place: Place) -> None:
    assert repository_of(place.tree) == place.main
    assert repository_of(place.main) is None
    assert repository_of(place.evil) is None


def test_one_whose_files_name_each_other_by_relative_paths_does_too(place: Place) -> None:
    (place.tree / ".git").write_text("gitdir: ../main/.git/worktrees/tree\n")
    (place.entry / "gitdir").write_text("../../../../tree/.git\n")

    assert repository_of(place.tree) == place.main


def test_one_of_a_repository_without_a_work_tree_belongs_to_that(place: Place) -> None:
    bare = place.top / "bare.git"
    place.git("clone", "-q", "--bare", str(place.main), str(bare), at=place.top)
    place.git("worktree", "add", "-q", str(place.top / "other"), "HEAD", at=bare)

    assert repository_of(place.top / "other") == bare


def test_one_that_is_reached_by_a_link_does_too(place: Place) -> None:
    moved = place.top / "moved"
    place.main.rename(moved)
    place.main.symlink_to(moved)

    assert repository_of(place.tree) == moved


def names_the_entry_of_another(place: Place) -> None:
    place.says(f"gitdir: {place.entry}\n")


def names_it_by_a_relative_path(place: Place) -> None:
    place.says("gitdir: ../main/.git/worktrees/tree\n")


def names_it_by_dots(place: Place) -> None:
    place.says("gitdir: ../main/.git/worktrees/x/../tree/../tree\n")


def names_the_git_directory(place: Place) -> None:
    place.says(f"gitdir: {place.main / '.git'}\n")


def names_it_through_a_link(place: Place) -> None:
    (place.evil / "link").symlink_to(place.entry)
    place.says("gitdir: link\n")


def is_a_link_to_the_file_of_another(place: Place) -> None:
    (place.evil / ".git").symlink_to(place.tree / ".git")


def is_a_relative_link_to_it(place: Place) -> None:
    (place.evil / ".git").symlink_to("../tree/.git")


def is_a_link_to_the_git_directory(place: Place) -> None:
    (place.evil / ".git").symlink_to(place.main / ".git")


def is_a_link_to_the_entry(place: Place) -> None:
    (place.evil / ".git").symlink_to(place.entry)


def is_a_hard_link_to_the_file_of_another(place: Place) -> None:
    os.link(place.tree / ".git", place.evil / ".git")


def has_an_entry_of_its_own(place: Place) -> None:
    made = place.own_entry(str(place.main / ".git"))
    place.says(f"gitdir: {made}\n")


def has_an_entry_of_its_own_with_a_relative_commondir(place: Place) -> None:
    made = place.own_entry("../../../../main/.git")
    place.says(f"gitdir: {os.path.relpath(made, place.evil)}\n")


def has_an_entry_with_a_linked_commondir(place: Place) -> None:
    (place.evil / "common").symlink_to(place.main / ".git")
    made = place.own_entry("../../../common")
    place.says(f"gitdir: {made}\n")


def has_an_entry_behind_a_linked_directory_of_worktrees(place: Place) -> None:
    (place.evil / "made").mkdir()
    (place.evil / "made/worktrees").symlink_to(place.main / ".git/worktrees")
    place.says("gitdir: made/worktrees/tree\n")


def has_a_commondir_in_a_git_directory_of_its_own(place: Place) -> None:
    (place.evil / ".git").mkdir()
    (place.evil / ".git/commondir").write_text(f"{place.main / '.git'}\n")
    (place.evil / ".git/gitdir").write_text(f"{place.evil / '.git'}\n")
    (place.evil / ".git/HEAD").write_text("ref: refs/heads/x\n")


def lies_in_the_repository(place: Place) -> None:
    place.evil.rmdir()
    place.evil = place.main / "sub"
    place.says("gitdir: ../.git/worktrees/tree\n")


def lies_in_the_worktree(place: Place) -> None:
    place.evil.rmdir()
    place.evil = place.tree / "sub"
    place.says(f"gitdir: {place.entry}\n")


def is_a_copy(place: Place) -> None:
    shutil.rmtree(place.evil)
    shutil.copytree(place.tree, place.evil)


def has_a_name_that_only_begins_like_it(place: Place) -> None:
    place.evil = place.top / "tree2"
    place.says(f"gitdir: {place.entry}\n")


def says_more_than_a_path(place: Place) -> None:
    place.says(f"gitdir: {place.entry}\ngitdir: x\n")


def is_a_pipe(place: Place) -> None:
    os.mkfifo(place.evil / ".git")


def is_not_text(place: Place) -> None:
    (place.evil / ".git").write_bytes(b"gitdir: \0\xff\n")


SPOOFS: list[Callable[[Place], None]] = [
    names_the_entry_of_another, names_it_by_a_relative_path, names_it_by_dots, names_the_git_directory,
    names_it_through_a_link, is_a_link_to_the_file_of_another, is_a_relative_link_to_it,
    is_a_link_to_the_git_directory, is_a_link_to_the_entry, is_a_hard_link_to_the_file_of_another,
    has_an_entry_of_its_own, has_an_entry_of_its_own_with_a_relative_commondir, has_an_entry_with_a_linked_commondir,
    has_an_entry_behind_a_linked_directory_of_worktrees, has_a_commondir_in_a_git_directory_of_its_own,
    lies_in_the_repository, lies_in_the_worktree, is_a_copy, has_a_name_that_only_begins_like_it,
    says_more_than_a_path, is_a_pipe, is_not_text,
]  # fmt: skip


@pytest.mark.parametrize("spoof", SPOOFS)
def test_what_the_repository_does_not_list_belongs_to_nothing(place: Place, spoof: Callable[[Place], None]) -> None:
    spoof(place)

    assert repository_of(place.evil) is None
    assert repository_of(place.tree) == place.main


def gone_from_the_list(place: Place) -> None:
    (place.entry / "gitdir").unlink()


def listed_under_another_place(place: Place) -> None:
    (place.entry / "gitdir").write_text(f"{place.evil / '.git'}\n")


def listed_as_a_directory(place: Place) -> None:
    (place.entry / "gitdir").write_text(f"{place.tree}\n")


def listed_by_a_link(place: Place) -> None:
    (place.evil / ".git").symlink_to(place.tree / ".git")
    (place.entry / "gitdir").write_text(f"{place.evil / '.git'}\n")


def of_a_common_directory_elsewhere(place: Place) -> None:
    shutil.copytree(place.main / ".git", place.evil / ".git")
    (place.entry / "commondir").write_text(f"{place.evil / '.git'}\n")


def of_no_repository(place: Place) -> None:
    (place.main / ".git/HEAD").unlink()


@pytest.mark.parametrize(
    "break_it",
    [gone_from_the_list, listed_under_another_place, listed_as_a_directory, listed_by_a_link,
     of_a_common_directory_elsewhere, of_no_repository],
)  # fmt: skip
def test_both_ends_must_say_the_same(place: Place, break_it: Callable[[Place], None]) -> None:
    break_it(place)

    assert repository_of(place.tree) is None


def test_what_belongs_to_another_user_is_not_believed(place: Place) -> None:
    assert repository_of(place.tree, user=os.geteuid()) == place.main
    assert repository_of(place.tree, user=os.geteuid() + 1) is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize(
    "path",
    ["tree", "tree/.git", "main/.git", "main/.git/worktrees", "main/.git/worktrees/tree",
     "main/.git/worktrees/tree/gitdir", "main/.git/worktrees/tree/commondir"],
)  # fmt: skip
def test_nor_is_any_part_of_it(place: Place, path: str) -> None:
    os.lchown(place.top / path, 12345, -1)

    assert repository_of(place.tree) is None


def test_a_submodule_belongs_to_itself(place: Place) -> None:
    place.git("submodule", "--quiet", "add", str(place.main), "sub", at=place.tree)

    assert repository_of(place.tree / "sub") is None
