"""The seam between a turn and the model adapter: what a streamed reply says, call by call.

The adapter (`agent.model`) calls a `ReplySink`; the turn (`agent.turn`) is one. Neither knows the other's library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from plait.protocol.calls import ToolOutcome
from plait.protocol.events import Usage
from plait.tools.base import ToolSpec


@dataclass(frozen=True, slots=True)
class ReplyInfo:
    """A complete reply: the model's own name, why it stopped, what it cost. Context sizes in tokens.

    `is_empty`: it holds neither text nor calls, so it is no answer, but it was paid for. `refusal`: the provider's own
    words for why it said no more, one line.
    """

    model: str
    finish_reason: str
    usage: Usage
    context_tokens: int
    context_window: int | None
    text: str
    is_empty: bool = False
    refusal: str = ""


class ReplySink(Protocol):
    """Contract: called on the engine's loop, in the order of the stream; only `outcome` waits."""

    def request_sent(self) -> None: ...

    def awaited(self, waited_s: float, silent_s: float, limit_s: float) -> None:
        """The reply does not come; see `ReplyAwaited`."""
        ...

    def text(self, part: int, delta: str) -> None: ...

    def thinking(self, part: int, delta: str) -> None: ...

    def arguments(self, part: int, name: str, characters: int) -> None: ...

    def text_ended(self, part: int, text: str) -> None: ...

    def thinking_ended(self, part: int, text: str) -> None: ...

    def call(self, name: str, args: dict[str, Any], provider_id: str, malformed: str | None) -> None:
        """A call's arguments have arrived. `provider_id` is unique in the conversation."""
        ...

    def provider_call(self, name: str, args: dict[str, Any], provider_id: str) -> None:
        """The provider does something itself: it searches the web."""
        ...

    def provider_result(self, provider_id: str, content: object) -> None:
        """That is done; `content` as the provider says it."""
        ...

    def reply_ended(self, reply: ReplyInfo) -> None:
        """The reply is whole and, unless it is empty, in the history: what its calls do may be done."""
        ...

    async def outcome(self, provider_id: str) -> ToolOutcome: ...

    def recorded(self, payload: str) -> None:
        """These messages have joined the history."""
        ...


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What one run of the model needs. `prompt` is None to go on from a history that ends with a request.

    `offered` is asked before every request, since the mode may change; `pause` too: if it returns True the run
    stops before that request, with everything so far in the history. `searches`: whether the provider may search the
    web itself, if it can.
    """

    prompt: str | None
    sink: ReplySink
    instructions: str
    situation: Callable[[], str]
    offered: Callable[[], Sequence[ToolSpec]]
    pause: Callable[[], bool]
    searches: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class RunEnd:
    """`paused`: it stopped before a request because it was asked to; else the model is done, `text` is its last."""

    text: str
    paused: bool = False
