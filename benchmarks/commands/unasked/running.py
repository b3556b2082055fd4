"""Run one line by plain bash, as Plait starts a command that needs no question, but without any sandbox of Plait's."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

LIMIT_S = 3.0
LINGER_S = 0.05
KEPT_BYTES = 1_000_000


def run(line: str, cwd: Path, environment: Mapping[str, str], output: Path) -> tuple[bytes, bool]:
    """Return what the line printed and whether it ended by itself; nothing that it started is left.

    Must be called in a process namespace of its own: every other process there is ended.
    """
    with output.open("wb") as kept:
        process = subprocess.Popen(
            ["/bin/bash", "--noprofile", "--norc", "-c", "--", line],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=kept,
            stderr=kept,
            start_new_session=True,
        )
        ended = _ends(process.pid)
        if ended:
            process.wait()
        until = time.monotonic() + LINGER_S
        while ended and _others() and time.monotonic() < until:
            time.sleep(0.001)
        while _others():
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            process.wait()
            time.sleep(0.001)
    with output.open("rb") as printed:
        return printed.read(KEPT_BYTES), ended


def _ends(process: int) -> bool:
    """Wait for a child; False if it did not end in time. `subprocess` itself would wait by ever longer naps."""
    descriptor = os.pidfd_open(process)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(1000 * LIMIT_S))
    finally:
        os.close(descriptor)


def _others() -> bool:
    try:
        os.kill(-1, 0)
    except ProcessLookupError:
        return False
    return True


def limit() -> None:
    """Limit this process and all that it starts."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (KEPT_BYTES, KEPT_BYTES))
    resource.setrlimit(resource.RLIMIT_NPROC, (400, 400))
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
