"""The lines of stream-json: how a message is built and written. Pure.

A message is a JSON object; every one carries the session's id and a `uuid` of its own.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from plait.protocol.calls import ToolOutcome
from plait.protocol.events import Usage

Message = dict[str, Any]

# What the library calls the end of a reply, in the dialect's words.
STOP_REASONS = {
    "stop": "end_turn",
    "tool_call": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}


def encode(message: Message | list[Message], *, terminal: bool = False) -> bytes:
    """Return one line of JSON. A file name that is not UTF-8 becomes the JSON escape of its surrogates.

    On a terminal all that is not ASCII is escaped: C1 controls and the like are no control characters to JSON.
    """
    text = json.dumps(message, ensure_ascii=terminal, separators=(",", ":"), default=_plain)
    # Inside JSON a surrogate can only stand within a string, where `\\udcXX` is its escape.
    text = text.replace("\x7f", "\\u007f") if terminal else text
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Decimal):
        return float(value)
    return str(value)


def timestamp(at: int) -> str:
    """Return Unix milliseconds as ISO 8601 in UTC."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at / 1000))}.{at % 1000:03d}Z"


def stop_reason(finish_reason: str, *, has_calls: bool) -> str:
    """Return why a reply ended. Some services say `stop` of a reply with calls, too."""
    if finish_reason == "stop" and has_calls:
        return "tool_use"
    return STOP_REASONS.get(finish_reason, finish_reason)


def usage_json(usage: Usage) -> dict[str, int]:
    """Return token counts as the dialect has them: `input_tokens` without what came from or went to a cache."""
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    return {
        "input_tokens": max(0, usage.input_tokens - cached),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
    }


def result_detail(outcome: ToolOutcome) -> dict[str, Any]:
    """Return what a call's end has beside the text for the model."""
    detail = _plain(outcome.detail) if outcome.detail is not None else {}
    assert isinstance(detail, dict)
    return {"status": outcome.status, **detail}


@dataclasses.dataclass(frozen=True, slots=True)
class Envelope:
    """What every message of a session carries. `new_id` returns a fresh UUID each time."""

    session_id: str
    new_id: Callable[[], str]

    def system(self, subtype: str, **fields: Any) -> Message:
        return {"type": "system", "subtype": subtype, **fields, "session_id": self.session_id, "uuid": self.new_id()}

    def of(self, kind: str, **fields: Any) -> Message:
        return {"type": kind, **fields, "session_id": self.session_id, "uuid": self.new_id()}
