"""Names that lead out of the workspace, to what is no file, or only look as if they did; each tried for real.

What may not be touched unasked holds a secret and is looked at afterwards; a call that hangs fails by its time limit.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plait import wiring
from plait.config.settings import Loaded, load
from plait.host.paths import Workspace
from plait.permissions.rules import parse_rule

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, pipes and devices of POSIX")

SECRET = "the secret of the machine"
LIMIT_S = 8.0
NFC, NFD = unicodedata.normalize("NFC", "ünï.py"), unicodedata.normalize("NFD", "ünï.py")


# Odd, and all the same honest names of files.
NAMES = (
    "src/a.py", "src/deep/b.py", NFC, "sp ace.py", "-rf", "--help", "a\nb.py", "...", "..a", "a:b.py", "a\\b.py",
    "%2e%2e", "~", "~x", "$HOME", "*.py", "[x].py", "x;y", "'q'.py", "CON", "nul.txt", "trailing ", "trailing.",
    "日本語.py", "🎉.py", ".hidden.py", "file:", "x" * 200 + ".py",
)  # fmt: skip


class Place:
    """A workspace `ws` beside what is none of its business."""

    def __init__(self, root: Path) -> None:
        self.ws, self.outside, self.evil = root / "ws", root / "outside", root / "ws-evil"
        for directory in (self.ws / "src" / "deep", self.outside / "sub", self.evil, self.ws / ".git", root / "home"):
            directory.mkdir(parents=True)
        for secret in (self.outside / "secret.txt", self.outside / "sub" / "x.txt", self.evil / "secret.txt"):
            secret.write_text(SECRET)
        for name in NAMES:
            (self.ws / name).write_text("value = 1\n")
        (self.ws / ".env").write_text(f"KEY={SECRET}\n")
        (self.ws / ".git" / "config").write_text("[core]\n\tbare = false\n")
        links = {
            "link_in": "src/a.py", "abs_in": f"{self.ws}/src/a.py", "src/up": "..", "dir_in": "src",
            "link_out": "../outside/secret.txt", "abs_out": f"{self.outside}/secret.txt", "dir_out": "../outside",
            "chain": "chain2", "chain2": "link_out", "loop": "loop", "loop_a": "loop_b", "loop_b": "loop_a",
            "dangling": "../outside/new.txt", "dangling_dir": "../outside/newdir", "to_root": "/", "to_env": ".env",
            "to_zero": "/dev/zero", "to_tty": "/dev/tty", "to_proc": "/proc/self/environ", "to_fd": "/dev/fd/0",
            "to_evil": "../ws-evil", "to_git": ".git/config", "src/out": "../../outside",
        }  # fmt: skip
        for name, target in links.items():
            (self.ws / name).symlink_to(target)
        os.mkfifo(self.ws / "pipe")
        os.link(self.outside / "secret.txt", self.ws / "hard.txt")
        self.socket = socket.socket(socket.AF_UNIX)
        here = os.getcwd()
        os.chdir(self.ws)
        self.socket.bind("socket")
        os.chdir(here)
        self.environ = {f"PLAIT_{name}_DIR": str(root / name.lower()) for name in ("CONFIG", "STATE", "CACHE")}
        self.loaded = load(self.ws, environ=self.environ)
        self.before = self.contents()

    def contents(self) -> dict[str, bytes]:
        """Everything outside of the workspace."""
        found = {}
        for top in (self.outside, self.evil):
            for path in sorted(top.rglob("*")):
                found[str(path)] = path.read_bytes() if path.is_file() else b""
        return found

    def call(self, tool: str, args: dict[str, Any], *, loaded: Loaded | None = None) -> dict[str, Any]:
        async def run() -> dict[str, Any]:
            async with asyncio.timeout(LIMIT_S):
                return await wiring.run_tool(loaded or self.loaded, Workspace.at(self.ws), tool, args)

        return asyncio.run(run())

    def fill(self, text: str) -> str:
        for name, value in (("WS", self.ws), ("OUT", self.outside), ("EVIL", self.evil)):
            text = text.replace(f"<{name}>", str(value))
        return text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("paths"))
    yield place
    place.socket.close()


INSIDE = (
    *(name for name in NAMES if name != "~"), "./~", "./src/a.py", "src//a.py", "src/./a.py", "src/../src/a.py",
    "src/deep/../a.py", "<WS>/src/a.py", "<WS>//src/a.py", "<WS>/../ws/src/a.py", "../ws/src/a.py", "link_in", "abs_in",
    "src/up/src/a.py", "dir_in/a.py", "src/up/src/up/src/a.py", "src/a.py/",
)  # fmt: skip
# Outside of the workspace: asked about, or refused.
OUTSIDE = (
    "../outside/secret.txt", "<OUT>/secret.txt", "src/../../outside/secret.txt", "<WS>/../outside/secret.txt",
    "<WS>-evil/secret.txt", "../ws-evil/secret.txt", "<WS>/../ws-evil/secret.txt", "link_out", "abs_out", "chain",
    "dir_out/secret.txt", "dir_out/sub/x.txt", "dir_out/../outside/secret.txt", "src/out/secret.txt",
    "src/up/../outside/secret.txt", "to_root<OUT>/secret.txt", "to_evil/secret.txt", "src/up/dir_out/secret.txt",
    "<WS>/./dir_out/./secret.txt", "//<OUT>/secret.txt", "/proc/self/root<OUT>/secret.txt",
    "/proc/self/cwd/../outside/secret.txt", "/proc/thread-self/root<OUT>/secret.txt", "to_proc", "/proc/self/environ",
    "/proc/1/environ",
)  # fmt: skip
# Within, and not to be read unasked all the same.
SECRETS = (".env", "to_env", "./.env", "src/../.env", "<WS>/.env", "src/up/.env")
# No file at all, or none that can be read: refused, and at once.
NO_FILE = (
    "pipe", "socket", "to_zero", "to_tty", "to_fd", "loop", "loop_a", "/dev/zero", "/dev/stdin", "/dev/fd/0",
    "/dev/tty", "/dev/full", "/proc/self/fd/0", "/proc/kmsg", "/sys/kernel/notes", "dangling", "dangling_dir/x",
    "", ".", "src", "src/a.py/..", "src/a.py/x", "no/such", "x\0y", "../ws/no", "a" * 300, "b/" * 3000,
    "file://<OUT>/secret.txt", "..%2foutside/secret.txt", "%2e%2e/outside/secret.txt", "..\\outside\\secret.txt",
    "․․/outside/secret.txt", "．．/outside/secret.txt", "..∕outside∕secret.txt", "src/a.py\n", " src/a.py",
    "\ud800.py", NFD, "SRC/A.PY", "$HOME/x", "`id`", "$(id)", "C:\\Windows\\win.ini", "\\\\host\\share",
)  # fmt: skip


def test_the_set_is_large_enough() -> None:
    assert len({*INSIDE, *OUTSIDE, *SECRETS, *NO_FILE}) >= 80


@pytest.mark.parametrize("name", INSIDE)
def test_what_lies_in_the_workspace_is_read(place: Place, name: str) -> None:
    line = place.call("read", {"path": place.fill(name)})

    assert (line["verdict"], line["outcome"]) == ("allowed", "ok"), line
    assert "value = 1" in line["result"]


@pytest.mark.parametrize("name", [*OUTSIDE, *SECRETS])
@pytest.mark.parametrize(
    ("tool", "args"),
    [
        ("read", {"path": "<PATH>"}),
        ("search", {"query": "secret", "path": "<PATH>"}),
        ("outline", {"path": "<PATH>"}),
        ("check", {"paths": ["<PATH>"], "syntax_only": True}),
        ("shell", {"command": "cat '<PATH>'"}),
        ("shell", {"command": "head -c 100 < '<PATH>'"}),
    ],
)
def test_what_does_not_is_not_read_unasked(place: Place, tool: str, args: dict[str, Any], name: str) -> None:
    line = place.call(tool, _filled(place, args, name))

    assert SECRET not in line["result"], line
    assert line["verdict"] != "allowed" or line["outcome"] != "ok", line


@pytest.mark.parametrize("name", NO_FILE)
@pytest.mark.parametrize("tool", ["read", "outline"])
def test_what_is_no_file_is_refused_at_once(place: Place, tool: str, name: str) -> None:
    line = place.call(tool, {"path": place.fill(name)})

    assert SECRET not in line["result"], line
    assert line["outcome"] != "ok" or (name in (".", "src") and "secret" not in line["result"]), line
    assert "\n" not in line["result"].strip()


WRITES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("edit", {"path": "<PATH>", "content": "evil\n"}),
    ("shell", {"command": "echo evil > '<PATH>'"}),
    ("shell", {"command": "cp src/a.py '<PATH>'"}),
)


GOVERNING = (
    "to_git", ".git/config", ".git/hooks/x", ".GIT/x", "src/../.git/hooks/pre-commit", ".plait/settings.toml",
    ".PLAIT/settings.toml",
)  # fmt: skip


@pytest.mark.parametrize("name", [*OUTSIDE, "dangling", "dangling_dir/x", *GOVERNING])
@pytest.mark.parametrize(("tool", "args"), WRITES)
def test_nothing_is_written_outside_or_where_it_decides_what_runs(
    place: Place, tool: str, args: dict[str, Any], name: str
) -> None:
    line = place.call(tool, _filled(place, args, name), loaded=_loose(place))

    assert place.contents() == place.before, line
    assert not (place.ws / ".plait").exists()
    assert not (place.ws / ".GIT").exists()
    assert not (place.ws / ".git" / "hooks").exists()
    assert (place.ws / ".git" / "config").read_text() == "[core]\n\tbare = false\n"
    assert line["verdict"] != "allowed" or line["outcome"] != "ok", line


def _loose(place: Place) -> Loaded:
    """As loose as the rules of somebody who trusts their own workspace."""
    rules = "edit(/**),edit(*.txt),shell(echo *)"
    more = {"PLAIT_PERMISSION_MODE": "acceptEdits", "PLAIT_PERMISSIONS_ALLOW": rules}
    return load(place.ws, environ={**place.environ, **more}, read_rule=parse_rule)


def _filled(place: Place, args: dict[str, Any], name: str) -> dict[str, Any]:
    path = place.fill(name)

    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(entry) for entry in value]
        return value.replace("<PATH>", path) if isinstance(value, str) else value

    return {key: fill(value) for key, value in args.items()}


@pytest.mark.parametrize("cwd", ["..", "<OUT>", "dir_out", "/", "to_root", "src/out", "<WS>-evil", "link_out", "pipe"])
def test_a_command_does_not_start_outside(place: Place, cwd: str) -> None:
    line = place.call("shell", {"command": "cat secret.txt; ls", "cwd": place.fill(cwd)})

    assert SECRET not in line["result"]
    assert line["verdict"] != "allowed" or line["outcome"] != "ok", line


@pytest.mark.parametrize("tool", ["list", "glob"])
@pytest.mark.parametrize("name", ["..", "<OUT>", "dir_out", "/", "to_root", "src/out", "../ws-evil", "../"])
def test_directories_outside_are_not_listed_unasked(place: Place, tool: str, name: str) -> None:
    args = {"path": place.fill(name)} if tool == "list" else {"pattern": f"{place.fill(name)}/**/*.txt"}

    line = place.call(tool, args)

    assert "secret.txt" not in line["result"].replace(place.fill(name), "")
    assert line["verdict"] != "allowed" or line["outcome"] != "ok" or "hits" in line["result"] or tool == "glob", line


def test_what_a_search_of_the_workspace_finds_does_not_follow_links_out(place: Place) -> None:
    line = place.call("search", {"query": SECRET, "kinds": ["content"]})

    assert "outside" not in line["result"]
    assert "KEY=" not in line["result"]


def test_a_link_that_changes_while_calls_run_leads_nowhere(place: Place) -> None:
    """A directory is a real one and a link to the outside in turn, as fast as it goes."""
    real, flip = place.ws / "src" / "real", place.ws / "src" / "flip"
    real.mkdir()
    (real / "secret.txt").write_text("harmless\n")
    flip.symlink_to(real)
    stop = threading.Event()

    def swap() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            spare = flip.with_name(f"spare{number % 2}")
            spare.unlink(missing_ok=True)
            spare.symlink_to(place.outside if number % 2 else real)
            os.replace(spare, flip)

    swapper = threading.Thread(target=swap)
    swapper.start()
    loose = _loose(place)
    try:
        for _ in range(40):
            assert SECRET not in place.call("read", {"path": "src/flip/secret.txt"})["result"]
            place.call("edit", {"path": "src/flip/secret.txt", "content": "evil\n"}, loaded=loose)
            place.call("edit", {"path": "src/flip/new.txt", "content": "evil\n"}, loaded=loose)
            assert place.contents() == place.before
    finally:
        stop.set()
        swapper.join()
