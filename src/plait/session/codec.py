"""Events as lines of JSON and back.

A line is `{"type": …, "seq": n, "at": unix_ms, "agent": id, …fields}` with `type` first, so that a reader can skip
lines by their beginning. Text that is not valid Unicode (file names that are not UTF-8) survives as escapes.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Callable
from types import UnionType
from typing import Any

import msgspec

from plait.protocol import events
from plait.protocol.events import Stamped

EVENT_TYPES: dict[str, type[Any]] = {kind.__name__: kind for kind in typing.get_args(events.Event)}


CONVERTERS: dict[str, dict[str, Callable[[Any], Any]]] = {}
"""By event type, then by field; filled as types are met."""


def encode(stamped: Stamped) -> bytes:
    """Return the event as one line, newline included."""
    event = stamped.event
    line: dict[str, Any] = {
        "type": type(event).__name__,
        "seq": stamped.seq,
        "at": stamped.at,
        "agent": stamped.agent,
    }
    line.update((name, getattr(event, name)) for name in _converters(type(event).__name__))
    try:
        return msgspec.json.encode(line) + b"\n"
    except UnicodeEncodeError:
        # Lone surrogates: JSON can escape them, UTF-8 cannot hold them.
        return json.dumps(msgspec.to_builtins(line)).encode("ascii") + b"\n"


def decode(line: bytes) -> Stamped:
    """Return the event of a line.

    Raises:
        ValueError: It is not a line of a log, or of an event that this version does not know.
    """
    try:
        fields = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        fields = json.loads(line)
    try:
        converters = _converters(fields["type"])
        values = {name: convert(fields[name]) for name, convert in converters.items() if name in fields}
        event = EVENT_TYPES[fields["type"]](**values)
        return Stamped(fields["seq"], fields["at"], fields["agent"], event)
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise ValueError(f"not an event: {error}") from error


def line_type(line: bytes) -> str:
    """Return the name of a line's event by its beginning alone; empty if it has none."""
    if not line.startswith(b'{"type":'):
        return ""
    start = line.find(b'"', 8)
    end = line.find(b'"', start + 1)
    return line[start + 1 : end].decode("ascii", "replace") if 0 < start < end else ""


def _converters(name: str) -> dict[str, Callable[[Any], Any]]:
    if name not in CONVERTERS:
        CONVERTERS[name] = _converters_of(EVENT_TYPES[name])
    return CONVERTERS[name]


def _converter(hint: Any) -> Any:
    if isinstance(hint, UnionType) or typing.get_origin(hint) is typing.Union:
        kinds = {_tag(option): option for option in typing.get_args(hint) if dataclasses.is_dataclass(option)}
        if len(kinds) > 1:
            return lambda value: None if value is None else msgspec.convert(value, kinds[value["kind"]])
    return lambda value: msgspec.convert(value, hint)


def _converters_of(kind: type[Any]) -> dict[str, Callable[[Any], Any]]:
    hints = typing.get_type_hints(kind)
    return {field.name: _converter(hints[field.name]) for field in dataclasses.fields(kind)}


def _tag(kind: Any) -> str:
    return next((str(field.default) for field in dataclasses.fields(kind) if field.name == "kind"), kind.__name__)
