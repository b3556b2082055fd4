"""What is said of a command that did not find what the sandbox hides, or wrote where nobody looks."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.host.homes import Home, git, homes

from plait.effects.shell import command_effects
from plait.host.paths import Workspace
from plait.host.sandbox import Sandbox
from plait.host.sandbox_grants import NOTHING, Grants, grants_of
from plait.protocol.effects import Access, Effects, Mode


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    yield from homes(monkeypatch)


@pytest.fixture
def real_tmp() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="plait-test-", dir="/tmp"))
    yield directory
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()


async def remarks(
    home: Home, command: str, *, sandbox: Sandbox | None = None, grants: Grants = NOTHING, cwd: Path | None = None
) -> tuple[str, ...]:
    sandbox = sandbox or home.sandbox()
    end = await home.run(command, sandbox=sandbox, grants=grants, cwd=cwd)
    where = str(cwd or sandbox.places.roots[0])
    output = end.stdout.decode()
    return sandbox.remarks(command, output, failed=end.exit_code != 0, cwd=where, env=home.environ(), grants=grants)


WAY = (
    " from a command that runs without a question: the user can show it by `sandbox.visible` in the settings or by "
    "`--add-dir`; `outside_sandbox` asks to run this once without"
)


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("cat ~/private/notes", "~/private/notes"),
        ("cat ../../private/notes", "~/private/notes"),
        ("cd ~/private && make", "~/private"),
        ("cat link", "~/private/notes"),
        ("cat directory/notes", "~/private/notes"),
        ("python3 -c 'open(\"../../private/no tes\")'", "~/private/no tes"),
        ("make -C ../../private", "~/private"),
        ("cat absent < ~/private/absent", "~/private/absent"),
        ("cat ~/private/notes 2>/dev/null", "~/private/notes"),
        ("echo \"Error: ENOENT: no such file or directory, open '$HOME/lib/x.js'\"; false", "~/lib/x.js"),
        ("echo 'error: failed to read `'$HOME'/lib/Cargo.toml`'; echo; echo 'Caused by:'; false", "~/lib/Cargo.toml"),
        ("echo file://$HOME/lib/a.ts not found; false", "~/lib/a.ts"),
        ("grep -r x $HOME/.mail 2>&1 | head -3", "~/.mail"),
        ("cat ~/private/notes; true", "~/private/notes"),
        ("git --git-dir=$HOME/lib/.git status", "~/lib/.git"),
        ("echo x > ~/private/file", "~/private/file"),
    ],
)  # fmt: skip
async def test_a_hidden_place_that_was_wanted_is_named_with_the_way_to_allow_it(
    home: Home, command: str, place: str
) -> None:
    (home.root / "link").symlink_to(home.home / "private" / "notes")
    (home.root / "directory").symlink_to("../../private")

    assert await remarks(home, command) == (f"the sandbox hides `{place}`{WAY}",)


@pytest.mark.parametrize(
    "command",
    [
        "cat absent",
        "cat /etc/absent ../absent-sibling-of-nothing 2>/dev/null; cat ~/.config/absent",
        "false",
        "echo ~/private/notes",
        "echo ~/private/notes; false",
        "cat notes.txt | head -1",
        "touch /usr/x",
    ],
)
async def test_nothing_is_said_of_other_failures(home: Home, command: str) -> None:
    (home.root / "notes.txt").write_text(f"{home.home}/private/notes is here\n")

    said = await remarks(home, command)

    assert said == () or "absent-sibling" in said[0]


async def test_what_was_asked_about_is_told_of_secrets_only(home: Home) -> None:
    assert await remarks(home, "cat ~/private/absent", grants=Grants(home=True)) == ()
    assert await remarks(home, "cat ~/.ssh/id_ed25519", grants=Grants(home=True)) == (
        "the sandbox hides `~/.ssh/id_ed25519`: `outside_sandbox` asks the user to let this run once without",
    )


async def test_whether_something_is_in_a_hidden_place_is_not_told(home: Home) -> None:
    (home.home / "private" / "link").symlink_to(home.home / "private" / "notes")

    there, absent, link = [await remarks(home, f"cat ~/private/{name}") for name in ("notes", "nutes", "link")]

    assert there[0].replace("notes", "nutes") == absent[0]
    assert "`~/private/link`" in link[0]


async def test_many_hidden_places_take_one_line(home: Home) -> None:
    (line,) = await remarks(home, "cat ~/a/1 ~/b/2 ~/c/3 ~/d/4 ~/e/5 ~/a/1/2")

    assert line.startswith("the sandbox hides `~/a/1`, `~/b/2`, `~/c/3` and 2 more from")


async def test_an_import_of_what_is_installed_from_a_hidden_directory_names_it(home: Home) -> None:
    home.fill(
        {
            "libs/own/own.py": "",
            "src/work/.venv/lib/python3.12/site-packages/_own.pth": "@/libs/own\n",
            "src/work/.venv/pyvenv.cfg": "home = /usr/bin\n",
        }
    )

    said = await remarks(home, "python3 -c 'import own'")

    assert said == (f"the sandbox hides `~/libs/own`{WAY}",)


async def test_a_script_whose_interpreter_is_hidden_names_the_interpreter(home: Home) -> None:
    home.fill({"private/bin/python": "#!/bin/sh\n", "src/work/script": "#!@/private/bin/python\n"})

    assert await remarks(home, "./script") == (f"the sandbox hides `~/private/bin/python`{WAY}",)


async def test_a_pipe_in_place_of_what_is_looked_at_holds_nothing_up(home: Home) -> None:
    packages = home.root / ".venv" / "lib" / "python3.12" / "site-packages"
    packages.mkdir(parents=True)
    for name in (packages / "x.pth", home.root / ".venv" / "pyvenv.cfg", home.root / "script"):
        os.mkfifo(name)

    assert await remarks(home, "echo ./script: No such file or directory; python3 -c 'import absent'") == ()


async def test_a_git_directory_elsewhere_is_named(home: Home) -> None:
    (home.home / "gits").mkdir()
    git(home.home, "init", "-q", "--separate-git-dir", str(home.home / "gits" / "work"), str(home.root))

    assert await remarks(home, "git status") == (f"the sandbox hides `~/gits/work`{WAY}",)


# --- `/tmp` --------------------------------------------------------------------------------------------------------


def held(file: Path) -> str | None:
    return file.read_text() if file.exists() else None


def remove(file: Path) -> None:
    file.unlink(missing_ok=True)


def judged(home: Home, command: str) -> Grants:
    workspace = Workspace.at(home.root)
    return grants_of(command_effects(command, cwd=home.root, workspace=workspace), workspace.roots)


@pytest.mark.parametrize(
    ("command", "made"),
    [
        ("echo x > {tmp}", "x\n"),
        ("cp file {tmp}", "file\n"),
        ("echo x > other && mv other {tmp}", "x\n"),
        ("touch {tmp} && rm {tmp}", None),
    ],
)
async def test_a_write_directly_below_tmp_that_was_allowed_lands_in_the_real_one(
    home: Home, command: str, made: str | None
) -> None:
    (home.root / "file").write_text("file\n")
    name = Path(f"/tmp/plait-test-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        words = command.format(tmp=name)
        assert (await home.run(words, grants=judged(home, words))).exit_code == 0

        assert held(name) == made
        assert await remarks(home, words, grants=judged(home, words)) == ()
    finally:
        remove(name)


async def test_a_file_below_tmp_that_is_there_is_written_by_a_program_that_nobody_knows(
    home: Home, real_tmp: Path
) -> None:
    (real_tmp / "log").write_text("")
    grants = grants_of(Effects((Access(Mode.WRITE, str(real_tmp / "log")),), unknown=True), [home.root])

    await home.run(f"sh -c 'echo made' > {real_tmp}/log", grants=grants)

    assert (real_tmp / "log").read_text() == "made\n"


async def test_a_write_that_lands_in_the_sandboxs_own_tmp_is_told(home: Home) -> None:
    name = f"/tmp/plait-test-{os.getpid()}-{os.urandom(4).hex()}"
    sandbox = home.sandbox()
    grants = grants_of(Effects((Access(Mode.WRITE, name),), unknown=True), [home.root])

    said = await remarks(home, f"sh -c 'echo made' > {name}", grants=grants, sandbox=sandbox)

    assert held(Path(name)) is None
    assert said == (
        f"`{name}` was written in the sandbox's own `/tmp`, which only commands of this session see and which ends "
        "with it; `outside_sandbox` asks the user to let a command write in the real one",
    )


async def test_a_command_that_names_what_lies_in_the_sandboxs_own_tmp_works_there_and_that_is_told(home: Home) -> None:
    name = f"/tmp/plait-test-{os.getpid()}-{os.urandom(4).hex()}"
    sandbox = home.sandbox()
    await home.run(f"echo made > {name}", sandbox=sandbox)
    command = f"cp {name} {name}-copy && cat {name}-copy"

    end = await home.run(command, sandbox=sandbox, grants=judged(home, command))

    assert end.stdout == b"made\n"
    assert held(Path(f"{name}-copy")) is None
    assert "own `/tmp`" in (await remarks(home, command, sandbox=sandbox, grants=judged(home, command)))[0]


async def test_in_the_real_tmp_what_listens_there_stays_out_of_reach(home: Home, real_tmp: Path) -> None:

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(real_tmp / "agent"))
        server.listen()
        name = f"/tmp/plait-test-{os.getpid()}-{os.urandom(4).hex()}"
        grants = judged(home, f"echo x > {name}")
        try:
            said = await home.says(f"echo x > {name}; test -S {real_tmp}/agent && echo reached", grants=grants)
            assert (said, held(Path(name))) == ("", "x\n")
        finally:
            remove(Path(name))


async def test_nothing_is_said_of_a_tmp_that_no_command_was_to_write(home: Home) -> None:
    assert await remarks(home, "echo x > /tmp/of-the-command; mktemp") == ()
