"""Copies of the helper programs that lie inside a workspace: what works there could replace them while Plait runs."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from plait.host import programs
from plait.host.exit_work import at_exit
from plait.host.lock import FileLock

PREFIX = "plait-programs-"
# Held as long as the copies are in use.
LOCK = "in-use"


def keep_out_of(roots: Iterable[Path]) -> None:
    """From now on run copies of helper programs that lie inside a root. Blocking; once at start, before a tool runs.

    The copies are the user's alone and go with the process.

    Raises:
        OSError: There is no room for a copy.
    """
    real = [os.path.realpath(root) for root in roots]
    inside = [path for path in programs.helpers() if _is_inside(path, real)]
    if not inside:
        return
    _remove_left()
    directory = tempfile.mkdtemp(prefix=PREFIX)
    lock = FileLock(Path(directory, LOCK))
    lock.acquire()

    def remove() -> None:
        lock.release()
        shutil.rmtree(directory, ignore_errors=True)

    at_exit(remove)
    programs.run_instead({path: _copy(path, Path(directory, str(number))) for number, path in enumerate(inside)})


def _remove_left() -> None:
    """Remove the copies of processes that were killed."""
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if not entry.name.startswith(PREFIX) or not _is_own(entry):
                continue
            lock = FileLock(Path(entry.path, LOCK))
            with suppress(OSError):
                if Path(entry.path, LOCK).exists() and lock.acquire():
                    lock.release()
                    shutil.rmtree(entry.path, ignore_errors=True)


def _is_own(entry: os.DirEntry[str]) -> bool:
    status = entry.stat(follow_symlinks=False)
    return stat.S_ISDIR(status.st_mode) and (not hasattr(os, "getuid") or status.st_uid == os.getuid())


def _is_inside(path: str, roots: Iterable[str]) -> bool:
    # Where the link lies counts as well as what it points to.
    return any(Path(name).is_relative_to(root) for root in roots for name in (path, os.path.realpath(path)))


def _copy(path: str, directory: Path) -> str:
    """Copy a program, with the libraries that its package has beside it, and return where it is now."""
    package = Path(path).parents[1]
    target = directory / package.name / Path(path).parent.name / Path(path).name
    target.parent.mkdir(parents=True)
    libraries = package.parent / f"{package.name}.libs"
    if package.name and libraries.is_dir():
        shutil.copytree(libraries, directory / libraries.name)
    shutil.copy2(os.path.realpath(path), target)
    return str(target)
