"""The assistant's lines: one a content block, the same message id for the blocks of one reply.

The newest block of an open reply is held back until the next one, the end of the reply or a result of one of its
calls: so the last line of a reply carries its usage and why it stopped, and a result never precedes its call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from plait.protocol.events import ReplyEnded, Usage
from plait.views.headless.messages import Envelope, Message, stop_reason, timestamp, usage_json


@dataclass(slots=True)
class OpenReply:
    """A reply that is still arriving: `held` is its newest block, `partial` what was cut off in the middle."""

    number: tuple[int, int]
    message_id: str
    held: Message | None = None
    written: bool = False
    partial: list[Message] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)


class Replies:
    """The replies of all agents of a session, by agent. Methods return the lines that are due now."""

    def __init__(self, envelope: Envelope, message_id: Callable[[str, int, int], str]) -> None:
        self.model = ""
        self._envelope = envelope
        self._message_id = message_id
        self._open: dict[str, OpenReply] = {}

    def block(
        self,
        agent: str,
        number: tuple[int, int],
        at: int,
        content: dict[str, Any],
        *,
        parent: str | None,
        partial: bool = False,
    ) -> list[Message]:
        """A content block of reply `number` (turn, reply) is whole, or cut off (`partial`)."""
        due = []
        reply = self._open.get(agent)
        if reply is None or reply.number != number:
            due = self.drop(agent)
            reply = self._open[agent] = OpenReply(number, self._message_id(agent, *number))
        line = self._line(reply.message_id, content, at, parent)
        if content["type"] == "tool_use":
            reply.calls.append(content["id"])
        if partial:
            reply.partial.append(line)
            return due
        due += self.flush(agent)
        reply.held = line
        return due

    def flush(self, agent: str) -> list[Message]:
        """Let go of the block held back, because something that must follow it is due."""
        reply = self._open.get(agent)
        if reply is None or reply.held is None:
            return []
        held, reply.held, reply.written = reply.held, None, True
        return [held]

    def ended(self, agent: str, event: ReplyEnded) -> list[Message]:
        if event.is_empty:
            return self.drop(agent)
        reply = self._open.pop(agent, None)
        if reply is None or reply.held is None:
            return []
        why = stop_reason(event.finish_reason, has_calls=bool(reply.calls))
        reply.held["message"].update(model=event.model, stop_reason=why, usage=usage_json(event.usage))
        return [reply.held]

    def cut(self, agent: str) -> list[Message]:
        """The turn was stopped in the middle of a reply: what had arrived stays in the conversation."""
        due = self.flush(agent)
        reply = self._open.pop(agent, None)
        return due + reply.partial if reply is not None else due

    def drop(self, agent: str) -> list[Message]:
        """The reply broke and does not count; say so if any of it was written already."""
        reply = self._open.pop(agent, None)
        if reply is None or not reply.written:
            return []
        return [self._envelope.system("reply_dropped", message_id=reply.message_id, tool_use_ids=reply.calls)]

    def _line(self, message_id: str, content: dict[str, Any], at: int, parent: str | None) -> Message:
        message = {
            "id": message_id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [content],
            "stop_reason": None,
            "usage": usage_json(Usage()),
        }
        return self._envelope.of("assistant", message=message, parent_tool_use_id=parent, timestamp=timestamp(at))
