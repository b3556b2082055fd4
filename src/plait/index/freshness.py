"""Files that changed since the index read them: what they hold now, until the index has caught up.

Everything here happens in the process that searches, so only small files are parsed: parsing holds the interpreter.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from plait.index.reader import Reader
from plait.index.rows import Defined, Imported, Stamp
from plait.index.scan import stamp_of

LARGEST_PARSED_BYTES = 100_000
MOST_CHANGED = 60
"""With more changed files than this, all is answered by looking, until the index has caught up."""


@dataclass(frozen=True, slots=True)
class Now:
    """A file as it is now. `unread`: too large to be parsed here."""

    stamp: Stamp
    definitions: tuple[Defined, ...] = ()
    imports: tuple[Imported, ...] = ()
    unread: bool = False


@dataclass
class Changed:
    """Paths relative to `root` that may differ from what the index says. Blocks while it reads them."""

    root: Path
    _paths: set[str] = field(default_factory=set)
    _now: dict[str, Now] = field(default_factory=dict)

    def add(self, paths: Iterable[str]) -> None:
        self._paths.update(paths)

    @property
    def too_many(self) -> bool:
        return len(self._paths) > MOST_CHANGED

    def settle(self, reader: Reader) -> tuple[frozenset[str], dict[str, Now]]:
        """Return the paths whose rows in the index do not hold, and what those that still exist hold now.

        What the index has caught up with is forgotten. Raises sqlite3.Error.
        """
        files: dict[str, Now] = {}
        for path in list(self._paths):
            stamp = stamp_of(self.root / path)
            known = reader.stamp(path)
            if stamp == known:
                self._paths.discard(path)
                self._now.pop(path, None)
            elif stamp is not None:
                files[path] = self.now(path, stamp)
        return frozenset(self._paths), files

    def now(self, path: str, stamp: Stamp) -> Now:
        """Return what a file holds; it is read again only if its stamp is another."""
        known = self._now.get(path)
        if known is None or known.stamp != stamp:
            known = self._now[path] = _parsed(self.root, path, stamp)
        return known


def _parsed(root: Path, path: str, stamp: Stamp) -> Now:
    if stamp.size > LARGEST_PARSED_BYTES:
        return Now(stamp, unread=True)
    # Loaded here: as a rule nothing has changed, and the parsers take room and time.
    from plait.index.frames import Task
    from plait.index.words import Splitter
    from plait.index.worker import read_row

    row = read_row(root, Task(os.fsencode(path)), Splitter())
    held = row.stamp
    return Now(
        held,
        tuple(Defined(path, line, end, name, kind, scope, held) for name, kind, scope, line, end in row.symbols),
        tuple(Imported(path, line, module, held) for modules, line in row.imports for module in modules),
        unread=row.size > LARGEST_PARSED_BYTES,
    )
