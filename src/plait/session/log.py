"""The log of one session: a file of JSON lines that only grows.

Each event is one whole line in one `write`; a line that was torn by a crash is skipped by the reader, and the next
line starts on a line of its own. Reading is lazy: lines are told apart by their beginnings, and only those that are
asked for are decoded. Knows lines, not what they mean.
"""

from __future__ import annotations

import errno
import io
import json
import os
import stat
import sys
from array import array
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from plait.protocol.errors import UserError
from plait.protocol.events import SessionStarted, Stamped
from plait.session.codec import EVENT_TYPES, decode, encode, line_seq, line_type

VERSION = 1
CHUNK_BYTES = 1 << 20
STARTED = SessionStarted.__name__
NONBLOCK = getattr(os, "O_NONBLOCK", 0)
FLAGS = os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Log:
    """A log open for appending. Raises OSError where the disk does; the caller decides what that means.

    new: the file must not exist yet. Otherwise it must; it is made private if it was not.
    """

    def __init__(self, path: Path, *, new: bool) -> None:
        self.path = path
        self._fd = os.open(path, FLAGS | (os.O_CREAT | os.O_EXCL if new else 0), 0o600)
        try:
            if stat.S_IMODE(os.fstat(self._fd).st_mode) & 0o077:
                with suppress(OSError, NotImplementedError):
                    path.chmod(0o600)
            self._is_torn = self._ends_torn()
        except OSError:
            self.close()
            raise
        self._is_named = not new
        self._has_unsynced = new

    def append(self, stamped: Stamped) -> None:
        """Write one event. Raises OSError, and ValueError for an event that has no JSON form."""
        line = encode(stamped)
        if self._is_torn:
            line = b"\n" + line
        self._has_unsynced = True
        written = os.write(self._fd, line)
        self._is_torn = written != len(line)
        if self._is_torn:
            raise OSError(f"only {written} of {len(line)} bytes could be written")

    def append_lines(self, lines: bytes) -> None:
        """Write lines of another log, each with its end. Raises OSError."""
        rest = memoryview(lines)
        while rest:
            self._has_unsynced = True
            rest = rest[os.write(self._fd, rest) :]

    def sync(self) -> None:
        """Wait until the disk has it all. Blocks; call it in a thread."""
        if not self._has_unsynced:
            return
        self._has_unsynced = False
        os.fsync(self._fd)
        if not self._is_named:
            self._is_named = True
            _sync_directory(self.path.parent)

    def close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def _ends_torn(self) -> bool:
        size = os.fstat(self._fd).st_size
        if size == 0:
            return False
        os.lseek(self._fd, size - 1, os.SEEK_SET)
        return os.read(self._fd, 1) != b"\n"


def _sync_directory(path: Path) -> None:
    """See to it that a new file's name survives a power cut. Windows cannot open directories, and need not."""
    with suppress(OSError):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


class LogLines:
    """The lines of a log, by where they stand: they are read again when they are decoded, so that memory stays bounded.

    `kinds` are the names of their events, `seqs` their numbers; `unreadable` counts what is none. Not for two threads.
    """

    def __init__(self, source: Path | bytes) -> None:
        self.kinds: list[str] = []
        self.seqs = array("q")
        self.unreadable = 0
        self._source = source
        self._starts = array("q")
        self._sizes = array("q")
        self._known_bytes = 0
        self._has_open_end = False
        self._open_end_is_line = False

    def follow(self) -> LogLines:
        """Take in what the log has got since the last time; return this.

        Raises:
            UserError: It was written by a newer version of Plait.
            OSError: It cannot be read.
        """
        self._forget_open_end()
        with self._open() as file:
            file.seek(self._known_bytes)
            pieces: list[bytes] = []
            while chunk := file.read(CHUNK_BYTES):
                *whole, last = chunk.split(b"\n")
                if whole:
                    whole[0] = b"".join((*pieces, whole[0]))
                    pieces = []
                    for line in whole:
                        self._take(line)
                        self._known_bytes += len(line) + 1
                # A line of many chunks is joined once it ends.
                pieces.append(last)
        # What lacks only its end is whole; if it is torn instead, the next line begins after it.
        before = len(self.kinds), self.unreadable
        self._take(b"".join(pieces))
        self._has_open_end = before != (len(self.kinds), self.unreadable)
        self._open_end_is_line = len(self.kinds) > before[0]
        return self

    def _forget_open_end(self) -> None:
        if not self._has_open_end:
            return
        self._has_open_end = False
        if self._open_end_is_line:
            for column in (self.kinds, self.seqs, self._starts, self._sizes):
                column.pop()
        else:
            self.unreadable -= 1

    def _take(self, line: bytes) -> None:
        kind = line_type(line)
        if kind in EVENT_TYPES:
            self.kinds.append(sys.intern(kind))
            self.seqs.append(line_seq(line))
            self._starts.append(self._known_bytes)
            self._sizes.append(len(line))
            if kind == STARTED:
                _refuse_newer(line)
        elif line.strip():
            self.unreadable += 1

    def _open(self) -> BinaryIO:
        return open_log(self._source) if isinstance(self._source, Path) else io.BytesIO(self._source)

    @property
    def last_seq(self) -> int:
        """The highest number, so that no line that got out of order makes two events share one."""
        return max(self.seqs, default=0)

    def decode(self, indices: Iterable[int]) -> LogContents:
        """Decode the lines of these indices; those that cannot be are counted. Raises OSError."""
        events: list[Stamped] = []
        skipped = self.unreadable
        with self._open() as file:
            for index in indices:
                file.seek(self._starts[index])
                try:
                    events.append(decode(file.read(self._sizes[index])))
                except ValueError:
                    skipped += 1
        return LogContents(tuple(events), skipped)

    def decode_all(self) -> LogContents:
        return self.decode(range(len(self.kinds)))


@dataclass(frozen=True, slots=True)
class LogContents:
    """What a log held: its events, and how many lines could not be read."""

    events: tuple[Stamped, ...]
    skipped: int = 0


def open_log(path: Path) -> BinaryIO:
    """Open a log for reading. Raises OSError, also for what is no regular file: a pipe is not waited for."""
    fd = os.open(path, os.O_RDONLY | NONBLOCK | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return os.fdopen(fd, "rb")


def read_lines(path: Path) -> LogLines:
    """Read a log without decoding it. See `LogLines.follow` for what it raises."""
    return LogLines(path).follow()


def split_lines(data: bytes) -> LogLines:
    """As `read_lines`, from the bytes of a log."""
    return LogLines(data).follow()


def _refuse_newer(line: bytes) -> None:
    """Raise UserError for the first line of a log whose format is newer, whatever else that line has become."""
    try:
        fields = json.loads(line)
        version = fields.get("version", VERSION)
    except (ValueError, AttributeError, RecursionError):
        return
    if isinstance(version, int) and version > VERSION:
        raise UserError(
            f"session `{fields.get('session_id')}` was written by a newer Plait "
            f"(format {version}, this one reads {VERSION}): update Plait to open it."
        )
