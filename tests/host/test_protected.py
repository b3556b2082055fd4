from pathlib import Path

import pytest

from plait.host.protected import credential, governs, protected, steers_git

HOME = str(Path.home())


@pytest.mark.parametrize(
    "path",
    [
        "/w/.env", "/w/a/.env.local", "/w/prod.env", "/w/.ENV", "/w/id_rsa", "/w/server.pem", "/w/.npmrc",
        "/etc/shadow",
        "/w/x/.ssh/config", f"{HOME}/.aws/credentials", f"{HOME}/.config/gh/hosts.yml", f"{HOME}/.netrc",
        f"{HOME}/.docker/config.json", "/proc/1/environ", "/run/secrets/token", "/etc/ssh/ssh_host_rsa_key",
        "/w/.e\u200bnv", f"{HOME}/.ssh",
    ],
)  # fmt: skip
def test_secrets_are_told_by_where_they_lie_and_what_they_are_called(path):
    assert credential(path)


@pytest.mark.parametrize(
    "path",
    [
        "/w/a.py", "/w/environment.py", "/w/.env.example", "/w/id_rsa.pub", f"{HOME}/.ssh/id_rsa.pub", "/w/env",
        f"{HOME}/.ssh/known_hosts", "/w/credentials.py", "/w/.envoy/x", "/w/keys.md", "/proc/cpuinfo", "/w/sshd/config",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_secret_is_none(path):
    assert not credential(path)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/w/.plait/settings.toml", "plait"),
        ("/w/a/.PLAIT/x", "plait"),
        ("/w/.git/config", "git"),
        ("/w/.g\u200cit/hooks/x", "git"),
        ("/w/.git", "git"),
        ("/w/.vscode/tasks.json", "tools"),
        ("/w/.mcp.json", "tools"),
        (f"{HOME}/.bashrc", "start-up"),
        (f"{HOME}/.config/fish/config.fish", "start-up"),
        (f"{HOME}/.ssh/authorized_keys", "start-up"),
        ("/w/.gitignore", None),
        ("/w/.github/workflows/x.yml", None),
        ("/w/.bashrc", None),
        ("/w/plait/x", None),
    ],
)
def test_what_governs_programs_and_permissions_is_told(path, kind):
    assert governs(path) == kind
    assert (protected(path) is None) is (kind is None)


@pytest.mark.parametrize(
    "path",
    [
        "/w/.git",
        "/w/.git/config",
        "/w/.git/config.worktree",
        "/w/.git/hooks/pre-commit",
        "/w/.git/info/attributes",
        "/w/.git/commondir",
        "/w/.git/objects/info/alternates",
        "/w/.git/modules/a/b/config",
        "/w/.git/worktrees/x/gitdir",
        "/w/.GIT/Hooks",
        "/w/.git./config",
        "/w/GIT~1/config",
        "/w/.git::$INDEX_ALLOCATION/config",
        "/w/.gi\u200ct/config",
        "/w/.git /config ",
    ],
)
def test_what_decides_what_git_runs_is_known_under_any_spelling_of_its_name(path):
    assert steers_git(path)


@pytest.mark.parametrize(
    "path",
    ["/w/.git/index", "/w/.git/refs/heads/config", "/w/.git/objects/ab/cd", "/w/.git/logs/HEAD", "/w/.gitignore",
     "/w/.git/modules/a/index", "/w/.git/COMMIT_EDITMSG", "/w/.github/config", "/w/git/config"],
)  # fmt: skip
def test_objects_refs_index_and_logs_do_not_steer_git(path):
    assert not steers_git(path)
