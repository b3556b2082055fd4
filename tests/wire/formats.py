"""What the three wire formats have in common: the face of an encoder, and server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Protocol

from tests.wire.script import Asked, Call, ErrorKind, Finish, Reply, Search, Status, Text, Thinking, Usage

REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    529: "Overloaded",
}


class Encoder(Protocol):
    """One reply on its way, as the bytes of a stream. A block is closed when the next one begins or at the end."""

    @property
    def event_name(self) -> str | None:
        """The name of an event that carries a bit of text."""

    def begin(self) -> bytes: ...

    def begin_text(self) -> bytes: ...

    def text(self, chunk: str) -> bytes: ...

    def begin_thinking(self) -> bytes: ...

    def thinking(self, chunk: str) -> bytes: ...

    def end_thinking(self, signature: str) -> bytes: ...

    def begin_call(self, call: Call, call_id: str) -> bytes: ...

    def arguments(self, chunk: str) -> bytes: ...

    def open_beside(self, call: Call, call_id: str) -> tuple[int, bytes]:
        """Open a call that others may be opened beside; return also the place that its arguments name."""

    def arguments_of(self, place: int, chunk: str) -> bytes: ...

    def close_beside(self) -> bytes:
        """Close the calls that stand open beside each other."""

    def search(self, search: Search) -> bytes: ...

    def end(self, finish: Finish) -> bytes: ...

    def error(self, kind: ErrorKind, message: str) -> bytes: ...


class Format(Protocol):
    """A provider's way of speaking: how requests are read, replies and errors are written."""

    def asked(self, body: dict[str, Any]) -> Asked: ...

    def encoder(self, body: dict[str, Any], usage: Usage) -> Encoder: ...

    def whole(self, body: dict[str, Any], reply: Reply, ids: Iterator[str]) -> dict[str, Any]: ...

    def failure(self, status: Status) -> dict[str, Any]: ...

    def models(self, names: tuple[str, ...]) -> dict[str, Any]: ...


def event(name: str | None, data: dict[str, Any] | bytes) -> bytes:
    """Return one server-sent event (WHATWG HTML, section 9.2); bytes are sent as they are."""
    head = f"event: {name}\n".encode() if name is not None else b""
    raw = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return head + b"data: " + raw + b"\n\n"


def pieces(text: str, chunk_chars: int) -> list[str]:
    return [text[at : at + chunk_chars] for at in range(0, len(text), chunk_chars)]


def said(reply: Reply) -> tuple[str, str, str, list[Call]]:
    """Return the text, the thinking, its signature and the calls of a reply that is sent in one piece."""
    text = "".join(part.text for part in reply.parts if isinstance(part, Text))
    thoughts = [part for part in reply.parts if isinstance(part, Thinking)]
    made = [part for part in reply.parts if isinstance(part, Call)]
    return text, "".join(part.text for part in thoughts), thoughts[-1].signature if thoughts else "", made


def plain_text(content: Any) -> str:
    """Return the text of a message's content, which is a string or a list of blocks."""
    if isinstance(content, list):
        return "".join(block.get("text", "") for block in content if isinstance(block, dict))
    return content if isinstance(content, str) else ""
