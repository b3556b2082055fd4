"""The process that keeps one root's index: it alone writes the database. See `plait.index.__main__`.

It scans, has workers read what changed, writes what they found, then waits for more: from the system's events, from
scans where there are none, and from the application that started it, which tells of its own edits. It ends when its
standard input does. If another indexer holds the lock it waits, and takes over when that one ends.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from plait.host.ignore import IGNORE_FILES
from plait.host.listing import is_listed, without_secrets
from plait.host.lock import FileLock
from plait.index import scan, standby
from plait.index.database import Unusable
from plait.index.places import DATABASE, LOCK
from plait.index.rows import Row
from plait.index.status import IndexStatus, encode_status
from plait.index.watch import Watch
from plait.index.workers import Workers
from plait.index.writer import Writer

ROWS_A_WRITE = 500
WRITE_EVERY_S = 0.25
TELL_EVERY_S = 0.2
TICK_S = 0.5
IDLE_TICK_S = 2.0
SCAN_EVERY_S = 3.0
"""How often a root is scanned whose changes do not arrive as events; ten times as long as a scan takes at least."""
# More changes at once, as when a branch is switched, are found by a scan.
MOST_EVENTS = 500

DELETED = 3

Work = Callable[[], None]


class Deleted(Exception):
    """Somebody removed the database."""


class Stop(Exception):
    """There is nothing more to do."""


class Indexer:
    def __init__(
        self,
        root: Path,
        directory: Path,
        grammars: str,
        tell: Callable[[str], None],
        *,
        watch: bool = True,
        most_files: int | None = scan.MOST_FILES,
    ) -> None:
        """root: resolved. directory: where the database and its lock are. tell: takes each status as a line of JSON.

        watch: False ends as soon as the index is ready. most_files: in a larger tree it does nothing; None: no limit.
        """
        self._root = root
        self._directory = directory
        self._grammars = grammars
        self._tell_line = tell
        self._keep_watching = watch
        self._most_files = most_files
        self._queue: SimpleQueue[Work] = SimpleQueue()
        self._workers = Workers(root, self._queue.put, self._row_arrived, self._workers_failed)
        self._watch: Watch | None = None
        self._writer: Writer | None = None
        self._pending: list[tuple[str, Row]] = []
        self._removed: list[str] = []
        self._again: set[str] = set()
        self._in_work: set[str] = set()
        self._pending_since = 0.0
        self._told_at = 0.0
        self._scan_due: float | None = None
        self._rebuilt = 0
        self._aside: Path | None = None
        self._status = IndexStatus()

    # --- from other threads ------------------------------------------------------------------------------------------

    def take_command(self, line: bytes) -> None:
        """Take a line of the application's: `{"changed": [path, …]}`."""
        try:
            command = json.loads(line)
        except ValueError:
            return
        match command:
            case {"changed": list(paths)}:
                wanted = [path for path in paths if isinstance(path, str)]
                self._queue.put(lambda: self._look_at(wanted, first=True))
            case _:
                return

    def stop(self) -> None:
        def stop() -> None:
            raise Stop

        self._queue.put(stop)

    # --- its life ----------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Keep the index until told to stop. Returns 0, 1 if there is none to keep, `DELETED` if it was taken away."""
        lock = FileLock(self._directory / LOCK)
        try:
            with suppress(OSError):
                # If it cannot be made, `_opened` finds another place.
                self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self._keep_watching:
                standby.wait_for(lock, self._directory, self._root, self._tell, self._pause)
            elif not standby.take(lock):
                self._tell(IndexStatus(state="off", why="another process is building it", shared=True))
                return 0
            self._status = IndexStatus()
            self._writer = self._opened()
            self._scan(initial=True)
            while True:
                self._step()
        except Deleted:
            return DELETED
        except Stop:
            return 0 if self._status.state in ("ready", "building") else 1
        finally:
            if self._watch is not None:
                self._watch.stop()
            self._workers.close()
            if self._writer is not None:
                self._writer.close()
            if self._aside is not None:
                shutil.rmtree(self._aside, ignore_errors=True)
            lock.release()

    def _step(self) -> None:
        try:
            quiet_s = WRITE_EVERY_S if self._pending else TICK_S if self._workers.processes else IDLE_TICK_S
            work = self._queue.get(timeout=quiet_s)
        except Empty:
            self._tick()
            return
        work()
        if self._pending and (
            len(self._pending) >= ROWS_A_WRITE
            or not self._workers.open
            or time.monotonic() - self._pending_since > WRITE_EVERY_S
        ):
            self._write()

    def _tick(self) -> None:
        self._workers.check()
        if self._writer is not None and not self._writer.is_in_place():
            # The lock went with it: whoever comes next builds another.
            raise Deleted
        if self._pending:
            self._write()
        if self._scan_due is not None and time.monotonic() >= self._scan_due:
            self._scan()

    def _pause(self) -> None:
        """Wait for a command, but not for long."""
        with suppress(Empty):
            self._queue.get(timeout=TICK_S)()

    def _opened(self) -> Writer:
        place = self._directory / DATABASE
        try:
            return Writer(place, self._grammars, os.fspath(self._root))
        except Unusable as error:
            # A cache that cannot be written is no reason to go without: this one lives as long as the process.
            self._aside = self._aside or Path(tempfile.mkdtemp(prefix="plait-index-"))
            aside = self._aside / DATABASE
            try:
                writer = Writer(aside, self._grammars, os.fspath(self._root))
            except Unusable:
                self._give_up(str(error))
                raise Stop from error
            self._status = msgspec.structs.replace(self._status, database=os.fspath(aside), why=str(error))
            return writer

    def _workers_failed(self, why: str) -> None:
        self._give_up(why)
        raise Stop

    def _give_up(self, why: str) -> None:
        self._set(state="off", why=why)

    # --- what changed ------------------------------------------------------------------------------------------------

    def _scan(self, initial: bool = False) -> None:
        """Compare all files with what is known and have read what differs."""
        writer = self._writer
        assert writer is not None
        if self._status.state == "off":
            self._set(state="starting", why="")
        started = time.monotonic()
        try:
            files = scan.files_of(self._root)
        except OSError as error:
            self._give_up(f"the files cannot be listed: {error}")
            return
        if self._most_files is not None and len(files) > self._most_files:
            self._set(state="off", why=f"there are {len(files):,} files", asks=True)
            raise Stop
        try:
            known = writer.stamps()
        except sqlite3.Error as error:
            self._broken(error)
            return
        found = scan.difference(self._root, files, known)
        self._scan_due = None
        if self._status.watch == "scans":
            took_s = time.monotonic() - started
            self._scan_due = time.monotonic() + max(SCAN_EVERY_S, 10 * took_s)
        self._removed += found.removed
        wanted = [path for path in _in_order(found.changed) if path not in self._in_work]
        many = len(wanted) > MOST_EVENTS or initial
        if many and wanted:
            total = len(files)
            self._set(state="building", done=total - len(wanted), total=total, files=total)
        self._in_work.update(wanted)
        self._workers.yielding = len(wanted) > MOST_EVENTS
        self._workers.ask(wanted)
        if not self._workers.open:
            self._write()
        if initial and self._keep_watching:
            self._start_watch()

    def _start_watch(self) -> None:
        def armed() -> None:
            self._set(watch="events")
            # What happened between the first scan and now.
            self._scan()

        def failed(why: str) -> None:
            self._set(watch="scans")
            self._scan_due = time.monotonic() + SCAN_EVERY_S

        self._watch = Watch(
            self._root,
            armed=lambda: self._queue.put(armed),
            changed=lambda paths: self._queue.put(lambda: self._changed(paths)),
            failed=lambda why: self._queue.put(lambda: failed(why)),
        )
        self._watch.start()

    def _changed(self, absolute: list[str]) -> None:
        """Take what the system tells: files, and directories that came or went."""
        top = os.fspath(self._root).rstrip(os.sep) + os.sep
        paths = [path.removeprefix(top).replace(os.sep, "/") for path in absolute if path.startswith(top)]
        paths = [path for path in paths if not path.startswith(".git/") and "/.git/" not in path]
        if not paths:
            return
        rules_changed = any(path.rpartition("/")[2] in IGNORE_FILES for path in paths)
        if rules_changed or len(paths) > MOST_EVENTS or any(os.path.isdir(top + path) for path in paths):
            self._scan()
            return
        self._look_at(paths)

    def _look_at(self, paths: Iterable[str], *, first: bool = False) -> None:
        """Have files read again that may have changed. Paths are relative to the root."""
        writer = self._writer
        if writer is None:
            return
        wanted = []
        for path in without_secrets(dict.fromkeys(paths), self._root):
            stamp = scan.stamp_of(self._root / path)
            known = writer.stamp(path)
            if stamp is None:
                if known is not None:
                    self._removed.append(path)
                elif writer.has_below(path):
                    # A directory that is gone.
                    self._scan()
                    return
            elif stamp != known and (known is not None or is_listed(self._root, path)):
                if path in self._in_work:
                    self._again.add(path)
                else:
                    wanted.append(path)
        self._in_work.update(wanted)
        self._workers.ask(wanted, first=first)
        if self._removed and not self._workers.open:
            self._write()

    # --- what the workers found --------------------------------------------------------------------------------------

    def _row_arrived(self, path: str, row: Row) -> None:
        self._in_work.discard(path)
        if path in self._again:
            self._again.discard(path)
            self._in_work.add(path)
            self._workers.ask([path], first=True)
        if not self._pending:
            self._pending_since = time.monotonic()
        if row.gone:
            self._removed.append(path)
        else:
            self._pending.append((path, row))
        if self._status.state == "building":
            self._status = msgspec.structs.replace(self._status, done=self._status.done + 1)
            if time.monotonic() - self._told_at > TELL_EVERY_S:
                self._tell(self._status)

    def _write(self) -> None:
        """Put what is pending into the database; when nothing is left to do, the index is ready."""
        writer = self._writer
        assert writer is not None
        over = not self._workers.open
        try:
            if self._pending or self._removed:
                writer.write(self._pending, self._removed, encode_status(self._status))
                if self._status.state == "ready" and (files := writer.file_count()) != self._status.files:
                    self._set(files=files, total=files, done=files)
            self._pending, self._removed = [], []
            if over and self._status.state in ("starting", "building"):
                self._become_ready(writer)
        except sqlite3.Error as error:
            self._broken(error)

    def _become_ready(self, writer: Writer) -> None:
        counts = writer.counts()
        # Those that gave way to everybody are too slow for single changes.
        self._workers.thin_out(0 if self._workers.yielding else 1)
        self._workers.yielding = False
        writer.tidy()
        self._set(
            state="ready",
            done=counts.files,
            total=counts.files,
            files=counts.files,
            symbols=counts.symbols,
            errors=counts.failed,
            skipped=counts.too_large + counts.binary + counts.unreadable,
            languages=writer.languages(),
        )
        if not self._keep_watching:
            raise Stop

    def _broken(self, error: sqlite3.Error) -> None:
        """The database has failed: build another in its place, twice at most."""
        self._pending, self._removed = [], []
        self._workers.drop()
        full = "full" in str(error) or "locked" in str(error)
        if full or self._rebuilt >= 2:
            self._give_up(f"the index cannot be written: {error}")
            if not full:
                raise Stop from error
            self._scan_due = time.monotonic() + 10 * SCAN_EVERY_S
            return
        self._rebuilt += 1
        assert self._writer is not None
        self._writer.close()
        self._writer.remove()
        self._writer = self._opened()
        self._in_work.clear()
        self._set(state="starting")
        self._scan()

    # --- what it says of itself --------------------------------------------------------------------------------------

    def _set(self, **changes: Any) -> None:
        status = msgspec.structs.replace(self._status, **changes)
        if self._writer is not None:
            # It is said all the same; the next write finds out what is wrong.
            with suppress(sqlite3.Error):
                self._writer.set_status(encode_status(status))
        self._tell(status)

    def _tell(self, status: IndexStatus) -> None:
        self._status = status
        self._told_at = time.monotonic()
        self._tell_line(encode_status(status))


def _in_order(paths: Iterable[str]) -> list[str]:
    """Order files by how likely somebody asks for them soon: shallow ones first, tests and vendored code last."""

    def order(path: str) -> tuple[bool, int, str]:
        folded = f"/{path.lower()}"
        late = any(part in folded for part in ("/test", "/vendor", "/third_party", "/node_modules", "/docs/", "_test."))
        return late, path.count("/"), path

    return sorted(paths, key=order)
