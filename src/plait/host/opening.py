"""Open by a resolved path, and only what was meant: no link on the way, nothing but a regular file at its end.

Blocking, for a thread. On Linux a path is walked from the root by directory handles; macOS has a flag that
refuses links in any component; elsewhere (Windows) the resolved path is compared again after opening.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from plait.protocol.errors import ToolRefused

CLOEXEC = getattr(os, "O_CLOEXEC", 0)
NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
NONBLOCK = getattr(os, "O_NONBLOCK", 0)
DIRECTORY = getattr(os, "O_DIRECTORY", 0)
BINARY = getattr(os, "O_BINARY", 0)
# macOS: a link in any component of the path is an error.
NOFOLLOW_ANY = getattr(os, "O_NOFOLLOW_ANY", 0)
# A handle that is good for names below it and needs no permission to list the directory. Linux.
PATH_ONLY = getattr(os, "O_PATH", 0)

# File systems that the kernel makes up: their "files" may block, have no size, or act when they are read.
KERNEL_PLACES = ("/proc", "/sys")

READ = os.O_RDONLY | NONBLOCK | CLOEXEC | BINARY | getattr(os, "O_NOCTTY", 0)


def open_regular(path: Path) -> int:
    """Return a descriptor of the regular file at the resolved `path`, open for reading.

    Raises:
        ToolRefused: It is anything else, a link stands in its way, or it is a file of the kernel's.
        OSError: It cannot be opened.
    """
    refuse_kernel_file(path)
    with parent_of(path) as (parent, name):
        # Looked at first, since opening a device can do something; looked at again below, since names change hands.
        refuse_irregular(path, os.stat(name, dir_fd=parent, follow_symlinks=False))
        descriptor = os.open(name, READ | NOFOLLOW, dir_fd=parent)
    try:
        refuse_irregular(path, os.fstat(descriptor))
        if not DIRECTORY:
            refuse_moved(path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def bytes_of(path: Path, most_bytes: int) -> bytes | None:
    """Return the bytes of a regular file; None if it is none, a link, unreadable, or holds more than `most_bytes`.

    For what is read in passing, where a reason helps nobody: nothing is raised, and nothing is waited for.
    """
    try:
        descriptor = os.open(path, READ | NOFOLLOW)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most_bytes:
            return None
        return os.read(descriptor, status.st_size + 1)
    except OSError:
        return None
    finally:
        os.close(descriptor)


@contextmanager
def parent_of(path: Path, *, create: bool = False) -> Iterator[tuple[int | None, str]]:
    """Hold the directory of the resolved `path` open: its descriptor, and the name in it.

    Where directories cannot be held (Windows) the descriptor is None and the name is the whole path.
    create: make directories that are missing.

    Raises:
        ToolRefused: A link stands in the way.
        OSError: A directory is missing or cannot be entered.
    """
    if not path.is_absolute() or not path.name:
        raise ToolRefused(f"`{path}` cannot be opened: it is not the absolute path of a file.")
    if not DIRECTORY:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        yield None, str(path)
        return
    descriptor = _open_directory(path.parent, create=create)
    try:
        yield descriptor, path.name
    finally:
        os.close(descriptor)


def _open_directory(path: Path, *, create: bool) -> int:
    if NOFOLLOW_ANY and not create:
        try:
            return os.open(path, os.O_RDONLY | DIRECTORY | NOFOLLOW_ANY | CLOEXEC)
        except OSError as error:
            _refuse_link(path, error)
            raise
    flags = (PATH_ONLY or os.O_RDONLY) | DIRECTORY | NOFOLLOW | CLOEXEC
    here = os.open(path.anchor, flags)
    try:
        for part in path.parts[1:]:
            below = _enter(here, part, flags, path, create=create)
            os.close(here)
            here = below
    except BaseException:
        os.close(here)
        raise
    return here


def _enter(here: int, part: str, flags: int, path: Path, *, create: bool) -> int:
    try:
        return os.open(part, flags, dir_fd=here)
    except FileNotFoundError:
        if not create:
            raise
    except OSError as error:
        if stat.S_ISLNK(os.stat(part, dir_fd=here, follow_symlinks=False).st_mode):
            raise ToolRefused(_link_in_the_way(path)) from error
        raise
    # Another call may have made it a moment ago.
    with suppress(FileExistsError):
        os.mkdir(part, dir_fd=here)
    return os.open(part, flags, dir_fd=here)


def _refuse_link(path: Path, error: OSError) -> None:
    if error.errno == errno.ELOOP:
        raise ToolRefused(_link_in_the_way(path)) from error


def _link_in_the_way(path: Path) -> str:
    return f"`{path}` was not opened: a symbolic link was put in its way after it was looked up. Try again."


def refuse_kernel_file(path: Path) -> None:
    """Raise ToolRefused if the resolved `path` lies in a file system that the kernel makes up."""
    if sys.platform == "win32":
        return
    for place in KERNEL_PLACES:
        if path.is_relative_to(place):
            raise ToolRefused(f"`{path}` is not a file on disk but the kernel's answer: ask by `shell` if you need it.")


def refuse_irregular(path: Path, status: os.stat_result) -> None:
    """Raise ToolRefused unless `status` is a regular file's."""
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return
    if stat.S_ISLNK(mode):
        raise ToolRefused(_link_in_the_way(path))
    if stat.S_ISDIR(mode):
        raise ToolRefused(f"`{path}` is a directory, not a file.")
    kinds = ((stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"))
    kind = next((words for test, words in kinds if test(mode)), "a device")
    raise ToolRefused(f"`{path}` is {kind}, not a regular file; it was not opened.")


def refuse_moved(path: Path) -> None:
    """Raise ToolRefused if `path` no longer resolves to itself. For systems without directory handles."""
    if os.path.normcase(os.path.realpath(path)) != os.path.normcase(path):
        raise ToolRefused(_link_in_the_way(path))
