"""Build and test commands of toolchains that are installed below the home directory, played and real ones."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.host.homes import Home, homes
from tests.host.test_sandbox_kinds import needs_landlock
from tests.host.toolchains import TOOLCHAINS, Toolchain

from plait.host.commands import start_shell
from plait.host.sandbox import Sandboxing
from plait.host.sandbox_grants import NOTHING, Grants


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    yield from homes(monkeypatch)


def install(home: Home, toolchain: Toolchain) -> None:
    home.fill(toolchain.files, toolchain.links)
    home.path = list(toolchain.path)
    home.env = toolchain.env


@pytest.mark.parametrize("grants", [NOTHING, Grants(home=True)], ids=["unasked", "asked"])
@pytest.mark.parametrize("name", TOOLCHAINS)
async def test_a_toolchain_below_home_builds_and_tests(home: Home, name: str, grants: Grants) -> None:
    toolchain = TOOLCHAINS[name]
    install(home, toolchain)

    end = await home.run(f"{toolchain.command}; cat ~/.ssh/id_ed25519 2>/dev/null", grants=grants)

    assert end.stdout.decode() == toolchain.says


@needs_landlock
@pytest.mark.parametrize("name", TOOLCHAINS)
async def test_a_toolchain_below_home_builds_and_tests_in_the_weaker_sandbox_too(home: Home, name: str) -> None:
    toolchain = TOOLCHAINS[name]
    install(home, toolchain)
    command = f"{toolchain.command}; cat ~/private/notes ~/.ssh/id_ed25519 2>/dev/null"

    end = await home.run(command, sandbox=home.weaker_sandbox())

    assert end.stdout.decode() == toolchain.says


@pytest.mark.parametrize("name", ["uv", "deno and bun", "asdf", "pipx, and an editable installation"])
async def test_programs_stay_where_a_store_of_the_workspaces_own_takes_the_place_of_what_is_around_them(
    home: Home, name: str
) -> None:
    toolchain = TOOLCHAINS[name]
    install(home, toolchain)
    program = toolchain.command.split(";")[-1].split("&&")[0]

    with_network = await home.run(program, grants=Grants(network=True))
    later = await home.run(program)

    assert (with_network.exit_code, later.exit_code) == (0, 0), with_network.stdout
    assert with_network.stdout.decode().strip() in toolchain.says


async def test_each_toolchain_shows_itself_and_nothing_beside(home: Home) -> None:
    for toolchain in TOOLCHAINS.values():
        for file in toolchain.files:
            top = file.split("/")[0]
            home.fill({f"{top}-beside/secret-plan": "the canary\n"})
        home.fill(toolchain.files)
        home.path += toolchain.path

    assert await home.says("cat ~/*beside/* ~/.*beside/* ~/private/* 2>/dev/null") == ""


# --- those of this machine -------------------------------------------------------------------------------------------

CRATE = {
    "Cargo.toml": '[package]\nname = "c"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/lib.rs": "#[test]\nfn t() {}\n",
}
REAL = [
    ("python3", "python3 -c 'import sqlite3' && python3 -m venv --without-pip v && v/bin/python -c 'import ssl'", {}),
    ("pip", "pip --version && pip list >/dev/null", {}),
    ("uv", "uv --version && uv venv --offline -q .venv && .venv/bin/python -c 'import ssl'", {}),
    ("node", "node -e 'console.log(require(\"os\").homedir())' && npm --version", {}),
    ("cargo", "cargo test --offline -q", CRATE),
    ("go", "go env GOROOT && go vet ./...", {"go.mod": "module m\n", "m.go": "package m\n"}),
    ("git", "git init -q . && git add . && git status --short", {"f": ""}),
]  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("program", "command", "files"), REAL, ids=[program for program, _, _ in REAL])
async def test_the_toolchains_of_this_machine_work_unasked(
    program: str, command: str, files: dict[str, str], tmp_path: Path
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"this machine has no {program}")
    own = tmp_path / "own"
    with tempfile.TemporaryDirectory(prefix="plait-test-", dir="/var/tmp") as directory:
        places = [Path(directory, name) for name in ("outside", "inside")]
        for place in places:
            for name, text in {"made": "", **files}.items():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_text(text)
        sandboxing = Sandboxing("auto", [places[1]], [own], own)
        sandbox = sandboxing.sandbox()
        if sandbox.kind != "bubblewrap":
            pytest.skip(f"bubblewrap does not work here: {sandbox.words}")
        outside = await (await start_shell(command, cwd=places[0])).wait()
        inside = await (await start_shell(command, cwd=places[1], sandbox=sandbox)).wait()
        sandboxing.close()

    if outside.exit_code != 0:
        pytest.skip(f"{program} does not work outside of the sandbox: {os.fsdecode(outside.stdout[:200])}")
    assert inside.exit_code == 0, inside.stdout
