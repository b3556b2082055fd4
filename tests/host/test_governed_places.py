"""What git and links lead to, in real repositories: a path governs if it is among the places, or below one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from plait.agent.permissions import Permissions
from plait.effects.shell import command_effects
from plait.host.governed_places import governed_places
from plait.host.paths import Workspace
from plait.host.protected import governs
from plait.permissions.rules import parse_rule
from plait.protocol.effects import Access, Effects, Mode


class Place:
    """A repository with a user configuration of its own."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home
        home.mkdir()
        self.environ = {"XDG_CONFIG_HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / "gitconfig")}
        self.init(".")

    def git(self, *words: str, at: str = ".") -> None:
        author = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]
        subprocess.run(["git", *author, *words], check=True, cwd=self.root / at, capture_output=True)

    def init(self, at: str) -> None:
        (self.root / at).mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", at=at)

    def file(self, path: str, text: str = "") -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def link(self, path: str, target: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).symlink_to(target)

    def governs(self, path: str) -> bool:
        resolved = str((self.root / path).resolve())
        return governs(resolved, governed_places([self.root], [resolved], self.environ)) is not None


@pytest.fixture
def place(tmp_path: Path) -> Place:
    root = tmp_path / "work"
    root.mkdir()
    return Place(root.resolve(), tmp_path / "home")


def relative(place: Place) -> None:
    place.git("config", "core.hooksPath", "ci/hooks")


def absolute(place: Place) -> None:
    place.git("config", "core.hooksPath", str(place.root / "ci/hooks"))


def dotted(place: Place) -> None:
    place.git("config", "core.hooksPath", "./ci/../ci//hooks/")


def of_the_user(place: Place) -> None:
    (place.home / "gitconfig").write_text("[core] hooksPath = ci/hooks\n")


def of_the_xdg_directory(place: Place) -> None:
    (place.home / "git").mkdir()
    (place.home / "git/config").write_text("[core] hooksPath = ci/hooks\n")


def of_a_variable(place: Place) -> None:
    place.environ |= {"GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": "ci/hooks"}


def included(place: Place) -> None:
    place.file(".git/more", "[core]\nhooksPath = ci/hooks\n")
    place.git("config", "include.path", "more")


def included_on_a_condition(place: Place) -> None:
    place.file(".git/more", "[core]\nhooksPath = ci/hooks\n")
    place.git("config", "includeIf.onbranch:other.path", "more")


def of_a_worktree(place: Place) -> None:
    place.git("config", "extensions.worktreeConfig", "true")
    place.git("config", "--worktree", "core.hooksPath", "ci/hooks")


def through_a_link(place: Place) -> None:
    place.file("ci/hooks/x")
    place.link("linked", "ci/hooks")
    place.git("config", "core.hooksPath", "linked")


def as_the_hooks_of_git(place: Place) -> None:
    place.file("ci/hooks/x")
    subprocess.run(["rm", "-r", str(place.root / ".git/hooks")], check=True)
    place.link(".git/hooks", "../ci/hooks")


def one_hook_is_a_link(place: Place) -> None:
    place.link(".git/hooks/pre-commit", "../../ci/hooks/pre-commit")


def a_hook_of_the_hooks_path_is_a_link(place: Place) -> None:
    place.git("config", "core.hooksPath", "other")
    place.link("other/pre-commit", "../ci/hooks/pre-commit")


def of_a_repository_inside(place: Place) -> None:
    place.init("sub/inner")
    place.git("config", "core.hooksPath", "../../ci/hooks", at="sub/inner")


