"""The index on disk: SQLite tables of files, definitions, imports and words, and the questions they answer.

One process writes (`Writer`), any number read (`Reader`). Paths are relative to the root, `/` between their parts.
Nothing here looks at the files themselves: whether an answer still holds is `index.freshness`'s to say.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from plait.index import alike

SCHEMA = 1
BUSY_S = 0.25
WRITER_BUSY_S = 5.0
PAGE_CACHE_KIB = 16_000
MOST_SIEVED = 20_000
MOST_ALIKE = 300

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


class FileState(IntEnum):
    """What became of a file in the index."""

    INDEXED = 0
    TOO_LARGE = 1
    BINARY = 2
    FAILED = 3
    """Its parser crashed or took too long: its words are known, its definitions are not."""
    UNREADABLE = 4


class Stamp(NamedTuple):
    """What `stat` said of a file when it was read."""

    mtime_ns: int
    size: int


class Defined(NamedTuple):
    """One definition. Lines are 1-based; `scope` is what it stands in, parts joined by `.`; `stamp` of its file."""

    path: str
    line: int
    end_line: int
    name: str
    kind: str
    scope: str
    stamp: Stamp


class Imported(NamedTuple):
    """A line that imports `module`, its parts joined by `/`."""

    path: str
    line: int
    module: str
    stamp: Stamp


class FileRow(NamedTuple):
    """All that is known of one file, to be written. symbols: (name, kind, scope, line, end_line)."""

    path: str
    stamp: Stamp
    language: str | None
    state: FileState
    symbols: Sequence[tuple[str, str, str, int, int]] = ()
    imports: Sequence[tuple[tuple[str, ...], int]] = ()
    words: str = ""
    often: str = ""
    word_count: int = 0


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


def text_of(name: str) -> str:
    return name.encode("utf-8", "replace").decode()


class Writer:
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
            if _made_by(db) != (SCHEMA, root, grammars):
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
        db = sqlite3.connect(self.path, timeout=WRITER_BUSY_S, isolation_level=None)
        os.chmod(self.path, 0o600)
        db.execute("PRAGMA journal_mode=WAL")
        # What a power cut takes is built again.
        db.execute("PRAGMA synchronous=OFF")
        db.execute(f"PRAGMA cache_size=-{PAGE_CACHE_KIB}")
        return db

    def _anew(self, grammars: str, root: str) -> sqlite3.Connection:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        db = self._connect()
        db.executescript(f"BEGIN; {TABLES} COMMIT;")
        db.execute("INSERT INTO meta VALUES('made_by', ?)", (json.dumps([SCHEMA, root, grammars]),))
        return db

    def close(self) -> None:
        self._db.close()

    def is_in_place(self) -> bool:
        """Say whether the file is still the one that was opened."""
        try:
            return os.stat(self.path).st_ino == self._inode
        except OSError:
            return False

    def stamps(self) -> dict[str, tuple[int, Stamp]]:
        """Return the id and the stamp of every file, by path."""
        rows = self._db.execute("SELECT path, id, mtime_ns, size FROM files")
        return {restored(path): (file, Stamp(mtime_ns, size)) for path, file, mtime_ns, size in rows}

    def stamp(self, path: str) -> Stamp | None:
        row = self._db.execute("SELECT mtime_ns, size FROM files WHERE path = ?", (stored(path),)).fetchone()
        return None if row is None else Stamp(*row)

    def has_below(self, directory: str) -> bool:
        """Say whether there are files below a directory."""
        start, end = stored(f"{directory}/"), stored(f"{directory}0")  # `0` comes right behind `/`.
        found = self._db.execute("SELECT 1 FROM files WHERE path > ? AND path < ? LIMIT 1", (start, end)).fetchone()
        return found is not None

    def file_count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM files").fetchone()[0])

    def counts(self) -> Counts:
        return _counts(self._db)

    def languages(self) -> dict[str, int]:
        return _languages(self._db)

    def write(self, rows: Iterable[FileRow], removed: Iterable[str] = (), status: str | None = None) -> None:
        """Put files in, in place of what was known of them; take `removed` out. One transaction.

        Raises:
            sqlite3.Error: Nothing of it was written.
        """
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            for path in removed:
                self._remove(path)
            self._insert(list(rows))
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

    def _insert(self, rows: list[FileRow]) -> None:
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
        for file, row in enumerate(rows, self._next_file):
            if row.path in self._paths:
                self._remove(row.path)
            self._paths.add(row.path)
            files.append((file, stored(row.path), *row.stamp, row.language, row.state, row.word_count))
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


def _made_by(db: sqlite3.Connection) -> tuple[int, str, str] | None:
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


SYMBOL_ROWS = (
    "SELECT files.path, symbols.line, symbols.end_line, symbols.name, kinds.name, symbols.scope, files.mtime_ns, "
    "files.size FROM symbols JOIN files ON files.id = symbols.file JOIN kinds ON kinds.id = symbols.kind "
)
IMPORT_ROWS = (
    "SELECT files.path, imports.line, modules.parts, files.mtime_ns, files.size FROM imports "
    "JOIN files ON files.id = imports.file JOIN modules ON modules.id = imports.module "
)


class Reader:
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
            made_by = _made_by(self._db)
        except (sqlite3.Error, OSError, ValueError) as error:
            raise Unusable(f"the index cannot be read: {error}") from error
        if made_by is None:
            self._db.close()
            raise Unusable("no index has been built")
        if made_by[:2] != (SCHEMA, root):
            self._db.close()
            raise Unusable("the index is of another version")
        self._paths: tuple[int, tuple[str, ...]] | None = None

    def close(self) -> None:
        self._db.close()

    def changes(self) -> int:
        """Return a number that changes whenever somebody else has written."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def status(self) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = 'status'").fetchone()
        return "" if row is None else str(row[0])

    def counts(self) -> Counts:
        return _counts(self._db)

    def languages(self) -> dict[str, int]:
        """Return how many files there are of each language, most first."""
        return _languages(self._db)

    def stamps(self) -> dict[str, Stamp]:
        rows = self._db.execute("SELECT path, mtime_ns, size FROM files")
        return {restored(path): Stamp(mtime_ns, size) for path, mtime_ns, size in rows}

    def stamp(self, path: str) -> Stamp | None:
        row = self._db.execute("SELECT mtime_ns, size FROM files WHERE path = ?", (stored(path),)).fetchone()
        return None if row is None else Stamp(*row)

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

    def file_count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM files").fetchone()[0])

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


def _counts(db: sqlite3.Connection) -> Counts:
    by_state = dict(db.execute("SELECT state, count(*) FROM files GROUP BY state"))
    (symbols,) = db.execute("SELECT count(*) FROM symbols").fetchone()
    return Counts(sum(by_state.values()), symbols, *(by_state.get(state, 0) for state in list(FileState)[1:]))


def _languages(db: sqlite3.Connection) -> dict[str, int]:
    rows = db.execute(
        "SELECT language, count(*) FROM files WHERE language IS NOT NULL GROUP BY language ORDER BY 2 DESC, 1"
    )
    return dict(rows.fetchall())


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
