"""A lock on a file that its holder's death releases."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int) -> None:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


TRIES = 5
TRY_EVERY_S = 0.02


class FileLock:
    """An exclusive lock. The file stays where it is, the lock goes with the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def acquire(self) -> bool:
        """Take the lock; False if someone else holds it. Raises OSError if the file cannot be made."""
        for _ in range(TRIES):
            if self._try():
                return True
            # Whoever looks whether it is held holds it for a moment.
            time.sleep(TRY_EVERY_S)
        return False

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def is_held(self) -> bool:
        """Say whether anybody holds it now."""
        if not self._path.exists():
            return False
        try:
            if not self._try():
                return True
        except OSError:
            return False
        self.release()
        return False

    def _try(self) -> bool:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _lock(fd)
            # The former holder may have deleted the file: a lock on what has no name locks nothing.
            is_the_file = os.path.samestat(os.fstat(fd), os.stat(self._path))
        except OSError:
            is_the_file = False
        if is_the_file:
            self._fd = fd
        else:
            os.close(fd)
        return is_the_file
