"""The engine without a view: a dispatcher with the tools that a measurement brings, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plait.agent.call import Call
from plait.agent.dispatch import Dispatcher
from plait.agent.judgement import Machinery
from plait.agent.permissions import Permissions
from plait.agent.result_cache import ResultCache
from plait.host.paths import Workspace
from plait.permissions.approvals import ApprovalQueue
from plait.protocol.calls import CallKey, ToolCall
from plait.protocol.effects import Access, Effects, Mode
from plait.protocol.events import Event
from plait.scheduling.limits import Caps
from plait.scheduling.scheduler import Scheduler
from plait.tools.base import Cap, Tool, ToolArgs, ToolContext, ToolOutput
from plait.tools.registry import AnyTool, Registry


class WaitArgs(ToolArgs, frozen=True):
    path: str
    duration_s: float = 0.0


class Wait(Tool[WaitArgs]):
    """Reads a path, as far as the scheduler can tell, and takes as long as it is told to."""

    name = "wait"
    args = WaitArgs
    description = "Waits."
    cap = Cap.FILES

    def effects(self, args: WaitArgs, workspace: Workspace) -> Effects:
        return Effects((Access(Mode.READ, f"{workspace.cwd}/{args.path}"),))

    async def run(self, args: WaitArgs, ctx: ToolContext) -> ToolOutput:
        if args.duration_s:
            await asyncio.sleep(args.duration_s)
        return ToolOutput("done")


class Engine:
    """Everything that calls share, as `wiring` joins it, with a list in place of a session."""

    def __init__(self, root: Path, tools: Sequence[AnyTool]) -> None:
        self.events: list[Event] = []
        self.scheduler: Scheduler[CallKey] = Scheduler()
        self.dispatcher = Dispatcher(
            "main",
            Machinery(
                registry=Registry(tools),
                workspace=Workspace.at(root),
                permissions=Permissions("bypassPermissions", (), (root,), interactive=False),
                approvals=ApprovalQueue(lambda *_: None, lambda *_: None),
                scheduler=self.scheduler,
                caps=Caps({}),
                cache=ResultCache(self._never, time.monotonic),
                emit=self.events.append,
            ),
        )

    async def _never(self, stamps: object) -> bool:
        return False

    async def run_reply(self, calls: Sequence[tuple[str, dict[str, Any]]]) -> float:
        """Make calls as those of one reply; return the seconds they took. Raises RuntimeError if one fails."""
        began_s = time.monotonic()
        made: list[Call] = []
        async with asyncio.TaskGroup() as tasks:
            for name, args in calls:
                call = self.dispatcher.announce(ToolCall(self.dispatcher.next_key(1), name, args), reply=1)
                call.start(tasks.create_task)
                made.append(call)
            for call in made:
                call.confirm()
        took_s = time.monotonic() - began_s
        for call in made:
            outcome = call.outcome.result()
            if outcome.status != "ok":
                raise RuntimeError(f"{call.call.name}: {outcome.status}: {outcome.text}")
        return took_s
