"""The one that writes the database: by the table, not by the file, and each batch whole or not at all."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from plait.index.database import SCHEMA, TABLES, Database, Unusable, made_by, restored, stored
from plait.index.rows import Row

BUSY_S = 5.0
PAGE_CACHE_KIB = 16_000


class Writer(Database):
    """The one that writes."""

    def __init__(self, path: Path, grammars: str, root: str) -> None:
        """Open the database, or make it anew if it is damaged, or other code or other grammars made it.

        Raises:
            Unusable: It can be neither opened nor made.
        """
        self.path = path
        self._kinds: dict[str, int] = {}
        self._modules: dict[str, int] | None = None
        self._new_modules: list[tuple[int, str]] = []
        self._next_file: int | None = None
        self._paths: set[str] | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = self._opened(grammars, root)
            self._inode = os.stat(path).st_ino
        except (sqlite3.Error, OSError) as error:
            raise Unusable(f"`{path}` cannot be written: {error}") from error

    def _opened(self, grammars: str, root: str) -> sqlite3.Connection:
        try:
            db = self._connect()
            if made_by(db) != (SCHEMA, root, grammars):
                raise sqlite3.DatabaseError("made by another version")
            if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("damaged")
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "readonly" in str(error) or "unable to open" in str(error):
                raise
            return self._anew(grammars, root)
        except sqlite3.DatabaseError:
            return self._anew(grammars, root)
        self._kinds = {name: row for row, name in db.execute("SELECT id, name FROM kinds")}
        return db

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
        os.chmod(self.path, 0o600)
        db.execute("PRAGMA journal_mode=WAL")
        # What a power cut takes is built again.
        db.execute("PRAGMA synchronous=OFF")
        db.execute(f"PRAGMA cache_size=-{PAGE_CACHE_KIB}")
        return db

    def _anew(self, grammars: str, root: str) -> sqlite3.Connection:
        self.remove()
        db = self._connect()
        db.executescript(f"BEGIN; {TABLES} COMMIT;")
        db.execute("INSERT INTO meta VALUES('made_by', ?)", (json.dumps([SCHEMA, root, grammars]),))
        return db

    def remove(self) -> None:
        """Remove the files of the database. Raises OSError."""
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def is_in_place(self) -> bool:
        """Say whether the file is still the one that was opened."""
        try:
            return os.stat(self.path).st_ino == self._inode
        except OSError:
            return False

    def has_below(self, directory: str) -> bool:
        """Say whether there are files below a directory."""
        start, end = stored(f"{directory}/"), stored(f"{directory}0")  # `0` comes right behind `/`.
        found = self._db.execute("SELECT 1 FROM files WHERE path > ? AND path < ? LIMIT 1", (start, end)).fetchone()
        return found is not None

    def write(self, rows: Sequence[tuple[str, Row]], removed: Iterable[str] = (), status: str | None = None) -> None:
        """Put files in, in place of what was known of them; take `removed` out. One transaction.

        Raises:
            sqlite3.Error: Nothing of it was written.
        """
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            for path in removed:
                self._remove(path)
            self._insert(rows)
            if status is not None:
                db.execute("INSERT OR REPLACE INTO meta VALUES('status', ?)", (status,))
        except BaseException:
            db.execute("ROLLBACK")
            self._modules, self._next_file, self._paths = None, None, None
            self._new_modules.clear()
            self._kinds = {name: row for row, name in db.execute("SELECT id, name FROM kinds")}
            raise
        db.execute("COMMIT")

    def set_status(self, status: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES('status', ?)", (status,))

    def tidy(self) -> None:
        """Bring the log of changes into the database, so that it does not grow without end."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _remove(self, path: str) -> None:
        row = self._db.execute("SELECT id FROM files WHERE path = ?", (stored(path),)).fetchone()
        if row is not None:
            for table in ("symbols", "imports"):
                self._db.execute(f"DELETE FROM {table} WHERE file = ?", row)
            self._db.execute("DELETE FROM files WHERE id = ?", row)

    def _insert(self, rows: Sequence[tuple[str, Row]]) -> None:
        """Ids are given out here, so that everything goes in by the table and not by the file."""
        db = self._db
        if self._next_file is None:
            (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'files'").fetchone()
            self._next_file = last + 1
        if self._paths is None:
            self._paths = {restored(path) for (path,) in db.execute("SELECT path FROM files")}
        files: list[tuple[Any, ...]] = []
        symbols: list[tuple[Any, ...]] = []
        imports: list[tuple[int, int, int]] = []
        words: list[tuple[Any, ...]] = []
        for file, (path, row) in enumerate(rows, self._next_file):
            if path in self._paths:
                self._remove(path)
            self._paths.add(path)
            files.append((file, stored(path), *row.stamp, row.language, row.state, row.word_count))
            symbols += [
                (file, line, name, self._kind(kind), end_line, scope)
                for name, kind, scope, line, end_line in row.symbols
            ]
            for modules, line in row.imports:
                imports += [(file, line, self._module(module)) for module in modules]
            if row.words:
                words.append((file, row.often, row.words))
        self._next_file += len(rows)
        db.executemany("INSERT INTO files VALUES(?,?,?,?,?,?,?)", files)
        db.executemany("INSERT OR IGNORE INTO symbols VALUES(?,?,?,?,?,?)", symbols)
        db.executemany("INSERT INTO modules VALUES(?,?)", self._new_modules)
        db.executemany(
            "INSERT OR IGNORE INTO module_parts VALUES(?,?)",
            [(part.lower(), module) for module, parts in self._new_modules for part in parts.split("/")],
        )
        self._new_modules.clear()
        db.executemany("INSERT OR IGNORE INTO imports VALUES(?,?,?)", imports)
        db.executemany("INSERT INTO words(rowid, often, body) VALUES(?,?,?)", words)

    def _kind(self, name: str) -> int:
        if name not in self._kinds:
            row = self._db.execute("INSERT INTO kinds(name) VALUES(?)", (name,)).lastrowid
            assert row is not None
            self._kinds[name] = row
        return self._kinds[name]

    def _module(self, parts: str) -> int:
        if self._modules is None:
            self._modules = {name: row for row, name in self._db.execute("SELECT id, parts FROM modules")}
        module = self._modules.get(parts)
        if module is None:
            module = self._modules[parts] = len(self._modules) + 1
            self._new_modules.append((module, parts))
        return module
