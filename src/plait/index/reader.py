"""A look into the database: where names are defined, who imports what, which files hold a word."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from plait.index import alike
from plait.index.database import SCHEMA, Database, Unusable, made_by, restored, stored
from plait.index.rows import Defined, Imported, Stamp

BUSY_S = 0.25
MOST_SIEVED = 20_000
MOST_ALIKE = 300

SYMBOL_ROWS = (
    "SELECT files.path, symbols.line, symbols.end_line, symbols.name, kinds.name, symbols.scope, files.mtime_ns, "
    "files.size FROM symbols JOIN files ON files.id = symbols.file JOIN kinds ON kinds.id = symbols.kind "
)
IMPORT_ROWS = (
    "SELECT files.path, imports.line, modules.parts, files.mtime_ns, files.size FROM imports "
    "JOIN files ON files.id = imports.file JOIN modules ON modules.id = imports.module "
)


class Reader(Database):
    """A look into the database. Use it from one thread at a time."""

    def __init__(self, path: Path, root: str) -> None:
        """Open read-only.

        Raises:
            Unusable: There is none, it is another version's or another root's, or it is damaged.
        """
        if not path.exists():
            raise Unusable("no index has been built")
        try:
            # Opened by its name, not as `immutable`: a writer may be at work.
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, check_same_thread=False
            )
            self._db.execute("PRAGMA query_only=ON")
            made = made_by(self._db)
        except (sqlite3.Error, OSError, ValueError) as error:
            raise Unusable(f"the index cannot be read: {error}") from error
        if made is None:
            self._db.close()
            raise Unusable("no index has been built")
        if made[:2] != (SCHEMA, root):
            self._db.close()
            raise Unusable("the index is of another version")
        self._paths: tuple[int, tuple[str, ...]] | None = None

    def changes(self) -> int:
        """Return a number that changes whenever somebody else has written."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def status(self) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = 'status'").fetchone()
        return "" if row is None else str(row[0])

    def paths(self) -> tuple[str, ...]:
        """Return all files, sorted; remembered until somebody writes."""
        changes = self.changes()
        if self._paths is None or self._paths[0] != changes:
            rows = self._db.execute("SELECT path FROM files")
            self._paths = (changes, tuple(sorted(restored(path) for (path,) in rows)))
        return self._paths[1]

    def definitions(self, name: str, most: int = 2000) -> list[Defined]:
        """Return the definitions of a name, whatever its case."""
        rows = self._db.execute(SYMBOL_ROWS + "WHERE symbols.name = ? COLLATE NOCASE LIMIT ?", (text_of(name), most))
        return [_defined(row) for row in rows]

    def similar(self, typed: str, most: int = 2000) -> list[Defined]:
        """Return definitions whose name is like what was typed (`index.alike`), the most alike first."""
        near = _alike(typed, self._names_with(typed))
        if not near or near[0][0] < alike.MEANT:
            near = _alike(typed, (name for _, name in near), self._names_near(typed))
        found: list[Defined] = []
        for name in list(dict.fromkeys(name.lower() for _, name in near))[:MOST_ALIKE]:
            found += self.definitions(name, most)
            if len(found) >= most:
                break
        return found[:most]

    def _names_with(self, typed: str) -> Iterator[str]:
        """Yield the names that hold the words of what was typed, in order."""
        pattern = _like(*(text_of(piece) for piece in alike.pieces(typed)))
        sql = "SELECT DISTINCT name FROM symbols WHERE name LIKE ? ESCAPE '!' LIMIT ?"
        return (name for (name,) in self._db.execute(sql, (pattern, MOST_SIEVED)))

    def _names_near(self, typed: str) -> Iterator[str]:
        """Yield the names that hold what was typed if nothing divides their words, or one of its stretches."""
        wanted = alike.squeezed(text_of(typed))
        slips, stretches = alike.slips(len(wanted)), alike.stretches(wanted)
        held = " OR ".join(["bare LIKE ? ESCAPE '!'"] * len(stretches)) or "0"
        # The names are put together first: otherwise it would be done anew for each pattern.
        rows = self._db.execute(
            "WITH bared AS MATERIALIZED (SELECT name, replace(name, '_', '') AS bare FROM symbols "
            "WHERE length(name) >= ?) SELECT DISTINCT name FROM bared "
            f"WHERE bare LIKE ? ESCAPE '!' OR (length(bare) BETWEEN ? AND ? AND ({held})) LIMIT ?",
            (
                len(wanted) - slips,
                _like(wanted),
                len(wanted) - slips,
                len(wanted) + slips,
                *(_like(stretch) for stretch in stretches),
                MOST_SIEVED,
            ),
        )
        return (name for (name,) in rows)

    def outline(self, path: str) -> list[Defined]:
        """Return the definitions of one file, by line."""
        rows = self._db.execute(
            SYMBOL_ROWS + "WHERE files.path = ? ORDER BY symbols.line, symbols.end_line DESC", (stored(path),)
        )
        return [_defined(row) for row in rows]

    def outermost(self, most: int) -> list[Defined]:
        """Return definitions that stand in no other and are neither variables nor headings, in no order."""
        rows = self._db.execute(
            SYMBOL_ROWS + "WHERE symbols.scope = '' AND kinds.name NOT IN ('variable', 'heading', 'module') LIMIT ?",
            (most,),
        )
        return [_defined(row) for row in rows]

    def importing(self, part: str, most: int = 5000) -> list[Imported]:
        """Return the lines that import something of whose name `part` is a part, whatever its case."""
        rows = self._db.execute(
            IMPORT_ROWS + "JOIN module_parts ON module_parts.module = modules.id WHERE module_parts.part = ? LIMIT ?",
            (text_of(part.lower()), most),
        )
        return [_imported(row) for row in rows]

    def imports_of(self, path: str) -> list[Imported]:
        """Return what one file imports, by line."""
        rows = self._db.execute(IMPORT_ROWS + "WHERE files.path = ? ORDER BY imports.line", (stored(path),))
        return [_imported(row) for row in rows]

    def all_imports(self) -> Iterator[Imported]:
        """Yield every import there is, in no order."""
        for row in self._db.execute(IMPORT_ROWS):
            yield _imported(row)

    def holding(self, expression: str) -> Iterator[int]:
        """Yield the ids of files that match an FTS5 expression over `body` and `often`."""
        for (file,) in self._db.execute("SELECT rowid FROM words WHERE words MATCH ?", (expression,)):
            yield file

    def files_by_id(self, ids: Sequence[int]) -> dict[int, tuple[str, int]]:
        """Return the path and the count of words of each file that is still there."""
        found: dict[int, tuple[str, int]] = {}
        for start in range(0, len(ids), 500):
            some = ids[start : start + 500]
            marks = ",".join("?" * len(some))
            for file, path, words in self._db.execute(f"SELECT id, path, words FROM files WHERE id IN ({marks})", some):
                found[file] = (restored(path), words)
        return found

    def word_counts(self, names: Sequence[str]) -> dict[str, int]:
        """Return in how many files each word occurs."""
        found: dict[str, int] = {}
        for start in range(0, len(names), 500):
            some = names[start : start + 500]
            marks = ",".join("?" * len(some))
            found.update(
                self._db.execute(f"SELECT term, doc FROM word_counts WHERE term IN ({marks})", some).fetchall()
            )
        return found


def text_of(name: str) -> str:
    """Return a name as SQLite takes it: what is no text, such as half of a surrogate pair, becomes `?`."""
    return name.encode("utf-8", "replace").decode()


def _defined(row: tuple[Any, ...]) -> Defined:
    path, line, end_line, name, kind, scope, mtime_ns, size = row
    return Defined(restored(path), line, end_line, name, kind, scope, Stamp(mtime_ns, size))


def _imported(row: tuple[Any, ...]) -> Imported:
    path, line, module, mtime_ns, size = row
    return Imported(restored(path), line, module, Stamp(mtime_ns, size))


def _alike(typed: str, *names: Iterable[str]) -> list[tuple[float, str]]:
    """Return the names that are like what was typed, each with its likeness, the most alike first."""
    near = [(alike.likeness(typed, name), name) for name in dict.fromkeys(chain(*names))]
    return sorted((one for one in near if one[0] > 0), key=lambda one: (-one[0], len(one[1]), one[1]))


def _like(*parts: str) -> str:
    """Return a LIKE pattern of texts that hold the parts in order, `!` before what is meant itself."""
    return f"%{'%'.join(map(_quoted, parts))}%"


def _quoted(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
