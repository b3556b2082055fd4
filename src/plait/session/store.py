"""All sessions on this machine: one log each in a private directory, locked by whoever has it open.

Ids are UUIDs, checked before they become file names. Methods block: call them in a thread where that matters.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plait.host.lock import FileLock
from plait.protocol.errors import SessionInUse, UserError
from plait.protocol.events import MAIN_AGENT, SessionStarted, Stamped, TitleChanged
from plait.protocol.queries import SessionInfo
from plait.session.glance import glance, title_of
from plait.session.log import Log, LogContents, read_lines, split_lines

SUFFIX = ".jsonl"


@dataclass(slots=True)
class OpenLog:
    """A session's log, locked for as long as it is open."""

    session_id: str
    log: Log
    lock: FileLock

    def close(self) -> None:
        self.log.close()
        self.lock.release()


def new_session_id() -> str:
    return str(uuid.uuid4())


class Store:
    """The sessions below one directory (`…/sessions`)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    # --- open ----------------------------------------------------------------------------------------------------

    def create(self, session_id: str | None = None) -> OpenLog:
        """Open the log of a new session.

        Raises:
            UserError: `session_id` is not a UUID, or is taken.
            OSError: The directory cannot be written.
        """
        identity = new_session_id() if session_id is None else checked_id(session_id)
        _make_private(self.directory)
        try:
            return self._open(identity, new=True)
        except FileExistsError:
            raise UserError(
                f"`--session-id {identity}`: this session exists already. Resume it with `plait -r {identity}`."
            ) from None

    def open(self, session_id: str) -> OpenLog:
        """Open the log of a session for going on with it. Raises SessionInUse, UserError (unknown), OSError."""
        self.path_of(session_id)
        _make_private(self.directory)
        return self._open(session_id, new=False)

    def fork(self, session_id: str, new_id: str | None = None, *, cwd: str | None = None) -> OpenLog:
        """Open a copy of a session, which may be in use, under an id of its own.

        cwd: the directory the copy belongs to, if it is another one.

        Raises:
            UserError: There is no such session, a newer Plait wrote it, or `new_id` will not do.
            OSError: It cannot be read, or the copy not be written.
        """
        data = self.path_of(session_id).read_bytes()
        # What follows the last line end is torn, or being written by whoever has the session open.
        first, _, rest = data[: data.rfind(b"\n") + 1].partition(b"\n")
        begun = _beginning(session_id, first)
        opened = self.create(new_id)
        started = SessionStarted(
            opened.session_id,
            cwd if cwd is not None else begun.cwd,
            begun.model,
            begun.mode,
            plait_version=begun.plait_version,
            forked_from=session_id,
            roots=begun.roots,
        )
        try:
            opened.log.append(Stamped(1, _now_ms(), MAIN_AGENT, started))
            opened.log.append_lines(rest)
        except OSError:
            self._remove(opened)
            raise
        return opened

    def _open(self, session_id: str, *, new: bool) -> OpenLog:
        path = self._path(session_id)
        lock = FileLock(path.with_suffix(".lock"))
        if not lock.acquire():
            raise SessionInUse(
                f"session `{session_id}` is open in another Plait: close it there, or use `--fork-session`.",
                session_id,
            )
        try:
            return OpenLog(session_id, Log(path, new=new), lock)
        except OSError:
            lock.release()
            raise

    # --- look ----------------------------------------------------------------------------------------------------

    def list(self, cwd: str | None = None) -> tuple[SessionInfo, ...]:
        """Return the sessions, newest first; only those of `cwd` if it is given.

        Those in which nothing was said yet are left out, unless they are open.
        """
        infos = (self._info(path, cwd) for path in self._logs())
        found = [info for info in infos if info is not None and (info.turns or info.in_use)]
        return tuple(sorted(found, key=lambda info: (-info.updated_at, info.session_id)))

    def latest(self, cwd: str) -> SessionInfo | None:
        """Return the session last written to in this directory, if anything was said in it."""
        by_age = sorted(self._logs(), key=_mtime_ns, reverse=True)
        return next((info for path in by_age if (info := self._info(path, cwd)) is not None and info.turns), None)

    def find(self, text: str) -> str:
        """Return the id that `text` is, or begins. Raises UserError if there is none, or several."""
        wanted = text.strip().lower()
        matching = [path.stem for path in self._logs() if wanted and path.stem.startswith(wanted)]
        match matching:
            case [identity]:
                return identity
            case []:
                raise UserError(f"`{text}`: no such session. List them with `plait sessions list`.")
            case _:
                raise UserError(f"`{text}`: {len(matching)} sessions begin so. Give more of the id.")

    def path_of(self, session_id: str) -> Path:
        """Return the file of a session. Raises UserError if there is none."""
        path = self._path(session_id)
        if not path.is_file():
            raise UserError(f"`{session_id}`: no such session. List them with `plait sessions list`.")
        return path

    def read(self, session_id: str) -> LogContents:
        """Return all events of a session. Raises UserError (unknown, or written by a newer Plait), OSError."""
        return read_lines(self.path_of(session_id)).decode_all()

    # --- change --------------------------------------------------------------------------------------------------

    def rename(self, session_id: str, title: str) -> None:
        """Give a session that is not in use another title. Raises UserError, OSError."""
        wanted = title_of(title)
        if not wanted:
            raise UserError("A session's title cannot be empty; say what it is about.")
        with contextlib.closing(self.open(session_id)) as opened:
            seq = read_lines(opened.log.path).last_seq + 1
            opened.log.append(Stamped(seq, _now_ms(), MAIN_AGENT, TitleChanged(wanted)))
            opened.log.sync()

    def delete(self, session_id: str) -> None:
        """Delete a session that is not in use. Raises UserError, OSError."""
        self._remove(self.open(session_id))

    def discard(self, opened: OpenLog) -> None:
        """Delete a session that nothing was said in, and close it."""
        with contextlib.suppress(OSError):
            self._remove(opened)

    def prune(self, *, older_than_days: float, keep: int = 0, now_s: float | None = None) -> tuple[str, ...]:
        """Delete sessions not written to for so long, but never the newest `keep`, nor one in use; return their ids."""
        now = time.time() if now_s is None else now_s
        deleted = []
        for path in sorted(self._logs(), key=_mtime_ns, reverse=True)[keep:]:
            if now - _mtime_ns(path) / 1e9 < older_than_days * 86_400:
                continue
            with contextlib.suppress(UserError, OSError):
                self.delete(path.stem)
                deleted.append(path.stem)
        return tuple(deleted)

    # --- inside --------------------------------------------------------------------------------------------------

    def _remove(self, opened: OpenLog) -> None:
        """Delete the log while its lock is held, so that nobody goes on with what is being deleted."""
        try:
            opened.log.close()
            opened.log.path.unlink()
            with contextlib.suppress(OSError):  # Windows deletes no file that is open; `prune` does not mind.
                opened.log.path.with_suffix(".lock").unlink()
        finally:
            opened.close()

    def _path(self, session_id: str) -> Path:
        return self.directory / f"{checked_id(session_id)}{SUFFIX}"

    def _logs(self) -> Iterator[Path]:
        try:
            with os.scandir(self.directory) as entries:
                names = sorted(entry.name for entry in entries)
        except OSError:
            return
        yield from (self.directory / name for name in names if name.endswith(SUFFIX) and _is_id(name[: -len(SUFFIX)]))

    def _info(self, path: Path, cwd: str | None) -> SessionInfo | None:
        """Look at a log's two ends; None if it is none, or belongs to another directory than `cwd`."""
        seen = glance(path, cwd)
        if seen is None:
            return None
        return SessionInfo(
            path.stem,
            seen.title,
            seen.started.cwd,
            seen.started.model,
            seen.mtime_ns // 1_000_000,
            seen.turns,
            seen.size_bytes,
            FileLock(path.with_suffix(".lock")).is_held(),
        )


def checked_id(text: str) -> str:
    """Return a session's id in its usual form. Raises UserError if it is not a UUID: ids become file names."""
    try:
        return str(uuid.UUID(text))
    except (ValueError, AttributeError, TypeError):
        raise UserError(
            f"`{text}`: not a session id; it must be a UUID. List them with `plait sessions list`."
        ) from None


def _beginning(session_id: str, first_line: bytes) -> SessionStarted:
    match split_lines(first_line).decode_all().events:
        case (Stamped(event=SessionStarted() as started),):
            return started
        case _:
            raise UserError(f"session `{session_id}` cannot be forked: its log does not begin as one.")


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _make_private(directory: Path) -> None:
    """Make a directory that only its owner may enter, and the missing ones above it too; tighten one that is wider.

    Raises OSError if it cannot be made.
    """
    missing = []
    place = directory
    while not place.exists():
        missing.append(place)
        place = place.parent
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)
    if directory.stat().st_mode & 0o077:
        with contextlib.suppress(OSError):
            directory.chmod(0o700)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _mtime_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
