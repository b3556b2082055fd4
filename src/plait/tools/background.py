"""Commands that go on while the conversation does: kept by a session, read and ended by user and model.

The end of a turn does not touch them; the end of the session ends them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from plait.host.paths import Workspace
from plait.host.process import ProcessEnd, RunningProcess
from plait.protocol.calls import CallKey, TextDetail
from plait.protocol.effects import Effects
from plait.protocol.errors import ToolRefused
from plait.protocol.events import MAIN_AGENT, BackgroundEnded, BackgroundStarted, Event
from plait.protocol.queries import BackgroundInfo
from plait.tools.base import Cap, Deadlines, Tool, ToolArgs, ToolContext, ToolOutput
from plait.tools.command_text import legible, notes_on, report

# Commands that are over and still remembered.
MOST_ENDED = 20
TAIL_BYTES = 4_000
LONGEST_WAIT_S = 60.0


@dataclass(slots=True)
class Entry:
    """A command in the background: `read_bytes` is how much of its output the model has had."""

    background_id: str
    command: str
    process: RunningProcess
    watch: asyncio.Task[ProcessEnd]
    read_bytes: int = 0

    @property
    def end(self) -> ProcessEnd | None:
        return self.watch.result() if self.watch.done() else None


class BackgroundCommands:
    """The background commands of one session. On its loop only; `emit` is told when one starts and ends."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._entries: dict[str, Entry] = {}

    def adopt(self, process: RunningProcess, command: str, key: CallKey) -> str:
        """Take over a running process of the call `key`; return the name by which it is known from now on."""
        # By the call, so that a name means the same command when the session is resumed.
        agent = "" if key.agent == MAIN_AGENT else f"{key.agent}-"
        background_id = f"{agent}b{key.turn}-{key.call}"
        self._emit(BackgroundStarted(background_id, key, command))
        watch = asyncio.get_running_loop().create_task(self._watch(background_id, command, process))
        # What was there when it left the call, the call has told.
        read_bytes = process.output.total_bytes
        self._entries[background_id] = Entry(background_id, command, process, watch, read_bytes)
        self._forget_old()
        return background_id

    async def _watch(self, background_id: str, command: str, process: RunningProcess) -> ProcessEnd:
        end = await process.wait()
        self._emit(BackgroundEnded(background_id, end.exit_code, command))
        return end

    def _forget_old(self) -> None:
        ended = [entry.background_id for entry in self._entries.values() if entry.watch.done()]
        for background_id in ended[: max(0, len(ended) - MOST_ENDED)]:
            del self._entries[background_id]

    def find(self, background_id: str) -> Entry:
        """Raises ToolRefused if there is none of that name."""
        entry = self._entries.get(background_id)
        if entry is None:
            names = ", ".join(f"`{name}`" for name in self._entries) or "none"
            raise ToolRefused(f"There is no background command `{background_id}`. There are: {names}.")
        return entry

    def infos(self) -> tuple[BackgroundInfo, ...]:
        """Return what a list shows, oldest first."""
        return tuple(
            BackgroundInfo(
                entry.background_id,
                entry.command,
                running=entry.end is None,
                exit_code=entry.end.exit_code if entry.end is not None else None,
                tail=legible(entry.process.tail(TAIL_BYTES)),
            )
            for entry in self._entries.values()
        )

    async def end(self, background_id: str) -> bool:
        """End a command and everything it started. Returns False if there is none of that name, or it was over."""
        entry = self._entries.get(background_id)
        if entry is None or entry.watch.done():
            return False
        await entry.process.kill()
        await asyncio.shield(entry.watch)
        return True

    async def close(self) -> None:
        """End all."""
        await asyncio.gather(*(self.end(background_id) for background_id in tuple(self._entries)))


class BackgroundArgs(ToolArgs, frozen=True):
    action: Literal["list", "read", "end"]
    id: str | None = None
    wait_s: Annotated[float, Meta(ge=0, le=LONGEST_WAIT_S, description="`read`: wait so long for its end")] = 0


class Background(Tool[BackgroundArgs]):
    name = "background"
    args = BackgroundArgs
    cap: ClassVar[Cap] = Cap.CALLS

    def __init__(self, commands: BackgroundCommands) -> None:
        self._commands = commands

    def effects(self, args: BackgroundArgs, workspace: Workspace) -> Effects:
        if (args.id is None) != (args.action == "list"):
            raise ToolRefused("`background` takes an `id` to `read` or `end`, and none to `list`.")
        what = {
            "list": "lists background commands",
            "read": f"reads the output of `{args.id}`",
            "end": f"ends `{args.id}`",
        }
        return Effects(reason=what[args.action])

    def deadline_s(self, args: BackgroundArgs, usual: Deadlines) -> float | None:
        return usual.local_s + args.wait_s

    async def run(self, args: BackgroundArgs, ctx: ToolContext) -> ToolOutput:
        if args.id is None:
            return self._list()
        entry = self._commands.find(args.id)
        if args.action == "end":
            await self._commands.end(args.id)
        elif args.wait_s:
            with suppress(TimeoutError):
                async with asyncio.timeout(args.wait_s):
                    await asyncio.shield(entry.watch)
        return _news(entry, ctx.output_budget)

    def _list(self) -> ToolOutput:
        infos = self._commands.infos()
        rows = [f"{info.background_id}  {_state(info)}  {info.command}" for info in infos]
        running = sum(info.running for info in infos)
        return ToolOutput("\n".join(rows) or "No background commands.", TextDetail(f"{running} running"))


def _state(info: BackgroundInfo) -> str:
    if info.running:
        return "running"
    return "ended by a signal" if info.exit_code is None else f"exit code {info.exit_code}"


def _news(entry: Entry, budget: int) -> ToolOutput:
    """Return what it wrote since the model last read it, and whether it still runs."""
    output = legible(entry.process.output.since(entry.read_bytes))
    entry.read_bytes = entry.process.output.total_bytes
    notes = ["still running"] if entry.end is None else notes_on(entry.end)
    return ToolOutput(report(output or "(no new output)", notes, budget), TextDetail(notes[0]))
