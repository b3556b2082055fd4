"""The index's database: its SQLite tables, and what both its writer and its readers ask of it.

One process writes (`index.writer`), any number read (`index.reader`). Paths are relative to the root, `/` between their
parts. Nothing here looks at the files themselves: whether an answer still holds is `index.freshness`'s to say.
"""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass

from plait.index.rows import FileState, Stamp

SCHEMA = 1

TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE files(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL,
    language TEXT, state INTEGER NOT NULL, words INTEGER NOT NULL);
CREATE TABLE kinds(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE symbols(
    file INTEGER NOT NULL, line INTEGER NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL,
    end_line INTEGER NOT NULL, scope TEXT NOT NULL,
    PRIMARY KEY(file, line, name, kind)) WITHOUT ROWID;
CREATE INDEX symbols_by_name ON symbols(name COLLATE NOCASE);
CREATE TABLE modules(id INTEGER PRIMARY KEY, parts TEXT NOT NULL UNIQUE);
CREATE TABLE module_parts(part TEXT NOT NULL, module INTEGER NOT NULL, PRIMARY KEY(part, module)) WITHOUT ROWID;
CREATE TABLE imports(
    file INTEGER NOT NULL, line INTEGER NOT NULL, module INTEGER NOT NULL,
    PRIMARY KEY(file, line, module)) WITHOUT ROWID;
CREATE INDEX imports_by_module ON imports(module);
CREATE VIRTUAL TABLE words USING fts5(
    often, body, content='', detail=column, columnsize=0, tokenize="ascii");
CREATE VIRTUAL TABLE word_counts USING fts5vocab(words, row);
"""
# `words` cannot forget: a changed file gets a new id, and what the words of a former id say is passed over.


class Unusable(Exception):
    """The database cannot be used; the text says why, in words for the user."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the index holds."""

    files: int = 0
    symbols: int = 0
    too_large: int = 0
    binary: int = 0
    failed: int = 0
    unreadable: int = 0


def stored(path: str) -> str | bytes:
    """Return a path as SQLite takes it: bytes if it is not UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def restored(path: str | bytes) -> str:
    return os.fsdecode(path) if isinstance(path, bytes) else path


class Database:
    """An open connection."""

    _db: sqlite3.Connection

    def close(self) -> None:
        self._db.close()

    def stamps(self) -> dict[str, Stamp]:
        """Return the stamp of every file, by path."""
        rows = self._db.execute("SELECT path, mtime_ns, size FROM files")
        return {restored(path): Stamp(mtime_ns, size) for path, mtime_ns, size in rows}

    def stamp(self, path: str) -> Stamp | None:
        row = self._db.execute("SELECT mtime_ns, size FROM files WHERE path = ?", (stored(path),)).fetchone()
        return None if row is None else Stamp(*row)

    def file_count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM files").fetchone()[0])

    def counts(self) -> Counts:
        by_state = dict(self._db.execute("SELECT state, count(*) FROM files GROUP BY state"))
        (symbols,) = self._db.execute("SELECT count(*) FROM symbols").fetchone()
        return Counts(sum(by_state.values()), symbols, *(by_state.get(state, 0) for state in list(FileState)[1:]))

    def languages(self) -> dict[str, int]:
        """Return how many files there are of each language, most first."""
        rows = self._db.execute(
            "SELECT language, count(*) FROM files WHERE language IS NOT NULL GROUP BY language ORDER BY 2 DESC, 1"
        )
        return dict(rows.fetchall())


def made_by(db: sqlite3.Connection) -> tuple[int, str, str] | None:
    """Return schema, root and grammars of a database, None if it says nothing of them."""
    try:
        row = db.execute("SELECT value FROM meta WHERE key = 'made_by'").fetchone()
        schema, root, grammars = json.loads(row[0])
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    except (TypeError, ValueError):
        return None
    return schema, root, grammars
