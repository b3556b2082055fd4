"""What the program writes to a terminal when names, contents, titles and arguments are hostile."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence

import pytest
from tests.cli.program import POSIX, Program
from tests.tui.hostile import HOSTILE

from plait.protocol.display import is_safe

pytestmark = POSIX
EVIL = "\x1b]0;t\x07\x1b[6n\x9b777m\u202egpj\u200b p\u0430ypal \x08\r\x7f"
NAME = EVIL.replace("/", "")


@pytest.fixture(autouse=True)
def hostile_project(plait: Program) -> None:
    (plait.project / f"{NAME}.py").write_text(f"def needle() -> None: ...  # {' '.join(HOSTILE[:40])}\n")
    (plait.project / "b.py").write_bytes(b"needle = 1  # \x1b]52;c;aGk=\x07 \x9b \xe2\x80\xae \xff\n")
    (plait.project / os.fsdecode(b"bad\xff\x1b[31m.py")).write_text("needle = 2\n")


def on_terminal(plait: Program, *words: str) -> str:
    """Run with standard output and error on a terminal, and return all that it got."""
    import pty

    controller, terminal = pty.openpty()
    program = subprocess.Popen(
        plait.command(*words),
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        cwd=plait.project,
        env=plait.environ,
    )
    os.close(terminal)
    got = b""
    try:
        while True:
            try:
                piece = os.read(controller, 65536)
            except OSError:
                break
            if not piece:
                break
            got += piece
        program.wait(30)
    finally:
        program.kill()
        program.wait()
        os.close(controller)
    return got.decode("utf-8", "surrogateescape")


def leaks(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return [repr(line) for line in lines if not is_safe(line) or re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", line)]


@pytest.mark.parametrize(
    "words",
    [
        ("-p", f"Where is needle {EVIL} defined?"),
        ("-p", "Where is needle defined?", "--verbose"),
        ("-p", "Where is needle defined?", "--output-format", "stream-json"),
        ("-p", f"Where is needle {EVIL} defined?", "--output-format", "json"),
        ("search", "needle"),
        ("search", "needle", "--json"),
        ("check-command", f"echo {EVIL}"),
        ("tool", "read", '{"files": [{"path": "b.py"}]}'),
        ("tool", "list", "{}"),
        ("doctor",),
        ("config",),
        ("config", "--json"),
        ("index", "status"),
        (f"--{EVIL}",),
        (EVIL,),
        ("-p", "hi", "--model", EVIL),
        ("-p", "hi", "--permission-mode", EVIL),
        ("-p", "hi", "--allowed-tools", f"{EVIL}("),
        ("-p", "hi", "--resume", EVIL),
        ("sessions", "show", EVIL),
        ("sessions", EVIL),
        ("tool", EVIL, "{}"),
        ("tool", "read", EVIL),
        ("--settings", f"/nowhere/{EVIL}", "-p", "x"),
    ],
    ids=lambda words: " ".join(words)[:30].encode("ascii", "replace").decode(),
)
def test_nothing_hostile_reaches_a_terminal_raw(plait: Program, words: Sequence[str]) -> None:
    got = on_terminal(plait, *words)

    assert got.strip()
    assert leaks(got) == []


def test_titles_of_sessions_are_safe_in_lists(plait: Program) -> None:
    on_terminal(plait, "-p", f"needle {EVIL}")
    identity = plait("sessions", "list").stdout.split()[0]
    on_terminal(plait, "sessions", "rename", identity, EVIL)

    for words in (("sessions", "list"), ("sessions", "list", "--json"), ("sessions", "show", identity)):
        got = on_terminal(plait, *words)
        assert got.strip()
        assert leaks(got) == []


def test_a_pipe_gets_the_bytes_as_they_are(plait: Program) -> None:
    ran = subprocess.run(
        plait.command("search", "needle"), check=True, capture_output=True, cwd=plait.project, env=plait.environ
    )

    assert b"\x1b[31m" in ran.stdout or b"\xe2\x80\xae" in ran.stdout
