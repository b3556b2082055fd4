"""The weaker sandbox, each promise tried for real, and the text of the one that no machine here can run."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plait.host import sandbox_landlock
from plait.host.commands import start_shell
from plait.host.process import ProcessEnd
from plait.host.program_copies import keep_out_of
from plait.host.programs import find_program, packaged_program
from plait.host.sandbox import Sandbox, Sandboxing, choose
from plait.host.sandbox_grants import NOTHING, Grants
from plait.host.sandbox_seatbelt import profile
from plait.host.sandbox_view import Mount, Places, View

needs_landlock = pytest.mark.skipif(
    sys.platform != "linux" or not sandbox_landlock.works(), reason="needs the package landlockpy and its kernel"
)


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "work").mkdir()
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_rsa").write_text("canary")
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def landlock(home: Path) -> Iterator[Sandbox]:
    own = home / ".cache" / "plait"
    sandboxing = Sandboxing("auto", [home / "work"], [own], own)
    yield replace(sandboxing.sandbox(), kind="landlock", words="Landlock")
    sandboxing.close()


async def run(sandbox: Sandbox, command: str, grants: Grants = NOTHING) -> ProcessEnd:
    process = await start_shell(command, cwd=Path(sandbox.places.roots[0]), sandbox=sandbox, grants=grants)
    return await process.wait()


@needs_landlock
async def test_landlock_keeps_writes_to_the_workspace_and_its_own_tmp(landlock: Sandbox, home: Path) -> None:
    end = await run(landlock, f"echo in > file; mktemp >/dev/null && echo tmp; echo x > {home}/out; echo x > /usr/out")

    assert (home / "work" / "file").read_text() == "in\n"
    assert end.stdout.startswith(b"tmp\n")
    assert end.exit_code != 0
    assert not (home / "out").exists()


@needs_landlock
async def test_landlock_hides_keys_and_tcp(landlock: Sandbox, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = f"exec 3<>/dev/tcp/127.0.0.1/{server.getsockname()[1]} && echo reached"

        assert b"reached" not in (await run(landlock, connect)).stdout
        assert b"reached" in (await run(landlock, connect, Grants(network=True))).stdout
    assert b"canary" not in (await run(landlock, f"cat {home}/.ssh/id_rsa /proc/{os.getpid()}/environ")).stdout


async def test_landlock_does_not_count_as_a_sandbox_that_holds(landlock: Sandbox) -> None:
    assert not landlock.holds


def test_a_sandbox_that_is_switched_off_says_so(home: Path) -> None:
    places = Places((str(home),), str(home), (), "/", str(home), str(home))

    assert choose("off", places).words == "off: commands run with all that you may do"


def test_the_profile_for_macos_denies_later_what_it_allows_first() -> None:
    places = Places(("/w",), "/home", (), "/usr", "/cache/p", "/cache/t")
    mounts = (
        Mount("write", "/w", "/w"),
        Mount("write", "/tmp", "/cache/t"),
        Mount("hide", "/home/.ssh", "/home/.ssh"),
        Mount("read", '/w/.git/"x"', '/w/.git/"x"'),
    )

    text = profile(places, View(mounts, absent=("/w/.plait",)), network=False)

    assert text.startswith("(version 1)\n(allow default)\n(deny file-write*)\n")
    assert "(deny network*)\n" in text
    assert '"/tmp"' not in text
    order = [
        '(allow file-read* file-write* (subpath "/w"))',
        '(deny file-read* file-write* network-outbound (subpath "/home/.ssh"))',
        '(deny file-write* (subpath "/w/.git/\\"x\\""))',
        '(deny file-write* (subpath "/w/.plait"))',
    ]
    assert [text.index(line) for line in order] == sorted(text.index(line) for line in order)
    assert "(deny network*)" not in profile(places, View(()), network=True)


def test_a_program_inside_a_workspace_is_run_from_a_copy_of_the_users_alone(tmp_path: Path) -> None:
    found = [path for path in (find_program("rg"), packaged_program("bwrap")) if path is not None]
    program = (
        "import sys; from pathlib import Path\n"
        "from plait.host.program_copies import keep_out_of\n"
        "from plait.host.programs import find_program\n"
        "import subprocess\n"
        "before = find_program('rg'); keep_out_of([Path(before).parent]); after = find_program('rg')\n"
        "print(before == after, oct(Path(after).parents[3].stat().st_mode & 0o777))\n"
        "print(subprocess.run([after, '--version'], capture_output=True, text=True).stdout.split()[0])\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout == "False 0o700\nripgrep\n"
    keep_out_of([tmp_path])
    assert [path for path in (find_program("rg"), packaged_program("bwrap")) if path is not None] == found


# --- what an unasked command sees of the home directory --------------------------------------------------------------


@needs_landlock
async def test_landlock_shows_of_the_home_directory_tools_and_configuration(landlock: Sandbox, home: Path) -> None:
    (home / "notes").write_text("canary")
    (home / ".config" / "gh").mkdir(parents=True)
    (home / ".config" / "gh" / "hosts.yml").write_text("canary")
    (home / ".config" / "tool").write_text("config\n")
    (home / ".cache" / "plait").mkdir(parents=True)
    (home / ".cache" / "plait" / "log").write_text("canary")
    (home / ".cache" / "other").write_text("cache\n")
    (home / ".cargo" / "bin").mkdir(parents=True)
    (home / ".cargo" / "bin" / "x").write_text("#!/bin/sh\necho tool\n")
    (home / ".cargo" / "bin" / "x").chmod(0o755)

    read = f"{home}/.cargo/bin/x; cat {home}/.config/tool {home}/.cache/other"
    end = await run(landlock, f"{read}; cat {home}/notes {home}/.config/gh/hosts.yml {home}/.cache/plait/log 2>&1")

    assert end.stdout.decode().startswith("tool\nconfig\ncache\n")
    assert b"canary" not in end.stdout
    assert end.stdout.count(b"Permission denied") == 3
    asked = await run(landlock, f"cat {home}/.cache/other {home}/.cache/plait/log", Grants(home=True))
    assert asked.stdout.startswith(b"cache\n")
    assert b"canary" not in asked.stdout


def test_the_profile_for_macos_hides_the_home_directory_but_for_what_is_shown() -> None:
    places = Places(("/home/src/w",), "/home", (), "/usr", "/cache/p", "/cache/t")
    mounts = (
        Mount("hide", "/home", "/home"),
        Mount("read", "/home/.config", "/home/.config"),
        Mount("link", "/home/.gitconfig", "dotfiles/git"),
        Mount("write", "/home/.cache", "/cache/p/.cache"),
        Mount("hide", "/home/.config/gh", "/home/.config/gh"),
        Mount("write", "/home/src/w", "/home/src/w"),
    )

    text = profile(places, View(mounts, closed=("/home/.cache/plait",)), network=True)

    order = [
        '(deny file-read* file-write* network-outbound (subpath "/home"))',
        '(allow file-read* (subpath "/home/.config"))',
        '(allow file-read* (literal "/home/.gitconfig"))',
        '(allow file-read* (subpath "/home/.cache"))',
        '(deny file-read* file-write* network-outbound (subpath "/home/.config/gh"))',
        '(allow file-read* file-write* (subpath "/home/src/w"))',
        '(deny file-read* file-write* network-outbound (subpath "/home/.cache/plait"))',
        '(allow file-read-metadata (literal "/home"))',
        '(allow file-read-metadata (literal "/home/src"))',
    ]
    assert [text.index(line) for line in order] == sorted(text.index(line) for line in order)
