"""What is loaded before there is anything to show: seen by an audit hook in the real program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.harness.terminal import Terminal

HEAVY = {
    "pydantic",
    "pydantic_core",
    "pydantic_ai",
    "openai",
    "anthropic",
    "httpx",
    "httpx2",
    "httpcore2",
}
SCREEN = {"textual", "rich"}
WATCHED = """
import sys
log, gate, heavy = sys.argv.pop(1), sys.argv.pop(1), set(sys.argv.pop(1).split())
seen = open(log, "a", buffering=1)
def watch(event, args):
    if event == "import":
        seen.write(args[0] + "\\n")
        if gate and args[0].partition(".")[0] in heavy:
            open(gate).read()
sys.addaudithook(watch)
sys.argv[0] = "plait"
from plait.__main__ import main
main()
"""
PROMPT = "❯".encode()


class Watched:
    """Plait under a hook that writes the name of every module it imports to a file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._log = root / "imports.txt"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PLAIT_")},
            "PLAIT_CONFIG_DIR": str(root / "config"),
            "PLAIT_STATE_DIR": str(root / "state"),
            "PLAIT_CACHE_DIR": str(root / "cache"),
            "TERM": "xterm-256color",
        }

    def command(self, *words: str, gate: Path | None = None) -> list[str]:
        """Return the command line. Whoever imports what is heavy waits until something is written to the `gate`."""
        return [sys.executable, "-c", WATCHED, str(self._log), str(gate or ""), " ".join(HEAVY), *words]

    def imported(self) -> set[str]:
        return {name.partition(".")[0] for name in self._log.read_text().split()}


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("config",), ("sessions", "list")])
def test_what_needs_no_model_loads_none_and_no_screen(watched: Watched, words: tuple[str, ...]) -> None:
    subprocess.run(
        watched.command(*words), check=True, capture_output=True, cwd=watched.root, env=watched.environ, timeout=30
    )

    assert "plait" in watched.imported()
    assert watched.imported() & (HEAVY | SCREEN) == set()


def test_printing_loads_no_screen(watched: Watched) -> None:
    command = watched.command("--print", "where is main", "--model", "scout")
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        cwd=watched.root,
        env=watched.environ,
        stdin=subprocess.DEVNULL,
        timeout=30,
    )

    assert "pydantic_ai" in watched.imported()
    assert "textual" not in watched.imported()


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")
def test_the_first_frame_is_painted_while_none_of_the_engine_can_be_loaded(watched: Watched) -> None:
    gate = watched.root / "gate"
    os.mkfifo(gate)

    with Terminal(watched.command(gate=gate), cwd=watched.root, environ=watched.environ) as terminal:
        terminal.wait_for(PROMPT, 10)

        assert "textual" in watched.imported()
