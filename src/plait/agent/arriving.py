"""The parts of a reply as they arrive: a call is announced as soon as its arguments are complete.

The library says that a part has ended when the next one starts, which for the last call is the end of the reply. A JSON
object is complete as soon as it parses, so small arguments are announced then. Knows the library's events only as the
adapter (`agent.model`) takes them apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from plait.agent.replies import ReplySink
from plait.protocol.errors import ProviderError

MAX_EARLY_CHARACTERS = 4096
"""Arguments up to this size are looked at as they arrive; longer ones are not reads."""
FIRST_LATE_PART = 1_000_000
"""Parts that the library does not count are numbered from here."""

RawArguments = str | Mapping[str, object] | None


class BrokenReply(ProviderError):
    """A reply that stopped before its end. Nothing of it may be taken for an answer."""


class EmptyReply(ProviderError):
    """A whole reply with neither text nor calls. Some models give one now and then, others always: asked again once."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True, max_retries=1)


@dataclass(slots=True)
class Arriving:
    """A call whose arguments are arriving. `args` once they are whole; `malformed` if they will never be."""

    name: str
    identity: str
    raw: str
    args: dict[str, Any] | None = None
    malformed: str | None = None
    is_announced: bool = False


@dataclass(slots=True)
class LateText:
    """What a text or a thinking says after another part has begun: a part of its own to whoever follows the reply."""

    is_thinking: bool
    pieces: list[str]


class ArrivingParts:
    """One reply's parts. `taken_ids` are those of the conversation so far; new ones join them.

    The library ends a part when the next one begins, but servers may say more of it afterwards: of calls side by side
    they send the arguments by turns. So a call is announced when its arguments are whole, and after the calls before
    it; what cannot be told to be whole (no arguments, half an object) waits for the end of the reply.
    """

    def __init__(self, sink: ReplySink, taken_ids: set[str]) -> None:
        self._sink = sink
        self._taken_ids = taken_ids
        self._calls: dict[int, Arriving] = {}
        self._waiting: list[int] = []
        """A heap: the calls that are not announced yet, by their place in the reply."""
        self._ended: set[int] = set()
        self._late: dict[int, LateText] = {}
        self._next_late = FIRST_LATE_PART

    # --- text and thinking -------------------------------------------------------------------------------------------

    def text(self, index: int, delta: str) -> None:
        self._sink.text(self._place(index, delta, is_thinking=False), delta)

    def thinking(self, index: int, delta: str) -> None:
        self._sink.thinking(self._place(index, delta, is_thinking=True), delta)

    def text_ended(self, index: int, text: str) -> None:
        self._ended.add(index)
        self._sink.text_ended(index, text)

    def thinking_ended(self, index: int, text: str) -> None:
        self._ended.add(index)
        self._sink.thinking_ended(index, text)

    def _place(self, index: int, delta: str, *, is_thinking: bool) -> int:
        """Return the number of the part that `delta` belongs to, as the sink counts them."""
        if index not in self._ended:
            return index
        late = self._late.setdefault(self._next_late, LateText(is_thinking, []))
        if late.is_thinking != is_thinking:
            self._end_late()
            late = self._late.setdefault(self._next_late, LateText(is_thinking, []))
        late.pieces.append(delta)
        return self._next_late

    def _end_late(self) -> None:
        for number, late in self._late.items():
            end = self._sink.thinking_ended if late.is_thinking else self._sink.text_ended
            end(number, "".join(late.pieces))
            self._next_late = number + 1
        self._late.clear()

    # --- calls -------------------------------------------------------------------------------------------------------

    def begin(self, index: int, name: str, identity: str, raw: RawArguments) -> None:
        self._end_late()
        call = self._calls[index] = Arriving(name, identity, "")
        heappush(self._waiting, index)
        self._extend(index, call, raw)

    def add(self, index: int, delta: RawArguments) -> None:
        call = self._calls.get(index)
        if call is not None:  # Else it is a call that the provider makes itself.
            self._extend(index, call, delta)

    def _extend(self, index: int, call: Arriving, delta: RawArguments) -> None:
        if call.is_announced and delta and not (isinstance(delta, str) and delta.isspace()):
            raise BrokenReply(f"The arguments of a call to `{call.name}` changed as they arrived.", retryable=True)
        if isinstance(delta, Mapping):
            # Some providers send arguments that are read already, and whole; others begin with an empty object.
            call.args = {**(call.args or {}), **delta} or None
        elif delta:
            call.raw += delta
            call.args = None
            if call.raw.endswith("}") and len(call.raw) <= MAX_EARLY_CHARACTERS:
                self._read(call)
        self._sink.arguments(index, call.name, len(call.raw))
        if call.args is not None:
            self._announce()

    def end(self, index: int, name: str, identity: str) -> None:
        """The next part has begun. Of most servers, but not of all, that means that nothing more of this one comes."""
        call = self._calls.get(index)
        if call is None or call.is_announced:
            return
        call.name, call.identity = name, identity
        if call.args is None and call.raw:
            self._read(call, may_be_empty=True)
        self._announce()

    def finish(self) -> None:
        """The reply has ended: announce what is left."""
        self._end_late()
        for call in self._calls.values():
            if call.args is None:
                call.args, call.malformed = read_arguments(call.raw)
        self._announce()

    @staticmethod
    def _read(call: Arriving, *, may_be_empty: bool = False) -> None:
        args, malformed = read_arguments(call.raw)
        # Some servers open every call with an empty object.
        if malformed is None and (args or may_be_empty):
            call.args = args

    def _announce(self) -> None:
        """Announce the calls that are whole, up to the first one that is not: they run in the order of the reply."""
        while self._waiting and (call := self._calls[self._waiting[0]]).args is not None:
            heappop(self._waiting)
            call.is_announced = True
            identity = unique_id(call.identity, self._taken_ids)
            self._sink.call(call.name, call.args, identity, call.malformed)


def unique_id(identity: str, taken: set[str]) -> str:
    """Return an id for a call, the provider's own where it is new to the conversation. It joins `taken`."""
    while identity in taken:
        identity = f"{identity}_{len(taken)}"
    taken.add(identity)
    return identity


def read_arguments(raw: RawArguments) -> tuple[dict[str, Any], str | None]:
    """Return a call's arguments, and the raw text if they are not one complete JSON object."""
    if isinstance(raw, Mapping):
        return dict(raw), None
    if not raw:
        return {}, None
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}, raw
    return (value, None) if isinstance(value, dict) else ({}, raw)
