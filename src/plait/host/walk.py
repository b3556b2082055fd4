"""Walk directories as a reader wants them: without what the project ignores, bounded, never through links."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plait.host.ignore import IGNORE_FILES, IgnoreRules, rules_for
from plait.host.opening import KERNEL_PLACES
from plait.host.os_errors import in_words
from plait.protocol.calls import FileStamp

# Entries of one directory that are looked at; what is beyond is said to be there, and no more.
MOST_ENTRIES = 250_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a directory. A link is never taken for a directory."""

    name: str
    is_directory: bool
    is_link: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are wanted: `hidden` those whose name begins with a dot, `ignored` those the project ignores."""

    hidden: bool = False
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """One directory: `prefix` is its path below the start (`src/app/`, or empty), `entries` are sorted by name.

    `problem` says why it could not be read; `cut` that it holds more than was looked at. `stamps` are what the
    listing rests on, taken before it was read.
    """

    prefix: str
    directory: Path
    entries: tuple[Entry, ...]
    stamps: tuple[FileStamp, ...]
    problem: str = ""
    cut: bool = False


def walk(start: Path, wanted: Wanted, *, depth: int | None = None) -> Iterator[Listing]:
    """Yield the resolved directory `start` and those below it, parents first, siblings by name.

    `depth` 1 is `start` alone. git's own directory is never entered, nor from `/` what the kernel makes up. Never
    raises OSError: an unreadable directory has a `problem`. Blocks; run it in a thread, stop it by no longer asking.
    """
    rules = IgnoreRules() if wanted.ignored else rules_for(start)
    first_stamps = () if wanted.ignored else tuple(stamp_now(path) for path in _ignore_files_above(start))
    stack: list[tuple[str, Path, IgnoreRules, int]] = [("", start, rules, 1)]
    while stack:
        prefix, directory, rules, level = stack.pop()
        listing = _list(prefix, directory, rules, wanted, first_stamps if level == 1 else ())
        yield listing
        if depth is not None and level >= depth:
            continue
        inner = [entry.name for entry in listing.entries if entry.is_directory and entry.name != ".git"]
        if directory.parent == directory:
            inner = [name for name in inner if f"/{name}" not in KERNEL_PLACES]
        for name in reversed(inner):
            below = directory / name
            stack.append((f"{prefix}{name}/", below, rules if wanted.ignored else rules.below(name, below), level + 1))


def _list(prefix: str, directory: Path, rules: IgnoreRules, wanted: Wanted, stamps: tuple[FileStamp, ...]) -> Listing:
    stamps = (*stamps, stamp_now(directory))
    found: list[Entry] = []
    cut = False
    try:
        with os.scandir(directory) as entries:
            for count, entry in enumerate(entries):
                if count >= MOST_ENTRIES:
                    cut = True
                    break
                name = entry.name
                if name in IGNORE_FILES and not wanted.ignored and prefix:
                    stamps = (*stamps, stamp_now(directory / name))
                if name.startswith(".") and not wanted.hidden:
                    continue
                is_directory = entry.is_dir(follow_symlinks=False)
                if wanted.ignored or not rules.ignores(name, directory=is_directory):
                    found.append(Entry(name, is_directory, entry.is_symlink()))
    except OSError as error:
        return Listing(prefix, directory, (), stamps, in_words(error))
    found.sort(key=lambda entry: entry.name)
    return Listing(prefix, directory, tuple(found), stamps, cut=cut)


def _ignore_files_above(start: Path) -> Iterator[Path]:
    for directory in (start, *start.parents):
        yield from (directory / name for name in IGNORE_FILES)
        if os.path.exists(directory / ".git"):
            yield directory / ".git" / "info" / "exclude"
            return


def stamp_now(path: Path) -> FileStamp:
    """Return what `lstat` says of `path` now; a size of -1 if nothing is there."""
    try:
        status = os.lstat(path)
    except OSError:
        return FileStamp(str(path), 0, 0, -1, 0)
    return FileStamp(str(path), status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
