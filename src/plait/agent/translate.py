"""pydantic-ai's messages and errors, and ours. The second of the files that import the library.

`History` is the conversation as a model sees it. Between turns it ends with a reply without open calls, so that
any prompt can follow, under any model.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter
from pydantic_ai import exceptions
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.usage import RequestUsage

from plait.agent.arriving import BrokenReply
from plait.agent.connecting import unreachable
from plait.config.models import KEY_VARIABLES
from plait.protocol.errors import PlaitError, ProviderError, UserError
from plait.protocol.events import Usage
from plait.protocol.ports import CutCall, Restored

MESSAGES: TypeAdapter[list[ModelMessage]] = TypeAdapter(
    list[ModelMessage], config={"ser_json_bytes": "base64", "val_json_bytes": "base64"}
)
PASSING = (408, 409, 425)
"""Statuses of a request that may be answered when it comes again: it took too long, met another, came too early."""
BROKEN_OFF = "[Plait ended here, before there was an answer.]"


class History:
    """The messages of one conversation, and how much of them the log has.

    That is counted in parts: between runs the library joins messages that follow each other, so that their number
    shrinks, but no part is lost by it.
    """

    def __init__(self) -> None:
        self.messages: list[ModelMessage] = []
        self._recorded = 0

    def restore(self, restored: Restored) -> None:
        """Take over a logged conversation; calls that were cut off get the result that the log could find out."""
        self.messages = [message for payload in restored.payloads for message in MESSAGES.validate_json(payload)]
        self._recorded = _count_parts(self.messages)
        self.close_calls(restored.cut_calls)
        self.end_turn(BROKEN_OFF)

    def take(self, messages: Sequence[ModelMessage]) -> str | None:
        """Follow the library's list; return the payload of what is new to the log, if anything is."""
        self.messages = list(messages)
        new = _without_first_parts(self.messages, self._recorded)
        self._recorded = _count_parts(self.messages)
        return MESSAGES.dump_json(new).decode() if new else None

    def unrecorded(self) -> str | None:
        """Return the payload of what the log does not have yet, if anything."""
        return self.take(self.messages)

    def replace(self, messages: Sequence[ModelMessage]) -> str:
        """Start over from `messages`; return the payload of all of them."""
        self.messages = list(messages)
        self._recorded = _count_parts(self.messages)
        return MESSAGES.dump_json(self.messages).decode()

    def drop_partial_reply(self) -> None:
        """Forget a reply that broke: neither its text nor its calls may be seen by the next request."""
        if self.messages and isinstance(last := self.messages[-1], ModelResponse) and last.state != "complete":
            self.messages.pop()
        self._join_requests()

    def keep_partial_text(self, messages: Sequence[ModelMessage]) -> None:
        """The user stopped a run: what its last reply had said stays, what it was about to call does not."""
        if not messages or not isinstance(last := messages[-1], ModelResponse) or last.state == "complete":
            return
        texts = [part for part in last.parts if isinstance(part, TextPart) and part.content]
        if texts:
            self.messages.append(dataclasses.replace(last, parts=texts, state="complete"))

    def close_calls(self, calls: Sequence[CutCall]) -> None:
        """Give every open call of the last reply a result: the known one, or that it was interrupted."""
        if not self.messages or not isinstance(last := self.messages[-1], ModelResponse):
            return
        open_calls = [part for part in last.parts if isinstance(part, ToolCallPart)]
        known = {call.provider_id: call for call in calls}
        returns = []
        for part in open_calls:
            call = known.get(part.tool_call_id)
            text = call.text if call else "Interrupted before it ran; nothing was done."
            outcome: Any = "success" if call and call.status == "ok" else "failed"
            returns.append(ToolReturnPart(part.tool_name, text, part.tool_call_id, outcome=outcome))
        if returns:
            self.messages.append(ModelRequest(parts=returns))

    def end_turn(self, why: str) -> None:
        """See to it that the history ends with a reply, saying `why` there is none."""
        if self.messages and isinstance(self.messages[-1], ModelRequest):
            self.messages.append(ModelResponse(parts=[TextPart(why)]))

    def add_prompt(self, prompt: str) -> None:
        """Add a prompt that never reached a request."""
        self.messages.append(ModelRequest(parts=[UserPromptPart(prompt)]))

    def sizes(self) -> list[int]:
        """Return a size for each message, in characters of its JSON."""
        return [len(MESSAGES.dump_json([message])) for message in self.messages]

    def user_prompts(self, until: int) -> list[str]:
        """Return what the user said in the messages before index `until`."""
        return [
            part.content
            for message in self.messages[:until]
            if isinstance(message, ModelRequest)
            for part in message.parts
            if isinstance(part, UserPromptPart) and isinstance(part.content, str)
        ]

    def compact(self, index: int, opening: str) -> str:
        """Replace the messages before `index` by one request; return the payload of the whole new history."""
        return self.replace([ModelRequest(parts=[UserPromptPart(opening)]), *self.messages[index:]])

    def add_exchange(self, said: str, answer: str) -> None:
        """Add something that happened outside a model's turn (a command of the user's)."""
        self.messages.append(ModelRequest(parts=[UserPromptPart(said)]))
        self.messages.append(ModelResponse(parts=[TextPart(answer)]))

    def call_ids(self) -> set[str]:
        return {
            part.tool_call_id
            for message in self.messages
            if isinstance(message, ModelResponse)
            for part in message.parts
            if isinstance(part, ToolCallPart)
        }

    def for_provider(self, system: str) -> list[ModelMessage]:
        """Return the messages without what only another provider understands (thinking, signatures, item ids)."""
        return [
            _without_foreign(message, system) if isinstance(message, ModelResponse) else message
            for message in self.messages
        ]

    def _join_requests(self) -> None:
        """Join trailing requests, as the library would, so that the count of what is recorded stays true."""
        while (
            len(self.messages) >= 2
            and isinstance(last := self.messages[-1], ModelRequest)
            and isinstance(before := self.messages[-2], ModelRequest)
        ):
            self.messages[-2:] = [dataclasses.replace(before, parts=[*before.parts, *last.parts])]
        self._recorded = min(self._recorded, _count_parts(self.messages))


