"""One thing at a time: turns, the user's commands, compaction and clearing, in the order they were asked for.

Whatever the agent does, what has begun gets its end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import assert_never

from plait.protocol.calls import CallKey
from plait.protocol.commands import Clear, Compact, Deny, Prompt, Rewind, RunShell
from plait.protocol.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CallEnded,
    CallReserved,
    CallsDropped,
    Event,
    Fault,
    ModelChanged,
    Notice,
    QueueChanged,
    SessionResumed,
    SessionStarted,
    TurnEnd,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.protocol.ports import Agent, Emit
from plait.session.queue import Entry, Queue, typed

LOG = logging.getLogger("plait.session")
UNWIND_S = 0.2
"""How long a turn that did not end when it was asked to may take to unwind."""


class Watch:
    """What is open now, as the events tell."""

    def __init__(self) -> None:
        self.turn: int | None = None
        self.last_ended = 0
        self.model = ""
        self.calls: dict[CallKey, None] = {}
        self.asked: dict[CallKey, None] = {}

    def note(self, event: Event) -> None:
        match event:
            case TurnStarted(turn=turn):
                self.turn = turn
                self.calls.clear()
                self.asked.clear()
            case TurnEnded(turn=turn):
                self.turn, self.last_ended = None, turn
            case CallReserved(key=key):
                self.calls[key] = None
            case CallEnded(key=key):
                self.calls.pop(key, None)
            case CallsDropped(keys):
                for key in keys:
                    self.calls.pop(key, None)
            case ApprovalAsked(key=key):
                self.asked[key] = None
            case ApprovalAnswered(key=key):
                self.asked.pop(key, None)
            case SessionStarted(model=model) | SessionResumed(model=model) | ModelChanged(model=model):
                self.model = model
            case _:
                pass


class Turns:
    """Runs what is lined up. Engine's loop only.

    count: the number of the last turn. sync: awaited after each entry, so that the disk has it. rewind: takes the
    session back.
    """

    def __init__(
        self,
        agent: Agent,
        emit: Emit,
        sync: Callable[[], Awaitable[None]],
        watch: Watch,
        rewind: Callable[[Rewind], Awaitable[None]],
    ) -> None:
        self.count = 0
        self._agent = agent
        self._emit = emit
        self._sync = sync
        self._watch = watch
        self._rewind = rewind
        self._queue = Queue()
        self._shown: tuple[str, ...] = ()
        self._runner: asyncio.Task[None] | None = None
        self._is_starting = False
        self._is_cancelled = False
        self._is_in_agent = False
        self._compaction: asyncio.Task[None] | None = None

    @property
    def is_at_work(self) -> bool:
        """True while the agent does something, or is about to."""
        return self._is_starting or self._is_in_agent or self._compaction is not None or bool(self._queue)

    def line_up(self, entry: Entry) -> None:
        """Do this now, or after what runs and waits."""
        if self._runner is None:
            self._is_starting = True
            self._runner = asyncio.get_running_loop().create_task(self._run_all(entry), name="turns")
        else:
            self._queue.append(entry)
            self._show_queue()

    def edit(self, index: int, text: str) -> None:
        if self._queue.edit(index, text):
            self._show_queue()

    def cancel(self) -> None:
        """End what runs now; what waits is next."""
        if self._compaction is not None:
            self._compaction.cancel()
        elif self._is_in_agent:
            self._agent.cancel()
        elif self._is_starting:
            # Its first step is still to come, and there is nothing the agent could cancel.
            self._is_cancelled = True

    async def close(self, patience_s: float) -> None:
        """End what runs, within about `patience_s`; what waits is left to the log."""
        self._queue.clear()
        runner = self._runner
        if runner is None:
            return
        self.cancel()
        await asyncio.wait({runner}, timeout=patience_s)
        if not runner.done():
            runner.cancel()
            await asyncio.wait({runner}, timeout=UNWIND_S)
        if self._watch.turn is not None:
            self._end(self._watch.turn, "cancelled", None)

    # --- run -----------------------------------------------------------------------------------------------------

    async def _run_all(self, first: Entry) -> None:
        entry = first
        try:
            while True:
                await self._run(entry)
                await self._sync()
                if not self._queue:
                    return
                entry = self._queue.pop()
                self._show_queue()
        finally:
            self._runner = None

    async def _run(self, entry: Entry) -> None:
        is_cancelled, self._is_cancelled, self._is_starting = self._is_cancelled, False, False
        is_turn = isinstance(entry, Prompt | RunShell)
        self.count += is_turn
        failure: str | None = None
        try:
            if is_cancelled and isinstance(entry, Prompt):
                # What was said is heard, though not answered.
                asyncio.get_running_loop().call_soon(self._agent.cancel)
            if not is_cancelled or isinstance(entry, Prompt):
                await self._do(entry)
                failure = "the turn came to no end"
        except Exception as error:  # The process edge of a conversation: a bug costs a turn, not the session.
            LOG.exception("%s", type(entry).__name__)
            failure = _first_line(error)
            if not is_turn:
                self._emit(Notice("error", f"`{typed(entry)}` failed: {failure}"))
        finally:
            self._is_in_agent = False
            if is_turn and self._watch.last_ended != self.count:
                self._end_for_agent(typed(entry), failure)

    async def _do(self, entry: Entry) -> None:
        match entry:
            case Prompt(text):
                self._is_in_agent = True
                await self._agent.run_turn(self.count, text)
            case RunShell(command):
                self._is_in_agent = True
                await self._agent.run_shell(self.count, command)
            case Compact(focus):
                await self._compact(focus)
            case Clear():
                self._agent.clear()
            case Rewind():
                await self._rewind(entry)
            case _:
                assert_never(entry)

    def _end_for_agent(self, prompt: str, failure: str | None) -> None:
        """Record the end of a turn that its agent did not end, and its begin if that is missing too."""
        if self._watch.turn != self.count:
            self._emit(TurnStarted(self.count, prompt, self._watch.model))
        if failure is None:
            self._end(self.count, "cancelled", None)
        else:
            self._end(self.count, "failed", f"Plait failed: {failure}", "internal")

    def _end(self, turn: int, end: TurnEnd, error: str | None, fault: Fault | None = None) -> None:
        """End a turn that the agent left open, and what is open within it."""
        why = error or "The turn ended before this call did."
        for key in tuple(self._watch.asked):
            self._emit(ApprovalAnswered(key, Deny(why), "cancel"))
        for key in tuple(self._watch.calls):
            self._emit(CallEnded(key, "cancelled", why, None, 0.0, 0.0))
        self._emit(TurnEnded(turn, end, error, Usage(), 0, 0, fault=fault))

    async def _compact(self, focus: str) -> None:
        self._compaction = task = asyncio.get_running_loop().create_task(self._agent.compact(focus))
        try:
            await asyncio.wait({task})
        finally:
            self._compaction = None
            task.cancel()
        if task.cancelled():
            self._emit(Notice("info", "Compacting was interrupted; nothing was changed."))
        else:
            task.result()

    def _show_queue(self) -> None:
        texts = self._queue.texts
        if texts != self._shown:
            self._shown = texts
            self._emit(QueueChanged(texts))


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
