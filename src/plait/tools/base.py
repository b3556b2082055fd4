"""What a tool is: a name, typed arguments, the effects of a call, and its run.

A tool never asks, permits or schedules itself: `agent.call` does, from what the tool states here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from plait.host.paths import Workspace
from plait.protocol.calls import Args, CallKey, Detail, FileStamp, Preview, TextPreview, WriteIntent
from plait.protocol.effects import Effects


class Cap(StrEnum):
    """The limit a running call holds, exactly one. `scheduling.limits` has the numbers."""

    CALLS = "calls"
    FILES = "files"
    COMMANDS = "commands"
    SEARCHES = "searches"
    NETWORK = "network"


LOCAL_DEADLINE_S = 10.0
NETWORK_DEADLINE_S = 60.0
COMMAND_DEADLINE_S = 120.0
MAX_COMMAND_DEADLINE_S = 600.0


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that a call may take by what it does, unless it asks for a time of its own. The user sets them."""

    local_s: float = LOCAL_DEADLINE_S
    network_s: float = NETWORK_DEADLINE_S
    command_s: float = COMMAND_DEADLINE_S


class ToolArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of a tool's arguments. Field descriptions (`msgspec.Meta`) are what the model reads in the schema."""


A = TypeVar("A", bound=ToolArgs)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """A call's result for two readers: `text` for the model, `detail` for views.

    stamps: what the answer rests on; with them an identical call may be answered again without running.
    failed: the tool ran and its result is a failure (a command's non-zero exit is not).
    files_changed: absolute paths that were written. is_whole: the work was done to its end, even if the call was
    cancelled or its time ran out meanwhile.
    """

    text: str
    detail: Detail | None = None
    stamps: tuple[FileStamp, ...] = ()
    failed: bool = False
    files_changed: tuple[str, ...] = ()
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a writing call is going to do, computed without doing it. `state` is the tool's own."""

    preview: Preview
    writes: tuple[WriteIntent, ...]
    state: Any = None


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """One part of a call of several parts, with effects of its own."""

    label: str
    effects: Effects
    run: Callable[[], Awaitable[T]]


class RunParts(Protocol):
    """Run parts side by side under the scheduler; conflicting ones in order. Results in the order given.

    Contract: an exception of a part is returned in its place, never raised; cancellation is raised.
    """

    async def __call__(self, parts: Sequence[Part[T]]) -> list[T | Exception]: ...


class Report(Protocol):
    """Tell views how far the call is; never blocks. `output` appends process output, `text` is the lane's new words."""

    def __call__(self, text: str = "", *, output: str = "", done: int = 0, total: int = 0) -> None: ...


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a running call is given. A tool's collaborators come by its constructor, not by this.

    output_budget: characters of text the model should get at most. answer: the user's words, for a tool that
    asks. to_background: set when the user moves the call to the background (an `asyncio.Event`-like).
    effects: what the call was judged by; None outside of the dispatcher. by_user: the user typed it. asked: this very
    call was asked about, and the user allowed it. deadline_s: how long the call may take before it is cancelled; None
    for no limit.
    """

    key: CallKey
    workspace: Workspace
    report: Report
    run_parts: RunParts
    output_budget: int = 30_000
    answer: str | None = None
    to_background: Backgrounding | None = None
    effects: Effects | None = None
    by_user: bool = False
    asked: bool = False
    deadline_s: float | None = None

    def part_deadline_s(self, margin_s: float) -> float | None:
        """Return how long a part may take, so that `margin_s` are left to tell of what the other parts found."""
        return None if self.deadline_s is None else max(self.deadline_s - margin_s, self.deadline_s / 2)


class Backgrounding(Protocol):
    """Becomes set when the call should go on in the background and return at once."""

    def is_set(self) -> bool: ...

    async def wait(self) -> Any: ...


class Tool(Generic[A]):
    """Base of every tool. Subclass, set the class attributes, implement `effects` and `run`.

    Contract: `effects` is quick and pure but for path resolution, and raises only ToolRefused. `run` may raise
    ToolRefused (the model reads the text); any other exception is reported as a failure of the tool. On
    cancellation `run` cleans up within a second and re-raises, unless it has partial output worth returning.
    """

    name: ClassVar[str]
    args: type[A]
    description: ClassVar[str] = ""
    """What the model reads; ours stands in `tools/prompts/NAME.md`."""
    cap: ClassVar[Cap] = Cap.CALLS
    interactive_only: ClassVar[bool] = False
    """Not offered headless."""
    always_asks: ClassVar[bool] = False
    """A question to the user is what the tool is for; no rule and no mode answers it."""
    reusable: ClassVar[bool] = False
    """An identical call may be answered from the first result while the stamps of its output still hold."""
    plan_mode_only: ClassVar[bool] = False
    """Offered in plan mode and in no other."""

    def understood(self, args: Args) -> Args:
        """Return the arguments as the schema has them, from what models often send in its place."""
        return args

    def effects(self, args: A, workspace: Workspace) -> Effects:
        raise NotImplementedError

    def deadline_s(self, args: A, usual: Deadlines) -> float | None:
        """Seconds that `run` may take; None for no limit of the dispatcher's. `usual`: as the user has set them."""
        return usual.network_s if self.cap is Cap.NETWORK else usual.local_s

    def preview(self, args: A, workspace: Workspace, effects: Effects) -> Preview:
        """What the user is shown when the call asks. Writing tools override `plan` instead."""
        return TextPreview(self.name, effects.reason)

    async def run(self, args: A, ctx: ToolContext) -> ToolOutput:
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of what it holds (connections), at the end of the conversation."""


class WritingTool(Tool[A]):
    """A tool that changes files: first a plan (previewed, approved, logged with hashes), then exactly that applied."""

    async def plan(self, args: A, workspace: Workspace) -> Plan:
        """Compute what would be written, from the files as they are now. Raises ToolRefused if it cannot be done."""
        raise NotImplementedError

    async def apply(self, plan: Plan, ctx: ToolContext) -> ToolOutput:
        """Write exactly the plan; refuse if a file is no longer what the plan started from."""
        raise NotImplementedError

    async def run(self, args: A, ctx: ToolContext) -> ToolOutput:
        return await self.apply(await self.plan(args, ctx.workspace), ctx)


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model is told of a tool."""

    name: str
    description: str
    schema: dict[str, Any] = field(default_factory=dict)


def inline_schema(args: type[ToolArgs]) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments without `$ref`, titles and defaults that only cost tokens."""
    whole = msgspec.json.schema(args)
    definitions = whole.get("$defs", {})

    def expand(node: Any) -> Any:
        if isinstance(node, list):
            return [expand(entry) for entry in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return expand(definitions[node["$ref"].rsplit("/", 1)[1]])
        kept = {key: expand(value) for key, value in node.items() if key not in ("$defs", "title")}
        # `X | None` with a default is simply an optional X to a model.
        options = [option for option in kept.get("anyOf", []) if option != {"type": "null"}]
        if "anyOf" in kept and len(options) == 1:
            del kept["anyOf"]
            kept.update({key: value for key, value in options[0].items() if key not in kept})
        if kept.get("default", ...) in (None, [], {}):
            kept.pop("default", None)
        return kept

    schema: dict[str, Any] = expand(whole)
    schema.pop("description", None)
    return schema
