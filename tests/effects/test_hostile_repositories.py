"""Repositories that name programs of their own: what runs unasked in them never runs one of these.

Each leaves a canary if its program runs. `live` ones do so under a plain git, which shows that the trap works.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest

from plait.effects.git import READING_ENVIRONMENT
from plait.effects.shell import check
from plait.host.environment import reading
from plait.host.paths import Workspace

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
COMMANDS = (
    "git status", "git status -sb", "git diff", "git diff --stat HEAD", "git diff --cached", "git log -p -2",
    "git log --oneline --all", "git log -1 --format=%G?", "git show", "git show HEAD:a", "git show --stat",
    "git branch -a", "git branch -vv", "git tag -l", "git remote -v", "git ls-files -m", "git ls-files -o",
    "git blame a", "git grep x", "git stash list", "git describe --always", "git rev-parse HEAD", "git reflog",
    "git cat-file -p HEAD:a", "git shortlog -s HEAD", "git for-each-ref", "git worktree list", "git config --list",
    "git check-attr -a a", "git -C sub status", "cd sub && git status", "git -C sub log -1", "git fsck",
    "git --git-dir=sub status", "GIT_DIR=sub git status", "git submodule status", "git st", "ls", "rg x", "cat a",
    "git clean -ndx",
)  # fmt: skip
GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "n", "GIT_COMMITTER_NAME": "n",
    "GIT_AUTHOR_EMAIL": "n@example.org", "GIT_COMMITTER_EMAIL": "n@example.org", "PATH": os.environ["PATH"],
}  # fmt: skip


def git(folder, *arguments, **more):
    command = ["git", "-c", "protocol.file.allow=always", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**GIT, **more}, capture_output=True, stdin=subprocess.DEVNULL, check=False
    )


def make(folder):
    folder.mkdir(parents=True)
    git(folder, "init", "-qb", "main")
    (folder / "a").write_text("x\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "b").write_text("x\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    (folder / "a").write_text("x\ny\n")
    # The index has another time for it, so that git writes the index, whatever the clock says.
    os.utime(folder / "sub" / "b", (1, 1))
    return folder


def sets(*settings, attributes=""):
    """A trap of settings; `PROGRAM` in a value stands for the program."""

    def trap(repository, program):
        for setting in settings:
            key, _, value = setting.partition("=")
            git(repository, "config", "--add", key, value.replace("PROGRAM", str(program)))
        if attributes:
            (repository / ".gitattributes").write_text(attributes)

    return trap


def hook(repository, program):
    for name in ("post-index-change", "pre-commit", "post-checkout", "reference-transaction", "fsmonitor-watchman"):
        shutil.copy(program, repository / ".git" / "hooks" / name)


def included(repository, program):
    (repository / "inc").write_text(f"[core]\n\tfsmonitor = {program}\n")
    git(repository, "config", "include.path", "../inc")


def included_if(repository, program):
    (repository / "inc").write_text(f"[core]\n\tfsmonitor = {program}\n")
    git(repository, "config", f"includeIf.gitdir:{repository}/.path", "../inc")


def signed(repository, program):
    sets("gpg.program=PROGRAM", "log.showSignature=true")(repository, program)
    tree = git(repository, "rev-parse", "HEAD^{tree}").stdout.decode().strip()
    text = (
        f"tree {tree}\nauthor n <n@example.org> 1 +0000\ncommitter n <n@example.org> 1 +0000\n"
        "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\nsigned\n"
    )
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"], cwd=repository, env=GIT, input=text.encode(),
        capture_output=True, check=True,
    )  # fmt: skip
    git(repository, "update-ref", "refs/heads/main", made.stdout.decode().strip())


def promisor(repository, program):
    sets(
        "extensions.partialClone=origin", "remote.origin.promisor=true", "core.repositoryFormatVersion=1",
        f"remote.origin.url=ext::{program}", "protocol.ext.allow=always", "remote.origin.uploadpack=PROGRAM",
    )(repository, program)  # fmt: skip
    blob = git(repository, "rev-parse", "HEAD:a").stdout.decode().strip()
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()


def bare_inside(repository, program):
    shutil.rmtree(repository / "sub")
    git(repository, "init", "-q", "--bare", "sub")
    git(repository / "sub", "config", "core.bare", "false")
    git(repository / "sub", "config", "core.worktree", "..")
    git(repository / "sub", "config", "core.fsmonitor", str(program))


def look_alike(repository, program):
    (repository / ".git").rename(repository / "elsewhere")
    (repository / ".git").write_text("gitdir: elsewhere\n")
    git(repository, "config", "core.fsmonitor", str(program))


def other_common_directory(repository, program):
    shutil.copytree(repository / ".git", repository / "common")
    with (repository / "common" / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {program}\n")
    (repository / ".git" / "commondir").write_text("../common\n")


def worktree_settings(repository, program):
    git(repository, "config", "extensions.worktreeConfig", "true")
    (repository / ".git" / "config.worktree").write_text(f"[core]\n\tfsmonitor = {program}\n")


def in_submodule(repository, program):
    inner = make(repository.parent / "inner")
    shutil.rmtree(repository / "sub")
    git(repository, "add", "-A")
    git(repository, "submodule", "add", "-q", str(inner), "sub")
    git(repository, "commit", "-qam", "two")
    git(repository / "sub", "config", "core.fsmonitor", str(program))


def in_directory(repository, program):
    (repository / "sub" / ".git").mkdir()
    shutil.copytree(repository / ".git", repository / "sub" / ".git", dirs_exist_ok=True)
    git(repository / "sub", "config", "core.fsmonitor", str(program))


def programs_of_the_project(repository, program):
    for name in ("git", "ls", "rg", "cat", "sh"):
        shutil.copy(program, repository / name)


TRAPS = {
    "fsmonitor": (sets("core.fsmonitor=PROGRAM"), True),
    "hooks": (hook, True),
    "hooksPath": (lambda r, p: (hook(r, p), sets("core.hooksPath=.git/hooks")(r, p)), True),
    "pager": (sets("core.pager=PROGRAM", "pager.log=PROGRAM", "pager.status=PROGRAM", "pager.diff=PROGRAM"), False),
    "external diff": (sets("diff.external=PROGRAM"), True),
    "diff command": (sets("diff.e.command=PROGRAM", attributes="a diff=e\n"), True),
    "textconv": (sets("diff.e.textconv=PROGRAM", attributes="a diff=e\n"), True),
    "clean": (sets("filter.e.clean=PROGRAM", attributes="a filter=e\n"), True),
    "process": (sets("filter.e.process=PROGRAM", attributes="a filter=e\n"), True),
    "smudge": (sets("filter.e.smudge=PROGRAM", attributes="a filter=e\n"), False),
    "attributes elsewhere": (
        lambda r, p: ((r / "at").write_text("a filter=e\n"),
                      sets("filter.e.clean=PROGRAM", f"core.attributesFile={r}/at")(r, p)), True,
    ),
    "lfs in name": (sets("filter.lfs.clean=PROGRAM", attributes="a filter=lfs\n"), True),
    "alias": (sets("alias.st=!PROGRAM", "alias.status=!PROGRAM", "alias.log=!PROGRAM"), True),
    "ssh": (sets("core.sshCommand=PROGRAM", "remote.origin.url=ssh://x/y"), False),
    "signatures": (signed, True),
    "credential helper": (sets("credential.helper=PROGRAM"), False),
    "editors": (sets("core.editor=PROGRAM", "sequence.editor=PROGRAM", "interactive.diffFilter=PROGRAM"), False),
    "pack hook": (sets("uploadpack.packObjectsHook=PROGRAM"), False),
    "alternates": (
        lambda r, p: ((r / ".git/objects/info/alternates").write_text("/tmp\n"),
                      sets("core.alternateRefsCommand=PROGRAM")(r, p)), False,
    ),
    "git proxy": (sets("core.gitProxy=PROGRAM", "remote.origin.url=git://127.0.0.1/x"), False),
    "ask pass": (sets("core.askPass=PROGRAM"), False),
    "trailers": (sets("trailer.x.command=PROGRAM", "trailer.x.cmd=PROGRAM"), False),
    "difftool": (sets("diff.tool=x", "difftool.x.cmd=PROGRAM", "browser.x.cmd=PROGRAM", "man.x.cmd=PROGRAM"), False),
    "include": (included, True),
    "includeIf": (included_if, True),
    "promisor": (promisor, True),
    "bare inside": (bare_inside, True),
    "look-alike .git file": (look_alike, True),
    "common directory": (other_common_directory, True),
    "worktree settings": (worktree_settings, True),
    "submodule": (in_submodule, True),
    "repository inside": (in_directory, True),
    "programs of the project": (programs_of_the_project, False),
}  # fmt: skip


@pytest.fixture
def trapped(tmp_path, request):
    set_up, live = TRAPS[request.param]
    canary = tmp_path / "canary"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {canary}\ntimeout 2 cat 2>/dev/null\n")
    program.chmod(0o755)
    repository = make(tmp_path / "repository")
    set_up(repository, program)
    canary.unlink(missing_ok=True)
    return repository, canary, live


@pytest.mark.parametrize("trapped", TRAPS, indirect=True)
def test_nothing_of_a_hostile_repository_runs_unasked(trapped):
    repository, canary, live = trapped
    workspace = Workspace.at(repository)
    path = f"{repository}:{os.environ['PATH']}"
    environment = reading(workspace.roots, READING_ENVIRONMENT, {**os.environ, "PATH": path})
    for command in COMMANDS:
        if check(command, repository, workspace)[0] == "read_only":
            subprocess.run(["/bin/bash", "-c", command], cwd=repository, env=environment, capture_output=True,
                           stdin=subprocess.DEVNULL, check=False)  # fmt: skip
            assert not canary.exists(), command

    if live:
        for command in COMMANDS:
            if not canary.exists():
                subprocess.run(["/bin/bash", "-c", command], cwd=repository, env=GIT, capture_output=True,
                               stdin=subprocess.DEVNULL, check=False)  # fmt: skip
        assert canary.exists(), "the trap does not work, so it tests nothing"


@pytest.mark.parametrize("trapped", ["fsmonitor", "clean", "promisor", "look-alike .git file"], indirect=True)
def test_nothing_of_a_hostile_repository_runs_through_the_shell_tool(trapped, tmp_path):
    repository, canary, _ = trapped
    arguments = json.dumps({"command": "git status; git diff; git log -p -1; git show HEAD:a"})
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "state")}

    said = subprocess.run(
        [sys.executable, "-m", "plait", "tool", "shell", "--json", arguments], cwd=repository, env=environment,
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip

    assert '"verdict"' in said.stdout, said.stderr
    assert not canary.exists()


def test_git_reads_through_the_shell_tool_with_its_settings_switched_off(tmp_path):
    """The settings are given by variables; one that goes missing on the way makes git refuse to start."""
    repository = make(tmp_path / "repository")
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "state")}

    said = subprocess.run(
        [sys.executable, "-m", "plait", "tool", "shell", "--json", '{"command": "git status -s"}'], cwd=repository,
        env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip

    assert "fatal" not in said.stdout
    assert " M a" in json.loads(said.stdout)["result"]
