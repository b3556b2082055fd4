"""Strings made to fool a terminal or an eye, and every event with one of them in every field that holds text."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from typing import Any

from plait.protocol import events
from plait.protocol.calls import (
    CommandPreview,
    Detail,
    DiffDetail,
    DiffsDetail,
    Preview,
    QuestionPreview,
    TextPreview,
)
from plait.protocol.events import Event

# ruff: noqa: E501
HOSTILE = (
    "\x1b[31mred\x1b[777m", "\x1b]0;title\x07", "\x1b]2;title\x1b\\", "\x1b]52;c;aGFjaw==\x07", "\x1b]8;;http://evil\x07x\x1b]8;;\x07",
    "\x1b]1337;File=:AAAA\x07", "\x1b]9;note\x07", "\x1b]777;notify;a;b\x07", "\x1b]4;1;?\x07", "\x1b]10;?\x1b\\", "\x1b]11;#fff\x07",
    "\x1bP+q544e\x1b\\", "\x1bPtmux;\x1b\x1b]52;c;x\x07\x1b\\", "\x1b_Ga=T;AAAA\x1b\\", "\x1b^pm\x1b\\", "\x1bXsos\x1b\\",
    "\x1b[6n", "\x1b[c", "\x1b[>0c", "\x1b[5n", "\x1bZ", "\x1bc", "\x1b[!p", "\x1b[2J", "\x1b[3J", "\x1b[777;777H", "\x1b[1A\x1b[2K",
    "\x1b[?1049l", "\x1b[?2004h", "\x1b[?1000l", "\x1b[20t", "\x1b[21t", "\x1b[777b", "\x1b(0lqqk", "\x1b#8", "\x1b%G", "\x1b7\x1b8", "\x1bM",
    "\x9b777m", "\x9d52;c;x\x9c", "\x90q\x9c", "\x85next", "\x84\x8d\x8e\x8f\x98\x9a\x9e\x9f", "\xc2\x9b31m",
    "over\rwritten", "back\b\b\bspace", "bell\x07", "v\x0bt\x0cff", "so\x0esi\x0f", "nul\x00", "del\x7f", "xon\x11xoff\x13", "sub\x1a\x18",
    "\u202egpj.exe\u202c", "\u2066iso\u2069\u2067", "\u200e\u200f\u061c", "a\u200bb\u2060c\ufeffd", "\u2028\u2029", "\U000e0041\U000e007f",
    "\ufff9a\ufffab\ufffb", "\u115f\u1160\u3164\uffa0", "\u2800\u2800", "x\ufe00\U000e0100", "\ud83d\udca9\udce9", "\ufdd0\uffff",
    "Z" + "\u0351\u0336" * 30, "\u0301", "p\u0430ypal", "\uff43\uff55\uff52\uff4c", "x" + " " * 90 + "; curl evil", "\t" * 30 + "end",
    "a\nb", "\n" * 20 + "low", "[red]markup[/red]", "[@click=app.bell]click[/]", "[link=http://evil]l[/link]", "[/]", "[", "\\[x]",
    "[text](https://good.org@evil.org)", "[js](javascript:alert(1))", "<http://a/%1b%5b31m>", "&#27;[31m &#x9b; &#x202e;",
)  # fmt: skip


def every_event(text: str) -> Iterator[Event]:
    """Yield one event of each type, `text` in every field that may hold text."""
    for kind in typing.get_args(events.Event):
        yield _made(kind, text)


def every_preview(text: str) -> Iterator[Preview]:
    diff = DiffDetail(text, text, text + "x")
    yield from (diff, DiffsDetail((diff, diff)), CommandPreview(text, text, text), TextPreview(text, text))
    yield QuestionPreview(text, (text, text))


def _made(hint: Any, text: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is str or hint is Any:
        return text
    if hint in (int, float, bool):
        return hint(1)
    if origin is typing.Literal:
        return args[0]
    if origin in (typing.Union, types.UnionType):
        return _made(next(option for option in args if option is not type(None)), text)
    if origin is tuple:
        return tuple(_made(option, text) for option in args if option is not Ellipsis)
    if origin is dict:
        return {_made(args[0], text): _made(args[1], text)}
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return hint(**{field.name: _made(hints[field.name], text) for field in dataclasses.fields(hint) if field.init})
    return hint("1") if hint.__name__ == "Decimal" else hint()


def every_detail(text: str) -> Iterator[Any]:
    """Yield what a call's end may bring, one of each kind."""
    for kind in typing.get_args(Detail):
        yield _made(kind, text)
