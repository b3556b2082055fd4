"""The events of a streamed reply (`--include-partial-messages`), in the form the Anthropic Messages API streams them.

Source: https://docs.anthropic.com/en/api/messages-streaming (message_start, content_block_*, message_delta,
message_stop). Built from our live events; what they lack, the durable event that ends a block completes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from plait.protocol.events import (
    CallReserved,
    ReplyEnded,
    RetryScheduled,
    Stamped,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.views.headless.messages import stop_reason, usage_json

StreamEvent = dict[str, Any]

# How a kind of block starts, and the name of its deltas' type and field.
BLOCKS: dict[str, tuple[dict[str, Any], str, str]] = {
    "text": ({"type": "text", "text": ""}, "text_delta", "text"),
    "thinking": ({"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta", "thinking"),
}


@dataclass(slots=True)
class OpenMessage:
    """A message under way. `blocks`: index and characters sent, by part; `closed`: parts that are whole."""

    number: tuple[int, int]
    next_index: int = 0
    has_calls: bool = False
    blocks: dict[int, tuple[int, int]] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)


class PartialEvents:
    """The stream of every agent of a session."""

    def __init__(self, message_id: Callable[[str, int, int], str]) -> None:
        self._message_id = message_id
        self._model = ""
        self._open: dict[str, OpenMessage] = {}
        self._last: dict[str, tuple[int, int]] = {}

    def on(self, stamped: Stamped, use_id: str) -> list[StreamEvent]:
        """Return the stream events that follow from `stamped`; `use_id` is that of a reserved call."""
        agent = stamped.agent
        match stamped.event:
            case TurnStarted(model=model):
                self._model = model
            case TextDelta(turn=turn, reply=reply, part=part, text=text):
                return self._grow(agent, (turn, reply), part, "text", text)
            case ThinkingDelta(turn=turn, reply=reply, part=part, text=text):
                return self._grow(agent, (turn, reply), part, "thinking", text)
            case TextEnded(turn=turn, reply=reply, part=part, text=text):
                return self._close(agent, (turn, reply), part, "text", text)
            case ThinkingEnded(turn=turn, reply=reply, part=part, text=text):
                return self._close(agent, (turn, reply), part, "thinking", text)
            case CallReserved(key=key, reply=reply) as call:
                return self._call(agent, (key.turn, reply), call, use_id)
            case ReplyEnded(turn=turn, reply=reply) as ended:
                return self._end(agent, (turn, reply), ended)
            case RetryScheduled() | TurnEnded():
                self._open.pop(agent, None)
            case _:
                pass
        return []

    def _message(self, agent: str, number: tuple[int, int]) -> tuple[OpenMessage | None, list[StreamEvent]]:
        """Return the open message of reply `number`, started if need be; None for one that is over."""
        message = self._open.get(agent)
        if message is not None and message.number == number:
            return message, []
        if number <= self._last.get(agent, (0, -1)):
            return None, []
        message = self._open[agent] = OpenMessage(number)
        self._last[agent] = number
        start: dict[str, Any] = {
            "id": self._message_id(agent, *number),
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_json(Usage()),
        }
        return message, [{"type": "message_start", "message": start}]

    def _grow(self, agent: str, number: tuple[int, int], part: int, kind: str, text: str) -> list[StreamEvent]:
        message, due = self._message(agent, number)
        if message is None or part in message.closed:
            return []
        block, delta_type, field_name = BLOCKS[kind]
        if part not in message.blocks:
            message.blocks[part] = (message.next_index, 0)
            due.append({"type": "content_block_start", "index": message.next_index, "content_block": dict(block)})
            message.next_index += 1
        index, sent = message.blocks[part]
        if text:
            message.blocks[part] = (index, sent + len(text))
            due.append({"type": "content_block_delta", "index": index, "delta": {"type": delta_type, field_name: text}})
        return due

    def _close(self, agent: str, number: tuple[int, int], part: int, kind: str, text: str) -> list[StreamEvent]:
        message = self._open.get(agent)
        sent = message.blocks.get(part, (0, 0))[1] if message is not None and message.number == number else 0
        due = self._grow(agent, number, part, kind, text[sent:])
        message = self._open.get(agent)
        if message is None or part in message.closed or part not in message.blocks:
            return due
        message.closed.add(part)
        return [*due, {"type": "content_block_stop", "index": message.blocks[part][0]}]

    def _call(self, agent: str, number: tuple[int, int], call: CallReserved, use_id: str) -> list[StreamEvent]:
        message, due = self._message(agent, number)
        if message is None:
            return []
        index = message.next_index
        message.next_index += 1
        message.has_calls = True
        block = {"type": "tool_use", "id": use_id, "name": call.name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call.args, ensure_ascii=False)}
        return [
            *due,
            {"type": "content_block_start", "index": index, "content_block": block},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]

    def _end(self, agent: str, number: tuple[int, int], ended: ReplyEnded) -> list[StreamEvent]:
        message, due = self._message(agent, number)
        if message is None:
            return []
        del self._open[agent]
        delta = {"stop_reason": stop_reason(ended.finish_reason, has_calls=message.has_calls), "stop_sequence": None}
        return [
            *due,
            {"type": "message_delta", "delta": delta, "usage": usage_json(ended.usage)},
            {"type": "message_stop"},
        ]
