"""Put a file's new bytes in the place of the old ones, whole or not at all. Blocking, for a thread.

The new bytes are written beside the target, flushed to the disk, and renamed over it right after the target was
seen to be what the caller believes it is. Mode, owner, access lists and extended attributes go over as far as the
system lets them. A name with several hard links is parted from the others: that is the price of atomicity.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from plait.host.leftovers import LEFTOVERS
from plait.host.opening import BINARY, CLOEXEC, NOFOLLOW, READ, parent_of, refuse_irregular, refuse_kernel_file
from plait.protocol.errors import ToolRefused

# Who may read the file before its mode is set: its writer alone.
PRIVATE = 0o600
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Replacement:
    """What to write: `expect_sha256` is the hash the file must have now, None if there must be none."""

    path: Path
    data: bytes
    expect_sha256: str | None
    mode: int | None = None


def replace(job: Replacement) -> os.stat_result:
    """Do it, and return the new file's status.

    Raises:
        ToolRefused: The file is not what was expected, is not a regular file, or is write-protected.
        OSError: The system refused (disk full, no permission …); the old file is as it was.
    """
    refuse_kernel_file(job.path)
    with parent_of(job.path, create=job.expect_sha256 is None) as (parent, name):
        former = _former(job, parent, name)
        with _temporary(job, parent, name, former) as temporary:
            if former is None:
                _publish_new(job, parent, temporary, name)
            else:
                # As late as can be: what another program wrote meanwhile must not be lost.
                _refuse_changed(job, parent, name)
                os.replace(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
        _flush_directory(parent)
        return os.stat(name, dir_fd=parent, follow_symlinks=False)


def _former(job: Replacement, parent: int | None, name: str) -> os.stat_result | None:
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        if job.expect_sha256 is not None:
            raise ToolRefused(f"`{job.path}` was not written: it was there when it was read, and is gone.") from None
        return None
    refuse_irregular(job.path, status)
    if job.expect_sha256 is None:
        raise ToolRefused(_appeared(job.path))
    if not os.access(name, os.W_OK, dir_fd=parent):
        raise ToolRefused(f"`{job.path}` was not written: it is write-protected (mode {status.st_mode & 0o777:o}).")
    # Before the new bytes are written, so that a large write is not in vain.
    _refuse_changed(job, parent, name)
    return status


def _appeared(path: Path) -> str:
    return f"`{path}` was not created: a file of that name has appeared meanwhile. Read it first."


def _refuse_changed(job: Replacement, parent: int | None, name: str) -> None:
    if hash_now(job.path, parent, name) != job.expect_sha256:
        raise ToolRefused(f"`{job.path}` was not written: it changed after it was read. Read it again.")


def hash_now(path: Path, parent: int | None, name: str) -> str:
    """Return the SHA-256 (hex) of the regular file `name` below the directory `parent`. Raises ToolRefused, OSError."""
    descriptor = os.open(name, READ | NOFOLLOW, dir_fd=parent)
    digest = hashlib.sha256()
    try:
        refuse_irregular(path, os.fstat(descriptor))
        while chunk := os.read(descriptor, CHUNK_BYTES):
            digest.update(chunk)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


@contextmanager
def _temporary(job: Replacement, parent: int | None, name: str, former: os.stat_result | None) -> Iterator[str]:
    """Yield the name of a complete, flushed file beside the target; it is gone afterwards, whatever happens."""
    temporary = os.path.join(os.path.dirname(name), f".plait-{secrets.token_hex(8)}.tmp")
    LEFTOVERS.begins(job.path.with_name(os.path.basename(temporary)))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | CLOEXEC | BINARY
    descriptor = os.open(temporary, flags, PRIVATE, dir_fd=parent)
    try:
        try:
            _write_all(descriptor, job.data)
            _take_over(job, descriptor, parent, name, former)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        yield temporary
    finally:
        # Renamed away if all went well.
        with suppress(OSError):
            os.unlink(temporary, dir_fd=parent)


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _take_over(job: Replacement, descriptor: int, parent: int | None, name: str, former: os.stat_result | None) -> None:
    """Give the new file what the old one had; a new one gets the mode that any program's new file would."""
    if not hasattr(os, "fchmod"):
        return
    if former is None:
        os.fchmod(descriptor, (0o666 & ~_umask()) if job.mode is None else job.mode)
        return
    mine = os.fstat(descriptor)
    if (former.st_uid, former.st_gid) != (mine.st_uid, mine.st_gid):
        # Only root may give a file away; a group of one's own can be kept.
        for owner, group in ((former.st_uid, former.st_gid), (-1, former.st_gid)):
            with suppress(OSError):
                os.fchown(descriptor, owner, group)
                break
    _copy_attributes(descriptor, parent, name)
    # Last: giving a file away clears its set-user-id bits.
    os.fchmod(descriptor, stat.S_IMODE(former.st_mode) if job.mode is None else job.mode)


def _copy_attributes(descriptor: int, parent: int | None, name: str) -> None:
    if not hasattr(os, "listxattr"):
        return
    with suppress(OSError):
        source = os.open(name, READ | NOFOLLOW, dir_fd=parent)
        try:
            for attribute in os.listxattr(source):
                with suppress(OSError):
                    os.setxattr(descriptor, attribute, os.getxattr(source, attribute))
        finally:
            os.close(source)


def _umask() -> int:
    """Return the process's umask; it can only be read by setting it, so Linux is asked another way."""
    with suppress(OSError, ValueError):
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("Umask:"):
                    return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _publish_new(job: Replacement, parent: int | None, temporary: str, name: str) -> None:
    """Give the finished file its name, which nobody else may have taken meanwhile."""
    try:
        os.link(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    except FileExistsError:
        raise ToolRefused(_appeared(job.path)) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        # A file system without hard links: looked at once more, then renamed.
        with suppress(FileNotFoundError):
            os.stat(name, dir_fd=parent, follow_symlinks=False)
            raise ToolRefused(_appeared(job.path)) from None
        os.replace(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)


def _flush_directory(parent: int | None) -> None:
    """Make the new name last through a power cut, where the system can."""
    if parent is None:
        return
    with suppress(OSError):
        directory = os.open(".", os.O_RDONLY | CLOEXEC, dir_fd=parent)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
