"""The real screen on a pseudo-terminal, and what a system sends to it: an orderly end, and a terminal as it was."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from benchmarks.harness.terminal import Terminal
from tests.cli.program import POSIX, Program
from tests.wire.script import Call, Reply, Text, in_order
from tests.wire.server import WireServer

from plait.cli import INTERRUPTED

pytestmark = [POSIX, pytest.mark.skipif(not hasattr(signal, "SIGTSTP"), reason="signals of POSIX")]

PATIENCE_S = 25.0
END_S = 2.0
"""What the end may take; the process's own start and the machine's load are not in it."""
# What Plait switches on, and how it is switched off.
MODES = {b"alternate screen": b"1049", b"mouse": b"1003", b"mouse, SGR": b"1006", b"paste": b"2004", b"focus": b"1004"}


@contextmanager
def service() -> Iterator[str]:
    """A model service in a thread, which says that it begins and then runs a command that would last."""
    told: list[str] = []
    ready, over = threading.Event(), asyncio.Event()

    async def serve() -> None:
        command = "setsid sh -c 'echo begun; exec sleep 300' > lifeline & echo begun > lifeline; sleep 300 > lifeline"
        reply = Reply((Text("It begins."), Call("shell", {"command": command})))
        async with WireServer(in_order([reply])) as server:
            told.append(server.base_url("openai"))
            ready.set()
            await over.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    try:
        yield told[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


@pytest.fixture
def plait(tmp_path: Path, bytecode: Path) -> Program:
    return Program(tmp_path, bytecode)


class Lifeline:
    """A pipe by name that the command and what it leaves behind hold open; in a namespace of its own, too."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._heard = b""

    def has_begun(self) -> bool:
        self.is_held()
        return self._heard.count(b"begun") == 2

    def is_held(self) -> bool:
        """True while one of them lives (or none has opened it yet)."""
        try:
            data = os.read(self._reader, 100)
        except BlockingIOError:
            return True
        self._heard += data
        return data != b""

    def close(self) -> None:
        os.close(self._reader)


# Plait, interrupted once a file of this name is there: while a timer's callback runs, not between two of them.
INTERRUPTED_IN_A_TIMER = """
import os, signal
from textual.timer import Timer
tick, left = Timer._tick, [1]
async def interrupted_tick(self, *args, **options):
    if left and os.path.exists("interrupt"):
        left.pop()
        os.kill(os.getpid(), signal.SIGINT)
    await tick(self, *args, **options)
Timer._tick = interrupted_tick
from plait.__main__ import main
main()
"""


@contextmanager
def at_work(
    plait: Program, *, sandboxed: bool = True, program: str | None = None
) -> Iterator[tuple[Terminal, Lifeline]]:
    """The screen, while a command runs. program: what Python runs instead of the module."""
    lifeline = Lifeline(plait.project / "lifeline")
    with service() as address:
        environ = {**plait.environ, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": address, "TERM": "xterm-256color"}
        if not sandboxed:
            (plait.config / "settings.toml").write_text('[sandbox]\nmode = "off"\n')
        words = plait.command("--model", "openai-chat:scripted-model", "--yolo", "go")
        if program is not None:
            words[1:3] = ["-c", program]
        with Terminal([os.fsdecode(word) for word in words], cwd=plait.project, environ=environ) as term:
            until(term, lifeline.has_begun)
            yield term, lifeline
    lifeline.close()


def until(term: Terminal, is_so: Callable[[], bool], limit_s: float = PATIENCE_S) -> None:
    end_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end_s, term.text()[-600:]
        term.pump(0.02)


def left_on(written: bytes) -> list[bytes]:
    """What was switched on and not off again."""
    on = []
    for name, number in MODES.items():
        switched = re.findall(rb"\x1b\[\?%b([hl])" % number, written)
        if switched and switched[-1] == b"h":
            on.append(name)
    return on


@pytest.mark.parametrize("sandboxed", [True, False])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_screen_in_order(plait: Program, number: signal.Signals, *, sandboxed: bool) -> None:
    with at_work(plait, sandboxed=sandboxed) as (term, lifeline):
        os.kill(term.process.pid, number)
        began_s = time.monotonic()
        until(term, lambda: term.process.poll() is not None, 4 * END_S)
        took_s = time.monotonic() - began_s
        written = bytes(term.screen)
        assert not lifeline.is_held()

    assert left_on(written) == []
    assert b"\x1b[?25h" in written[written.rfind(b"\x1b[?25l") :], "the cursor is hidden"
    assert_session_is_whole(plait)
    assert took_s < 4 * END_S


@pytest.mark.parametrize("sandboxed", [True, False])
def test_an_interrupt_in_the_middle_of_a_timer_ends_the_screen_in_order(plait: Program, *, sandboxed: bool) -> None:
    with at_work(plait, sandboxed=sandboxed, program=INTERRUPTED_IN_A_TIMER) as (term, lifeline):
        (plait.project / "interrupt").touch()
        until(term, lambda: term.process.poll() is not None, 4 * END_S)
        written = bytes(term.screen)
        assert not lifeline.is_held()

    assert term.process.returncode == INTERRUPTED
    assert left_on(written) == []
    assert b"Go on with: plait -r " in written
    assert b"Traceback" not in written
    assert_session_is_whole(plait)


def assert_session_is_whole(plait: Program) -> None:
    ran = plait("sessions", "list", "--json")
    assert ran.returncode == 0
    shown = plait("sessions", "show", re.findall(r'"session_id": ?"([0-9a-f-]+)"', ran.stdout)[0])
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "> go" in shown.stdout
    assert "It begins." in shown.stdout


def test_the_terminal_going_away_ends_everything(plait: Program) -> None:
    with at_work(plait) as (term, lifeline):
        os.close(term._master)
        term.process.wait(4 * END_S)
        term._master = os.open(os.devnull, os.O_RDWR)
        assert not lifeline.is_held()

    assert_session_is_whole(plait)


def test_a_stopped_screen_gives_the_terminal_back_and_goes_on(plait: Program) -> None:
    with at_work(plait) as (term, _):
        os.kill(term.process.pid, signal.SIGTSTP)
        until(term, lambda: left_on(bytes(term.screen)) == [])
        until(term, lambda: stopped(term.process.pid))

        os.kill(term.process.pid, signal.SIGCONT)
        until(term, lambda: b"alternate screen" in left_on(bytes(term.screen)))
        painted = len(term.screen)
        term.send("щ".encode())
        until(term, lambda: "щ".encode() in term.screen[painted:])


def stopped(pid: int) -> bool:
    ran = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return ran.stdout.strip().startswith("T")


def test_a_window_of_any_size_is_drawn(plait: Program) -> None:
    with at_work(plait) as (term, _):
        for rows, columns in ((1, 1), (2, 5), (3, 300), (200, 10), (0, 0), (24, 80)):
            fcntl.ioctl(term._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.kill(term.process.pid, signal.SIGWINCH)
            term.pump_for(0.1)
        painted = len(term.screen)
        term.send("щ".encode())
        until(term, lambda: "щ".encode() in term.screen[painted:])
        assert term.process.poll() is None
