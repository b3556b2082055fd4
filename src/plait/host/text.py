"""What a file's bytes mean as text, and back, without changing a byte that was not meant to change. Pure.

The text of a `Decoded` is exact: line ends stand in it as they stand in the file, so `encode(d.text, d)` gives
back the very bytes that `decode` was given.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from plait.protocol.errors import ToolRefused

# Where a NUL byte is looked for: git and ripgrep tell binary files the same way.
SNIFFED_BYTES = 8192

# The longer mark first: UTF-32 in little-endian order begins with the mark of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What bytes that are not UTF-8 are shown as; the last maps every byte, so nothing is ever lost.
FALLBACKS = ("cp1252", "latin-1")


class NotText(ToolRefused):
    """The bytes are not text: a NUL among the first 8 KiB, or what a byte order mark promises does not follow."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text, and how its bytes say it.

    encoding: Python's name (`utf-8`, `utf-16-le`, `cp1252` …). bom: a byte order mark stands before the text.
    newline: the most frequent line end (`\\n`, `\\r\\n` or `\\r`); `\\n` where there is none.
    """

    text: str
    encoding: str = "utf-8"
    bom: bool = False
    newline: str = "\n"


def decode(data: bytes) -> Decoded:
    """Return what `data` says: by its byte order mark, else UTF-8, else cp1252, else latin-1.

    Raises:
        NotText: See there.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            try:
                text = data[len(mark) :].decode(encoding)
            except UnicodeDecodeError:
                continue
            return Decoded(text, encoding, True, prevailing_newline(text))
    if b"\0" in data[:SNIFFED_BYTES]:
        raise NotText("not text: there is a NUL byte among the first 8 KiB.")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise NotText("not text: it begins with a byte order mark of UTF-16, and is not UTF-16.")
    for encoding in ("utf-8", *FALLBACKS):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return Decoded(text, encoding, False, prevailing_newline(text))
    raise AssertionError("latin-1 decodes every byte")


def encode(text: str, like: Decoded) -> bytes:
    """Return `text` in the encoding and with the byte order mark of `like`; line ends as they stand in `text`.

    Raises:
        UnicodeEncodeError: The encoding has no such character.
    """
    mark = next(mark for mark, encoding in MARKS if encoding == like.encoding) if like.bom else b""
    return mark + text.encode(like.encoding)


def prevailing_newline(text: str) -> str:
    """Return the most frequent line end of `text`, `\\n` if there is none."""
    pairs = text.count("\r\n")
    lone_feeds, lone_returns = text.count("\n") - pairs, text.count("\r") - pairs
    if pairs > lone_feeds and pairs >= lone_returns:
        return "\r\n"
    return "\r" if lone_returns > lone_feeds else "\n"
