"""Events as lines of JSON and back.

A line is `{"type": …, "seq": n, "at": unix_ms, "agent": id, …fields}`, in this order, so that a reader can tell by a
line's beginning whether it wants the rest. Text that is not valid Unicode (file names that are not UTF-8) survives as
escapes.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import typing
from collections.abc import Callable
from types import UnionType
from typing import Any

import msgspec

from plait.protocol import events
from plait.protocol.events import Stamped

EVENT_TYPES: dict[str, type[Any]] = {kind.__name__: kind for kind in typing.get_args(events.Event)}
BEGINNING = b'{"type":"'
SEQ = b'","seq":'

Convert = Callable[[Any], Any]


def encode(stamped: Stamped) -> bytes:
    """Return the event as one line, newline included.

    Raises:
        ValueError: It has no JSON form: its arguments are nested too deeply, or are no JSON at all.
    """
    event = stamped.event
    name = type(event).__name__
    line: dict[str, Any] = {"type": name, "seq": stamped.seq, "at": stamped.at, "agent": stamped.agent}
    for field in _converters(name):
        line[field] = getattr(event, field)
    try:
        try:
            return msgspec.json.encode(line) + b"\n"
        except UnicodeEncodeError:
            # Lone surrogates: JSON can escape them, UTF-8 cannot hold them.
            return json.dumps(msgspec.to_builtins(line), separators=(",", ":")).encode("ascii") + b"\n"
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"`{name}` cannot be written as JSON: {error}") from error


def decode(line: bytes) -> Stamped:
    """Return the event of a line.

    Raises:
        ValueError: It is not a line of a log, or of an event that this version does not know.
    """
    try:
        fields = _parse(line)
        name, seq, at, agent = fields["type"], fields["seq"], fields["at"], fields["agent"]
        if not (isinstance(seq, int) and isinstance(at, int) and isinstance(agent, str)):
            raise ValueError("not an event: `seq`, `at` and `agent` must be two numbers and a text")
        converters = _converters(name)
        values = {field: convert(fields[field]) for field, convert in converters.items() if field in fields}
        return Stamped(seq, at, agent, EVENT_TYPES[name](**values))
    except (KeyError, TypeError, RecursionError, msgspec.ValidationError) as error:
        raise ValueError(f"not an event: {error}") from error


def line_type(line: bytes) -> str:
    """Return the name of a whole line's event, by its ends alone; empty if it cannot be one."""
    if not line.startswith(BEGINNING) or not line.endswith(b"}"):
        return ""
    end = line.find(SEQ, len(BEGINNING), 64)
    return line[len(BEGINNING) : end].decode("ascii", "replace") if end > 0 else ""


def line_seq(line: bytes) -> int:
    """Return the number of a line's event, by its beginning alone; 0 if it has none."""
    start = line.find(SEQ, 0, 64) + len(SEQ)
    digits = line[start : line.find(b",", start, start + 20)]
    return int(digits) if start >= len(SEQ) and digits.isdigit() else 0


def _parse(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(line)


@functools.cache
def _converters(name: str) -> dict[str, Convert]:
    """Return, by field, what turns JSON values into an event's. Raises KeyError if there is no such event."""
    kind = EVENT_TYPES[name]
    hints = typing.get_type_hints(kind)
    return {field.name: _converter(hints[field.name]) for field in dataclasses.fields(kind)}


def _converter(hint: Any) -> Convert:
    if hint in (str, dict[str, Any]):
        return functools.partial(_checked, type=typing.get_origin(hint) or hint)
    if isinstance(hint, UnionType):
        kinds = {_tag(option): option for option in typing.get_args(hint) if dataclasses.is_dataclass(option)}
        if len(kinds) > 1:
            # msgspec converts to one dataclass but not to a union of several; their `kind` tells them apart.
            return lambda value: None if value is None else msgspec.convert(value, kinds[value["kind"]])
    return functools.partial(msgspec.convert, type=hint)


def _checked(value: Any, type: type[Any]) -> Any:
    if not isinstance(value, type):
        raise TypeError(f"expected {type.__name__}")
    return value


def _tag(kind: Any) -> str:
    return next((str(field.default) for field in dataclasses.fields(kind) if field.name == "kind"), kind.__name__)
