"""Messages between the indexer and its workers: length (4 bytes, little-endian) and MessagePack."""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

LENGTH = struct.Struct("<I")
LARGEST_FRAME_BYTES = 256_000_000


class Task(msgspec.Struct, frozen=True, array_like=True):
    """A file to read: its path relative to the root, as bytes. definitions: False asks for its words alone."""

    path: bytes
    definitions: bool = True


RENEW = 75
"""The exit code of a worker in whose place another is wanted (EX_TEMPFAIL of sysexits(3))."""


def write_frame(stream: BinaryIO, data: bytes) -> None:
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes | None:
    """Return the next message, None at the end of the stream. Raises EOFError if it ends within one."""
    head = stream.read(LENGTH.size)
    if not head:
        return None
    if len(head) < LENGTH.size:
        raise EOFError("the stream ended within a message")
    (length,) = LENGTH.unpack(head)
    if length > LARGEST_FRAME_BYTES:
        raise EOFError(f"a message of {length} bytes is none of ours")
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the stream ended within a message")
    return data
