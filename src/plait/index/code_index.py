"""The index of one root, as the rest of Plait knows it: started, told of edits, asked for a view, closed.

Nothing here waits for the indexer, which is a process of its own: a search takes what there is at that moment.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from plait.host.lock import FileLock
from plait.index import scan
from plait.index.database import Unusable
from plait.index.freshness import Changed
from plait.index.places import DATABASE, LOCK
from plait.index.reader import Reader
from plait.index.status import IndexStatus, decode_status
from plait.index.view import View
from plait.protocol.ports import Writing

SCAN_LIMIT_S = 0.6
"""How long a search may take to find out what changed where nobody watches."""
MOST_STARTS = 3
LONG_RUN_S = 60.0
END_LIMIT_S = 1.0
RETRY_OPEN_S = 1.0

OnStatus = Callable[[IndexStatus], None]


def directory_of(root: Path, cache: Path) -> Path:
    """Return the directory below the user's `cache` directory that holds the index of the resolved `root`."""
    key = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    name = "".join(sign for sign in root.name if sign.isascii() and (sign.isalnum() or sign in "-_."))[:40]
    return cache / "index" / f"{name}-{key}".lstrip("-.")


class CodeIndex:
    """Use it on one event loop."""

    def __init__(self, root: Path, cache: Path, on_status: OnStatus | None = None) -> None:
        """root: resolved. cache: the user's cache directory. on_status: called on the loop with every new status."""
        self.root = root
        self.directory = directory_of(root, cache)
        self._on_status = on_status
        self._status = IndexStatus(state="off", why="not started")
        self._reader: Reader | None = None
        self._open_again_at = 0.0
        self._changed = Changed(root)
        self._suspect = False
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._closing = False
        self._settled = asyncio.Event()

    # --- the indexer ------------------------------------------------------------------------------------------------

    def start(self, *, any_size: bool = False) -> None:
        """Begin to build and to watch, in a process of its own. Roots that are too large say so in the status."""
        if self._reading is not None and not self._reading.done():
            return
        why = "" if any_size else scan.refusal(self.root)
        if why:
            self._set(IndexStatus(state="off", why=why, asks=True))
            return
        self._set(IndexStatus(state="starting"))
        self._reading = asyncio.create_task(self._keep_running(any_size), name="index")

    async def close(self) -> None:
        """End the indexer this one started; another's goes on."""
        self._closing = True
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                async with asyncio.timeout(END_LIMIT_S):
                    await self._process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    self._process.kill()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    async def wait_until_settled(self) -> IndexStatus:
        """Wait until it is ready or off."""
        await self._settled.wait()
        return self._status

    def status(self) -> IndexStatus:
        return self._status

    async def _keep_running(self, any_size: bool) -> None:
        starts = 0
        while starts < MOST_STARTS:
            began_s = time.monotonic()
            try:
                code = await self._run(any_size)
            except OSError as error:
                self._set(IndexStatus(state="off", why=f"the indexer cannot be started: {error.strerror or error}"))
                return
            if self._closing or code == 0 or self._status.state == "off":
                return
            # What it read is another's now, or gone.
            self._drop_reader()
            starts = 1 if time.monotonic() - began_s > LONG_RUN_S else starts + 1
            self._set(IndexStatus(state="starting"))
        self._set(IndexStatus(state="off", why=f"the indexer ended {MOST_STARTS} times, last with {_ended(code)}"))

    async def _run(self, any_size: bool) -> int:
        argv = [
            sys.executable,
            "-P",
            "-m",
            "plait.index",
            os.fspath(self.root),
            "--directory",
            os.fspath(self.directory),
        ]
        process = await asyncio.create_subprocess_exec(
            *argv,
            *(["--any-size"] if any_size else []),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # The terminal's signals are for the application.
            start_new_session=True,
            limit=1_000_000,
        )
        self._process = process
        assert process.stdout is not None
        async for line in process.stdout:
            with suppress(msgspec.MsgspecError):
                self._set(decode_status(line))
        return await process.wait()

    def _set(self, status: IndexStatus) -> None:
        if status.database != self._status.database:
            self._drop_reader()
        self._status = status
        if status.state in ("ready", "off"):
            self._settled.set()
        else:
            self._settled.clear()
        if self._on_status is not None and not self._closing:
            self._on_status(status)

    # --- what changes -----------------------------------------------------------------------------------------------

    def changed(self, paths: Iterable[Path]) -> None:
        """These resolved paths were just written or removed: no answer may rest on what the index knows of them."""
        relative = [path.relative_to(self.root).as_posix() for path in paths if path.is_relative_to(self.root)]
        if relative:
            self._changed.add(relative)
            self._send({"changed": relative})

    def suspect(self) -> None:
        """Anything may have changed: the next view looks what did."""
        self._suspect = True

    def _send(self, command: dict[str, object]) -> None:
        process = self._process
        if process is not None and process.returncode is None and process.stdin is not None:
            with suppress(OSError, RuntimeError):
                process.stdin.write(json.dumps(command).encode("ascii") + b"\n")

    # --- what it knows ----------------------------------------------------------------------------------------------

    async def view(self) -> View | None:
        """Return what the index knows now, None if an answer cannot rest on it: then one has to look.

        Never waits for the indexer. Where nobody watches, what changed is found by a scan of at most `SCAN_LIMIT_S`.
        """
        reader = self._opened()
        if reader is None:
            return None
        try:
            if not await self._current(reader):
                return None
            if self._changed.too_many:
                return None
            stale, now = self._changed.settle(reader)
        except sqlite3.Error as error:
            self.failed(error)
            return None
        return View(reader, stale, now)

    def partial(self) -> View | None:
        """Return what is known of some files while the index is being built; None if there is nothing yet."""
        reader = self._opened() if self._status.state in ("starting", "building") else None
        if reader is None or self._changed.too_many:
            return None
        try:
            return View(reader, *self._changed.settle(reader))
        except sqlite3.Error as error:
            self.failed(error)
            return None

    def failed(self, error: sqlite3.Error) -> None:
        """The database of a view failed: it is opened anew some time later, and until then there is no view."""
        self._drop_reader()
        self._open_again_at = time.monotonic() + RETRY_OPEN_S
        if self._reading is None:
            self._status = IndexStatus(state="off", why=f"the index cannot be read: {error}")

    async def _current(self, reader: Reader) -> bool:
        """Say whether all changes are known or can be found out."""
        if self._reading is None:
            # Nobody of ours watches: another process may.
            watched = FileLock(self.directory / LOCK).is_held()
            self._status = _stored_status(reader)
            if watched and self._status.state != "ready":
                return False
            if not watched:
                return await self._scanned(reader)
        elif self._status.state != "ready":
            return False
        return await self._scanned(reader) if self._suspect else True

    async def _scanned(self, reader: Reader) -> bool:
        """Find out by a scan what changed since the index was written."""
        if not (known := reader.stamps()):
            return False

        def look() -> scan.Difference:
            return scan.difference(self.root, scan.files_of(self.root, SCAN_LIMIT_S), known)

        try:
            async with asyncio.timeout(SCAN_LIMIT_S):
                found = await asyncio.to_thread(look)
        except (TimeoutError, OSError):
            if self._reading is None:
                self._status = IndexStatus(state="off", why="too large to be checked in time")
            return False
        self._changed.add((*found.changed, *found.removed))
        self._suspect = False
        if self._reading is None:
            self._status = msgspec.structs.replace(self._status, state="ready")
        return True

    def _opened(self) -> Reader | None:
        if self._reader is None and time.monotonic() >= self._open_again_at:
            place = Path(self._status.database) if self._status.database else self.directory / DATABASE
            try:
                self._reader = Reader(place, os.fspath(self.root))
            except Unusable as error:
                if self._reading is None and not self._status.asks:
                    self._status = IndexStatus(state="off", why=str(error))
        return self._reader

    def _drop_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class TellIndexes:
    """See `protocol.ports.AfterWrite`: no search after a write rests on what was known before it."""

    def __init__(self, indexes: Mapping[Path, CodeIndex]) -> None:
        self._indexes = indexes

    async def after_write(self, writing: Writing) -> None:
        # Commands name what they write by guess, and a directory stands for what is below it.
        files = _without_directories(writing.paths)
        for index in self._indexes.values():
            index.changed(files)
            if not files or len(files) < len(writing.paths):
                index.suspect()


def _without_directories(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if not os.path.isdir(path)]


def stored(root: Path, cache: Path) -> IndexStatus:
    """Return what is known of a root's index without starting anything."""
    directory = directory_of(root, cache)
    try:
        reader = Reader(directory / DATABASE, os.fspath(root))
    except Unusable as error:
        return IndexStatus(state="off", why=str(error))
    try:
        status = _stored_status(reader)
    except sqlite3.Error as error:
        return IndexStatus(state="off", why=f"the index cannot be read: {error}")
    finally:
        reader.close()
    if status.state != "ready" and not FileLock(directory / LOCK).is_held():
        return IndexStatus(state="off", why="it was not finished; `plait index build` goes on")
    return status


def _stored_status(reader: Reader) -> IndexStatus:
    try:
        return decode_status(reader.status())
    except msgspec.MsgspecError:
        return IndexStatus()


def _ended(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
