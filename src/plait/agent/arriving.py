"""The calls of a reply, announced as soon as their arguments are complete.

The library says that a part has ended when the next one starts, which for the last call is the end of the reply. A JSON
object is complete as soon as it parses, so small arguments are announced then. Knows the library's events only as the
adapter (`agent.model`) takes them apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plait.agent.replies import ReplySink
from plait.protocol.errors import ProviderError

MOST_EARLY_CHARACTERS = 4096
"""Arguments up to this size are looked at as they arrive; longer ones are not reads."""

RawArguments = str | Mapping[str, object] | None


class BrokenReply(ProviderError):
    """A reply that stopped before its end. Nothing of it may be taken for an answer."""


class EmptyReply(ProviderError):
    """A whole reply with neither text nor calls. Some models give one now and then, others always: asked again once."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True, max_retries=1)


@dataclass(slots=True)
class Arriving:
    """A call whose arguments are arriving. `announced` is what the turn was told, once it was."""

    name: str
    identity: str
    raw: str
    announced: dict[str, Any] | None = None


class ArrivingCalls:
    """One reply's. `taken_ids` are those of the conversation so far; new ones join them."""

    def __init__(self, sink: ReplySink, taken_ids: set[str]) -> None:
        self._sink = sink
        self._taken_ids = taken_ids
        self._calls: dict[int, Arriving] = {}

    def begin(self, index: int, name: str, identity: str, raw: RawArguments) -> None:
        self._calls[index] = Arriving(name, identity, raw if isinstance(raw, str) else "")
        self._sink.arguments(index, name, len(self._calls[index].raw))
        self._announce_if_complete(self._calls[index])

    def add(self, index: int, delta: str) -> None:
        call = self._calls.get(index)
        if call is None:  # The arguments of a call that the provider makes itself.
            return
        call.raw += delta
        self._sink.arguments(index, call.name, len(call.raw))
        self._announce_if_complete(call)

    def end(self, index: int, name: str, identity: str, raw: RawArguments) -> None:
        """Announce a call that has ended, if it was not. Raises BrokenReply if it was, and went on to say more."""
        args, malformed = read_arguments(raw)
        announced = self._calls[index].announced if index in self._calls else None
        if announced is None:
            self._announce(name, identity, args, malformed)
        elif announced != args:
            raise BrokenReply(f"The arguments of a call to `{name}` changed as they arrived.", retryable=True)

    def _announce_if_complete(self, call: Arriving) -> None:
        # Some servers open every call with an empty object.
        if call.announced is not None or not call.raw.endswith("}") or not 2 < len(call.raw) <= MOST_EARLY_CHARACTERS:
            return
        args, malformed = read_arguments(call.raw)
        if malformed is None and args:
            call.announced = args
            self._announce(call.name, call.identity, args, None)

    def _announce(self, name: str, identity: str, args: dict[str, Any], malformed: str | None) -> None:
        self._sink.call(name, args, unique_id(identity, self._taken_ids), malformed)


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
