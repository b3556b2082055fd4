"""One running program: its output streamed and kept in bounded memory, its end awaited or brought about.

Whatever it started ends with it when it is killed (`host.process_tree`). After a normal end, what it left in its own
session is ended too and named. What went into a session of its own is a daemon on purpose: it goes on, and is named
if it holds a pipe, for which nobody waits.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from plait.host.finishing import finish
from plait.host.kept_output import KeptOutput
from plait.host.process_tree import Brand, Member, ProcessTree
from plait.protocol.lean import dataclass

OnOutput = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Closing:
    """What was found once a program was over: what it had left running, and what there is to say of it."""

    ended: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    never_ran: bool = False


AtEnd = Callable[[], Closing]

# How long a process may take to end after it was asked to, before it is killed.
GRACE_S = 0.3
# The user pressed a key and waits.
CANCEL_GRACE_S = 0.05
# How long what is left after the first process has exited may take to close the pipe and go.
DRAIN_S = 0.15
# Each round reads what is there: the fullest pipe is empty long before the rounds are over.
POLL_S = 0.01
# A flood is read in bursts with rests between them, so that other work on the loop goes on.
BURST_BYTES = 4_000_000
REST_S = 0.005

# Ending a tree must never wait for a free thread behind other work.
_ENDERS = ThreadPoolExecutor(8, "plait-ends")


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """How a program ended. `exit_code` is None if a signal ended it (its name in `signal`) or it could not be ended.

    stdout, stderr: what was kept of them (with `merge_stderr` all is in stdout). total_bytes: of both, kept or not.
    ended: what it had left running in its session and was ended, by command line. gone_on: what it put into
    sessions of their own and goes on, as far as it was looked for. notes: what else there is to say, a line each.
    never_ran: what it was to run in could not be set up.
    """

    exit_code: int | None
    signal: str | None
    timed_out: bool
    stdout: bytes
    stderr: bytes
    total_bytes: int
    ended: tuple[str, ...] = ()
    gone_on: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    never_ran: bool = False


class RunningProcess(asyncio.SubprocessProtocol):
    """A program that runs. On its loop only; the methods without underscore are for its owner."""

    def __init__(
        self,
        brand: Brand,
        on_output: OnOutput | None,
        max_bytes: int,
        stdin: bytes | None,
        *,
        wrapped: bool = False,
        on_start: Callable[[int], None] | None = None,
    ) -> None:
        self._brand = brand
        self._on_start = on_start
        self._wrapped = wrapped
        self._stdin = stdin
        self.on_output = on_output
        self.output = KeptOutput(max_bytes)
        self.errors = KeptOutput(max_bytes)
        self._loop = asyncio.get_running_loop()
        self._exited = asyncio.Event()
        self._closed = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open_pipes: set[int] = set()
        self._burst_bytes = 0
        self._transport: asyncio.SubprocessTransport | None = None
        self._tree: ProcessTree | None = None
        self._end: asyncio.Task[ProcessEnd] | None = None
        self._closing: AtEnd | None = None
        self._notes: list[str] = []
        self._killing: asyncio.Task[ProcessEnd] | None = None

    # --- for its owner -------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        assert self._tree is not None
        return self._tree.pid

    @property
    def running(self) -> bool:
        """False once everything about it is over and `wait` returns at once."""
        return self._end is not None and not self._end.done()

    async def wait(self) -> ProcessEnd:
        """Return its end, once it is over. Cancelling the wait leaves it running."""
        assert self._end is not None
        return await asyncio.shield(self._end)

    async def kill(self, grace_s: float = GRACE_S) -> ProcessEnd:
        """End it and everything it started, first politely, after `grace_s` by force; return how it ended.

        Contract: also if the caller is cancelled (again) meanwhile everything is ended, before that is raised.
        """
        assert self._end is not None
        if not self._end.done():
            await finish(self._loop.create_task(self._kill(grace_s)))
        return await self.wait()

    def tail(self, max_bytes: int) -> bytes:
        """Return the last of its standard output."""
        return self.output.tail(max_bytes)

    def hold(self) -> None:
        """Read no more until `flow`: the program waits once its pipe is full."""
        self._flowing.clear()
        self._set_reading(to=False)

    @property
    def held(self) -> bool:
        return not self._flowing.is_set()

    def when_over(self, tell: Callable[[], object]) -> None:
        """Call `tell` on the loop once it is no longer running, soon if it is not."""
        assert self._end is not None
        self._end.add_done_callback(lambda _: tell())

    def at_end(self, close: AtEnd) -> None:
        """Have `close` called in a thread once it is over; what it returns is part of the end."""
        self._closing = close

    def remark(self, note: str) -> None:
        """Say something of it at its end."""
        self._notes.append(note)

    def kill_soon(self) -> None:
        """Have everything it started ended by force. From any thread."""

        def kill() -> None:
            if self.running:
                self._killing = self._loop.create_task(self.kill(0))

        with suppress(RuntimeError):  # The loop is closed: it has ended all that ran.
            self._loop.call_soon_threadsafe(kill)

    def members(self) -> tuple[int, ...]:
        """Return the numbers of all its processes. Blocking."""
        assert self._tree is not None
        return tuple(member.pid for member in self._tree.members())

    def flow(self) -> None:
        self._flowing.set()
        self._set_reading(to=True)

    # --- its life ------------------------------------------------------------------------------------------------

    async def _watch(self, transport: asyncio.SubprocessTransport, tree: ProcessTree) -> ProcessEnd:
        await self._exited.wait()
        waited_s = await self._drain()
        left: tuple[Member, ...] = ()
        gone_on: tuple[Member, ...] = ()
        if self._open_pipes or tree.group_lives():
            settle = partial(tree.settle, DRAIN_S - waited_s, CANCEL_GRACE_S)
            left, gone_on = await self._loop.run_in_executor(_ENDERS, settle)
        transport.close()
        more = Closing() if self._closing is None else await self._loop.run_in_executor(_ENDERS, self._closing)
        code = transport.get_returncode()
        return ProcessEnd(
            exit_code=code if code is not None and code >= 0 else None,
            signal=_signal_name(-code) if code is not None and code < 0 else None,
            timed_out=False,
            stdout=self.output.value(),
            stderr=self.errors.value(),
            total_bytes=self.output.total_bytes + self.errors.total_bytes,
            ended=(*(member.name for member in left), *more.ended),
            gone_on=tuple(member.name for member in gone_on),
            notes=(*self._notes, *more.notes),
            # One that was ended meanwhile may not have come so far.
            never_ran=more.never_ran and bool(code and code > 0),
        )

    async def _drain(self) -> float:
        """Read what is left until the pipes close or time is up; return how long that took, in seconds."""
        waited_s = 0.0
        while self._open_pipes and waited_s < DRAIN_S:
            # Time in which the consumer lets nothing flow does not count, or output would be lost.
            await self._flowing.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._closed.wait()
            waited_s += POLL_S
        return waited_s

    async def _kill(self, grace_s: float) -> None:
        assert self._tree is not None
        await self._loop.run_in_executor(_ENDERS, partial(self._tree.end, grace_s))
        self.flow()
        try:
            async with asyncio.timeout(GRACE_S):
                await self.wait()
        except TimeoutError:
            # It hangs inside the kernel, where no signal reaches it: it is not waited for.
            self._exited.set()

    # --- called by asyncio ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport
        if self._on_start is not None:
            self._on_start(transport.get_pid())
        self._tree = ProcessTree(transport.get_pid(), self._brand, wrapped=self._wrapped)
        self._open_pipes = {fd for fd in (1, 2) if transport.get_pipe_transport(fd) is not None}
        self._end = self._loop.create_task(self._watch(transport, self._tree))
        writer = transport.get_pipe_transport(0)
        if self._stdin is not None and isinstance(writer, asyncio.WriteTransport):
            writer.write(self._stdin)
            writer.close()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        (self.output if fd == 1 else self.errors).add(data)
        if fd == 1 and self.on_output is not None:
            self.on_output(data)
        self._burst_bytes += len(data)
        if self._burst_bytes > BURST_BYTES:
            self._burst_bytes = 0
            self._set_reading(to=False)
            self._loop.call_later(REST_S, self._go_on)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open_pipes.discard(fd)
        if not self._open_pipes:
            self._closed.set()

    def process_exited(self) -> None:
        self._exited.set()

    def _go_on(self) -> None:
        if self._flowing.is_set():
            self._set_reading(to=True)

    def _set_reading(self, *, to: bool) -> None:
        for fd in self._open_pipes:
            reader = self._transport.get_pipe_transport(fd) if self._transport is not None else None
            if isinstance(reader, asyncio.ReadTransport) and not reader.is_closing():
                if to:
                    reader.resume_reading()
                else:
                    reader.pause_reading()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
