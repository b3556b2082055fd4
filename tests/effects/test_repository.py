import os
import shutil
import subprocess

import pytest

from plait.effects.git import READING_ENVIRONMENT
from plait.effects.repository import doubt_of
from plait.effects.shell import command_effects, verdict
from plait.host.paths import Workspace

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
READING = (
    "git status",
    "git diff",
    "git log -p -1",
    "git show",
    "git ls-files -m",
    "git blame a",
    "git grep x",
    "git branch -a",
)
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "n",
    "GIT_AUTHOR_EMAIL": "e@example.org",
    "GIT_COMMITTER_NAME": "n",
    "GIT_COMMITTER_EMAIL": "e@example.org",
}


def git(folder, *args, **environment):
    return subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *args],
        cwd=folder,
        env={**ENVIRONMENT, "HOME": str(folder), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def make(folder):
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "a").write_text("x\n")
    git(folder, "add", "a")
    git(folder, "commit", "-qm", "one")
    (folder / "a").write_text("x\ny\n")
    return folder


@pytest.fixture
def repository(tmp_path):
    return make(tmp_path / "repo")


def judged(folder, command):
    workspace = Workspace.at(folder)
    return verdict(command_effects(command, cwd=folder, workspace=workspace), workspace)


@pytest.mark.parametrize("command", READING)
def test_git_that_reads_is_read_only_in_an_ordinary_repository(repository, command):
    git(repository, "remote", "add", "origin", "https://example.org/x.git")
    git(repository, "config", "branch.main.remote", "origin")
    git(repository, "config", "user.email", "e@example.org")
    git(repository, "config", "core.autocrlf", "input")

    assert judged(repository, command) == "read_only"


@pytest.mark.parametrize(
    ("key", "attributes"),
    [
        ("core.fsmonitor", ""),
        ("diff.external", ""),
        ("diff.evil.textconv", "a diff=evil"),
        ("diff.evil.command", "a diff=evil"),
        ("filter.evil.clean", "a filter=evil"),
        ("filter.evil.process", "a filter=evil"),
        ("filter.evil.smudge", "a filter=evil"),
        ("filter.lfs.clean", "a filter=lfs"),
        ("core.pager", ""),
        ("pager.log", ""),
        ("core.sshCommand", ""),
        ("core.alternateRefsCommand", ""),
        ("gpg.program", ""),
        ("include.path", ""),
        ("includeIf.gitdir:/.path", ""),
        ("extensions.partialClone", ""),
        ("remote.origin.promisor", ""),
        ("some.thing", ""),
    ],
)
def test_git_asks_where_the_repository_may_name_a_program(repository, key, attributes):
    canary = repository.parent / "canary"
    program = repository / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {canary}\ncat\n")
    program.chmod(0o755)
    git(repository, "config", "--add", key, str(program))
    (repository / ".gitattributes").write_text(attributes)

    for command in READING:
        assert judged(repository, command) == "stateful", command


@pytest.mark.parametrize(
    "config",
    [
        "[core]\n\tfsmonitor = \\\n evil\n",
        "[core] fsmonitor = ./evil\n",
        "[CORE]\n\tFSMONITOR=./evil\n",
        '[filter "x y"]\nclean = ./evil\n',
        "[filter.x]\nclean = ./evil\n",
        "[core]\nrepositoryformatversion = 0\n[core]\nfsmonitor\t=\t./evil\n",
        "\ufeff[core]\nfsmonitor = ./evil\n",
        "[core\n",
        "[core]\n=x\n",
        "[include]\npath=x\n",
        "[diff]\nexternal=./evil\n",
        "[core]\nworktree=/\n",
    ],
)
def test_every_spelling_of_such_a_configuration_is_found(repository, config):
    (repository / ".git" / "config").write_text(config)

    assert doubt_of(repository) is not None


def test_a_hook_that_reading_runs_is_found(repository):
    hook = repository / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n")

    assert judged(repository, "git status") == "stateful"

    hook.unlink()
    (repository / "hooks").mkdir()
    (repository / "hooks" / "post-index-change").write_text("#!/bin/sh\n")
    git(repository, "config", "core.hooksPath", "hooks")
    assert judged(repository, "git status") == "stateful"


def test_hooks_that_reading_does_not_run_are_no_reason_to_ask(repository):
    git(repository, "config", "core.hooksPath", ".husky/_")

    assert judged(repository, "git status") == "read_only"


def test_a_directory_laid_out_as_a_repository_is_found(repository):
    bare = repository / "sub"
    git(repository, "init", "-q", "--bare", str(bare))
    git(bare, "config", "core.fsmonitor", "./evil")

    assert doubt_of(bare) is not None
    assert judged(repository, "git -C sub status") == "stateful"
    assert judged(repository, "cd sub && git status") == "stateful"


