"""Which tools exist, and which of them a model is offered now."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from importlib import resources
from typing import Any

from plait.protocol.commands import PermissionMode
from plait.tools.base import Tool, ToolSpec, inline_schema

AnyTool = Tool[Any]


@cache
def packaged_description(name: str) -> str:
    """Return what the model reads about a tool of ours: `tools/prompts/NAME.md`."""
    return (resources.files("plait.tools") / "prompts" / f"{name}.md").read_text(encoding="utf-8").strip()


class Registry:
    """The tools of one agent by name."""

    def __init__(self, tools: Iterable[AnyTool]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._specs: dict[str, ToolSpec] = {}

    def get(self, name: str) -> AnyTool | None:
        return self._tools.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._tools)

    async def close(self) -> None:
        for tool in self._tools.values():
            await tool.close()

    def offered(
        self, mode: PermissionMode, *, interactive: bool, only: Collection[str] | None, without: Collection[str]
    ) -> tuple[ToolSpec, ...]:
        """Return what the model is told, in a stable order, so that a provider's prompt cache holds."""
        return tuple(
            self._spec(tool)
            for tool in self._tools.values()
            if (interactive or not tool.interactive_only)
            and (mode == "plan" or not tool.plan_mode_only)
            and (only is None or tool.name in only)
            and tool.name not in without
        )

    def _spec(self, tool: AnyTool) -> ToolSpec:
        """Return what is said of a tool, which is the same before every request."""
        if tool.name not in self._specs:
            description = tool.description or packaged_description(tool.name)
            self._specs[tool.name] = ToolSpec(tool.name, description, inline_schema(tool.args))
        return self._specs[tool.name]
