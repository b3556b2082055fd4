"""What the wire server is told to say: turns, and how they go wrong. No HTTP and no provider's format here.

A turn is a `Reply`, or a failure of the whole response. A reply is a sequence of parts; a `Break` among them ends the
response there and leaves open what was open. In a scenario file (JSON) the same words are the keys of objects.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Finish = Literal["stop", "tool_calls", "length", "content_filter"]
ErrorKind = Literal["server_error", "overloaded", "rate_limit", "context_length", "quota"]
BreakKind = Literal["cut", "reset", "close", "stall", "malformed", "error"]


@dataclass(frozen=True, slots=True)
class Text:
    """Text of the answer. `gap_s` passes before each of its chunks."""

    text: str
    chunk_chars: int = 24
    gap_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Thinking:
    """Reasoning, with the signature that Anthropic wants back."""

    text: str
    signature: str = "c2lnbmF0dXJl"
    chunk_chars: int = 24
    gap_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. `raw` is sent instead of the JSON of `args`; `id` as given, even if it is not unique.

    Chat servers of local models send no id at all (`id=""`).
    """

    name: str
    args: dict[str, Any] = field(default_factory=dict)
    id: str | None = None
    raw: str | None = None
    chunk_chars: int = 64
    gap_s: float = 0.0

    @property
    def arguments(self) -> str:
        return json.dumps(self.args) if self.raw is None else self.raw


@dataclass(frozen=True, slots=True)
class Interleaved:
    """Calls whose arguments arrive in turns.

    `order` names the call of each chunk, counted from 0; a call is opened where it is first named. Those never named
    are opened then, and what is left of all follows by turns.
    """

    calls: tuple[Call, ...]
    order: tuple[int, ...] = ()

    def chunks(self) -> list[tuple[int, str]]:
        """Return the number of a call and a chunk of its arguments, in the order in which they are sent."""
        left = {
            number: [raw[at : at + call.chunk_chars] for at in range(0, len(raw), call.chunk_chars)]
            for number, call in enumerate(self.calls)
            for raw in (call.arguments,)
        }
        sent = [(number, left[number].pop(0) if left[number] else "") for number in self.order]
        sent += [(number, "") for number in left if number not in self.order]
        while any(left.values()):
            sent += [(number, chunks.pop(0)) for number, chunks in left.items() if chunks]
        return sent


@dataclass(frozen=True, slots=True)
class Comment:
    """Bytes that say nothing: a comment of the stream, as servers send to keep a connection open."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent for so long."""

    duration_s: float


@dataclass(frozen=True, slots=True)
class Until:
    """Nothing is sent until the event is set, by a test in the same loop."""

    event: asyncio.Event


@dataclass(frozen=True, slots=True)
class Break:
    """The end of the response before its time.

    cut: it ends cleanly, without a finish reason. reset, close: the connection does. stall: nothing more comes.
    malformed: a chunk that is not JSON. error: the provider's error event.
    """

    how: BreakKind
    kind: ErrorKind = "overloaded"
    message: str = "The scripted model gave up."


@dataclass(frozen=True, slots=True)
class Search:
    """The provider searches the web itself. `pages` are (title, address); None if it failed. Not in `chat`."""

    query: str
    pages: tuple[tuple[str, str], ...] | None = ()


Part = Text | Thinking | Call | Interleaved | Search | Comment | Pause | Until | Break


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `input_tokens` counts everything sent, what the cache held or took included."""

    input_tokens: int = 100
    output_tokens: int = 20
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the model. Without `finish` it ends as its parts suggest."""

    parts: tuple[Part, ...] = ()
    finish: Finish | None = None
    usage: Usage = Usage()

    @property
    def finish_reason(self) -> Finish:
        if self.finish is not None:
            return self.finish
        return "tool_calls" if any(isinstance(part, Call | Interleaved) for part in self.parts) else "stop"


