import os
import subprocess
from pathlib import Path

import pytest

from plait.host.git import Git, branch, find_repository, parse_changed_lines
from plait.protocol.errors import ToolRefused


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", "-b", "trunk", str(root)], check=True)
    (root / "a.txt").write_text("1\n2\n3\n4\n")
    (root / "b.txt").write_text("b\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


async def test_status_names_what_changed(root: Path) -> None:
    (root / "a.txt").write_text("changed\n")
    (root / "b.txt").unlink()
    (root / "new dir").mkdir()
    (root / "new dir" / "é.txt").write_text("")

    found = {changed.path: (changed.state, changed.deleted) for changed in await Git(root).status()}

    assert found == {"a.txt": (" M", False), "b.txt": (" D", True), "new dir/é.txt": ("??", False)}


async def test_changed_lines_are_those_that_the_last_commit_does_not_have(root: Path) -> None:
    (root / "a.txt").write_text("1\ntwo\n3\n4\n5\n")
    (root / "new.txt").write_text("x\n")

    lines = await Git(root).changed_lines([root / "a.txt", root / "b.txt", root / "new.txt"])

    assert lines == {"a.txt": frozenset({2, 5}), "b.txt": frozenset()}


async def test_a_repository_without_a_commit_has_no_old_lines(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("x\n")

    assert await Git(tmp_path).changed_lines([tmp_path / "a"]) == {}
    assert [changed.path for changed in await Git(tmp_path).status()] == ["a"]


def test_unusual_names_in_a_diff_are_read() -> None:
    diff = b'diff --git "a/x" "b/x"\n--- "a/x"\n+++ "b/t\\303\\251\\tx"\n@@ -1 +1,2 @@\n-a\n+++ b\n+c\n'

    assert parse_changed_lines(diff) == {"té\tx": frozenset({1, 2})}


HOSTILE_CONFIG = """
[core]
    fsmonitor = touch {marker}
    hooksPath = {root}/hooks
    pager = touch {marker}
    sshCommand = touch {marker}
    editor = touch {marker}
[diff]
    external = touch {marker}
[diff "evil"]
    textconv = touch {marker};cat
    command = touch {marker}
[filter "evil"]
    clean = touch {marker};cat
    smudge = touch {marker};cat
    process = touch {marker}
    required = true
[filter "two.three \\"four\\""]
    clean = touch {marker};cat
[gpg]
    program = touch {marker}
[log]
    showSignature = true
[alias]
    status = !touch {marker}
    diff = !touch {marker}
[include]
    path = included
"""


@pytest.fixture
def hostile(root: Path) -> Path:
    marker = root.parent / "ran"
    with (root / ".git" / "config").open("a") as config:
        config.write(HOSTILE_CONFIG.format(marker=marker, root=root))
    (root / ".git" / "included").write_text(f'[filter "inner"]\n\tclean = touch {marker};cat\n')
    (root / ".gitattributes").write_text(
        'a.txt filter=evil diff=evil\nb.txt filter=inner\nc.txt filter="two.three \\"four\\""\n'
    )
    (root / "hooks").mkdir()
    for hook in ("post-index-change", "pre-auto-gc", "post-checkout", "fsmonitor-watchman"):
        (root / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (root / "hooks" / hook).chmod(0o755)
    return root


async def test_nothing_that_the_repository_chose_is_run(hostile: Path) -> None:
    # Same size, other time: git has to look at the content, where it would filter it.
    (hostile / "a.txt").write_text("1\n2\n3\n5\n")
    os.utime(hostile / "b.txt", (1, 1))

    status = await Git(hostile).status()
    lines = await Git(hostile).changed_lines([hostile / "a.txt"])
    log = await Git(hostile).run(["log", "-p", "--no-ext-diff", "--no-textconv"])

    assert "a.txt" in {changed.path for changed in status}
    assert lines == {"a.txt": frozenset({4})}
    assert log.exit_code == 0
    assert not (hostile.parent / "ran").exists()


def test_the_same_repository_does_run_them_for_who_does_not_take_care(hostile: Path) -> None:
    os.utime(hostile / "b.txt", (1, 1))

    subprocess.run(["git", "-C", str(hostile), "status"], capture_output=True, check=False)

    assert (hostile.parent / "ran").exists()


async def test_a_filter_that_cannot_be_switched_off_is_refused(root: Path) -> None:
    with (root / ".git" / "config").open("a") as config:
        config.write('[filter "a=b"]\n\tclean = touch ran;cat\n')

    with pytest.raises(ToolRefused, match="cannot be switched off"):
        await Git(root).status()


async def test_the_environment_cannot_point_git_elsewhere(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "touch ran")

    assert await Git(root).status() == ()


async def test_outside_a_repository_git_is_not_asked(tmp_path: Path) -> None:
    assert find_repository(tmp_path) is None or tmp_path not in find_repository(tmp_path).root.parents  # type: ignore[union-attr]
    with pytest.raises(ToolRefused, match=r"`git status` failed|cannot read its settings"):
        await Git(tmp_path).status()


def test_the_branch_is_read_without_git(root: Path) -> None:
    (root / "deep" / "er").mkdir(parents=True)

    assert branch(root / "deep" / "er") == "trunk"

    git(root, "checkout", "-q", "-b", "feature/x")
    assert branch(root) == "feature/x"

    git(root, "checkout", "-q", "--detach")
    commit = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert branch(root) == commit.stdout[:8]


def test_a_linked_worktree_has_a_branch_of_its_own(root: Path) -> None:
    git(root, "worktree", "add", "-q", "-b", "side", str(root.parent / "linked"))

    assert branch(root.parent / "linked") == "side"
    assert branch(root) == "trunk"


def test_what_is_no_repository_has_no_branch(tmp_path: Path) -> None:
    for text in ("gitdir: nowhere", "gitdir:", "nonsense", "gitdir: \0", ""):
        (tmp_path / ".git").write_text(text)
        assert branch(tmp_path) is None

    (tmp_path / ".git").unlink()
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git" / "HEAD")
    assert branch(tmp_path) is None


async def test_the_repository_cannot_have_another_directory_looked_at(root: Path, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private/name").write_text("")
    (root / "a.txt").write_text("changed\n")
    git(root, "config", "core.worktree", str(tmp_path / "private"))

    assert [changed.path for changed in await Git(root).status()] == ["a.txt"]


async def test_a_submodule_is_looked_at_where_it_lies(root: Path) -> None:
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(root), "sub")
    (root / "sub/a.txt").write_text("changed\n")

    assert [changed.path for changed in await Git(root / "sub").status()] == ["a.txt"]
