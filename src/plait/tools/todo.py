"""The `todo` tool: the agent's own list of work, shown to the user. It touches nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from plait.host.paths import Workspace
from plait.protocol.calls import TodoDetail, TodoItem
from plait.protocol.effects import Effects
from plait.tools.base import Tool, ToolArgs, ToolContext, ToolOutput


class TodoLine(ToolArgs, frozen=True):
    text: str
    state: Literal["open", "doing", "done"] = "open"


class TodoArgs(ToolArgs, frozen=True):
    items: Annotated[list[TodoLine], Meta(max_length=100)]


class Todo(Tool[TodoArgs]):
    name = "todo"
    args = TodoArgs

    def effects(self, args: TodoArgs, workspace: Workspace) -> Effects:
        return Effects(reason="notes what is to be done")

    async def run(self, args: TodoArgs, ctx: ToolContext) -> ToolOutput:
        done = sum(item.state == "done" for item in args.items)
        detail = TodoDetail(tuple(TodoItem(item.text, item.state) for item in args.items))
        return ToolOutput(f"Noted: {done} of {len(args.items)} done.", detail)