def _count_parts(messages: Sequence[ModelMessage]) -> int:
    return sum(len(message.parts) for message in messages)


def _with_parts(message: ModelMessage, parts: list[Any]) -> ModelMessage:
    if isinstance(message, ModelRequest):
        return dataclasses.replace(message, parts=parts)
    return dataclasses.replace(message, parts=parts)


def _without_first_parts(messages: Sequence[ModelMessage], count: int) -> list[ModelMessage]:
    """Return the messages after the first `count` parts; one that the log has in part with the rest of its parts."""
    rest: list[ModelMessage] = []
    for message in messages:
        parts: list[Any] = list(message.parts[count:])
        count = max(0, count - len(message.parts))
        if parts:
            rest.append(message if len(parts) == len(message.parts) else _with_parts(message, parts))
    return rest


def in_turn(messages: Sequence[ModelMessage]) -> list[ModelMessage]:
    """Return the messages with what the user said in several pieces as one.

    The chat templates of local servers refuse two messages of the user in a row.
    """
    joined: list[ModelMessage] = []
    for message in messages:
        if isinstance(message, ModelRequest):
            before = joined.pop().parts if joined and isinstance(joined[-1], ModelRequest) else ()
            parts = _with_one_prompt([*before, *message.parts])
            message = message if parts == message.parts else dataclasses.replace(message, parts=parts)
        joined.append(message)
    return joined


def _with_one_prompt(parts: Sequence[Any]) -> list[Any]:
    joined: list[Any] = []
    for part in parts:
        before = joined[-1] if joined else None
        if (
            isinstance(part, UserPromptPart)
            and isinstance(before, UserPromptPart)
            and isinstance(part.content, str)
            and isinstance(before.content, str)
        ):
            joined[-1] = dataclasses.replace(before, content=f"{before.content}\n\n{part.content}")
        else:
            joined.append(part)
    return joined


def _without_foreign(message: ModelResponse, system: str) -> ModelResponse:
    if message.provider_name in (None, system):
        return message
    parts: list[Any] = []
    for part in message.parts:
        if isinstance(part, ThinkingPart):
            continue
        known = {field.name for field in dataclasses.fields(part)}
        changes: dict[str, Any] = {name: None for name in ("id", "provider_details", "provider_name") if name in known}
        parts.append(dataclasses.replace(part, **changes))
    return dataclasses.replace(
        message, parts=parts or [TextPart("…")], provider_response_id=None, provider_details=None, provider_name=None
    )


def usage_of(usage: RequestUsage, cost: Decimal | None) -> Usage:
    """`input_tokens` counts everything sent, cached tokens included, as the library normalises it."""
    return Usage(
        usage.input_tokens or 0,
        usage.output_tokens or 0,
        usage.cache_read_tokens or 0,
        usage.cache_write_tokens or 0,
        cost,
    )


