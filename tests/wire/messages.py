"""Anthropic Messages.

Source: https://docs.anthropic.com/en/api/messages, `/messages-streaming` and `/errors`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.wire.formats import event, plain_text, said
from tests.wire.script import Asked, Call, ErrorKind, Finish, Reply, Search, Status, Usage

IDENTITY = "msg_scripted"
STOP_REASONS: dict[Finish, str] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}
ERRORS: dict[ErrorKind, str] = {
    "server_error": "api_error",
    "overloaded": "overloaded_error",
    "rate_limit": "rate_limit_error",
    "context_length": "invalid_request_error",
    "quota": "invalid_request_error",
}
STATUS_ERRORS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    529: "overloaded_error",
}
MESSAGES = {
    "context_length": "prompt is too long: 210000 tokens > 200000 maximum",
    "quota": "Your credit balance is too low to access the Anthropic API.",
}


def usage_object(usage: Usage) -> dict[str, Any]:
    return {
        # Here, unlike at OpenAI, what the cache held or took is not part of the input tokens.
        "input_tokens": usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
    }


def error_object(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_scripted"}


def message_object(body: dict[str, Any], content: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    head = {"id": IDENTITY, "type": "message", "role": "assistant", "model": body.get("model", "")}
    return {**head, "content": content, "stop_reason": None, "stop_sequence": None, **more}


class MessagesEncoder:
    event_name = "content_block_delta"

    def __init__(self, body: dict[str, Any], usage: Usage) -> None:
        self._body = body
        self._usage = usage
        self._blocks = 0
        self._open = False
        self._beside: list[int] = []

    def _event(self, kind: str, **fields: Any) -> bytes:
        return event(kind, {"type": kind, **fields})

    def begin(self) -> bytes:
        usage = {**usage_object(self._usage), "output_tokens": 1}
        return self._event("message_start", message=message_object(self._body, [], usage=usage)) + self._event("ping")

    def _begin_block(self, block: dict[str, Any]) -> bytes:
        closed = self._close()
        self._open = True
        return closed + self._event("content_block_start", index=self._blocks, content_block=block)

    def _delta(self, **delta: Any) -> bytes:
        return self._event("content_block_delta", index=self._blocks, delta=delta)

    def _close(self) -> bytes:
        if not self._open:
            return b""
        self._open = False
        self._blocks += 1
        return self._event("content_block_stop", index=self._blocks - 1)

    def begin_text(self) -> bytes:
        return self._begin_block({"type": "text", "text": ""})

    def text(self, chunk: str) -> bytes:
        return self._delta(type="text_delta", text=chunk)

    def begin_thinking(self) -> bytes:
        return self._begin_block({"type": "thinking", "thinking": "", "signature": ""})

    def thinking(self, chunk: str) -> bytes:
        return self._delta(type="thinking_delta", thinking=chunk)

    def end_thinking(self, signature: str) -> bytes:
        return self._delta(type="signature_delta", signature=signature)

    def begin_call(self, call: Call, call_id: str) -> bytes:
        return self._begin_block({"type": "tool_use", "id": call_id, "name": call.name, "input": {}})

    def arguments(self, chunk: str) -> bytes:
        return self._delta(type="input_json_delta", partial_json=chunk)

    def open_beside(self, call: Call, call_id: str) -> tuple[int, bytes]:
        begun = self.begin_call(call, call_id)
        place, self._open = self._blocks, False
        self._blocks += 1
        self._beside.append(place)
        return place, begun

    def arguments_of(self, place: int, chunk: str) -> bytes:
        delta = {"type": "input_json_delta", "partial_json": chunk}
        return self._event("content_block_delta", index=place, delta=delta)

    def close_beside(self) -> bytes:
        closed = b"".join(self._event("content_block_stop", index=place) for place in self._beside)
        self._beside.clear()
        return closed

    def search(self, search: Search) -> bytes:
        identity = f"srvtoolu_{self._blocks}"
        call = {"type": "server_tool_use", "id": identity, "name": "web_search", "input": {}}
        sent = self._begin_block(call) + self._delta(
            type="input_json_delta", partial_json=json.dumps({"query": search.query})
        )
        found: Any = {"type": "web_search_tool_result_error", "error_code": "unavailable"}
        if search.pages is not None:
            found = [
                {
                    "type": "web_search_result",
                    "title": title,
                    "url": address,
                    "encrypted_content": "x",
                    "page_age": None,
                }
                for title, address in search.pages
            ]
        result = {"type": "web_search_tool_result", "tool_use_id": identity, "content": found}
        return sent + self._begin_block(result)

    def end(self, finish: Finish) -> bytes:
        stop = {"stop_reason": STOP_REASONS[finish], "stop_sequence": None}
        usage = {"output_tokens": self._usage.output_tokens}
        return self._close() + self._event("message_delta", delta=stop, usage=usage) + self._event("message_stop")

    def error(self, kind: ErrorKind, message: str) -> bytes:
        return event("error", error_object(ERRORS[kind], message))


class Messages:
    def asked(self, body: dict[str, Any]) -> Asked:
        messages = body.get("messages", [])
        blocks = [
            block
            for message in messages
            if message["role"] == "user" and isinstance(message["content"], list)
            for block in message["content"]
        ]
        return Asked(
            model=body.get("model", ""),
            streams=bool(body.get("stream")),
            tools=tuple(tool["name"] for tool in body.get("tools", ())),
            results=tuple(
                (block["tool_use_id"], plain_text(block.get("content")))
                for block in blocks
                if block["type"] == "tool_result"
            ),
            replies=sum(message["role"] == "assistant" for message in messages),
        )

    def encoder(self, body: dict[str, Any], usage: Usage) -> MessagesEncoder:
        return MessagesEncoder(body, usage)

    def whole(self, body: dict[str, Any], reply: Reply, ids: Iterator[str]) -> dict[str, Any]:
        text, thinking, signature, made = said(reply)
        content: list[dict[str, Any]] = []
        if thinking:
            content.append({"type": "thinking", "thinking": thinking, "signature": signature})
        if text:
            content.append({"type": "text", "text": text})
        for call in made:
            identity = call.id if call.id is not None else next(ids)
            content.append({"type": "tool_use", "id": identity, "name": call.name, "input": json.loads(call.arguments)})
        stop = STOP_REASONS[reply.finish_reason]
        return message_object(body, content, stop_reason=stop, usage=usage_object(reply.usage))

    def failure(self, status: Status) -> dict[str, Any]:
        by_status = STATUS_ERRORS.get(status.code, "invalid_request_error")
        kind = ERRORS[status.kind] if status.kind is not None else by_status
        message = status.message or MESSAGES.get(status.kind or "", f"The scripted answer is HTTP {status.code}.")
        return error_object(kind, message)

    def models(self, names: tuple[str, ...]) -> dict[str, Any]:
        data = [
            {"type": "model", "id": name, "display_name": name, "created_at": "2025-10-09T00:00:00Z"} for name in names
        ]
        return {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}
