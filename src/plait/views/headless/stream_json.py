"""Events to stream-json messages, one `Translator` a session. Pure: the shape is docs/headless.md's."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from plait.protocol.calls import CallKey, ToolOutcome
from plait.protocol.events import (
    CallEnded,
    CallReserved,
    CallStarted,
    HistoryReplaced,
    OutputDelta,
    Progress,
    ReplyEnded,
    RetryScheduled,
    Stamped,
    TextEnded,
    ThinkingEnded,
    TurnEnded,
    TurnStarted,
)
from plait.protocol.queries import Status
from plait.views.headless.messages import Envelope, Message, result_detail, timestamp
from plait.views.headless.partial import PartialEvents
from plait.views.headless.replies import Replies

PROGRESS_EVERY_MS = 1000


@dataclass(slots=True)
class SeenCall:
    """A call on its way: the id its lines carry, and when it last reported progress (Unix ms)."""

    reserved: CallReserved
    use_id: str
    parent: str | None
    started: CallStarted | None = None
    started_at: int = 0
    told_at: int = 0


class Translator:
    """Turns stamped events into messages. `on` returns those that are due, in order."""

    def __init__(self, envelope: Envelope, *, partial: bool) -> None:
        self._envelope = envelope
        self._message_ids: dict[tuple[str, int, int], str] = {}
        self._replies = Replies(envelope, self._message_id)
        self._partial = PartialEvents(self._message_id) if partial else None
        self._calls: dict[CallKey, SeenCall] = {}
        self._use_ids: set[str] = set()
        self._parents: dict[str, str | None] = {}

    def init(self, status: Status, plait_version: str) -> Message:
        return self._envelope.system(
            "init",
            cwd=status.cwd,
            tools=list(status.tools),
            mcp_servers=[],
            model=status.model,
            permissionMode=status.mode,
            slash_commands=[],
            plait_version=plait_version,
            sandbox=status.sandbox,
            agents=[],
            skills=[],
        )

    def use_id(self, key: CallKey) -> str:
        """Return the `tool_use_id` of a call."""
        seen = self._calls.get(key)
        return seen.use_id if seen is not None else str(key)

    def on(self, stamped: Stamped) -> list[Message]:
        due = self._messages(stamped)
        if self._partial is not None:
            parent = self._parents.get(stamped.agent)
            use_id = self.use_id(stamped.event.key) if isinstance(stamped.event, CallReserved) else ""
            due += [
                self._envelope.of("stream_event", event=event, parent_tool_use_id=parent)
                for event in self._partial.on(stamped, use_id)
            ]
        return due

    def _messages(self, stamped: Stamped) -> list[Message]:
        agent, at, parent = stamped.agent, stamped.at, self._parents.get(stamped.agent)
        match stamped.event:
            case TurnStarted(model=model):
                self._replies.model = model
            case TextEnded(turn=turn, reply=reply, text=text, partial=partial):
                content = {"type": "text", "text": text}
                return self._replies.block(agent, (turn, reply), at, content, parent=parent, partial=partial)
            case ThinkingEnded(turn=turn, reply=reply, text=text, partial=partial):
                content = {"type": "thinking", "thinking": text, "signature": ""}
                return self._replies.block(agent, (turn, reply), at, content, parent=parent, partial=partial)
            case ReplyEnded() as event:
                return self._replies.ended(agent, event)
            case CallReserved() as event:
                return self._reserved(event, at)
            case CallStarted(key=key) as event if key in self._calls:
                self._calls[key].started, self._calls[key].started_at = event, at
            case Progress(key=key) | OutputDelta(key=key):
                return self._progress(key, at)
            case CallEnded() as event:
                return self._ended(event, at)
            case RetryScheduled() as event:
                retry = self._envelope.system(
                    "api_retry", attempt=event.attempt, retry_delay_ms=round(event.wait_s * 1000), error=event.reason
                )
                return [*self._replies.drop(agent), retry]
            case HistoryReplaced(reason="compacted") as event:
                metadata = {"pre_tokens": event.tokens_before, "post_tokens": event.tokens_after}
                trigger = "manual" if event.by_user else "auto"
                return [self._envelope.system("compact_boundary", compact_metadata={"trigger": trigger, **metadata})]
            case TurnEnded(end="cancelled" | "limit_time"):
                return self._replies.cut(agent)
            case TurnEnded():
                return self._replies.drop(agent)
            case _:
                pass
        return []

    def _reserved(self, event: CallReserved, at: int) -> list[Message]:
        if event.parent is not None:
            self._parents[event.key.agent] = self.use_id(event.parent)
        seen = SeenCall(event, self._new_use_id(event), self._parents.get(event.key.agent))
        self._calls[event.key] = seen
        content = {"type": "tool_use", "id": seen.use_id, "name": event.name, "input": event.args}
        number = (event.key.turn, event.reply)
        return self._replies.block(event.key.agent, number, at, content, parent=seen.parent)

    def _ended(self, event: CallEnded, at: int) -> list[Message]:
        seen = self._calls.get(event.key)
        if seen is None:
            return []
        due = self._replies.flush(event.key.agent)
        if event.status == "denied":
            due.append(
                self._envelope.system(
                    "permission_denied", tool_name=seen.reserved.name, tool_use_id=seen.use_id, message=event.text
                )
            )
        result = {
            "type": "tool_result",
            "tool_use_id": seen.use_id,
            "content": event.text,
            "is_error": event.status != "ok",
        }
        detail = result_detail(ToolOutcome(event.status, event.text, event.detail))
        if event.reused is not None:
            detail["reused"] = self.use_id(event.reused)
        if event.files_changed:
            detail["files_changed"] = list(event.files_changed)
        due.append(
            self._envelope.of(
                "user",
                message={"role": "user", "content": [result]},
                parent_tool_use_id=seen.parent,
                timestamp=timestamp(at),
                tool_use_result=detail,
            )
        )
        due.append(self._schedule(seen, event))
        return due

    def _schedule(self, seen: SeenCall, event: CallEnded) -> Message:
        return self._envelope.system(
            "tool_schedule",
            tool_use_id=seen.use_id,
            lane=seen.started.lane if seen.started is not None else None,
            cap=seen.reserved.cap,
            effect=seen.reserved.effect,
            resources=list(seen.reserved.resources),
            waits_for=[{"id": self.use_id(one.key), "resource": one.resource} for one in seen.reserved.waits_for],
            queued_ms=event.queued_ms,
            run_ms=event.run_ms,
        )

    def _progress(self, key: CallKey, at: int) -> list[Message]:
        seen = self._calls.get(key)
        if seen is None or at - max(seen.told_at, seen.started_at) < PROGRESS_EVERY_MS:
            return []
        seen.told_at = at
        return [
            *self._replies.flush(key.agent),
            self._envelope.of(
                "tool_progress",
                tool_use_id=seen.use_id,
                tool_name=seen.reserved.name,
                parent_tool_use_id=seen.parent,
                elapsed_time_seconds=round((at - seen.started_at) / 1000, 1),
            ),
        ]

    def _new_use_id(self, event: CallReserved) -> str:
        """The provider's id, unless a server repeated one: then it would name two calls."""
        wanted = event.provider_id or f"call_{event.key}"
        numbered = (f"{wanted}_{number}" for number in itertools.count(2))
        use_id = wanted if wanted not in self._use_ids else next(one for one in numbered if one not in self._use_ids)
        self._use_ids.add(use_id)
        return use_id

    def _message_id(self, agent: str, turn: int, reply: int) -> str:
        key = (agent, turn, reply)
        if key not in self._message_ids:
            self._message_ids[key] = f"msg_{self._envelope.new_id()}"
        return self._message_ids[key]
