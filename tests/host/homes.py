"""A home directory that is filled by a test, and commands that run in the sandbox of a workspace in it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from plait.host.commands import start_shell
from plait.host.process import ProcessEnd
from plait.host.sandbox import Sandbox, Sandboxing
from plait.host.sandbox_grants import NOTHING, Grants

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


class Home:
    """`root` is the workspace; `path` is searched before the system's programs; `env` is added to what is there."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.home = top / "home"
        self.root = self.home / "src" / "work"
        self.own = self.home / ".config" / "plait"
        self.cache = self.home / ".cache" / "plait"
        self.path: list[str] = []
        self.env: dict[str, str] = {}
        self._sandboxings: list[Sandboxing] = []
        for directory in (self.root, self.own, self.cache):
            directory.mkdir(parents=True)
        self.fill({"private/notes": "the canary\n", ".ssh/id_ed25519": "the canary\n"})

    def fill(self, files: Mapping[str, str], links: Mapping[str, str] | None = None) -> None:
        """Write files below the home directory; what begins as a script may be run. `@` stands for the home."""
        for name, text in files.items():
            file = self.home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace("@/", f"{self.home}/"))
            if text.startswith("#!"):
                file.chmod(0o755)
        for name, target in (links or {}).items():
            link = self.home / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target.replace("@/", f"{self.home}/"))

    def environ(self, home: Path | None = None) -> dict[str, str]:
        path = ":".join([*(f"{self.home}/{place}" for place in self.path), SYSTEM_PATH])
        given = {name: value.replace("@/", f"{self.home}/") for name, value in self.env.items()}
        return {"HOME": str(home or self.home), "PATH": path, "LANG": "C.UTF-8", **given}

    def sandboxing(self, *roots: Path, visible: tuple[str, ...] = ()) -> Sandboxing:
        sandboxing = Sandboxing("auto", roots or (self.root,), (self.own, self.cache), self.cache, visible)
        self._sandboxings.append(sandboxing)
        return sandboxing

    def weaker_sandbox(self) -> Sandbox:
        return replace(self.sandboxing().sandbox(), kind="landlock", words="Landlock")

    def sandbox(self, *roots: Path, visible: tuple[str, ...] = ()) -> Sandbox:
        sandbox = self.sandboxing(*roots, visible=visible).sandbox()
        if sandbox.kind != "bubblewrap":
            pytest.skip(f"bubblewrap does not work here: {sandbox.words}")
        return sandbox

    async def run(
        self, command: str, *, grants: Grants = NOTHING, cwd: Path | None = None, sandbox: Sandbox | None = None
    ) -> ProcessEnd:
        sandbox = sandbox or self.sandbox()
        where = cwd or Path(sandbox.places.roots[0])
        process = await start_shell(command, cwd=where, sandbox=sandbox, grants=grants, env=self.environ())
        async with asyncio.timeout(20):
            return await process.wait()

    async def says(
        self, command: str, *, grants: Grants = NOTHING, cwd: Path | None = None, sandbox: Sandbox | None = None
    ) -> str:
        return (await self.run(command, grants=grants, cwd=cwd, sandbox=sandbox)).stdout.decode("utf-8", "replace")

    def close(self) -> None:
        for sandboxing in self._sandboxings:
            sandboxing.close()


def homes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    # The sandbox has a `/tmp` of its own: a home directory there would be another case.
    top = Path(tempfile.mkdtemp(prefix="plait-test-", dir="/var/tmp"))
    place = Home(top)
    monkeypatch.setenv("HOME", str(place.home))
    yield place
    place.close()
    shutil.rmtree(top, ignore_errors=True)


def git(directory: Path, *words: str) -> str:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    ran = subprocess.run(["git", *who, *words], cwd=directory, env=environ, check=True, capture_output=True, text=True)
    return ran.stdout
