"""What the index knows of a file, and the rows in which it answers. Words only: no file, no database."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import msgspec


class FileState(IntEnum):
    """What became of a file in the index."""

    INDEXED = 0
    TOO_LARGE = 1
    BINARY = 2
    FAILED = 3
    """Its parser crashed or took too long: its words are known, its definitions are not."""
    UNREADABLE = 4


class Stamp(NamedTuple):
    """What `stat` said of a file when it was read."""

    mtime_ns: int
    size: int


class Defined(NamedTuple):
    """One definition. Lines are 1-based; `scope` is what it stands in, parts joined by `.`; `stamp` of its file."""

    path: str
    line: int
    end_line: int
    name: str
    kind: str
    scope: str
    stamp: Stamp


class Imported(NamedTuple):
    """A line that imports `module`, its parts joined by `/`."""

    path: str
    line: int
    module: str
    stamp: Stamp


class Row(msgspec.Struct, frozen=True, array_like=True):
    """What was read of one file: what a worker says and the database keeps.

    state: a `FileState`. symbols: (name, kind, scope, line, end_line). imports: (modules, line). words, often,
    word_count: see `index.words`. gone: there is no such file any more.
    """

    mtime_ns: int
    size: int
    language: str | None
    state: int
    symbols: list[tuple[str, str, str, int, int]] = []
    imports: list[tuple[tuple[str, ...], int]] = []
    words: str = ""
    often: str = ""
    word_count: int = 0
    gone: bool = False

    @property
    def stamp(self) -> Stamp:
        return Stamp(self.mtime_ns, self.size)


GONE = Row(0, 0, None, FileState.UNREADABLE, gone=True)
