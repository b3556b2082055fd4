"""A tool whose effects and behaviour are its arguments, and a dispatcher around it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from plait.agent.dispatch import Dispatcher
from plait.agent.judgement import Machinery
from plait.agent.permissions import Permissions
from plait.agent.result_cache import ResultCache
from plait.host.paths import Workspace
from plait.permissions.approvals import ApprovalQueue, Question
from plait.protocol.calls import CallKey, ToolCall, ToolOutcome
from plait.protocol.commands import Answer, PermissionMode
from plait.protocol.effects import Access, Effects, Mode
from plait.protocol.errors import ToolRefused
from plait.protocol.events import ApprovalAnswered, ApprovalAsked, CallEnded, CallReserved, CallStarted, Event
from plait.scheduling.limits import Caps
from plait.scheduling.scheduler import Scheduler
from plait.tools.base import Cap, Deadlines, Tool, ToolArgs, ToolContext, ToolOutput
from plait.tools.registry import Registry


class ProbeArgs(ToolArgs):
    """`steps`: how often it lets others run; `gate`: the name of an event it waits for."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    unknown: bool = False
    spawns: bool = False
    steps: int = 0
    gate: str = ""
    then: Literal["ok", "refuse", "crash", "failed", "partial"] = "ok"
    danger: str | None = None


@dataclass
class World:
    """What the probes did: who ran while whom, and a store that they read and write."""

    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    running: set[CallKey] = field(default_factory=set)
    overlaps: set[frozenset[CallKey]] = field(default_factory=set)
    most_at_once: int = 0
    store: dict[str, list[str]] = field(default_factory=dict)
    seen: dict[CallKey, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    order: list[CallKey] = field(default_factory=list)
    asked: dict[CallKey, bool] = field(default_factory=dict)

    def gate(self, name: str) -> asyncio.Event:
        return self.gates.setdefault(name, asyncio.Event())


class Probe(Tool[ProbeArgs]):
    name = "probe"
    args = ProbeArgs
    description = "Touches what it is told to."
    cap = Cap.FILES

    def __init__(self, world: World, deadline_s: float | None = None) -> None:
        self.world = world
        self._deadline_s = deadline_s

    def deadline_s(self, args: ProbeArgs, usual: Deadlines) -> float | None:
        return self._deadline_s

    def effects(self, args: ProbeArgs, workspace: Workspace) -> Effects:
        return Effects(
            tuple(Access(Mode.READ, str(workspace.resolve(path))) for path in args.reads)
            + tuple(Access(Mode.WRITE, str(workspace.resolve(path))) for path in args.writes),
            unknown=args.unknown,
            spawns=args.spawns,
            danger=args.danger,
        )

    async def run(self, args: ProbeArgs, ctx: ToolContext) -> ToolOutput:
        world = self.world
        world.overlaps |= {frozenset((ctx.key, other)) for other in world.running}
        world.running.add(ctx.key)
        world.most_at_once = max(world.most_at_once, len(world.running))
        world.order.append(ctx.key)
        world.asked[ctx.key] = ctx.asked
        try:
            world.seen[ctx.key] = {path: tuple(world.store.get(path, ())) for path in args.reads}
            for _ in range(args.steps):
                await asyncio.sleep(0)
            if args.gate:
                await world.gate(args.gate).wait()
            for path in args.writes:
                world.store.setdefault(path, []).append(str(ctx.key))
        except asyncio.CancelledError:
            if args.then == "partial":
                return ToolOutput("as far as it came")
            raise
        finally:
            world.running.discard(ctx.key)
        match args.then:
            case "refuse":
                raise ToolRefused("not like this")
            case "crash":
                raise ZeroDivisionError("a bug in the tool")
            case "failed":
                return ToolOutput("it failed", failed=True)
            case "ok" | "partial":
                return ToolOutput("done")


class Rig:
    """A dispatcher with one probe tool, and everything it said."""

    def __init__(
        self,
        root: Path,
        *,
        mode: PermissionMode = "default",
        interactive: bool = True,
        deadline_s: float | None = None,
        caps: dict[str, int] | None = None,
        registry: Registry | None = None,
    ) -> None:
        self.world = World()
        self.now_s = 0.0
        self.events: list[Event] = []
        self.permissions = Permissions(mode, (), (root,), interactive=interactive)
        self.approvals = ApprovalQueue(self._asked, self._answered)
        self.scheduler: Scheduler[CallKey] = Scheduler()
        self.machinery = Machinery(
            registry=registry or Registry([Probe(self.world, deadline_s)]),
            workspace=Workspace.at(root),
            permissions=self.permissions,
            approvals=self.approvals,
            scheduler=self.scheduler,
            caps=Caps(caps or {}),
            cache=ResultCache(self._hold, lambda: 0.0),
            emit=self.events.append,
            clock=lambda: self.now_s,
        )
        self.dispatcher = Dispatcher("main", self.machinery)

    def let_time_pass(self) -> None:
        self.now_s += 1.0

    async def _hold(self, stamps: object) -> bool:
        return True

    def _asked(self, question: Question, position: int, waiting: int) -> None:
        self.events.append(
            ApprovalAsked(
                question.key, question.name, question.args, question.preview, position=position, waiting=waiting
            )
        )

    def _answered(self, key: CallKey, answer: Answer, by: Literal["user", "rule", "cancel"]) -> None:
        self.events.append(ApprovalAnswered(key, answer, by))

    def announce(self, *calls: dict[str, object], name: str = "probe") -> list[CallKey]:
        """Announce calls without running them; `run_all` does."""
        self.calls = [
            self.dispatcher.announce(ToolCall(self.dispatcher.next_key(1), name, dict(args)), reply=1) for args in calls
        ]
        return [call.key for call in self.calls]

    async def run_all(self) -> list[ToolOutcome]:
        for call in self.calls:
            call.confirm()
            call.start(asyncio.get_running_loop().create_task)
        await asyncio.gather(*(call.task for call in self.calls if call.task), return_exceptions=True)
        return [call.outcome.result() for call in self.calls]

    async def call_all(self, *calls: dict[str, object]) -> list[ToolOutcome]:
        self.announce(*calls)
        return await self.run_all()

    async def until_asked(self, count: int = 1) -> CallKey:
        """Let others run until the `count`-th question is shown."""
        while len(self.asked()) < count:
            await asyncio.sleep(0)
        return self.asked()[count - 1].key

    def asked(self) -> list[ApprovalAsked]:
        return [event for event in self.events if isinstance(event, ApprovalAsked)]

    def started(self) -> list[CallKey]:
        return [event.key for event in self.events if isinstance(event, CallStarted)]

    def ended(self) -> list[CallEnded]:
        return [event for event in self.events if isinstance(event, CallEnded)]

    def reserved(self) -> list[CallReserved]:
        return [event for event in self.events if isinstance(event, CallReserved)]
