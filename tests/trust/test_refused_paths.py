"""Paths that the system refuses, in every tool that takes one: one clear line, no error number, no name of a class.

EACCES and the like cannot be had as root: those are tried in a user namespace in which the owner has no privilege.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plait import wiring
from plait.config.settings import load
from plait.host.os_errors import in_one_line, in_words, shortened, why_no_name
from plait.host.paths import Workspace

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, pipes and modes of POSIX")

RAW = ("Errno", "Error", "Exception", "codec", "embedded", "could not be prepared", "The tool failed", "Traceback")
LONGEST_LINE = 400

TOOLS: dict[str, Any] = {
    "read": lambda path: ("read", {"files": [{"path": path}]}),
    "read of two": lambda path: ("read", {"files": [{"path": path}, {"path": "file"}]}),
    "list": lambda path: ("list", {"path": path}),
    "glob": lambda path: ("glob", {"pattern": "*", "path": path}),
    "glob by pattern": lambda path: ("glob", {"pattern": f"{path}/*"}),
    "search": lambda path: ("search", {"query": "x", "path": path}),
    "outline": lambda path: ("outline", {"path": path}),
    "write": lambda path: ("edit", {"path": path, "content": "new\n"}),
    "edit": lambda path: ("edit", {"path": path, "edits": [{"old": "text", "new": "words"}]}),
    "shell": lambda path: ("shell", {"command": "true", "cwd": path}),
    "check": lambda path: ("check", {"paths": [path], "syntax_only": True}),
}

# A path, and a piece of what is said of it by all tools; None where it differs from tool to tool.
PATHS: dict[str, tuple[str, str | None]] = {
    "ENAMETOOLONG": ("x" * 300, "a name in it has 300 bytes, and one may have 255"),
    "ENAMETOOLONG below": ("x" * 300 + "/y", "a name in it has 300 bytes"),
    "ENAMETOOLONG in what is not there": ("new/" + "x" * 256, "a name in it has 256 bytes"),
    "ENAMETOOLONG in bytes": ("dir/" + "é" * 128, "a name in it has 256 bytes"),
    "ENAMETOOLONG as a whole": ("d/" * 2500 + "x", None),
    "NUL": ("nul\0x", "it holds a NUL"),
    "half a character": ("x\ud800/y", "it holds U+D800, half of a character"),
    "ELOOP": ("loop", "its symbolic links form a loop"),
    "ELOOP below": ("loop/x", "its symbolic links form a loop"),
    "ELOOP of two": ("a/x", "its symbolic links form a loop"),
    "ENOTDIR": ("file/x", None),
    "EISDIR": ("dir", None),
    "ENOENT": ("no/such", None),
    "a dangling link": ("dangling", None),
    "a pipe": ("pipe", None),
    "a socket": ("socket", None),
    "a device": ("/dev/full", None),
    "a file of the kernel": ("/proc/self/mem", None),
    "empty": ("", None),
    "a blank": (" ", None),
    "line ends": ("a\nb\n", None),
    "no such user": ("~nobody-of-this-name/x", None),
}
LOCKED = ("locked", "locked/file", "locked/dir", "locked/dir/file", "readonly/new", "readonly/file", "unreadable")


class Place:
    def __init__(self, root: Path) -> None:
        self.ws = root / "ws"
        (self.ws / "dir").mkdir(parents=True)
        (self.ws / "file").write_text("text\n")
        for name, target in {"loop": "loop", "a": "b", "b": "a", "dangling": "no/such"}.items():
            (self.ws / name).symlink_to(target)
        os.mkfifo(self.ws / "pipe")
        self.socket = socket.socket(socket.AF_UNIX)
        here = os.getcwd()
        os.chdir(self.ws)
        self.socket.bind("socket")
        os.chdir(here)
        environ = {f"PLAIT_{name}_DIR": str(root / name.lower()) for name in ("CONFIG", "STATE", "CACHE")}
        self.loaded = load(self.ws, environ=environ)

    def lock(self) -> None:
        for name in ("locked/dir", "readonly"):
            (self.ws / name).mkdir(parents=True)
        for name in ("locked/file", "locked/dir/file", "readonly/file", "unreadable"):
            (self.ws / name).write_text("text\n")
        for name, mode in (("unreadable", 0), ("readonly", 0o555), ("locked", 0)):
            (self.ws / name).chmod(mode)

    def unlock(self) -> None:
        for name in ("readonly", "locked"):
            (self.ws / name).chmod(0o755)

    def call(self, tool: str, path: str) -> dict[str, Any]:
        name, args = TOOLS[tool](path)

        async def run() -> dict[str, Any]:
            async with asyncio.timeout(8):
                return await wiring.run_tool(self.loaded, Workspace.at(self.ws), name, args, allow_all=True)

        return asyncio.run(run())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("refused"))
    yield place
    place.socket.close()


def is_clear(said: str) -> bool:
    return "\n" not in said.strip() and len(said) <= LONGEST_LINE and not any(piece in said for piece in RAW)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("kind", PATHS)
def test_what_the_system_refuses_is_one_clear_line_in_every_tool(place: Place, tool: str, kind: str) -> None:
    path, piece = PATHS[kind]
    if tool == "glob by pattern" and not path:
        pytest.skip("that is all of the machine")

    answer = place.call(tool, path)

    said = answer["result"]
    if answer["outcome"] == "ok" and tool != "read of two":
        assert piece is None
        return
    lines = [line for line in said.splitlines() if "file" not in line.split()[:3]] if tool == "read of two" else [said]
    assert all(is_clear(line) for line in lines), said
    assert piece is None or piece in said


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
@pytest.mark.parametrize("tool", TOOLS)
def test_what_the_owner_may_not_do_is_one_clear_line_in_every_tool(tmp_path: Path, tool: str) -> None:
    unshare = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no user namespaces here")

    program = f"from tests.trust.test_refused_paths import tell; tell({str(tmp_path)!r}, {tool!r})"
    ran = subprocess.run(
        [*unshare, sys.executable, "-B", "-c", program], check=True, capture_output=True, text=True, timeout=60
    )

    answers = [line.split("\t") for line in ran.stdout.splitlines()]
    assert [path for path, _, _ in answers] == list(LOCKED)
    for path, outcome, said in answers:
        assert outcome == "ok" or is_clear(said), (path, said)
        if path.startswith("locked/"):
            assert outcome == "failed" or tool == "read of two"
            assert "permission denied" in said


def tell(root: str, tool: str) -> None:
    """Print a line for each path that its owner may not enter, write or read; for a process without privilege."""
    place = Place(Path(root))
    place.lock()
    try:
        for path in LOCKED:
            answer = place.call(tool, path)
            print(path, answer["outcome"], answer["result"].replace("\n", "\\n").replace("\t", " "), sep="\t")  # noqa: T201
    finally:
        place.unlock()
        place.socket.close()


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_error_of_the_system_is_told_in_words(number: int) -> None:
    error = OSError(number, os.strerror(number), "dir/" + "x" * 1000)

    said = in_one_line("read", error)

    assert said.startswith("`read` failed at `dir/xxx")
    assert said.endswith(f": {in_words(error)}.")
    assert is_clear(said) or "Error" in os.strerror(number)
    assert not in_words(error)[0].isupper() or os.strerror(number)[:2].isupper()


def test_an_error_without_a_path_or_words_is_told_all_the_same() -> None:
    assert in_one_line("read", OSError("odd")) == "`read` failed: odd."
    assert in_one_line("read", OSError()) == "`read` failed: oSError."
    assert in_one_line("read", OSError(errno.EIO, "", 3)) == "`read` failed: the disk or the network drive failed."
    assert in_one_line("list", OSError(errno.EACCES, "x", b"by\xfftes")).startswith("`list` failed at `by")


def test_a_path_is_shown_as_text_and_not_too_long() -> None:
    assert shortened("a\nb\x1b\ud800") == "a\\nb\\x1b\\ud800"
    assert len(shortened("x" * 5000)) == 121
    assert why_no_name("é" * 127) is None
    assert why_no_name("name-with-\udcff-a-byte") is None
