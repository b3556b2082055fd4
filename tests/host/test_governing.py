from pathlib import Path

import pytest

from plait.host.protected import governs, protected

HOME = str(Path.home())


@pytest.mark.parametrize(
    "path",
    [
        "/w/.husky/pre-commit", "/w/a/b/.husky/_/husky.sh", "/w/.HUSKY/pre-push", "/w/.husky./x", "/w/.hu\u200bsky/x",
        "/w/HUSKY~1/x", "/w/.githooks/pre-commit", "/w/.git-hooks/pre_commit/x.rb", "/w/.huskyrc.json",
        "/w/lefthook.yml", "/w/.lefthook-local.toml", "/w/.config/lefthook.jsonc", "/w/.lefthook/pre-commit/x.sh",
        "/w/.lefthook-local/x", "/w/Lefthook.YML", "/w/.pre-commit-config.yaml", "/w/PRE-CO~1.YAM", "/w/prek.toml",
        "/w/.pre-commit-hooks.yaml", "/w/.overcommit.yml", "/w/.local-overcommit.yml", "/w/.simple-git-hooks.cjs",
        "/w/simple-git-hooks.json", "/w/.lintstagedrc", "/w/lint-staged.config.mjs", "/w/hk.pkl", "/w/grumphp.yml.dist",
        "/w/captainhook.json", "/w/.rusty-hook.toml", "/w/.cargo-husky/hooks/pre-commit", "/w/.hg/hgrc",
    ],
)  # fmt: skip
def test_what_runs_when_git_does_is_known_by_its_name(path):
    assert governs(path) == "hooks"


@pytest.mark.parametrize(
    "path",
    [
        "/w/.envrc", "/w/a/.envrc", "/w/.ENVRC", "/w/.envrc.local", "/w/.direnv/bin/x", "/w/.autoenv.zsh",
        "/w/Makefile.local", "/w/GNUmakefile.local", "/w/config.local.mk", "/w/mise.toml", "/w/.mise.local.toml",
        "/w/mise.ci.local.toml", "/w/.config/mise/config.toml", "/w/mise/config.toml", "/w/mise-tasks/build",
        "/w/.tool-versions", "/w/rust-toolchain.toml", "/w/.cargo/config.toml", "/w/.cargo/config", "/w/.npmrc",
        "/w/.yarnrc.yml", "/w/.yarn/releases/yarn.cjs", "/w/.pnpmfile.cjs", "/w/docker-compose.override.yml",
        "/w/CMakeUserPresets.json", "/w/.gdbinit", "/w/.pdbrc", "/w/.Rprofile", "/w/sitecustomize.py",
        "/w/a.csproj.user",
        "/w/.venv/bin/python", "/w/venv/Scripts/pip.exe", "/w/node_modules/.bin/eslint",
        "/w/.venv/lib/python3.12/site-packages/x.pth",
    ],
)  # fmt: skip
def test_what_runs_on_entering_a_directory_or_behind_a_plain_name_is_known(path):
    assert governs(path) == "environment"


@pytest.mark.parametrize(
    "path",
    [
        "/w/.vscode/tasks.json", "/w/x.code-workspace", "/w/.zed/tasks.json", "/w/.devcontainer/devcontainer.json",
        "/w/.devcontainer.json", "/w/.idea/workspace.xml", "/w/.run/x.run.xml", "/w/.exrc", "/w/.nvim.lua",
        "/w/.dir-locals.el", "/w/.claude/settings.json", "/w/.windsurf/mcp.json", "/w/opencode.json",
        "/w/.kiro/hooks/x.json", "/w/.aider.conf.yml", "/w/.github/hooks/x.json", "/w/.gitpod.yml", "/w/.mcp.json",
    ],
)  # fmt: skip
def test_what_editors_containers_and_agents_run_is_known(path):
    assert governs(path) == "tools"


@pytest.mark.parametrize(
    "path",
    [
        "/w/src/a.py", "/w/Makefile", "/w/package.json", "/w/conftest.py", "/w/pyproject.toml", "/w/hooks/use_state.ts",
        "/w/.github/workflows/ci.yml", "/w/.gitignore", "/w/.gitattributes", "/w/.editorconfig", "/w/.bashrc",
        "/w/.envrc.example", "/w/environment.yml", "/w/cargo/config.toml", "/w/config.toml", "/w/compose.yaml",
        "/w/docs/husky.md", "/w/lefthook.md", "/w/mise.md", "/w/yarn.lock", "/w/.nvmrc", "/w/.python-version",
        "/w/node_modules/x/bin/y", "/w/bin/tool", "/w/model.pth", "/w/local.py",
    ],
)  # fmt: skip
def test_ordinary_work_governs_nothing(path):
    assert governs(path) is None
    assert protected(path) is None


def test_what_starts_with_the_session_is_told_before_what_names_say():
    assert governs(f"{HOME}/.npmrc") == "start-up"
    assert governs("/w/.vscode/.git/config") == "git"
    assert governs("/w/.husky/.plait/settings.toml") == "plait"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/w/ci/hooks", "hooks"), ("/w/ci/Hooks/pre-commit", "hooks"), ("/w/ci/hooks2", None), ("/w/ci", None)],
)
def test_what_is_handed_to_the_table_governs_with_all_that_is_in_it(path, kind):
    assert governs(path, ["/w/ci/hooks"]) == kind
    assert (protected(path, ["/w/ci/hooks"]) is None) is (kind is None)
