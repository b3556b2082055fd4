"""A program on a pseudo-terminal that answers what programs ask a terminal, and tells when something was painted."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ESCAPES = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)"
    rb"|\x1b[()][A-Z0-9]|\x1b[=>78cDEHMNOZ]|[\x00-\x1f\x7f]"
)
# What is asked, and what this terminal says: attributes, cursor, name, kitty keys, colours, modes, sizes.
QUESTIONS: tuple[tuple[re.Pattern[bytes], bytes], ...] = tuple(
    (re.compile(question), answer)
    for question, answer in (
        (rb"\x1b\[\??6n", b"\x1b[1;1R"),
        (rb"\x1b\[0?c", b"\x1b[?62;22c"),
        (rb"\x1b\[>0?c", b"\x1b[>0;276;0c"),
        (rb"\x1b\[>0?q", b"\x1bP>|bench(1)\x1b\\"),
        (rb"\x1b\[\?u", b"\x1b[?0u"),
        (rb"\x1b\]10;\?(?:\x07|\x1b\\)", b"\x1b]10;rgb:dddd/dddd/dddd\x1b\\"),
        (rb"\x1b\]11;\?(?:\x07|\x1b\\)", b"\x1b]11;rgb:1010/1010/1010\x1b\\"),
        (rb"\x1b\[\?2026\$p", b"\x1b[?2026;2$y"),
        (rb"\x1b\[\?2048\$p", b"\x1b[?2048;0$y"),
        (rb"\x1b\[14t", b"\x1b[4;1000;2000t"),
        (rb"\x1b\[16t", b"\x1b[6;20;10t"),
        (rb"\x1b\[18t", b"\x1b[8;50;200t"),
    )
)
ANY_QUESTION = re.compile(b"|".join(b"(?:" + question.pattern + b")" for question, _ in QUESTIONS))
LONGEST_QUESTION = 32
# Letters that nothing on the screen contains; each is typed once, so that the first time its bytes come it is its echo.
PROBES = tuple(chr(code) for code in (*range(0x430, 0x450), *range(0x3B1, 0x3C2), *range(0x561, 0x587)))


class Terminal:
    """One program on a terminal of 200×50. Use as a context manager; at its end the program is gone."""

    def __init__(
        self, argv: Sequence[str], *, cwd: Path, environ: Mapping[str, str], rows: int = 50, columns: int = 200
    ) -> None:
        self.screen = bytearray()
        """Everything that was written, escape sequences included."""
        self.closed = False
        self._answered = 0
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        attributes = termios.tcgetattr(slave)
        # So that only the program itself can echo what is typed.
        attributes[3] &= ~(termios.ECHO | termios.ECHOCTL)
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        self.began_s = time.monotonic()
        self.process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(environ),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            # No thread of this process holds a lock when one is started.
            preexec_fn=lambda: _take_terminal(slave),  # noqa: PLW1509
        )
        os.close(slave)
        os.set_blocking(self._master, False)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        for number, patience_s in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 5.0)):
            if self.process.poll() is not None:
                break
            os.killpg(self.process.pid, number)
            end_s = time.monotonic() + patience_s
            while self.process.poll() is None and time.monotonic() < end_s:
                # It may be waiting for its last words to be read.
                self.pump(0.02)
        os.close(self._master)

    def pump(self, patience_s: float) -> bool:
        """Read what arrives first within `patience_s`, and answer questions in it. False if nothing came."""
        if not select.select([self._master], [], [], max(0.0, patience_s))[0]:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # EIO: the other end is closed.
            data = b""
        if not data:
            self.closed = True
            time.sleep(0.005)
            return False
        # Looking at all of it again each time would hold up the program that writes, and what is measured of it.
        begin = max(self._answered, len(self.screen) - LONGEST_QUESTION)
        self.screen += data
        self._answer(begin)
        return True

    def _answer(self, begin: int) -> None:
        for found in ANY_QUESTION.finditer(self.screen, begin):
            self._answered = found.end()
            self.send(next(answer for question, answer in QUESTIONS if question.fullmatch(found[0])))

    def send(self, data: bytes) -> None:
        os.write(self._master, data)

    def type(self, text: str) -> None:
        """Type as a fast hand does: a key each 10 ms."""
        for char in text:
            self.send(char.encode())
            self.pump_for(0.01)

    def pump_for(self, duration_s: float) -> None:
        end_s = time.monotonic() + duration_s
        while (left_s := end_s - time.monotonic()) > 0 and not self.closed:
            self.pump(left_s)

    def wait_for(self, pattern: bytes, deadline_s: float) -> float:
        """Return when `pattern` was first on the screen, without escapes and spaces. Raises RuntimeError."""
        wanted = re.compile(pattern)
        end_s = time.monotonic() + deadline_s
        while time.monotonic() < end_s and not self.closed:
            if self.pump(0.1) and wanted.search(self.text()):
                return time.monotonic()
        raise RuntimeError(f"{pattern!r} was not painted within {deadline_s:g} s; the end was {self.text()[-400:]!r}")

    def text(self) -> bytes:
        return ESCAPES.sub(b"", bytes(self.screen)).replace(b" ", b"")

    def echo_s(self, char: str, deadline_s: float) -> float | None:
        """Type one of PROBES; return the seconds until it was painted, or None."""
        start, wanted = len(self.screen), char.encode()
        began_s = time.monotonic()
        self.send(wanted)
        while (left_s := began_s + deadline_s - time.monotonic()) > 0 and not self.closed:
            if self.pump(left_s) and self.screen.find(wanted, max(0, start - 4)) >= 0:
                return time.monotonic() - began_s
        return None


def _take_terminal(slave: int) -> None:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