def of_a_submodule(place: Place) -> None:
    source = place.home / "source"
    subprocess.run(["git", "init", "-q", str(source)], check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-m", "x"], check=True, cwd=source)
    place.git("submodule", "--quiet", "add", str(source), "deep/er/and/deeper/sub")
    place.git("config", "core.hooksPath", "../../../../../ci/hooks", at="deep/er/and/deeper/sub")


def run_by_a_filter(place: Place) -> None:
    place.file("ci/hooks/pre-commit")
    place.git("config", "filter.x.clean", "sh ci/hooks/pre-commit %f")


def run_by_an_alias(place: Place) -> None:
    place.file("ci/hooks/pre-commit")
    place.git("config", "alias.x", "!ci/hooks/pre-commit")


def under_a_name_that_governs(place: Place) -> None:
    place.link(".envrc", "ci/hooks/pre-commit")


def under_such_a_name_further_down(place: Place) -> None:
    place.link("packages/a/.husky", "../../ci/hooks")


def inside_of_what_governs(place: Place) -> None:
    place.link(".vscode/tasks.json", "../ci/hooks/pre-commit")


def by_way_of_another_link(place: Place) -> None:
    place.file("elsewhere")
    place.link("ci/hooks/pre-commit", "../../elsewhere")
    place.link("lefthook.yml", "ci/hooks/pre-commit")


WAYS: list[Callable[[Place], None]] = [
    relative, absolute, dotted, of_the_user, of_the_xdg_directory, of_a_variable, included, included_on_a_condition,
    of_a_worktree, through_a_link, as_the_hooks_of_git, one_hook_is_a_link, a_hook_of_the_hooks_path_is_a_link,
    of_a_repository_inside, of_a_submodule, run_by_a_filter, run_by_an_alias, under_a_name_that_governs,
    under_such_a_name_further_down, inside_of_what_governs, by_way_of_another_link,
]  # fmt: skip


@pytest.mark.parametrize("lead", WAYS)
def test_what_git_or_a_link_leads_to_governs_and_nothing_else_does(place: Place, lead: Callable[[Place], None]) -> None:
    assert not place.governs("ci/hooks/pre-commit")

    lead(place)

    assert place.governs("ci/hooks/pre-commit")
    assert not place.governs("ci/other.py")
    assert not place.governs("a.py")


def test_a_file_that_the_configuration_includes_governs_before_it_is_there(place: Place) -> None:
    place.git("config", "include.path", "../shared.gitconfig")

    assert place.governs("shared.gitconfig")
    assert not place.governs("other.gitconfig")


def test_where_the_workspace_itself_is_the_directory_of_hooks_only_hooks_govern(place: Place) -> None:
    place.git("config", "core.hooksPath", ".")

    assert place.governs("pre-commit")
    assert place.governs("post-checkout")
    assert not place.governs("a.py")
    assert not place.governs("src/pre-commit")


def test_the_last_piece_of_a_repository_without_a_work_tree_governs(place: Place) -> None:
    place.file("fixture/config", "[core]\nfsmonitor = ./x\n")
    assert not place.governs("fixture/HEAD")
    (place.root / "fixture/objects").mkdir()
    (place.root / "fixture/refs").mkdir()

    assert place.governs("fixture/HEAD")
    assert place.governs("fixture/config")
    assert not place.governs("fixture/a.py")


def test_a_configuration_that_cannot_be_read_whole_makes_all_of_its_work_tree_ask(place: Place) -> None:
    place.file(".git/config", "[core]\nbare = false\n" + "#" * 5_000_000 + "\n[core]\nhooksPath = ci/hooks\n")

    assert place.governs("ci/hooks/pre-commit")
    assert place.governs("a.py")


# --- what becomes of a call --------------------------------------------------------------------------------------


def permissions(place: Place, mode: str, *rules: str) -> Permissions:
    return Permissions(
        mode,  # type: ignore[arg-type]
        [parse_rule(rule, "allow", "user") for rule in rules],
        (place.root,),
        interactive=True,
        governed=lambda written: governed_places([place.root], written, place.environ),
    )


def edited(place: Place, path: str) -> str:
    access = Access(Mode.WRITE, str((place.root / path).resolve()))
    decided = permissions(place, "acceptEdits", "edit")
    return decided.decide("edit", {"path": path}, Effects((access,)), always_asks=False).verdict


@pytest.mark.parametrize(
    "path", [".husky/pre-commit", "sub/.envrc", "ci/hooks/pre-push", ".HUSKY/pre-commit", "cfg/env"]
)
def test_edits_of_what_governs_ask_whatever_mode_and_rules_say(place: Place, path: str) -> None:
    relative(place)
    place.file("cfg/env")
    place.link(".envrc", "cfg/env")

    assert edited(place, path) == "ask"
    assert edited(place, "src/a.py") == "allow"


@pytest.mark.parametrize(
    "command",
    [
        "echo x > .husky/pre-commit", "cat a >> ci/hooks/pre-push", "cp a .husky", "cp -t .husky a", "tee .envrc < a",
        "cd .husky && touch x", "d=.husky; echo x > $d/x", "touch .hus*/pre-commit", "sed -i s/a/b/ *.yml",
        "cp -r other/. .", "cp -r other/.husky .", "mv .husky gone", "rm lefthook.yml", "ln -s ../a .husky/pre-push",
        "install a .HUSKY/pre-commit", "mkdir -p pkg/.husky", "echo x > cfg/env", "sort -o .envrc a",
    ],
)  # fmt: skip
def test_commands_that_write_what_governs_ask_though_a_rule_allows_them(place: Place, command: str) -> None:
    relative(place)
    for path in (".husky/pre-commit", "lefthook.yml", "other/.husky/pre-commit", "a", "cfg/env"):
        place.file(path)
    place.link(".envrc", "cfg/env")
    effects = command_effects(command, cwd=place.root, workspace=Workspace.at(place.root))

    decided = permissions(place, "default", "shell(*)").decide(
        "shell", {"command": command}, effects, always_asks=False
    )

    assert decided.verdict == "ask"
    assert decided.apart


def test_commands_that_write_ordinary_files_run_by_a_rule(place: Place) -> None:
    place.file("a")
    for command in ("echo x > b", "cp a src", "sed -i s/a/b/ *", "cp -r . ../work/copy", "mkdir -p pkg/src"):
        effects = command_effects(command, cwd=place.root, workspace=Workspace.at(place.root))
        decided = permissions(place, "default", "shell(*)", "edit")
        assert decided.decide("shell", {"command": command}, effects, always_asks=False).verdict == "allow", command
