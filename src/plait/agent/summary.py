"""Ask the model for a summary of the older part of a conversation: told, retried and counted like a reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from plait.agent.arriving import EmptyReply
from plait.agent.replies import ReplyInfo, RunRequest
from plait.agent.retries import Retries
from plait.protocol.calls import ToolOutcome
from plait.protocol.errors import InternalError, ProviderError
from plait.protocol.events import ReplyAwaited, RetryScheduled, SummaryMade, Usage
from plait.protocol.ports import Emit


class Summarizing(Protocol):
    """What is needed of `agent.model.ModelClient`."""

    name: str

    async def summarise(self, index: int, request: RunRequest) -> ReplyInfo: ...


class SummarySink:
    """The sink of a summary: nothing of it is shown as it comes, and nothing joins the history."""

    def __init__(self, emit: Emit, turn: int) -> None:
        self._emit = emit
        self._turn = turn

    def request_sent(self) -> None: ...

    def awaited(self, waited_s: float, silent_s: float, limit_s: float) -> None:
        self._emit(ReplyAwaited(self._turn, 0, round(waited_s, 1), round(silent_s, 1), limit_s))

    def text(self, part: int, delta: str) -> None: ...

    def thinking(self, part: int, delta: str) -> None: ...

    def arguments(self, part: int, name: str, characters: int) -> None: ...

    def text_ended(self, part: int, text: str) -> None: ...

    def thinking_ended(self, part: int, text: str) -> None: ...

    def call(self, name: str, args: dict[str, Any], provider_id: str, malformed: str | None) -> None: ...

    def provider_call(self, name: str, args: dict[str, Any], provider_id: str) -> None: ...

    def provider_result(self, provider_id: str, content: object) -> None: ...

    def reply_ended(self, reply: ReplyInfo) -> None: ...

    async def outcome(self, provider_id: str) -> ToolOutcome:
        raise InternalError("a summary makes no calls")

    def recorded(self, payload: str) -> None: ...


async def ask_for_summary(
    client: Summarizing,
    index: int,
    request: RunRequest,
    *,
    turn: int,
    retries: Retries,
    emit: Emit,
    spent: Callable[[Usage], None],
) -> str:
    """Return the model's summary of the messages before `index`. `turn` is 0 outside of one.

    Raises:
        ProviderError, UserError: There is none, also after what was tried again.
    """
    while True:
        began_s = time.monotonic()
        try:
            reply = await client.summarise(index, request)
            spent(reply.usage)
            emit(SummaryMade(turn, reply.model, reply.usage, round((time.monotonic() - began_s) * 1000)))
            if not reply.text.strip():
                raise EmptyReply(f"`{client.name}` answered with nothing.")
            return reply.text
        except ProviderError as error:
            wait_s = retries.next_wait_s(error, None)
            if wait_s is None:
                raise
            emit(RetryScheduled(turn, retries.attempt, str(error), wait_s))
        await asyncio.sleep(wait_s)
