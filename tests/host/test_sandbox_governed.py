"""What decides what others run stays as it is in the sandbox, unless that very thing was approved."""

from pathlib import Path

import pytest
from tests.host.test_sandbox import Place, git_init, outside_tmp, place  # noqa: F401

from plait.effects.shell import command_effects
from plait.host.governed_places import governed_places
from plait.host.paths import Workspace
from plait.host.sandbox_grants import Grants, grants_of

GIT = "git -c user.name=a -c user.email=a@b"


def approved(place: Place, command: str) -> Grants:  # noqa: F811
    workspace = Workspace.at(place.root)
    effects = command_effects(command, cwd=place.root, workspace=workspace)
    return grants_of(effects, workspace.roots, governed_places(workspace.roots, [a.path for a in effects.writes]))


def hooks(place: Place) -> Path:  # noqa: F811
    git_init(place.root)
    for path in (".husky/pre-commit", "ci/hooks/pre-commit", ".envrc", "lefthook.yml", ".config/mise.toml"):
        (place.root / path).parent.mkdir(parents=True, exist_ok=True)
        (place.root / path).write_text("mine\n")
    with (place.root / ".git/config").open("a") as config:
        config.write("[core]\n\thooksPath = ci/hooks\n")
    return place.root


@pytest.mark.parametrize(
    "path",
    [".husky/pre-commit", ".husky/new", "ci/hooks/pre-commit", "ci/hooks/new", ".envrc", "lefthook.yml",
     ".config/mise.toml"],
)  # fmt: skip
async def test_a_command_that_nobody_knows_cannot_change_it(place: Place, path: str) -> None:  # noqa: F811
    root = hooks(place)
    before = (root / path).read_text() if (root / path).exists() else None

    await place.run(f"echo evil > {path}; cp /etc/hostname {path}; rm -f {path}; mv .husky gone; true")

    assert ((root / path).read_text() if (root / path).exists() else None) == before


@pytest.mark.parametrize(
    "path",
    [".envrc", ".husky/pre-commit", ".pre-commit-config.yaml", "Makefile.local", "mise.x.toml", ".cargo/config.toml",
     ".Rprofile", "a/b/.envrc"],
)  # fmt: skip
async def test_it_cannot_bring_it_into_being(place: Place, path: str) -> None:  # noqa: F811
    git_init(place.root)
    (place.root / "a/b").mkdir(parents=True)
    name = path.removeprefix("a/b/")

    end = await place.run(
        f"mkdir -p $(dirname {name}); echo evil > {name}",
        cwd=place.root / path.removesuffix(name) if name != path else None,
    )

    assert not (place.root / path).exists()
    assert "was made by the command and taken away" in end.notes[0]


@pytest.mark.parametrize("command", ["echo new > .husky/pre-commit", "echo new > ci/hooks/pre-commit"])
async def test_what_was_approved_by_name_is_changed(place: Place, command: str) -> None:  # noqa: F811
    root = hooks(place)

    await place.run(command, grants=approved(place, command))

    assert (root / command.rpartition(" ")[2]).read_text() == "new\n"


async def test_ordinary_work_goes_on_beside_it(place: Place) -> None:  # noqa: F811
    root = hooks(place)

    end = await place.run("mkdir -p src .venv/bin && echo x > src/a && echo x > .venv/bin/tool && echo x > ci/other")

    assert (end.exit_code, end.notes) == (0, ())
    assert (root / "ci/other").exists()


async def test_git_itself_brings_it_to_another_state(place: Place) -> None:  # noqa: F811
    root = hooks(place)
    await place.run(
        f"{GIT} add . && {GIT} commit -qm 1 --no-verify && {GIT} branch old", grants=Grants(updates_tree=True)
    )
    (root / ".husky/pre-commit").write_text("newer\n")
    await place.run(f"{GIT} commit -qam 2 --no-verify", grants=Grants(updates_tree=True))

    end = await place.run("git checkout -q old", grants=approved(place, "git checkout -q old"))

    assert (end.exit_code, end.stdout) == (0, b"")
    assert (root / ".husky/pre-commit").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("command", "lifted"),
    [
        ("git switch main", True),
        ("git stash pop", True),
        ("git pull", True),
        ("git rebase main", True),
        ("git rebase -x ./x main", False),
        ("git rebase --exec=./x main", False),
        ("git rebase -ix ./x main", False),
        ("git -c core.hooksPath=x checkout main", False),
        ("git checkout main && ./x", False),
        ("git apply a.patch", False),
        ("git status", False),
    ],
)
def test_only_git_called_plainly_may(place: Place, command: str, lifted: bool) -> None:  # noqa: F811
    assert approved(place, command).updates_tree is lifted
