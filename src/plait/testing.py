"""Public fakes for tests of tools, plans and extensions: a model that says what it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo, DeltaThinkingPart, DeltaToolCall, FunctionModel


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A tool call. `raw` replaces the JSON of `args`; the call's arguments arrive once `after` is set, if given."""

    name: str
    args: dict[str, Any] = field(default_factory=dict)
    id: str | None = None
    raw: str | None = None
    after: asyncio.Event | None = None


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """One reply: thinking, text, calls, in this order. Then it waits for `hold`, and then raises `error`, if given."""

    text: str = ""
    calls: tuple[ScriptedCall, ...] = ()
    thinking: str = ""
    hold: asyncio.Event | None = None
    error: Exception | None = None


class ScriptedModel:
    """Replies in order; after the last one, the last is said again. `requests` keeps what the model was sent."""

    def __init__(self, replies: Sequence[ScriptedReply]) -> None:
        self.requests: list[list[ModelMessage]] = []
        self.offered: list[list[str]] = []
        self.instructions: list[str | None] = []
        self._replies = list(replies)
        self._ids = 0

    def model(self) -> FunctionModel:
        return FunctionModel(stream_function=self._stream, model_name="scripted")

    async def _stream(
        self, messages: list[ModelMessage], info: AgentInfo
    ) -> AsyncIterator[str | dict[int, DeltaToolCall] | dict[int, DeltaThinkingPart]]:
        reply = self._replies[min(len(self.requests), len(self._replies) - 1)]
        self.requests.append(list(messages))
        self.offered.append([tool.name for tool in info.function_tools])
        self.instructions.append(info.instructions)
        if reply.thinking:
            yield {0: DeltaThinkingPart(content=reply.thinking)}
        if reply.text:
            yield reply.text
        # The library numbers text by itself; calls start well behind.
        for index, call in enumerate(reply.calls, start=10):
            if call.after is not None:
                await call.after.wait()
            self._ids += 1
            raw = call.raw if call.raw is not None else json.dumps(call.args)
            yield {index: DeltaToolCall(call.name, raw, tool_call_id=call.id or f"call_{self._ids}")}
        if reply.hold is not None:
            await reply.hold.wait()
        if reply.error is not None:
            raise reply.error
