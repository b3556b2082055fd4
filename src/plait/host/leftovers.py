"""Temporary files that a process leaves beside the user's when it is killed, and their removal at the next start.

Before such a file is made its path is noted in a file of this process's own, which it holds locked for as long as it
lives. Whoever starts later and finds a note that nobody holds removes what it names, if that is what Plait makes.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from plait.host.exit_work import at_exit
from plait.host.lock import FileLock
from plait.host.opening import NOFOLLOW, bytes_of, parent_of
from plait.protocol.errors import ToolRefused

OURS = re.compile(r"\.plait-[0-9a-f]{16}\.tmp")
SUFFIX = ".open"
LARGEST_BYTES = 4_000_000


class Leftovers:
    """The notes of this process. Any thread."""

    def __init__(self) -> None:
        self._lock: FileLock | None = None
        self._file: Path | None = None

    def keep_in(self, directory: Path) -> None:
        """Note from now on in a file below `directory`; without one, or if it cannot be made, nothing is noted."""
        if self._file is not None:
            return
        with suppress(OSError):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = directory / f"{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
            lock = FileLock(file)
            if lock.acquire():
                self._lock, self._file = lock, file
                at_exit(self.close)

    def begins(self, path: Path) -> None:
        """A temporary file is about to be made at this absolute path. Never raises."""
        if self._file is None:
            return
        with suppress(OSError):
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | NOFOLLOW)
            try:
                os.write(descriptor, os.fsencode(path) + b"\0")
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Nothing is left: forget the notes."""
        if self._file is not None and self._lock is not None:
            with suppress(OSError):
                self._file.unlink()
            self._lock.release()
        self._file = self._lock = None


LEFTOVERS = Leftovers()
"""Of this process: what dies is a process, not a session."""


def remove_leftovers(directory: Path) -> int:
    """Remove what dead processes left behind; return how many files. Blocks; never raises."""
    removed = 0
    try:
        with os.scandir(directory) as entries:
            notes = [directory / entry.name for entry in entries if entry.name.endswith(SUFFIX)]
    except OSError:
        return 0
    for note in notes:
        lock = FileLock(note)
        with suppress(OSError):
            if not note.is_file() or lock.is_held() or not lock.acquire():
                continue
            try:
                named = (bytes_of(note, LARGEST_BYTES) or b"").split(b"\0")[:-1]
                removed += sum(_remove(Path(os.fsdecode(path))) for path in named)
                note.unlink()
            finally:
                lock.release()
    return removed


def _remove(path: Path) -> bool:
    """Remove one of ours: a file of this user's, of such a name, reached without a link."""
    if not OURS.fullmatch(path.name) or not path.is_absolute():
        return False
    try:
        with parent_of(path) as (parent, name):
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            is_ours = not hasattr(os, "getuid") or status.st_uid == os.getuid()
            if not is_ours or not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                return False
            os.unlink(name, dir_fd=parent)
    except (OSError, ToolRefused, ValueError):
        return False
    return True