def test_a_look_alike_git_file_is_followed(repository, tmp_path):
    elsewhere = make(tmp_path / "elsewhere")
    git(elsewhere, "config", "core.fsmonitor", "./evil")
    shutil.rmtree(repository / ".git")
    (repository / ".git").write_text(f"gitdir: {elsewhere / '.git'}\n")

    assert judged(repository, "git status") == "stateful"


def test_a_worktree_is_judged_by_the_repository_it_belongs_to(repository, tmp_path):
    git(repository, "worktree", "add", "-q", str(tmp_path / "tree"))
    assert judged(tmp_path / "tree", "git status") == "read_only"

    git(repository, "config", "filter.x.clean", "./evil")
    assert judged(tmp_path / "tree", "git status") == "stateful"


def test_submodules_are_looked_into(repository, tmp_path):
    make(tmp_path / "inner")
    git(repository, "submodule", "add", "-q", str(tmp_path / "inner"), "sub")
    git(repository, "commit", "-qam", "two")
    assert judged(repository, "git status") == "read_only"

    git(repository / "sub", "config", "filter.x.clean", "./evil")
    assert judged(repository, "git status") == "stateful"


def test_a_repository_inside_that_is_no_submodule_is_not_looked_into(repository):
    inner = make(repository / "vendored")
    git(inner, "config", "core.fsmonitor", "./evil")

    assert judged(repository, "git status") == "read_only"


def test_the_environment_for_reading_switches_off_what_can_be(repository, tmp_path):
    canary = tmp_path / "canary"
    for name in ("evil.sh", ".git/hooks/post-index-change"):
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text(f"#!/bin/sh\ntouch {canary}\n")
        (repository / name).chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(repository / "evil.sh"))
    git(repository, "status")
    assert canary.exists()
    canary.unlink()

    for command in READING:
        git(repository, *command.split()[1:], **READING_ENVIRONMENT)

    assert not canary.exists()


def test_the_environment_for_reading_reaches_submodules(repository, tmp_path):
    make(tmp_path / "inner")
    git(repository, "submodule", "add", "-q", str(tmp_path / "inner"), "sub")
    canary = tmp_path / "canary"
    program = tmp_path / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {canary}\n")
    program.chmod(0o755)
    git(repository / "sub", "config", "core.fsmonitor", str(program))
    git(repository, "status")
    assert canary.exists()
    canary.unlink()

    git(repository, "status", **READING_ENVIRONMENT)

    assert not canary.exists()


def test_naming_the_directory_that_one_is_in_changes_nothing_for_git(repository):
    inner = make(repository / "inner")

    assert judged(repository, f"cd {repository} && git status") == "read_only"
    assert judged(repository, f"cd {inner} && git status") == "stateful"
    assert judged(repository, f"cd {repository.parent} && git status") == "stateful"
    assert judged(repository, f"cd inner && cd {repository} && git log") == "read_only"


@pytest.mark.parametrize(
    "setting",
    ["core.excludesFile", "core.attributesFile", "blame.ignoreRevsFile", "diff.orderFile", "mailmap.file",
     "commit.template", "fsck.skipList"],
)  # fmt: skip
def test_git_asks_where_the_repository_names_a_file_outside(repository, tmp_path, setting):
    git(repository, "config", setting, str(tmp_path / "outside"))
    assert doubt_of(repository) is not None

    git(repository, "config", setting, "../outside")
    assert doubt_of(repository) is not None


def test_git_asks_where_the_repository_is_another_one(repository, tmp_path):
    private = make(tmp_path / "private")
    for content in (f"gitdir: {private}/.git\n", "gitdir: ../private/.git\n"):
        stranger = tmp_path / f"stranger{len(content)}"
        stranger.mkdir()
        (stranger / ".git").write_text(content)
        assert doubt_of(stranger) is not None
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / ".git").symlink_to(private / ".git")
    assert doubt_of(linked) is not None


def test_a_worktree_and_a_submodule_name_their_place_back(repository, tmp_path):
    git(repository, "commit", "-qam", "two")
    git(repository, "worktree", "add", "-q", str(tmp_path / "tree"))
    assert doubt_of(tmp_path / "tree") is None
    other = make(tmp_path / "other")
    git(repository, "submodule", "add", "-q", str(other), "sub")
    assert doubt_of(repository / "sub") is None
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    shutil.copy(tmp_path / "tree" / ".git", stranger / ".git")
    assert doubt_of(stranger) is not None


def test_git_asks_where_objects_of_another_repository_are_shown(repository, tmp_path):
    git(tmp_path, "clone", "-q", "--shared", str(repository), str(tmp_path / "clone"))

    assert doubt_of(tmp_path / "clone") is not None
