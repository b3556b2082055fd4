"""One run of `plait --print`: prompts in, messages or an answer out, an exit code.

Knows a session only by its handle. A signal cancels the turn and still gets its result line; output that nobody
reads any more ends the run in silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar
from uuid import uuid4

from plait.protocol.commands import Cancel, Decide, Deny, Prompt
from plait.protocol.errors import PlaitError, UserError
from plait.protocol.events import ApprovalAsked, Stamped
from plait.protocol.ports import SessionHandle, Subscription
from plait.protocol.queries import GetStatus
from plait.views.headless.control import Control
from plait.views.headless.input import lines, read_line
from plait.views.headless.messages import Envelope, Message, encode
from plait.views.headless.output import Output
from plait.views.headless.stream_json import Translator
from plait.views.headless.tally import DENIED, FINISHED, INTERRUPTED, USAGE, Tally, Totals, failure
from plait.views.headless.text import Diagnostics, answer_bytes, closing_lines

OutputFormat = Literal["text", "json", "stream-json"]

# After a signal: how long the turn may take to end, the reader to read, the session to close. Under 2 s together.
CANCEL_LIMIT_S = 1.0
READ_LIMIT_S = 0.3
CLOSE_LIMIT_S = 0.3
USUAL_CLOSE_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class PrintOptions:
    """What the command line asked for.

    read_input: bytes of standard input as they come, for `--input-format stream-json`; then `prompt` is not used.
    output_file: also gets the last answer. terminal: standard output is one, so text is made harmless. keeps_log: the
    session is meant to be kept, so it is said if it is not.
    """

    prompt: str = ""
    output_format: OutputFormat = "text"
    include_partial_messages: bool = False
    verbose: bool = False
    output_file: Path | None = None
    terminal: bool = False
    keeps_log: bool = False
    plait_version: str = ""
    read_input: Callable[[], bytes] | None = None
    new_id: Callable[[], str] = lambda: str(uuid4())


T = TypeVar("T")
Write = Callable[[bytes], None]
Tell = Callable[[str], None]


async def print_session(
    open_session: Callable[[], Awaitable[SessionHandle]], options: PrintOptions, out: Write, err: Tell
) -> int:
    """Open a session, run it as `run_print` does, close it. Signals count from the start.

    Raises:
        PlaitError: It could not be opened (a result line is written all the same where lines are).
        OSError: Standard output or the output file cannot be written, other than for want of a reader.
    """
    with stop_signals() as stop:
        try:
            handle = await unless(stop, open_session())
        except PlaitError as error:
            await refuse(options, out, str(error))
            raise
        if handle is None:
            await refuse(options, out, "Interrupted.", interrupted=True)
            return INTERRUPTED
        try:
            return await run_print(handle, options, out, err, stop=stop)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_LIMIT_S if stop.is_set() else USUAL_CLOSE_LIMIT_S):
                    await handle.close()


async def run_print(
    handle: SessionHandle, options: PrintOptions, out: Write, err: Tell, *, stop: asyncio.Event | None = None
) -> int:
    """Run every prompt and return the exit code of docs/headless.md; `stop`, once set, cancels.

    `out` gets bytes and may block (it is called in a thread); `err` gets lines without their end.
    """
    run = Run(handle, options, Output(out), err, stop or asyncio.Event())
    try:
        return await run.all_prompts()
    except BrokenPipeError:
        # `| head` has seen enough: what still runs is stopped, nothing is said.
        await run.cancel()
        return INTERRUPTED
    finally:
        run.close()


class Run:
    """A run under way."""

    def __init__(
        self, handle: SessionHandle, options: PrintOptions, out: Output, err: Tell, stop: asyncio.Event
    ) -> None:
        self._handle = handle
        self._options = options
        self._out = out
        self._err = err
        self._stop = stop
        self._wake = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._wake.set)

        self._events: Subscription = handle.subscribe(wake)
        self._envelope = Envelope(handle.session_id, options.new_id)
        self._translator = Translator(self._envelope, partial=options.include_partial_messages)
        self._diagnostics = Diagnostics(verbose=options.verbose)
        self._totals = Totals()
        self._messages: list[Message] = []
        self._tally: Tally | None = None
        # Prompts that came as lines, numbered from 1, or why a line is none; None is the end of them.
        self._prompts: asyncio.Queue[tuple[int, str] | UserError | None] = asyncio.Queue()
        self._received = self._begun = self._asked_to_stop = 0
        # A program drives the conversation: it said `initialize`.
        self._driven = False

    def close(self) -> None:
        self._events.close()

    async def all_prompts(self) -> int:
        """Return the exit code: of the one prompt, or of the last line of input that did not end well."""
        if self._options.read_input is None:
            code = await self._prompt(self._options.prompt)
        else:
            code = await self._all_lines(self._options.read_input)
        await (self._out.drain(READ_LIMIT_S) if self._stop.is_set() else self._out.flush())
        return code

    async def cancel(self) -> None:
        """Stop what runs, if anything does, and give it the time to end."""
        if self._tally is None or self._tally.ended is not None:
            return
        self._handle.submit(Cancel())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_LIMIT_S):
                while not self._has_ended(self._tally):
                    await self._wake.wait()
                    self._wake.clear()

    async def _all_lines(self, read: Callable[[], bytes]) -> int:
        """Answer prompts in their order, and control requests as soon as they come."""
        code = FINISHED
        reader = asyncio.ensure_future(self._take_lines(read))
        try:
            while not self._stop.is_set() and (line := await unless(self._stop, self._prompts.get())) is not None:
                ended = await self._line(line)
                # Who drives the conversation reads the results; the exit code is that of the last one.
                code = ended if self._driven else ended or code
        finally:
            reader.cancel()
        return INTERRUPTED if self._stop.is_set() else code

    async def _take_lines(self, read: Callable[[], bytes]) -> None:
        source = lines(read)
        number = 0
        try:
            async for line in source:
                number += 1
                try:
                    asked = read_line(line, number)
                except UserError as error:
                    self._prompts.put_nowait(error)
                    continue
                if isinstance(asked, Control):
                    self._control(asked)
                elif asked is not None:
                    self._received += 1
                    self._prompts.put_nowait((self._received, asked))
        finally:
            self._prompts.put_nowait(None)

    def _control(self, request: Control) -> None:
        match request.action:
            case "initialize":
                self._driven = True
            case "interrupt" if self._tally is not None and self._tally.ended is None:
                self._asked_to_stop = max(self._asked_to_stop, self._begun)
                self._handle.submit(Cancel())
            case "interrupt":
                # What came before it and has not begun will not.
                self._asked_to_stop = self._received
            case "nothing":
                pass
        self._out.put(encode(request.answer, terminal=self._options.terminal))

    async def _line(self, line: tuple[int, str] | UserError) -> int:
        if isinstance(line, UserError):
            self._err(str(line))
            self._write(failure(self._envelope, str(line), self._totals))
            await self._out.flush()
            return USAGE
        self._begun, prompt = line
        if self._begun <= self._asked_to_stop:
            self._write(failure(self._envelope, "Interrupted.", self._totals, interrupted=True))
            await self._out.flush()
            code = INTERRUPTED
        else:
            code = await self._prompt(prompt)
        as_asked = code == DENIED or (code == INTERRUPTED and self._begun <= self._asked_to_stop)
        return FINISHED if self._driven and as_asked else code

    async def _prompt(self, prompt: str) -> int:
        started = time.monotonic()
        tally = self._tally = Tally(self._totals)
        # The prompt goes first: the request need not wait for what we tell the reader.
        self._handle.submit(Prompt(prompt))
        status = await unless(self._stop, self._handle.query(GetStatus()))
        if status is not None:
            if self._options.keeps_log and not status.persisted:
                self._err("warning: history is off: the state directory cannot be written (`plait doctor` names it).")
            self._write(self._translator.init(status, self._options.plait_version))
        await self._follow(tally)
        result = tally.result(self._envelope, self._translator.use_id, round((time.monotonic() - started) * 1000))
        self._finish(tally, result)
        if self._options.output_file is not None and tally.end == "completed":
            await self._out.flush()
            await asyncio.to_thread(_save, self._options.output_file, answer_bytes(tally.answer, terminal=False))
        return tally.exit_code

    async def _follow(self, tally: Tally) -> None:
        """Handle events until the turn has ended, or the time given to a cancelled one is over."""
        while not self._has_ended(tally):
            # A reader that is behind holds up the taking of events, which merge meanwhile.
            await unless(self._stop, self._out.flush())
            await unless(self._stop, self._wake.wait())
            if self._stop.is_set():
                await self.cancel()
                return
            self._wake.clear()

    def _has_ended(self, tally: Tally) -> bool:
        for stamped in self._events.take():
            self._handle_event(stamped, tally)
        return tally.ended is not None

    def _handle_event(self, stamped: Stamped, tally: Tally) -> None:
        if isinstance(stamped.event, ApprovalAsked):
            # The policy denies what would have to ask; should a question come all the same, it must not hang.
            self._handle.submit(Decide(stamped.event.key, Deny("Nobody can be asked here.")))
        tally.on(stamped)
        for message in self._translator.on(stamped):
            self._write(message)
        for line in self._diagnostics.on(stamped):
            self._err(line)

    def _write(self, message: Message) -> None:
        match self._options.output_format:
            case "stream-json":
                self._out.put(encode(message, terminal=self._options.terminal))
            case "json" if self._options.verbose:
                self._messages.append(message)
            case "json" | "text":
                pass

    def _finish(self, tally: Tally, result: Message) -> None:
        match self._options.output_format:
            case "stream-json":
                self._out.put(encode(result, terminal=self._options.terminal))
            case "json":
                whole = [*self._messages, result] if self._options.verbose else result
                self._out.put(encode(whole, terminal=self._options.terminal))
            case "text":
                if tally.end == "completed":
                    self._out.put(answer_bytes(tally.answer, terminal=self._options.terminal))
        for line in closing_lines(tally):
            self._err(line)


def _save(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UserError(f"`--output {path}`: the answer could not be written: {error.strerror or error}.") from error


async def refuse(options: PrintOptions, out: Write, error: str, *, interrupted: bool = False) -> None:
    """Write the result line of a session that never was, for those who wait for one."""
    if options.output_format == "text":
        return
    message = failure(Envelope("", options.new_id), error, Totals(), interrupted=interrupted)
    output = Output(out)
    whole = [message] if options.output_format == "json" and options.verbose else message
    output.put(encode(whole, terminal=options.terminal))
    with contextlib.suppress(BrokenPipeError):
        await output.drain(READ_LIMIT_S)


async def unless(stop: asyncio.Event, awaitable: Awaitable[T]) -> T | None:
    """Await, but not once `stop` is set: then what was awaited is cancelled, and None is returned."""
    task = asyncio.ensure_future(awaitable)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        stopping.cancel()
        task.cancel()


@contextlib.contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Turn SIGINT, SIGTERM and SIGHUP into an event; a SIGHUP that is ignored (`nohup`) stays so."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in (getattr(signal, name) for name in names)}
    for number, handler in before.items():
        if handler is signal.SIG_IGN and number != signal.SIGINT and number != signal.SIGTERM:
            continue
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows has no such handlers on its loop.
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    try:
        yield stop
    finally:
        for number, handler in before.items():
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler)
