"""One reply as it streams: the library's events taken apart for a sink, while somebody watches over the silence.

One of the files that import pydantic_ai.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from pydantic_ai.messages import (
    NativeToolCallPart,
    NativeToolReturnPart,
    PartDeltaEvent,
    PartEndEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
    ToolCallPart,
    ToolCallPartDelta,
)
from pydantic_ai.models import Model

from plait.agent.arriving import ArrivingParts, BrokenReply, read_arguments
from plait.agent.connecting import speaks_tls, speaks_tls_error, unreachable
from plait.agent.patience import GaveUp, Patience, Silence, watched
from plait.agent.replies import ReplySink
from plait.agent.transport import bytes_told
from plait.protocol.errors import ProviderError


@dataclass(frozen=True, slots=True)
class Waiting:
    """Seconds: without a byte before the first content (asked again and again) and after it; until it is told."""

    first_token_s: Callable[[], float]
    idle_s: float
    tell_after_s: float


async def read_reply(
    opening: AbstractAsyncContextManager[AsyncIterable[Any]],
    model: Model,
    name: str,
    sink: ReplySink,
    ids: set[str],
    waiting: Waiting,
) -> ArrivingParts:
    """Make a request, hand the events of its reply to `sink`, and return its parts.

    `ids` are those of the conversation's calls so far; new ones join them.

    Raises:
        BrokenReply, ProviderError: Nothing came for too long, or the server expects TLS.
        Exception: The library's own, for all else.
    """
    now = asyncio.get_running_loop().time
    patience = Patience(waiting.first_token_s, waiting.idle_s, now())
    arriving = ArrivingParts(sink, ids)

    def tell(silence: Silence) -> None:
        sink.awaited(silence.waited_s, silence.silent_s, silence.limit_s)

    try:
        async with watched(patience, tell, waiting.tell_after_s):
            with bytes_told(lambda: patience.byte_came(now())):
                async with opening as stream:
                    async for event in stream:
                        if is_content(event):
                            patience.content_came(now())
                        _hand_on(event, sink, arriving)
    except GaveUp as error:
        raise _silent(error, name, model.base_url) from None
    except Exception as error:
        address = model.base_url or ""
        if patience.has_bytes or unreachable(error, name) is not None or not await speaks_tls(address):
            raise
        raise speaks_tls_error(f"`{name}` at `{address}`") from error
    return arriving


def is_content(event: Any) -> bool:
    """Return whether a model has begun to speak: text, thinking or a call. A chunk with a role only is none."""
    match event:
        case PartStartEvent(part=TextPart(content="") | ThinkingPart(content="")):
            return False
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text) | ThinkingPartDelta(content_delta=text)):
            return bool(text)
        case PartStartEvent() | PartDeltaEvent():
            return True
        case _:
            return False


def _hand_on(event: Any, sink: ReplySink, arriving: ArrivingParts) -> None:
    match event:
        case PartDeltaEvent(index=index, delta=TextPartDelta(content_delta=text)) if text:
            arriving.text(index, text)
        case PartStartEvent(index=index, part=TextPart(content=text)) if text:
            arriving.text(index, text)
        case PartStartEvent(index=index, part=ThinkingPart(content=text)) if text:
            arriving.thinking(index, text)
        case PartDeltaEvent(index=index, delta=ThinkingPartDelta(content_delta=text)) if text:
            arriving.thinking(index, text)
        case PartStartEvent(index=index, part=ToolCallPart(name, args, identity)):
            arriving.begin(index, name, identity, args)
        case PartDeltaEvent(index=index, delta=ToolCallPartDelta(args_delta=delta)) if delta:
            arriving.add(index, delta)
        case PartEndEvent(part=NativeToolCallPart(name, args, identity)):
            sink.provider_call(name, read_arguments(args)[0], identity)
        case PartStartEvent(part=NativeToolReturnPart(content=content, tool_call_id=identity)):
            sink.provider_result(identity, content)
        case PartEndEvent(index=index, part=TextPart(content=text)):
            arriving.text_ended(index, text)
        case PartEndEvent(index=index, part=ThinkingPart(content=text)):
            arriving.thinking_ended(index, text)
        case PartEndEvent(index=index, part=ToolCallPart(name, _, identity)):
            arriving.end(index, name, identity)
        case _:
            # The library adds kinds of events in minor versions.
            pass


def _silent(error: GaveUp, name: str, address: str | None) -> ProviderError:
    if error.has_content:
        return BrokenReply(
            f"`{name}` said nothing more for {error.silent_s:g} s in the middle of its reply.", retryable=True
        )
    return ProviderError(
        f"`{name}` at `{address}` sent nothing for {error.silent_s:g} s. A model that needs longer gets it by "
        "`deadlines.first_token_s`.",
        retryable=True,
        max_retries=1,
    )
