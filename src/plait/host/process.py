"""Start programs: in a session of their own, without a terminal, under a deadline.

How one runs and ends is `host.running`; what belongs to it `host.process_tree`.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from plait.host.environment import quiet
from plait.host.finishing import finish
from plait.host.os_errors import in_words
from plait.host.process_tree import Brand
from plait.host.running import CANCEL_GRACE_S, OnOutput, ProcessEnd, RunningProcess
from plait.protocol.errors import ToolRefused

__all__ = ["ProcessEnd", "RunningProcess", "end_of", "run_process", "start_process", "stream_lines"]

KEPT_BYTES = 1_000_000
# Lines of `stream_lines`: longer ones are cut; the program waits while so much is not yet consumed.
LONGEST_LINE_BYTES = 1_000_000
MOST_PENDING_BYTES = 4_000_000


async def run_process(
    argv: Sequence[str],
    *,
    cwd: Path,
    deadline_s: float | None,
    env: Mapping[str, str] | None = None,
    on_output: OnOutput | None = None,
    max_bytes: int = KEPT_BYTES,
    stdin: bytes | None = None,
    merge_stderr: bool = True,
) -> ProcessEnd:
    """Run `argv` to its end. See `start_process` for the arguments.

    At the deadline everything it started is ended and what it said so far returned, `timed_out` set. On
    cancellation everything is ended before CancelledError is raised (use `start_process` to keep the output).

    Raises:
        ToolRefused: It could not be started.
    """
    process = await start_process(
        argv, cwd=cwd, env=env, on_output=on_output, max_bytes=max_bytes, stdin=stdin, merge_stderr=merge_stderr
    )
    return await end_of(process, deadline_s)


async def end_of(process: RunningProcess, deadline_s: float | None) -> ProcessEnd:
    """Wait for the end of a process; at the deadline, and on cancellation, as `run_process` has it."""
    try:
        async with asyncio.timeout(deadline_s):
            return await process.wait()
    except TimeoutError:
        return replace(await process.kill(), timed_out=True)
    except asyncio.CancelledError:
        await process.kill(CANCEL_GRACE_S)
        raise


async def start_process(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    on_output: OnOutput | None = None,
    max_bytes: int = KEPT_BYTES,
    stdin: bytes | None = None,
    merge_stderr: bool = True,
    brand: Brand | None = None,
    pass_fds: tuple[int, ...] = (),
    wrapped: bool = False,
    on_start: Callable[[int], None] | None = None,
) -> RunningProcess:
    """Start a program and return it running; whoever starts it awaits `wait` or `kill`.

    argv: the program, absolute or found on the environment's PATH, and its arguments. env: the whole environment;
    None for this process's own without pagers, prompts and colours. on_output: called on the loop with each piece of
    standard output (and of standard error if merged). max_bytes: how much of each stream is kept. stdin: what it
    reads; None for nothing at all. brand: what its processes are known by, if `argv` carries it already. pass_fds:
    descriptors that it inherits. wrapped: see `ProcessTree`. on_start: told its number before any of its output.

    Raises:
        ToolRefused: It could not be started.
    """
    brand = brand or Brand()
    process = RunningProcess(brand, on_output, max_bytes, stdin, wrapped=wrapped, on_start=on_start)
    environ = brand.mark(quiet() if env is None else dict(env))
    pipe, devnull = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    loop = asyncio.get_running_loop()
    starting = loop.create_task(
        loop.subprocess_exec(
            lambda: process,
            *argv,
            stdin=devnull if stdin is None else pipe,
            stdout=pipe,
            stderr=asyncio.subprocess.STDOUT if merge_stderr else pipe,
            cwd=cwd,
            env=environ,
            # A session of its own has no controlling terminal: nothing can read the user's keys or draw.
            start_new_session=True,
            pass_fds=pass_fds,
        )
    )
    try:
        await finish(starting)
    except (OSError, ValueError) as error:
        raise ToolRefused(f"`{argv[0]}` could not be started: {_why(error, cwd)}.") from error
    except asyncio.CancelledError:
        # It may be running already, and with it whatever it started.
        if starting.exception() is None:
            await process.kill(0)
        raise
    return process


def _why(error: OSError | ValueError, cwd: Path) -> str:
    if not os.path.isdir(cwd):
        return f"its directory `{cwd}` does not exist"
    if not isinstance(error, OSError):
        return str(error)
    too_long = "its arguments are too long; put them into a file" if error.errno == errno.E2BIG else None
    return too_long or in_words(error)


async def stream_lines(
    argv: Sequence[str],
    *,
    cwd: Path,
    deadline_s: float | None,
    max_lines: int,
    env: Mapping[str, str] | None = None,
    on_end: Callable[[ProcessEnd], None] | None = None,
) -> AsyncIterator[bytes]:
    """Yield the lines of a program's standard output, without their `\\n`, as they come.

    The program is killed after `max_lines`, at the deadline, and when the consumer stops (use `aclosing`, so that
    it is killed at once and not when the generator is collected). Lines over a megabyte are cut. on_end: told how it
    ended, with its standard error; `timed_out` at the deadline.

    Raises:
        ToolRefused: It could not be started.
    """
    lines = _Lines()
    process = await start_process(argv, cwd=cwd, env=env, on_output=lines.feed, max_bytes=64_000, merge_stderr=False)
    lines.follow(process)
    loop = asyncio.get_running_loop()
    ends_at = None if deadline_s is None else loop.time() + deadline_s
    timed_out = False
    try:
        for _ in range(max_lines):
            try:
                line = await lines.next(ends_at)
            except TimeoutError:
                timed_out = True
                return
            if line is None:
                return
            yield line
    finally:
        end = await process.kill(grace_s=0)
        if on_end is not None:
            on_end(replace(end, timed_out=timed_out))


class _Lines:
    """Standard output cut into lines for one consumer; the program waits if it is far ahead of that."""

    def __init__(self) -> None:
        self._ready: deque[bytes] = deque()
        self._begun: list[bytes] = []
        self._begun_bytes = 0
        self._pending_bytes = 0
        self._news = asyncio.Event()
        self._process: RunningProcess | None = None

    def follow(self, process: RunningProcess) -> None:
        self._process = process
        process.when_over(self._news.set)

    def feed(self, data: bytes) -> None:
        first, *rest = data.split(b"\n")
        self._begin(first)
        for piece in rest:
            self._finish_line()
            self._begin(piece)
        self._news.set()
        if self._pending_bytes > MOST_PENDING_BYTES and self._process is not None:
            self._process.hold()

    def _begin(self, piece: bytes) -> None:
        room = LONGEST_LINE_BYTES - self._begun_bytes
        if piece and room > 0:
            self._begun.append(piece[:room])
            self._begun_bytes += len(self._begun[-1])

    def _finish_line(self) -> None:
        line = b"".join(self._begun)
        self._begun.clear()
        self._begun_bytes = 0
        self._ready.append(line)
        self._pending_bytes += len(line)

    async def next(self, ends_at: float | None) -> bytes | None:
        """Return the next line, None after the last. Raises TimeoutError at the loop's time `ends_at`."""
        assert self._process is not None
        while not self._ready:
            if not self._process.running:
                if not self._begun:
                    return None
                self._finish_line()
                break
            self._news.clear()
            async with asyncio.timeout_at(ends_at):
                await self._news.wait()
        line = self._ready.popleft()
        self._pending_bytes -= len(line)
        if self._pending_bytes < MOST_PENDING_BYTES // 2 and self._process.held:
            self._process.flow()
        return line
