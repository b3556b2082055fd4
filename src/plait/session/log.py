"""The log of one session: a file of JSON lines that only grows.

Each event is one whole line in one `write`; a line that was torn by a crash is skipped by the reader, and the next
line starts on a line of its own. Knows lines, not what they mean.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from plait.protocol.errors import UserError
from plait.protocol.events import SessionStarted, Stamped
from plait.session.codec import decode, encode, line_type

VERSION = 1


@dataclass(frozen=True, slots=True)
class LogContents:
    """What a log held: its events, and how many lines could not be read."""

    events: tuple[Stamped, ...]
    skipped: int = 0


class Log:
    """A log open for appending. Raises OSError where the disk does; the caller decides what that means."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        self._fd = os.open(path, flags, 0o600)
        self._is_torn = self._ends_torn()

    def append(self, stamped: Stamped) -> None:
        line = encode(stamped)
        if self._is_torn:
            line = b"\n" + line
        written = os.write(self._fd, line)
        self._is_torn = written != len(line)
        if self._is_torn:
            raise OSError(f"only {written} of {len(line)} bytes could be written")

    def sync(self) -> None:
        """Wait until the disk has it all. Blocks; call it in a thread."""
        os.fsync(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _ends_torn(self) -> bool:
        size = os.fstat(self._fd).st_size
        if size == 0:
            return False
        os.lseek(self._fd, size - 1, os.SEEK_SET)
        return os.read(self._fd, 1) != b"\n"


def read_log(path: Path, *, only: Collection[str] | None = None) -> LogContents:
    """Read a log, or only its events of the named types.

    Raises:
        UserError: It was written by a newer version of Plait.
        OSError: It cannot be read.
    """
    return parse_log(path.read_bytes(), only=only)


def parse_log(data: bytes, *, only: Collection[str] | None = None) -> LogContents:
    """As `read_log`, from the bytes of a log."""
    events: list[Stamped] = []
    skipped = 0
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        if only is not None and (kind := line_type(line)) and kind not in only:
            continue
        try:
            stamped = decode(line)
        except ValueError:
            skipped += 1
            continue
        if isinstance(stamped.event, SessionStarted) and stamped.event.version > VERSION:
            raise UserError(
                f"session `{stamped.event.session_id}` was written by a newer Plait "
                f"(format {stamped.event.version}, this one reads {VERSION}): update Plait to open it."
            )
        events.append(stamped)
    return LogContents(tuple(events), skipped)
