"""OpenAI Chat Completions, as OpenAI and the many compatible servers speak it.

Source: https://platform.openai.com/docs/api-reference/chat and `/chat-streaming`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.wire.formats import event, plain_text, said
from tests.wire.script import Asked, Call, ErrorKind, Finish, Reply, Search, Status, Usage

CREATED = 1_760_000_000
IDENTITY = "chatcmpl-scripted"

# (type, code) of the error object.
ERRORS: dict[ErrorKind, tuple[str, str | None]] = {
    "server_error": ("server_error", None),
    "overloaded": ("server_error", "server_is_overloaded"),
    "rate_limit": ("requests", "rate_limit_exceeded"),
    "context_length": ("invalid_request_error", "context_length_exceeded"),
    "quota": ("insufficient_quota", "insufficient_quota"),
}
STATUS_ERRORS: dict[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ERRORS["rate_limit"],
    500: ERRORS["server_error"],
    503: ERRORS["overloaded"],
    529: ERRORS["overloaded"],
}
MESSAGES = {
    "context_length": (
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 131072 tokens. "
        "Please reduce the length of the messages."
    ),
    "quota": "You exceeded your current quota, please check your plan and billing details.",
}


def error_object(status: Status) -> dict[str, Any]:
    kind, code = (
        ERRORS[status.kind]
        if status.kind is not None
        else STATUS_ERRORS.get(status.code, ("invalid_request_error", None))
    )
    message = status.message or MESSAGES.get(status.kind or "", f"The scripted answer is HTTP {status.code}.")
    return {"message": message, "type": kind, "param": None, "code": code}


def usage_object(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


class ChatEncoder:
    event_name = None

    def __init__(self, body: dict[str, Any], usage: Usage) -> None:
        self._model = body.get("model", "")
        self._usage = usage if (body.get("stream_options") or {}).get("include_usage") else None
        self._calls = 0

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        return self._event([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}])

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        head = {"id": IDENTITY, "object": "chat.completion.chunk", "created": CREATED, "model": self._model}
        return event(None, {**head, "choices": choices, **more})

    def begin(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def begin_text(self) -> bytes:
        return b""

    def text(self, chunk: str) -> bytes:
        return self._chunk({"content": chunk})

    def begin_thinking(self) -> bytes:
        return b""

    def thinking(self, chunk: str) -> bytes:
        # Not OpenAI's own: what the servers of open models call it.
        return self._chunk({"reasoning_content": chunk})

    def end_thinking(self, signature: str) -> bytes:
        return b""

    def begin_call(self, call: Call, call_id: str) -> bytes:
        self._calls += 1
        function = {"name": call.name, "arguments": ""}
        made = {"index": self._calls - 1, "id": call_id, "type": "function", "function": function}
        return self._chunk({"tool_calls": [made if call_id else {**made, "id": None}]})

    def arguments(self, chunk: str) -> bytes:
        return self.arguments_of(self._calls - 1, chunk)

    def open_beside(self, call: Call, call_id: str) -> tuple[int, bytes]:
        return self._calls, self.begin_call(call, call_id)

    def arguments_of(self, place: int, chunk: str) -> bytes:
        return self._chunk({"tool_calls": [{"index": place, "function": {"arguments": chunk}}]})

    def close_beside(self) -> bytes:
        return b""

    def search(self, search: Search) -> bytes:
        raise NotImplementedError("chat completions have no search of the provider's")

    def end(self, finish: Finish) -> bytes:
        usage = self._event([], usage=usage_object(self._usage)) if self._usage is not None else b""
        return self._chunk({}, finish) + usage + b"data: [DONE]\n\n"

    def error(self, kind: ErrorKind, message: str) -> bytes:
        return event(None, {"error": error_object(Status(500, kind=kind, message=message))})


class OpenAI:
    """What both of OpenAI's formats answer in the same way."""

    def failure(self, status: Status) -> dict[str, Any]:
        return {"error": error_object(status)}

    def models(self, names: tuple[str, ...]) -> dict[str, Any]:
        data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "scripted"} for name in names]
        return {"object": "list", "data": data}


class Chat(OpenAI):
    def asked(self, body: dict[str, Any]) -> Asked:
        messages = body.get("messages", [])
        return Asked(
            model=body.get("model", ""),
            streams=bool(body.get("stream")),
            tools=tuple(tool["function"]["name"] for tool in body.get("tools", ())),
            results=tuple(
                (message["tool_call_id"], plain_text(message["content"]))
                for message in messages
                if message["role"] == "tool"
            ),
            replies=sum(message["role"] == "assistant" for message in messages),
        )

    def encoder(self, body: dict[str, Any], usage: Usage) -> ChatEncoder:
        return ChatEncoder(body, usage)

    def whole(self, body: dict[str, Any], reply: Reply, ids: Iterator[str]) -> dict[str, Any]:
        text, thinking, _, made = said(reply)
        message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
        if thinking:
            message["reasoning_content"] = thinking
        if made:
            message["tool_calls"] = [
                {
                    "id": call.id if call.id is not None else next(ids),
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in made
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
        head = {"id": IDENTITY, "object": "chat.completion", "created": CREATED, "model": body.get("model", "")}
        return {**head, "choices": [choice], "usage": usage_object(reply.usage)}
