"""What lies in a root now, and which of it the index does not know yet."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from plait.host.listing import list_files, without_secrets
from plait.index.rows import Stamp

MOST_FILES = 200_000
"""More are not indexed unless somebody asks for it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Paths relative to the root: `changed` holds new ones too."""

    changed: tuple[str, ...]
    removed: tuple[str, ...]


def files_of(root: Path, deadline_s: float | None = None) -> list[str]:
    """Return the files that belong into the index of the resolved `root`. Raises as `host.listing.list_files`."""
    return without_secrets(list_files(root, deadline_s), root)


def stamp_of(path: str | os.PathLike[str]) -> Stamp | None:
    """Return a regular file's stamp; None if it is none. A link counts as what it is, not as what it leads to."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return None
    return Stamp(status.st_mtime_ns, status.st_size) if stat.S_ISREG(status.st_mode) else None


def difference(root: Path, files: Iterable[str], known: Mapping[str, Stamp]) -> Difference:
    """Compare files as they are with what is known of them; all that is known and not among them is gone."""
    top = f"{root}{os.sep}"
    changed: list[str] = []
    seen = 0
    gone = set()
    lstat, is_regular = os.lstat, stat.S_ISREG
    for path in files:
        former = known.get(path)
        try:
            status = lstat(top + path)
        except OSError:
            gone.add(path)
            continue
        if former is not None:
            seen += 1
            if former[0] == status.st_mtime_ns and former[1] == status.st_size:
                continue
        if is_regular(status.st_mode):
            changed.append(path)
        else:
            gone.add(path)
    if seen == len(known) and not gone:
        return Difference(tuple(changed), ())
    present = set(files) - gone
    return Difference(tuple(changed), tuple(path for path in known if path not in present))


def refusal(root: Path) -> str:
    """Return why a root is not indexed unasked, or an empty text. See `MOST_FILES` for what is found out later."""
    if root.parent == root:
        return "this is the top of the file system"
    home = Path(os.path.expanduser("~"))
    if root == home or (home.is_dir() and root in home.resolve().parents) or root == home.resolve():
        return "this is a home directory, or lies above one"
    return ""
