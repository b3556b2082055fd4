"""The log of one session: a file of JSON lines that only grows.

Each event is one whole line in one `write`; a line that was torn by a crash is skipped by the reader, and the next
line starts on a line of its own. Reading is lazy: lines are told apart by their beginnings, and only those that are
asked for are decoded. Knows lines, not what they mean.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from plait.protocol.errors import UserError
from plait.protocol.events import SessionStarted, Stamped
from plait.session.codec import EVENT_TYPES, decode, encode, line_seq, line_type

VERSION = 1
STARTED = SessionStarted.__name__
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


@dataclass(frozen=True, slots=True)
class LogLines:
    """The lines of a log, not yet decoded. `kinds` are the names of their events; `unreadable` counts what is none."""

    lines: tuple[bytes, ...]
    kinds: tuple[str, ...]
    unreadable: int = 0

    @property
    def last_seq(self) -> int:
        return max(map(line_seq, self.lines[-1:]), default=0)

    def decode(self, indices: Iterable[int]) -> LogContents:
        """Decode the lines of these indices; those that cannot be are counted."""
        events: list[Stamped] = []
        skipped = self.unreadable
        for index in indices:
            try:
                events.append(decode(self.lines[index]))
            except ValueError:
                skipped += 1
        return LogContents(tuple(events), skipped)

    def decode_all(self) -> LogContents:
        return self.decode(range(len(self.lines)))


@dataclass(frozen=True, slots=True)
class LogContents:
    """What a log held: its events, and how many lines could not be read."""

    events: tuple[Stamped, ...]
    skipped: int = 0


def read_lines(path: Path) -> LogLines:
    """Read a log without decoding it.

    Raises:
        UserError: It was written by a newer version of Plait.
        OSError: It cannot be read.
    """
    return split_lines(path.read_bytes())


def split_lines(data: bytes) -> LogLines:
    """As `read_lines`, from the bytes of a log."""
    lines: list[bytes] = []
    kinds: list[str] = []
    unreadable = 0
    for line in data.split(b"\n"):
        kind = line_type(line)
        if kind in EVENT_TYPES:
            lines.append(line)
            kinds.append(kind)
            if kind == STARTED:
                _refuse_newer(line)
        elif line.strip():
            unreadable += 1
    return LogLines(tuple(lines), tuple(kinds), unreadable)


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
