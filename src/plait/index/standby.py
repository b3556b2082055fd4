"""Waiting while another process keeps the index: what that one says of itself is said on."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec

from plait.host.lock import FileLock
from plait.index.database import Unusable
from plait.index.places import DATABASE
from plait.index.reader import Reader
from plait.index.status import IndexStatus, decode_status


def take(lock: FileLock) -> bool:
    """Take the lock; False if another has it. Where there can be no lock, True: no database can be there either."""
    try:
        return lock.acquire()
    except OSError:
        return True


def wait_for(
    lock: FileLock, directory: Path, root: Path, tell: Callable[[IndexStatus], None], pause: Callable[[], None]
) -> None:
    """Return once the lock is taken.

    tell: takes each new status of whoever has it. pause: waits a little; what it raises ends the waiting.
    """
    told: IndexStatus | None = None
    while not take(lock):
        status = _said_by_another(directory, root)
        if status is not None and status != told:
            told = status
            tell(status)
        pause()


def _said_by_another(directory: Path, root: Path) -> IndexStatus | None:
    """Return what the database says of the one that writes it; None if it cannot be read."""
    try:
        reader = Reader(directory / DATABASE, os.fspath(root))
    except Unusable:
        return None
    try:
        return msgspec.structs.replace(decode_status(reader.status()), shared=True)
    except (sqlite3.Error, msgspec.MsgspecError):
        return None
    finally:
        reader.close()
