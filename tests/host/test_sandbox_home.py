"""Which part of the home directory a command sees that runs without a question, each tried for real."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.host.homes import Home, git, homes

from plait.effects.shell import command_effects
from plait.host.paths import Workspace
from plait.host.sandbox_grants import NOTHING, Grants, grants_of
from plait.host.sandbox_view import Places, view
from plait.protocol.effects import Access, Effects, Mode

CANARY = "the canary\n"
ASKED = Grants(home=True)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    yield from homes(monkeypatch)


async def test_what_is_not_a_tool_or_configuration_is_as_if_absent(home: Home) -> None:
    home.fill({".gitconfig": "[x]\n", ".config/tool/config": "tool\n", "src/other/code.py": CANARY, ".mail/in": CANARY})

    seen = await home.says("cat ~/private/notes ~/src/other/code.py ~/.mail/in; ls -A ~ ~/src")

    assert CANARY not in seen
    assert seen.count("No such file or directory") == 3
    assert sorted(seen.split(f"{home.home}:")[1].split()) == sorted(
        [".cache", ".config", ".gitconfig", "src", f"{home.home}/src:", "work"]
    )


async def test_what_the_user_was_asked_about_sees_the_home_directory_but_for_secrets(home: Home) -> None:
    assert await home.says("cat ~/private/notes ~/.ssh/id_ed25519 2>/dev/null", grants=ASKED) == CANARY


async def test_nothing_is_written_in_the_part_that_is_left(home: Home) -> None:
    end = await home.run("echo x > ~/file; mkdir ~/directory; echo x > ~/.config/file; echo x > ~/src/file")

    assert end.stdout.decode().count("Read-only file system") == 4
    assert not (home.home / "file").exists()


async def test_the_user_may_let_more_be_seen_and_secrets_in_it_stay_hidden(home: Home) -> None:
    home.fill({"libs/a": "a\n", "libs/.env": "env\n"}, {"shortcut": "libs"})
    sandbox = home.sandbox(visible=(f"{home.home}/shortcut", f"{home.home}/.ssh", f"{home.home}/absent"))

    assert await home.says("cat ~/libs/a ~/shortcut/a ~/.ssh/* 2>/dev/null", sandbox=sandbox) == "a\na\n"


async def test_the_whole_home_directory_made_visible_is_seen_but_for_secrets(home: Home) -> None:
    sandbox = home.sandbox(visible=(str(home.home),))

    assert await home.says("cat ~/private/notes ~/.ssh/* 2>/dev/null", sandbox=sandbox) == CANARY


async def test_a_place_that_a_rule_let_be_read_by_name_is_seen(home: Home) -> None:
    workspace = Workspace.at(home.root)
    home.fill({"private/more": "more\n"})

    command = f"cat {home.home}/private/notes; cat ~/private/*"
    effects = command_effects(f"cat {home.home}/private/notes", cwd=home.root, workspace=workspace)

    assert await home.says(f"({command}) 2>/dev/null", grants=grants_of(effects, workspace.roots)) == 2 * CANARY


def test_a_program_that_nobody_knows_does_not_see_all_since_it_names_the_home_directory(home: Home) -> None:
    reads = (Access(Mode.READ, str(home.home), tree=True),)

    assert grants_of(Effects(reads, unknown=True), [home.root]) == NOTHING
    assert grants_of(Effects(reads), [home.root]).sees == (str(home.home),)


async def test_a_file_that_a_rule_let_be_written_in_the_home_directory_is_written(home: Home) -> None:
    file = home.home / "file"
    grants = grants_of(Effects((Access(Mode.WRITE, str(file)),), spawns=True), [home.root])

    assert (await home.run(f"echo x > {file}", grants=grants)).exit_code == 0
    assert file.read_text() == "x\n"


# --- odd places ----------------------------------------------------------------------------------------------------


async def test_a_home_directory_that_is_a_link(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    link = home.top / "link"
    link.symlink_to(home.home)
    monkeypatch.setenv("HOME", str(link))
    home.fill({".cargo/bin/x": "#!/bin/sh\necho x\n", ".local/bin/x": "#!/bin/sh\n"})
    home.path = [".cargo/bin"]
    home.env = {"HOME": str(link)}

    seen = await home.says(f"x; ~/.cargo/bin/x; cat ~/private/notes {home.home}/private/notes; ls -A ~/.config/plait")

    assert seen.startswith("x\nx\n")
    assert seen.count("No such file") == 2


async def test_a_workspace_that_is_the_home_directory_or_around_it_is_seen_whole(home: Home) -> None:
    for root in (home.home, home.top):
        command = f"cat {home.home}/private/notes {home.home}/.ssh/id_ed25519 2>/dev/null"
        assert await home.says(command, sandbox=home.sandbox(root)) == CANARY


async def test_a_workspace_in_a_place_that_is_hidden(home: Home) -> None:
    root = home.home / "private" / "deep" / "work"
    root.mkdir(parents=True)
    added = home.home / "private" / "added"
    added.mkdir()
    (added / "file").write_text("added\n")

    sandbox = home.sandbox(root, added)
    seen = await home.says("echo x > file; cat file ../../added/file ../../notes; ls ../..", sandbox=sandbox)

    assert seen.startswith("x\nadded\ncat:")
    assert CANARY not in seen
    assert seen.endswith("added\ndeep\n")


async def test_a_home_directory_below_tmp(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    below = Home(tmp_path)
    monkeypatch.setenv("HOME", str(below.home))
    below.fill({".cargo/bin/x": "#!/bin/sh\necho x\n", ".config/gh/hosts.yml": CANARY}, {".gitconfig": "dot/git"})
    below.fill({"dot/git": "[git]\n"})
    below.path = [".cargo/bin"]

    for _ in range(2):
        said = await below.says("x; cat ~/.gitconfig; cat ~/private/notes ~/.config/gh/hosts.yml 2>/dev/null")
        assert said == "x\n[git]\n"
    below.close()


@pytest.mark.parametrize("directory", ["/nonexistent", "/tmp", "/", "/usr", "/etc/hostname"])
async def test_commands_run_with_a_home_directory_that_is_none(
    home: Home, monkeypatch: pytest.MonkeyPatch, directory: str
) -> None:
    monkeypatch.setenv("HOME", directory)
    home.env = {"HOME": directory}

    assert await home.says("mktemp >/dev/null && ls /usr/bin/env") == "/usr/bin/env\n"


async def test_a_home_directory_of_thousands_of_entries_takes_no_more_mounts(home: Home) -> None:
    def mounts(**given: bool) -> int:
        places = home.sandbox().places
        return len(view(places, str(home.root), Grants(**given), home.environ()).mounts)

    before = mounts()
    home.fill({f"{'.' * (number % 2)}entry-{number}/file": CANARY for number in range(3000)})

    assert mounts() == before < 40
    assert await home.says("cat ~/entry-0/file ~/.entry-1/file 2>/dev/null; ls -A ~ | wc -l") == "3\n"


async def test_a_search_path_of_thousands_of_links_takes_a_bounded_number_of_mounts(home: Home) -> None:
    home.fill({f"apps/{number}/bin/p": "#!/bin/sh\n" for number in range(600)})
    home.fill({}, {f"bin/p{number}": f"../apps/{number}/bin/p" for number in range(600)})
    home.path = ["bin", "absent", "bin/p0"]

    places = home.sandbox().places
    assert len(view(places, str(home.root), NOTHING, home.environ()).mounts) < 250
    assert (await home.run("p0")).exit_code == 0


@pytest.mark.parametrize(
    "path", ["", ":", "bin:.", "~/bin", "/nowhere", "{home}", "{home}/loop", "{home}/private/notes"]
)
async def test_an_odd_search_path_shows_nothing(home: Home, path: str) -> None:
    home.fill({}, {"loop": "loop"})
    home.env = {"PATH": f"{path.format(home=home.home)}:/usr/bin:/bin"}

    assert await home.says("cat ~/private/notes 2>/dev/null") == ""


@pytest.mark.parametrize("home_directory", ["/", "/usr", "/nowhere"])
async def test_a_home_directory_that_is_none_hides_nothing_of_the_system(home: Home, home_directory: str) -> None:
    places = replace(home.sandbox().places, home=home_directory)
    mounts = view(places, str(home.root), NOTHING, home.environ()).mounts

    assert [mount for mount in mounts if mount.kind == "hide" and mount.path == home_directory] == []


# --- what the workspace says of itself is not believed ---------------------------------------------------------------


async def test_a_workspace_cannot_open_a_place_by_what_lies_in_it(home: Home) -> None:
    home.fill(
        {
            "private/bin/python3": "#!/bin/sh\n",
            "private/lib/x": "",
            "src/work/.venv/pyvenv.cfg": "home = @/private/bin\n",
            "src/work/.venv/lib/python3.12/site-packages/x.pth": "@/private\n",
            "src/work/bin/script": "#!@/private/bin/python3\n",
            "src/work/node_modules/.bin/x": "#!/bin/sh\nexec @/private/bin/python3\n",
            "src/work/.git": "gitdir: @/private\n",
        },
        {"src/work/.venv/bin/python": "@/private/bin/python3", "src/work/bin/x": "@/private/bin/python3"},
    )
    home.path = ["src/work/.venv/bin", "src/work/bin", "src/work/node_modules/.bin"]
    home.env = {"VIRTUAL_ENV": "@/src/work/.venv"}

    assert await home.says("cat ~/private/notes 2>/dev/null") == ""


async def test_a_workspaces_environment_sees_the_installation_of_python_it_was_made_of(home: Home) -> None:
    home.fill(
        {
            "odd/place/bin/python3.12": "#!/bin/sh\ncat @/odd/place/lib/python3.12/os.py\n",
            "odd/place/lib/python3.12/os.py": "os\n",
            "odd/beside": CANARY,
            "src/work/.venv/pyvenv.cfg": "home = @/odd/place/bin\n",
            "envs/x/pyvenv.cfg": "home = @/odd/place/bin\n",
            "envs/x/own": "own\n",
        },
        {"src/work/.venv/bin/python": "@/odd/place/bin/python3.12", "src/work/venv": "@/envs/x"},
    )

    assert await home.says(".venv/bin/python; cat venv/own; cat ~/odd/beside 2>/dev/null") == "os\nown\n"


async def test_a_directory_of_repositories_is_not_opened_by_programs_among_them(home: Home) -> None:
    home.fill({"code/bin/p": "#!/bin/sh\necho p\n", "code/lib/.git/HEAD": "", "code/other/plan": CANARY})
    home.fill({"go/bin/g": "#!/bin/sh\necho g\n", "go/pkg/x": "", "go/src/example.com/own/plan": CANARY})
    home.path = ["code/bin", "go/bin"]
    home.env = {"GOPATH": "@/go", "CODE": "@/code", "OLDPWD": "@/go", "ALL": "@/"}

    assert await home.says("p; g; cat ~/code/other/plan ~/go/src/example.com/own/plan 2>/dev/null") == "p\ng\n"


async def test_a_link_to_a_program_shows_that_program_where_all_kinds_of_things_lie(home: Home) -> None:
    home.fill({"Downloads/p": "#!/bin/sh\necho p\n", "Downloads/plan": CANARY, "own.sh": "#!/bin/sh\necho own\n"})
    home.fill({}, {".local/bin/p": "../../Downloads/p", ".local/bin/own": "@/own.sh"})
    home.path = [".local/bin"]

    assert await home.says("p; own; cat ~/Downloads/plan 2>/dev/null; ls ~/Downloads") == "p\nown\np\n"


# --- configuration -------------------------------------------------------------------------------------------------


async def test_configuration_is_seen_through_links_and_without_its_secrets(home: Home) -> None:
    home.fill(
        {
            "dotfiles/git": "[include]\n\tpath = ~/dotfiles/work\n\tpath = absent\n[core]\n\thooksPath = @/hooks\n",
            "dotfiles/work": "[user]\n\tname = Someone\n",
            "dotfiles/tool/config": "tool\n",
            "dotfiles/plan": CANARY,
            "hooks/pre-commit": "hook\n",
            ".config/gh/hosts.yml": CANARY,
            ".cache/huggingface/token": CANARY,
            ".cache/huggingface/hub/model": "model\n",
            ".local/share/uv/credentials/credentials.toml": CANARY,
            ".npmrc": CANARY,
        },
        {".gitconfig": "dotfiles/git", ".config/tool": "../dotfiles/tool", ".gemrc": ".ssh/id_ed25519"},
    )
    home.fill({".config/plait/settings.toml": CANARY})

    read = "git config user.name; cat ~/.config/tool/config ~/hooks/pre-commit ~/.cache/huggingface/hub/model"
    secret = "~/dotfiles/plan ~/.gemrc ~/.config/gh/hosts.yml ~/.cache/huggingface/token ~/.npmrc"
    secret += " ~/.config/plait/settings.toml ~/.local/share/uv/credentials/*"

    assert await home.says(f"{read}; cat {secret} 2>/dev/null") == "Someone\ntool\nhook\nmodel\n"


async def test_sockets_in_what_is_shown_stay_out_of_reach(home: Home) -> None:
    directory = home.home / ".config" / "s"
    directory.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{directory}/s")
        server.listen()

        said = await home.says("test -S ~/.config/s/s && echo reached")

    assert said == ""


# --- git -----------------------------------------------------------------------------------------------------------


async def test_a_part_of_a_repository_sees_the_rest_of_it_and_cannot_write_it(home: Home) -> None:
    outer = home.root.parent
    git(outer, "init", "-q")
    home.fill({"src/rest/file": "rest\n", "src/work/file": "x\n"})
    git(outer, "add", ".")
    git(outer, "commit", "-qm", "one")

    end = await home.run("git status --short; echo x >> ../rest/file")

    assert end.stdout.decode().startswith("bash:")
    assert end.exit_code != 0


async def test_a_home_directory_that_is_a_repository_is_not_said_to_have_lost_its_files(home: Home) -> None:
    git(home.home, "init", "-q")
    git(home.home, "add", "private")
    git(home.home, "commit", "-qm", "one")

    end = await home.run("git status --short")

    assert end.exit_code == 128
    assert b"not a git repository" in end.stdout
    assert await home.says("git status --short -uno", grants=ASKED) == ""


async def test_worktrees_that_are_not_seen_are_not_forgotten(home: Home) -> None:
    git(home.root, "init", "-q")
    git(home.root, "commit", "-q", "--allow-empty", "-m", "one")
    other = home.home / "private" / "tree"
    git(home.root, "worktree", "add", "-q", str(other))

    end = await home.run("git worktree prune --expire=now && git worktree list | wc -l && ls ~/private/tree ~/private")
    assert end.stdout.decode().splitlines()[0] == "2"
    assert b"notes" not in end.stdout
    within = home.sandbox(other)
    assert await home.says("git commit -q --allow-empty -m two; git log --oneline | wc -l", sandbox=within) != "1\n"


async def test_objects_that_a_repository_borrows_are_seen(home: Home) -> None:
    lender = home.home / "lender"
    lender.mkdir()
    (lender / "plan").write_text(CANARY)
    git(lender, "init", "-q")
    git(lender, "commit", "-q", "--allow-empty", "-m", "one")
    git(home.home, "clone", "-q", "--shared", str(lender), str(home.root / "clone"))

    end = await home.run("git log --oneline; cat ~/lender/plan", cwd=home.root / "clone")
    assert end.stdout.count(b"one\n") == 1
    assert CANARY.encode() not in end.stdout


def test_places_are_compared_by_their_parts_and_not_by_their_letters(tmp_path: Path) -> None:
    places = Places((f"{tmp_path}/work",), str(tmp_path), (), "/usr", str(tmp_path / "c"), str(tmp_path / "t"))
    (tmp_path / "work").mkdir()
    seen = view(places, f"{tmp_path}/work", NOTHING, {})

    assert seen.hides(f"{tmp_path}/work/x") is None
    assert seen.hides(f"{tmp_path}/work-beside") == str(tmp_path)
    assert seen.hides(f"{tmp_path}-beside") != str(tmp_path)
