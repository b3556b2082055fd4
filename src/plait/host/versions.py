"""Files as they are and were: told by a hash, put aside, and put back. Blocking, for a thread.

Knows regular files and symbolic links, and that there was none; everything else is left alone. What is put back
replaces what is there only if that is still what the caller saw (`host.replacing`).
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from plait.host.contents import LARGEST_BYTES, Contents
from plait.host.leftovers import LEFTOVERS
from plait.host.opening import open_regular, parent_of, refuse_kernel_file
from plait.host.replacing import Replacement, hash_now, replace
from plait.protocol.errors import ToolRefused
from plait.protocol.file_events import FileVersion, KeptFile

NONE = FileVersion()
UNKNOWN = ""
"""The hash of what cannot be told: too large, unreadable, or no file at all."""
FULL = (errno.ENOSPC, errno.EDQUOT)


def content_of(path: Path) -> tuple[FileVersion, bytes | None]:
    """Return what is at the resolved `path`, and its bytes; None for bytes that are too many or cannot be had."""
    try:
        with parent_of(path) as (parent, name):
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                target = os.fsencode(os.readlink(name, dir_fd=parent))
                return FileVersion(hashlib.sha256(target).hexdigest(), 0o777, link=True), target
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_BYTES:
            return FileVersion(UNKNOWN, stat.S_IMODE(status.st_mode)), None
        with open(open_regular(path), "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            data = file.read(status.st_size + 1)
    except (FileNotFoundError, NotADirectoryError):
        return NONE, None
    except (OSError, ToolRefused, ValueError):
        return FileVersion(UNKNOWN), None
    mode = stat.S_IMODE(status.st_mode)
    if len(data) > LARGEST_BYTES:
        return FileVersion(UNKNOWN, mode), None
    return FileVersion(hashlib.sha256(data).hexdigest(), mode), data


def version_of(path: Path) -> FileVersion:
    """Return what is at the resolved `path` now."""
    return content_of(path)[0]


def keep(path: Path, contents: Contents, *, durable: bool = True) -> KeptFile:
    """Put aside what is at the resolved `path`; `kept` is False for what cannot be. Raises OSError of the store."""
    version, data = content_of(path)
    if data is not None:
        contents.put(data, durable=durable)
    return KeptFile(str(path), version, kept=data is not None or version == NONE)


def put_back(path: Path, wanted: FileVersion, seen: FileVersion, contents: Contents) -> None:
    """Make the resolved `path` what it was, if it is still what was `seen`.

    Raises:
        ToolRefused: It is not, or what it was is no longer kept. Nothing was changed.
        OSError: The system refused.
    """
    refuse_kernel_file(path)
    if UNKNOWN in (wanted.sha256, seen.sha256):
        raise ToolRefused(f"`{path}` was left as it is: it cannot be told what it holds.")
    if wanted.sha256 is None:
        _remove(path, seen)
        return
    data = contents.get(wanted.sha256)
    if data is None:
        raise ToolRefused(f"`{path}` was left as it is: what it held before is no longer kept.")
    if wanted.link or seen.link:
        _replace_link(path, data, wanted, seen)
    elif seen.sha256 == wanted.sha256:
        _set_mode(path, wanted.mode)
    else:
        replace(Replacement(path, data, seen.sha256, wanted.mode))


def _remove(path: Path, seen: FileVersion) -> None:
    with parent_of(path) as (parent, name):
        _refuse_other(path, parent, name, seen)
        os.unlink(name, dir_fd=parent)


def _refuse_other(path: Path, parent: int | None, name: str, seen: FileVersion) -> None:
    """Raise ToolRefused unless the name still stands for what was seen."""
    now: str | None = None
    with suppress(FileNotFoundError):
        if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            now = hashlib.sha256(os.fsencode(os.readlink(name, dir_fd=parent))).hexdigest() if seen.link else UNKNOWN
        else:
            now = hash_now(path, parent, name) if not seen.link else UNKNOWN
    if now != seen.sha256:
        raise ToolRefused(f"`{path}` was left as it is: it changed a moment ago.")


def _replace_link(path: Path, data: bytes, wanted: FileVersion, seen: FileVersion) -> None:
    with parent_of(path, create=seen.sha256 is None) as (parent, name):
        _refuse_other(path, parent, name, seen)
        if not wanted.link:
            os.unlink(name, dir_fd=parent)
        else:
            temporary = os.path.join(os.path.dirname(name), f".plait-{secrets.token_hex(8)}.tmp")
            LEFTOVERS.begins(path.with_name(os.path.basename(temporary)))
            os.symlink(os.fsdecode(data), temporary, dir_fd=parent)
            try:
                os.replace(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=parent)
                raise
    if not wanted.link:
        replace(Replacement(path, data, None, wanted.mode))


def _set_mode(path: Path, mode: int) -> None:
    descriptor = open_regular(path)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)
