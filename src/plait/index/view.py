"""The index as one search sees it: what is stored, with what changed since in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from plait.index import alike
from plait.index.freshness import Now
from plait.index.reader import Reader
from plait.index.rows import Defined, Imported, Stamp


class View:
    """Good for one search. Methods raise sqlite3.Error if the database fails meanwhile."""

    def __init__(self, reader: Reader, stale: frozenset[str], now: Mapping[str, Now]) -> None:
        """stale: paths whose stored rows do not hold. now: those of them that exist, as they are."""
        self._reader = reader
        self._stale = stale
        self._now = now

    @property
    def unread(self) -> tuple[str, ...]:
        """Changed files that were too large to be looked into: their definitions are missing here."""
        return tuple(path for path, now in self._now.items() if now.unread)

    def stamp(self, path: str) -> Stamp | None:
        """Return the stamp under which the index knows a file, None if it is not known or does not hold any more."""
        return None if path in self._stale else self._reader.stamp(path)

    def paths(self) -> Sequence[str]:
        """Return all files, sorted."""
        paths = self._reader.paths()
        if not self._stale:
            return paths
        return sorted((set(paths) - self._stale) | set(self._now))

    def definitions(self, name: str) -> list[Defined]:
        """Return the definitions of a name, whatever its case."""
        folded = name.lower()
        return self._with_changed(self._reader.definitions(name), lambda symbol: symbol.name.lower() == folded)

    def similar(self, typed: str) -> list[Defined]:
        """Return definitions whose name is like what was typed (`index.alike`), in no order."""
        return self._with_changed(self._reader.similar(typed), lambda symbol: alike.likeness(typed, symbol.name) > 0)

    def outline(self, path: str) -> list[Defined]:
        """Return the definitions of one file, by line."""
        if path in self._stale:
            return sorted(self._now[path].definitions, key=lambda one: one.line) if path in self._now else []
        return self._reader.outline(path)

    def importing(self, part: str) -> list[Imported]:
        """Return the imports of something of whose name `part` is a part, whatever its case."""
        folded = part.lower()
        found = [row for row in self._reader.importing(part) if row.path not in self._stale]
        found += (row for now in self._now.values() for row in now.imports if folded in row.module.lower().split("/"))
        return found

    def imports_of(self, path: str) -> list[Imported]:
        """Return what one file imports, by line."""
        if path in self._stale:
            return list(self._now[path].imports) if path in self._now else []
        return self._reader.imports_of(path)

    def all_imports(self) -> Iterator[Imported]:
        yield from (row for row in self._reader.all_imports() if row.path not in self._stale)
        yield from (row for now in self._now.values() for row in now.imports)

    def holding(self, expression: str) -> Iterator[int]:
        """Yield the ids of files that match an FTS5 expression over `body` (all words) and `often`."""
        return self._reader.holding(expression)

    def files_by_id(self, ids: Sequence[int]) -> dict[int, tuple[str, int]]:
        """Return the path and the count of words of each file; changed ones are left out, they have no words here."""
        found = self._reader.files_by_id(ids)
        return {file: row for file, row in found.items() if row[0] not in self._stale} if self._stale else found

    @property
    def changed(self) -> tuple[str, ...]:
        """Files that changed since the index read them: to be looked into."""
        return tuple(self._now)

    def word_counts(self, words: Sequence[str]) -> dict[str, int]:
        """Return in how many files each word occurs; words in lower case, without underscores."""
        return self._reader.word_counts(words)

    def central(self, most: int) -> list[Defined]:
        """Return definitions of functions and types, whatever their file, for a map of the repository."""
        return [row for row in self._reader.outermost(most) if row.path not in self._stale]

    def _with_changed(self, stored: Iterable[Defined], wanted: Callable[[Defined], bool]) -> list[Defined]:
        found = [row for row in stored if row.path not in self._stale]
        found += (row for now in self._now.values() for row in now.definitions if wanted(row))
        return found
