"""Read and replace regular files, whole, without blocking the event loop.

Paths come resolved (`host.paths`); what is opened is checked again (`host.opening`), what is written replaces the
old file at once or not at all (`host.replacing`). What bytes mean is `host.text`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiofiles.os

from plait.host.finishing import finish
from plait.host.opening import open_regular
from plait.host.os_errors import in_words, shortened
from plait.host.replacing import Replacement, replace
from plait.host.text import Decoded, NotText, decode, encode
from plait.protocol.calls import FileStamp
from plait.protocol.errors import ToolRefused

__all__ = [
    "Decoded",
    "FileState",
    "NotText",
    "decode",
    "encode",
    "is_there",
    "read_file",
    "replace_file",
    "sha256",
    "stat_stamp",
]

T = TypeVar("T")

# Threads of our own, as many as files are worked on at once: a file on a dead network drive must not keep name
# resolution, or the end of a command, waiting for a thread.
_THREADS = ThreadPoolExecutor(16, "plait-files")

READ_AT_ONCE_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class FileState:
    """A file's bytes, their SHA-256 (hex), and what `stat` said before they were read. `mode` is permission bits."""

    data: bytes
    sha256: str
    stamp: FileStamp
    mode: int


def sha256(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


async def read_file(path: Path, *, max_bytes: int | None = None) -> FileState:
    """Return the regular file at the resolved `path`. If it is cancelled, the thread ends what it does by itself.

    Raises:
        ToolRefused: It is not there, not a regular file, larger than `max_bytes`, or cannot be read.
    """
    try:
        # Opened, read, hashed and closed in one go: each change of threads takes as long as reading a small file.
        return await _read_in_thread(path, max_bytes, executor=_THREADS)
    except (OSError, ValueError) as error:
        raise _refusal("read", path, error) from error


@aiofiles.os.wrap
def _read_in_thread(path: Path, max_bytes: int | None) -> FileState:
    with open(open_regular(path), "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if max_bytes is not None and status.st_size > max_bytes:
            raise ToolRefused(_too_large(path, max_bytes))
        data = file.read(status.st_size + 1)
        # It may have grown under the reader, and goes on growing.
        while more := file.read(READ_AT_ONCE_BYTES):
            data += more
            if max_bytes is not None and len(data) > max_bytes:
                raise ToolRefused(_too_large(path, max_bytes))
    return FileState(data, sha256(data), _stamp(path, status), stat.S_IMODE(status.st_mode))


def _too_large(path: Path, max_bytes: int) -> str:
    return f"`{path}` was not read: it is larger than {max_bytes:,} bytes."


async def replace_file(path: Path, data: bytes, *, expect_sha256: str | None, mode: int | None = None) -> FileStamp:
    """Write `data` to the resolved `path`, atomically; a link given as `path` must be resolved by the caller.

    expect_sha256: the hash of the bytes that are there now; None if there must be no such file, and then missing
    directories are made. mode: permission bits; None keeps the old file's, or the user's default for a new one.

    Contract: once begun it is finished; if the task is cancelled meanwhile, CancelledError is raised after that.

    Raises:
        ToolRefused: The file is not what was expected, or the system refused. Nothing was changed.
    """
    try:
        status = await _in_thread(partial(replace, Replacement(path, data, expect_sha256, mode)))
    except (OSError, ValueError) as error:
        raise _refusal("written", path, error) from error
    return _stamp(path, status)


async def is_there(path: Path) -> bool:
    """Return whether anything has the resolved `path`. Raises ToolRefused if the system does not let that be seen."""
    try:
        await _in_thread(partial(os.stat, path, follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise _refusal("opened", path, error) from error
    return True


async def stat_stamp(path: Path) -> FileStamp:
    """Return what `stat` says of the resolved `path` now; `size` -1 if there is nothing to be seen."""
    try:
        return _stamp(path, await _in_thread(partial(os.stat, path, follow_symlinks=False)))
    except (OSError, ValueError):
        return FileStamp(str(path), 0, 0, -1, 0)


async def _in_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns, done in a thread; wait for its end even if this task is cancelled meanwhile."""
    return await finish(asyncio.get_running_loop().run_in_executor(_THREADS, work))


def _stamp(path: Path, status: os.stat_result) -> FileStamp:
    return FileStamp(str(path), status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


def _refusal(done: str, path: Path, error: OSError | ValueError) -> ToolRefused:
    return ToolRefused(f"`{shortened(str(path))}` was not {done}: {in_words(error)}.")