def first_line(error: BaseException) -> str:
    """The first line of an error's text, at most 300 characters."""
    text = (str(error) or type(error).__name__).strip().splitlines()[0]
    return text if len(text) <= 300 else text[:299] + "…"


def one_line(text: str) -> str:
    """Return a text of the provider's as part of a line: at most 300 characters, without a full stop."""
    return " ".join(text.split()).rstrip(".")[:300]


def translate_error(error: Exception, model: str, way: str) -> PlaitError:
    """Return our error for one of the library's: one line that says what failed and what to do.

    `way` is the address of the model's service, in words.
    """
    if isinstance(error, PlaitError):
        return error
    where = f"`{model}`"
    at_address = f"{where} at {way}"
    not_reached = unreachable(error, at_address)
    if not_reached is not None:
        return not_reached
    status = getattr(error, "status_code", None)
    match error:
        case exceptions.ModelContextWindowExceededError():
            return ProviderError(
                f"The conversation no longer fits the context window of {where}.", status=status, is_context_full=True
            )
        case exceptions.ModelAuthenticationError():
            return ProviderError(
                f"{where} refused the key (HTTP {status or 401}): set {key_variable(model)} to a valid one.",
                status=status or 401,
            )
        case exceptions.ModelNotFoundError():
            return ProviderError(
                f"The provider does not know {at_address} (HTTP 404): check the model's name and `--base-url`.",
                status=404,
            )
        case exceptions.ModelQuotaExceededError():
            return ProviderError(f"The account behind {where} has no quota or credit left: {_said(error)}", status=429)
        case exceptions.ModelRateLimitError():
            return ProviderError(
                f"{where} is limiting requests (HTTP 429).",
                status=429,
                retry_after_s=_retry_after_s(error),
                retryable=True,
            )
        case exceptions.ModelUnavailableError() | exceptions.ModelServerError():
            return ProviderError(
                f"{where} failed (HTTP {status or 'error in the stream'}): {_said(error)}",
                status=status,
                retry_after_s=_retry_after_s(error),
                retryable=True,
            )
        case exceptions.ModelRequestTimeout() | exceptions.ModelTimeoutError():
            return ProviderError(f"{where} did not answer in time.", retryable=True)
        case exceptions.ModelConnectionError():
            return ProviderError(
                f"No connection to {at_address}: {first_line(error)} Check the network, the proxy and `--base-url`.",
                retryable=True,
            )
        case exceptions.ModelAPIError() if status is None:
            # No answer of the service's but one that cannot be read: a chunk that is no JSON.
            return BrokenReply(f"The reply of {where} cannot be read: {first_line(error)}", retryable=True)
        case exceptions.ModelAPIError():
            return ProviderError(
                f"{at_address} refused the request (HTTP {status}): {_said(error)}",
                status=status,
                retry_after_s=_retry_after_s(error),
                retryable=status in PASSING,
            )
        case exceptions.UnexpectedModelBehavior():
            return BrokenReply(f"The reply of {where} cannot be used: {first_line(error)}", retryable=True)
        case exceptions.UserError():
            return UserError(first_line(error))
        case _:
            # What the SDKs raise beyond the library's own errors: a chunk that is no JSON, a connection torn mid-way.
            return BrokenReply(
                f"The reply of {where} broke off: {type(error).__name__}: {first_line(error)}", retryable=True
            )


def _said(error: exceptions.ModelAPIError) -> str:
    """Return the service's own words for what went wrong, else the library's."""
    body = error.body if isinstance(error, exceptions.ModelHTTPError) else None
    inner = body.get("error", body) if isinstance(body, dict) else body
    said = inner.get("message") if isinstance(inner, dict) else None
    return one_line(said) if isinstance(said, str) and said.strip() else first_line(error)


def _retry_after_s(error: exceptions.ModelAPIError) -> float | None:
    """What the service asks for; the library reads whole seconds and dates only."""
    if error.retry_after is not None:
        return error.retry_after
    headers = error.headers if isinstance(error, exceptions.ModelHTTPError) else None
    try:
        asked_s = float((headers or {}).get("retry-after", ""))
    except ValueError:
        return None
    return asked_s if 0 <= asked_s < math.inf else None


def key_variable(model: str) -> str:
    provider = model.partition(":")[0]
    return f"`{KEY_VARIABLES[provider]}`" if provider in KEY_VARIABLES else "the provider's API key"