@dataclass(frozen=True, slots=True)
class Status:
    """An HTTP error in the provider's form. `kind` tells apart errors of the same status."""

    code: int
    retry_after: str | None = None
    kind: ErrorKind | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """An HTML page where an answer was expected, as from a proxy or a wrong address."""

    html: str = "<html><body>Welcome to the gateway</body></html>"
    code: int = 200


@dataclass(frozen=True, slots=True)
class Silence:
    """The request is read, and never answered."""


@dataclass(frozen=True, slots=True)
class Hangup:
    """The request is read, and the connection reset."""


Turn = Reply | Status | Page | Silence | Hangup

CONTEXT_TOO_LONG = Status(400, kind="context_length")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says, whatever its format.

    replies: how many replies of the model it carries. results: (call id, text) of every tool result.
    """

    model: str
    streams: bool
    tools: tuple[str, ...]
    results: tuple[tuple[str, str], ...]
    replies: int


Script = Callable[[Asked], Turn]


def says(text: str) -> Reply:
    return Reply((Text(text),))


def calls(*made: Call) -> Reply:
    return Reply(made)


def in_order(turns: Sequence[Turn]) -> Script:
    """Answer the requests one after the other. One request too many is answered with an error that says so."""
    asked = 0

    def next_turn(_: Asked) -> Turn:
        nonlocal asked
        asked += 1
        if asked > len(turns):
            return Status(400, message=f"the script has {len(turns)} turns, this is request {asked}")
        return turns[asked - 1]

    return next_turn


def by_history(turns: Sequence[Turn]) -> Script:
    """Answer each request by how far its own conversation is; beyond the last turn, the last again.

    So one server serves any number of conversations, one after the other or side by side.
    """
    return lambda asked: turns[min(asked.replies, len(turns) - 1)]


# --- scenario files ------------------------------------------------------------------------------------------------

PARTS: dict[str, Callable[..., Part]] = {
    "text": Text,
    "thinking": Thinking,
    "call": Call,
    "pause": Pause,
    "break": Break,
}
FIRST_FIELD = {"text": "text", "thinking": "text", "call": "name", "pause": "duration_s", "break": "how"}


def load_scenario(path: Path) -> tuple[Turn, ...]:
    """Read `{"turns": [...]}`.

    A turn is `{"status": 429, …}`, `{"page": HTML}`, `{"silence": true}`, `{"hangup": true}`, or
    `{"parts": […], "finish": …, "usage": {…}}` with parts such as `{"text": "Hi", "gap_s": 0.1}`,
    `{"call": "read", "args": {…}, "repeat": 10}` (`{n}` in its strings is the number) or `{"break": "reset"}`.
    """
    return tuple(_turn(turn) for turn in json.loads(path.read_text(encoding="utf-8"))["turns"])


def _turn(fields: dict[str, Any]) -> Turn:
    match fields:
        case {"status": code, **rest}:
            return Status(code, **rest)
        case {"page": html, **rest}:
            return Page(html, **rest)
        case {"silence": _}:
            return Silence()
        case {"hangup": _}:
            return Hangup()
        case {"parts": parts, **rest}:
            usage = Usage(**rest.pop("usage", {}))
            return Reply(tuple(part for fields in parts for part in _parts(fields)), usage=usage, **rest)
        case _:
            raise ValueError(f"not a turn: {sorted(fields)}")


def _parts(fields: dict[str, Any]) -> list[Part]:
    for word, make in PARTS.items():
        if word in fields:
            options = {key: value for key, value in fields.items() if key not in (word, "repeat")}
            options[FIRST_FIELD[word]] = fields[word]
            return [make(**_numbered(options, number)) for number in range(fields.get("repeat", 1))]
    raise ValueError(f"not a part of a reply: {sorted(fields)}")


def _numbered(value: Any, number: int) -> Any:
    match value:
        case str():
            return value.replace("{n}", str(number))
        case dict():
            return {key: _numbered(entry, number) for key, entry in value.items()}
        case list():
            return [_numbered(entry, number) for entry in value]
        case _:
            return value
