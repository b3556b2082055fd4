"""OpenAI Responses.

Source: https://platform.openai.com/docs/api-reference/responses and `/responses-streaming`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from tests.wire.chat import CREATED, OpenAI, error_object
from tests.wire.formats import event, plain_text, said
from tests.wire.script import Asked, Call, ErrorKind, Finish, Reply, Search, Status, Usage

IDENTITY = "resp_scripted"
INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def usage_object(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cache_read_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def response_object(body: dict[str, Any], status: str, output: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "id": IDENTITY,
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "model": body.get("model", ""),
        "output": output,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
        **more,
    }


def ending(finish: Finish, usage: Usage) -> dict[str, Any]:
    """Return the fields in which a finished response differs from one under way."""
    reason = INCOMPLETE.get(finish)
    done: dict[str, Any] = {"status": "incomplete" if reason else "completed", "usage": usage_object(usage)}
    return {**done, "incomplete_details": {"reason": reason}} if reason else done


def message_item(identity: str, text: str, status: str = "completed") -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}] if text else []
    return {"id": identity, "type": "message", "role": "assistant", "status": status, "content": content}


def call_item(identity: str, call_id: str, name: str, arguments: str, status: str = "completed") -> dict[str, Any]:
    item = {"id": identity, "type": "function_call", "call_id": call_id, "name": name}
    return {**item, "arguments": arguments, "status": status}


def reasoning_item(identity: str, text: str) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}] if text else []
    return {"id": identity, "type": "reasoning", "summary": summary, "encrypted_content": None, "status": "completed"}


class ResponsesEncoder:
    event_name = "response.output_text.delta"

    def __init__(self, body: dict[str, Any], usage: Usage) -> None:
        self._body = body
        self._usage = usage
        self._numbers = itertools.count()
        self._output: list[dict[str, Any]] = []
        self._open: Call | None = None
        self._open_type: str | None = None
        self._call_id = ""
        self._said = ""
        self._beside: dict[int, dict[str, Any]] = {}

    def _event(self, kind: str, **fields: Any) -> bytes:
        return event(kind, {"type": kind, "sequence_number": next(self._numbers), **fields})

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": f"item_{len(self._output)}", "output_index": len(self._output)}

    def begin(self) -> bytes:
        response = response_object(self._body, "in_progress", [])
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def _begin_item(self, kind: str, item: dict[str, Any]) -> bytes:
        closed = self._close()
        self._open_type, self._said = kind, ""
        # Closing the one before has moved the place.
        item = {**item, "id": self._place["item_id"]}
        return closed + self._event("response.output_item.added", output_index=len(self._output), item=item)

    def _close(self) -> bytes:
        """Return the events that end the item under way, if there is one."""
        place, said = self._place, self._said
        match self._open_type:
            case None:
                return b""
            case "message":
                item = message_item(place["item_id"], said)
                part = {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
                ends = self._event("response.output_text.done", content_index=0, text=said, logprobs=[], **place)
                ends += self._event("response.content_part.done", content_index=0, part=part, **place)
            case "reasoning":
                item = reasoning_item(place["item_id"], said)
                part = {"type": "summary_text", "text": said}
                ends = self._event("response.reasoning_summary_text.done", summary_index=0, text=said, **place)
                ends += self._event("response.reasoning_summary_part.done", summary_index=0, part=part, **place)
            case _:
                assert self._open is not None
                item = call_item(place["item_id"], self._call_id, self._open.name, said)
                ends = self._event(
                    "response.function_call_arguments.done", name=self._open.name, arguments=said, **place
                )
        self._open_type = None
        ends += self._event("response.output_item.done", output_index=place["output_index"], item=item)
        self._output.append(item)
        return ends

    def begin_text(self) -> bytes:
        begun = self._begin_item("message", message_item("", "", "in_progress"))
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        return begun + self._event("response.content_part.added", content_index=0, part=part, **self._place)

    def text(self, chunk: str) -> bytes:
        self._said += chunk
        return self._event("response.output_text.delta", content_index=0, delta=chunk, logprobs=[], **self._place)

    def begin_thinking(self) -> bytes:
        begun = self._begin_item("reasoning", reasoning_item("", ""))
        part = {"type": "summary_text", "text": ""}
        return begun + self._event("response.reasoning_summary_part.added", summary_index=0, part=part, **self._place)

    def thinking(self, chunk: str) -> bytes:
        self._said += chunk
        return self._event("response.reasoning_summary_text.delta", summary_index=0, delta=chunk, **self._place)

    def end_thinking(self, signature: str) -> bytes:
        return b""

    def begin_call(self, call: Call, call_id: str) -> bytes:
        begun = self._begin_item("function_call", call_item("", call_id, call.name, "", "in_progress"))
        self._open, self._call_id = call, call_id
        return begun

    def arguments(self, chunk: str) -> bytes:
        self._said += chunk
        return self._event("response.function_call_arguments.delta", delta=chunk, **self._place)

    def open_beside(self, call: Call, call_id: str) -> tuple[int, bytes]:
        closed = self._close()
        place = len(self._output)
        item = call_item(f"item_{place}", call_id, call.name, "", "in_progress")
        self._output.append(item)
        self._beside[place] = dict(item)
        return place, closed + self._event("response.output_item.added", output_index=place, item=item)

    def arguments_of(self, place: int, chunk: str) -> bytes:
        item = self._beside[place]
        item["arguments"] += chunk
        return self._event(
            "response.function_call_arguments.delta", delta=chunk, item_id=item["id"], output_index=place
        )

    def close_beside(self) -> bytes:
        ends = b""
        for place, item in self._beside.items():
            done = {"name": item["name"], "arguments": item["arguments"]}
            ends += self._event("response.function_call_arguments.done", item_id=item["id"], output_index=place, **done)
            self._output[place] = {**item, "status": "completed"}
            ends += self._event("response.output_item.done", output_index=place, item=self._output[place])
        self._beside.clear()
        return ends

    def search(self, search: Search) -> bytes:
        begun = self._begin_item("web_search_call", {"type": "web_search_call", "status": "in_progress"})
        place, self._open_type = self._place, None
        status = "completed" if search.pages is not None else "failed"
        item: dict[str, Any] = {"id": place["item_id"], "type": "web_search_call", "status": status}
        sources = [{"type": "url", "url": address} for _, address in search.pages or ()]
        item["action"] = {"type": "search", "query": search.query, "sources": sources}
        self._output.append(item)
        return begun + self._event("response.output_item.done", output_index=place["output_index"], item=item)

    def end(self, finish: Finish) -> bytes:
        closed = self._close()
        done = ending(finish, self._usage)
        response = response_object(self._body, output=self._output, **done)
        return closed + self._event(f"response.{done['status']}", response=response)

    def error(self, kind: ErrorKind, message: str) -> bytes:
        found = error_object(Status(500, kind=kind, message=message))
        return self._event("error", code=found["code"] or found["type"], message=message, param=None)


class Responses(OpenAI):
    def asked(self, body: dict[str, Any]) -> Asked:
        items = body.get("input", [])
        items = items if isinstance(items, list) else []
        of_model = [
            item.get("type") in ("function_call", "reasoning") or item.get("role") == "assistant" for item in items
        ]
        return Asked(
            model=body.get("model", ""),
            streams=bool(body.get("stream")),
            tools=tuple(tool.get("name", tool["type"]) for tool in body.get("tools", ())),
            results=tuple(
                (item["call_id"], plain_text(item["output"]))
                for item in items
                if item.get("type") == "function_call_output"
            ),
            # The items of one reply stand next to each other.
            replies=sum(here and not before for before, here in itertools.pairwise([False, *of_model])),
        )

    def encoder(self, body: dict[str, Any], usage: Usage) -> ResponsesEncoder:
        return ResponsesEncoder(body, usage)

    def whole(self, body: dict[str, Any], reply: Reply, ids: Iterator[str]) -> dict[str, Any]:
        text, thinking, _, made = said(reply)
        output = [reasoning_item("item_r", thinking)] if thinking else []
        output += [message_item("item_m", text)] if text else []
        output += [
            call_item(f"item_{index}", call.id if call.id is not None else next(ids), call.name, call.arguments)
            for index, call in enumerate(made)
        ]
        return response_object(body, output=output, **ending(reply.finish_reason, reply.usage))
