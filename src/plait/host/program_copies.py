"""Copies of the helper programs that lie inside a workspace: what works there could replace them while Plait runs."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from plait.host import programs


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
    directory = tempfile.mkdtemp(prefix="plait-programs-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    programs.run_instead({path: _copy(path, Path(directory, str(number))) for number, path in enumerate(inside)})


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
