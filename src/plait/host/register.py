"""Which session read and wrote which file last: a small database that all Plait processes of a user share.

It only helps to say who changed a file; whether one changed is told by its bytes. So nothing waits long for it, a
broken one is begun anew, and without one everything works as before.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

LOG = logging.getLogger("plait.register")
T = TypeVar("T")

WAIT_S = 0.3
"""So long a call waits for it at most."""
KEEP_S = 7 * 86_400
MOST_ROWS = 20_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB NOT NULL, session TEXT NOT NULL, sha256 TEXT NOT NULL, wrote INTEGER NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (path, session)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Writer:
    """A session that wrote a file: the hash of what it wrote, and how long ago in seconds."""

    session_id: str
    sha256: str
    ago_s: float


class Register:
    """The register as one session sees it.

    Contract: on the engine's loop. `saw` returns at once; `wrote` and `last_writer` within `WAIT_S`. Nothing raises.
    """

    def __init__(self, file: Path, session_id: str) -> None:
        self._file = file
        self._session = session_id
        self._thread = ThreadPoolExecutor(1, "plait-register")
        self._database: sqlite3.Connection | None = None
        self._is_off = False

    def saw(self, path: Path, sha256: str) -> None:
        """This session has read these bytes."""
        self._submit(lambda database: self._note(database, path, sha256, wrote=False))

    async def wrote(self, path: Path, sha256: str) -> None:
        """This session has written these bytes; others can know it once this returns."""
        await self._within(self._submit(lambda database: self._note(database, path, sha256, wrote=True)))

    async def last_writer(self, path: Path) -> Writer | None:
        """Return the other session that wrote the file last, None if none did or it cannot be told."""
        found = await self._within(self._submit(lambda database: self._writers(database, path)))
        return found[0] if found else None

    def close(self) -> None:
        if not self._is_off:
            self._is_off = True
            self._thread.submit(self._leave)
        self._thread.shutdown(wait=False)

    async def _within(self, work: Future[T | None] | None) -> T | None:
        if work is None:
            return None
        try:
            async with asyncio.timeout(WAIT_S):
                return await asyncio.wrap_future(work)
        except TimeoutError:
            return None

    # --- in its thread -------------------------------------------------------------------------------------------

    def _submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T | None] | None:
        return None if self._is_off else self._thread.submit(self._try, work)

    def _try(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        for attempt in (1, 2):
            try:
                self._database = self._database or self._opened()
                with self._database:
                    return work(self._database)
            except (sqlite3.Error, OSError) as error:
                LOG.info("register: %s", error)
                # The library says no more of a file that is broken than this very class; all else is somebody else
                # writing, or a disk that is full, and not worth waiting for.
                if type(error) is not sqlite3.DatabaseError:
                    return None
                self._drop()
                self._is_off = self._is_off or attempt == 2
        return None

    def _opened(self) -> sqlite3.Connection:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Private from the first byte; the files beside it get the same mode.
        os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
        database = sqlite3.connect(self._file, timeout=WAIT_S / 2, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = OFF")
            with database:
                database.execute(SCHEMA)
                database.execute("DELETE FROM files WHERE at < ? OR at > ?", (time.time() - KEEP_S, time.time() + 60))
                database.execute(
                    "DELETE FROM files WHERE at < (SELECT at FROM files ORDER BY at DESC LIMIT 1 OFFSET ?)",
                    (MOST_ROWS,),
                )
        except BaseException:
            database.close()
            raise
        return database

    def _drop(self) -> None:
        """It is broken: begin anew."""
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                os.unlink(f"{self._file}{suffix}")

    def _note(self, database: sqlite3.Connection, path: Path, sha256: str, *, wrote: bool) -> None:
        # Who has written a file has written it, also if it reads it again.
        database.execute(
            "INSERT INTO files VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (path, session) DO UPDATE SET"
            " sha256 = ?3, wrote = max(?4, wrote AND sha256 = ?3), at = CASE WHEN ?4 OR NOT wrote THEN ?5 ELSE at END",
            (os.fsencode(path), self._session, sha256, int(wrote), time.time()),
        )

    def _writers(self, database: sqlite3.Connection, path: Path) -> list[Writer]:
        with closing(
            database.execute(
                "SELECT session, sha256, at FROM files WHERE path = ? AND session != ? AND wrote ORDER BY at DESC",
                (os.fsencode(path), self._session),
            )
        ) as rows:
            return [Writer(row[0], row[1], max(0.0, time.time() - row[2])) for row in rows.fetchmany(1)]

    def _leave(self) -> None:
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None
