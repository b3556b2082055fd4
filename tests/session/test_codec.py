"""Events survive the trip through a line of JSON."""

import dataclasses
import typing
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from plait.protocol.calls import CallKey, WriteIntent
from plait.protocol.events import CallStarted, Durable, MessagesRecorded, Stamped, TextEnded, Usage
from plait.session.codec import decode, encode, line_seq, line_type

KEY = CallKey("main", 1, 1)

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
st.register_type_strategy(str, TEXT)
st.register_type_strategy(int, st.integers(-(2**53), 2**53))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=6))
JSON = st.dictionaries(TEXT, st.one_of(TEXT, st.booleans(), st.none(), st.lists(TEXT, max_size=2)), max_size=3)


def event_of(kind: type) -> st.SearchStrategy:
    hints = typing.get_type_hints(kind)
    fields = {field.name: value_of(hints[field.name]) for field in dataclasses.fields(kind)}
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


def value_of(hint: object) -> st.SearchStrategy:
    options = typing.get_args(hint)
    if typing.get_origin(hint) is dict:
        return JSON if options[1] is Any else st.dictionaries(TEXT, value_of(options[1]), max_size=2)
    if dataclasses.is_dataclass(hint):
        return event_of(hint)
    if typing.get_origin(hint) is tuple:
        return st.lists(value_of(options[0]), max_size=2).map(tuple)
    if options and typing.get_origin(hint) is not typing.Literal:
        return st.one_of([value_of(option) for option in options])
    return st.from_type(hint)


@settings(max_examples=300, deadline=None)
@given(st.one_of([event_of(kind) for kind in typing.get_args(Durable)]))
def test_every_durable_event_comes_back_as_it_was(event: object) -> None:
    stamped = Stamped(3, 1_700_000_000_000, "main", event)
    line = encode(stamped)

    assert decode(line) == stamped
    assert line_type(line[:-1]) == type(event).__name__
    assert line.count(b"\n") == 1


@pytest.mark.parametrize(
    "event",
    [
        TextEnded(1, 1, 0, "read caf\udce9.txt"),
        CallStarted(KEY, 0, "files", 0.0, {"caf\udce9": ["\udce9"]}, (WriteIntent("/caf\udce9", None, "h"),)),
        CallStarted(KEY, 0, "files", 0.0, {"n": 10**40, "m": -(10**40)}),
        TextEnded(1, 1, 0, "\x00\x1b\u2028\u2029\r\n\x85" * 3),
        MessagesRecorded(1, "x\n" * 3_000_000),
    ],
    ids=["not utf-8", "not utf-8 in arguments", "big numbers", "line ends", "big text"],
)
def test_unusual_values_survive(event: Durable) -> None:
    stamped = Stamped(1, 0, "main", event)
    line = encode(stamped)

    assert decode(line) == stamped
    assert line.count(b"\n") == 1


def test_arguments_nested_beyond_reason_are_refused_in_words() -> None:
    args: dict[str, Any] = {}
    for _ in range(100_000):
        args = {"a": args}

    with pytest.raises(ValueError, match="`CallStarted` cannot be written"):
        encode(Stamped(1, 0, "main", CallStarted(KEY, 0, "files", 0.0, args)))


def test_money_is_kept_exactly() -> None:
    usage = Usage(1, 2, cost_usd=Decimal("0.000003"))

    assert usage.plus(usage).cost_usd == Decimal("0.000006")


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"null", b'{"type":"Nope","seq":1,"at":1,"agent":"m"}', b"\xff\x00"]
)
def test_what_is_no_event_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        decode(line)


def test_a_line_tells_its_number_by_its_beginning() -> None:
    assert line_seq(encode(Stamped(12_345, 7, "main", TextEnded(1, 1, 0, "hi")))[:60]) == 12_345
    assert [line_seq(line) for line in (b"", b"{}", b'{"type":"Notice","seq":', b'{"type":"Notice","seq":x,')] == [
        0
    ] * 4
