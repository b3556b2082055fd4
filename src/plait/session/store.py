"""All sessions on this machine: one log each in a private directory, locked by whoever has it open."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plait.protocol.errors import UserError
from plait.protocol.events import SessionStarted, Stamped, TitleChanged, TurnStarted
from plait.protocol.queries import SessionInfo
from plait.session.codec import decode, line_type
from plait.session.lock import FileLock
from plait.session.log import Log, LogContents, read_log

SUFFIX = ".jsonl"
HEAD_BYTES = 64 * 1024
TITLE_CHARACTERS = 60


class SessionInUse(UserError):
    """Another Plait has the session open."""


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
    """The sessions below one directory (`…/sessions`). Methods block; they are quick, but for `list` of thousands."""

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
        path = self._path(identity)
        if path.exists():
            raise UserError(
                f"`--session-id {identity}`: this session exists already. Resume it with `plait -r {identity}`."
            )
        self._prepare()
        return self._open(identity)

    def open(self, session_id: str) -> OpenLog:
        """Open the log of a session for going on with it. Raises SessionInUse, UserError (unknown), OSError."""
        self.path_of(session_id)
        self._prepare()
        return self._open(session_id)

    def fork(self, session_id: str, new_id: str | None = None) -> OpenLog:
        """Open a copy of a session, which may be in use, under an id of its own."""
        source = self.path_of(session_id)
        opened = self.create(new_id)
        try:
            shutil.copyfile(source, opened.log.path)
            opened.log.close()
            opened.log = Log(opened.log.path)
        except OSError:
            opened.close()
            raise
        return opened

    def _open(self, session_id: str) -> OpenLog:
        path = self._path(session_id)
        lock = FileLock(path.with_suffix(".lock"))
        if not lock.acquire():
            raise SessionInUse(
                f"session `{session_id}` is open in another Plait: close it there, or use `--fork-session`."
            )
        try:
            log = Log(path)
            with contextlib.suppress(OSError):
                path.chmod(0o600)
        except OSError:
            lock.release()
            raise
        return OpenLog(session_id, log, lock)

    def _prepare(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            self.directory.chmod(0o700)

    # --- look ----------------------------------------------------------------------------------------------------

    def list(self, cwd: str | None = None) -> tuple[SessionInfo, ...]:
        """Return the sessions, newest first; only those begun in `cwd` if it is given."""
        infos = (self._info(path) for path in self._logs())
        found = [info for info in infos if info is not None and (cwd is None or info.cwd == cwd)]
        return tuple(sorted(found, key=lambda info: (-info.updated_at, info.session_id)))

    def latest(self, cwd: str) -> SessionInfo | None:
        """Return the session last written to in this directory."""
        by_age = sorted(self._logs(), key=_mtime_ns, reverse=True)
        return next((info for path in by_age if (info := self._info(path)) is not None and info.cwd == cwd), None)

    def find(self, text: str) -> str:
        """Return the id that `text` is, or begins. Raises UserError if there is none, or several."""
        identities = [path.stem for path in self._logs()]
        if text in identities:
            return text
        matching = [identity for identity in identities if text and identity.startswith(text.lower())]
        match matching:
            case [identity]:
                return identity
            case []:
                raise UserError(f"`{text}`: no such session. List them with `plait sessions list`.")
            case _:
                raise UserError(f"`{text}`: {len(matching)} sessions begin so. Give more of the id.")

    def path_of(self, session_id: str) -> Path:
        path = self._path(session_id)
        if session_id not in {log.stem for log in self._logs()}:
            raise UserError(f"`{session_id}`: no such session. List them with `plait sessions list`.")
        return path

    def read(self, session_id: str) -> LogContents:
        return read_log(self.path_of(session_id))

    # --- change --------------------------------------------------------------------------------------------------

    def rename(self, session_id: str, title: str) -> None:
        """Give a session that is not in use another title."""
        with contextlib.closing(self.open(session_id)) as opened:
            events = read_log(opened.log.path, only={"TitleChanged", "TurnEnded", "SessionStarted"}).events
            seq = max((stamped.seq for stamped in events), default=0) + 1
            opened.log.append(Stamped(seq, time.time_ns() // 1_000_000, "main", TitleChanged(title)))
            opened.log.sync()

    def delete(self, session_id: str) -> None:
        """Delete a session that is not in use."""
        with contextlib.closing(self.open(session_id)) as opened:
            path = opened.log.path
            path.unlink()
        path.with_suffix(".lock").unlink(missing_ok=True)

    def prune(self, *, older_than_days: float, keep: int = 0, now_s: float | None = None) -> tuple[str, ...]:
        """Delete sessions not written to for so long, but never the newest `keep`, nor one in use; return their ids."""
        now = time.time() if now_s is None else now_s
        deleted = []
        for path in sorted(self._logs(), key=_mtime_ns, reverse=True)[keep:]:
            if now - _mtime_ns(path) / 1e9 < older_than_days * 86_400:
                continue
            with contextlib.suppress(SessionInUse, OSError):
                self.delete(path.stem)
                deleted.append(path.stem)
        return tuple(deleted)

    # --- inside --------------------------------------------------------------------------------------------------

    def _path(self, session_id: str) -> Path:
        return self.directory / f"{checked_id(session_id)}{SUFFIX}"

    def _logs(self) -> Iterator[Path]:
        try:
            with os.scandir(self.directory) as entries:
                names = [entry.name for entry in entries]
        except OSError:
            return
        yield from (self.directory / name for name in sorted(names) if name.endswith(SUFFIX))

    def _info(self, path: Path) -> SessionInfo | None:
        """Read the beginning and the end of a log; None if it is none."""
        try:
            stat = path.stat()
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
                file.seek(max(0, stat.st_size - HEAD_BYTES))
                tail = file.read() if stat.st_size > HEAD_BYTES else head
        except OSError:
            return None
        started: SessionStarted | None = None
        title = ""
        turns = 0
        for line in (*head.split(b"\n"), *tail.split(b"\n")):
            if line_type(line) not in ("SessionStarted", "TitleChanged", "TurnStarted"):
                continue
            try:
                event = decode(line).event
            except ValueError:
                continue
            match event:
                case SessionStarted():
                    started = event
                case TitleChanged():
                    title = event.title
                case TurnStarted():
                    turns = max(turns, event.turn)
                    title = title or title_of(event.prompt)
                case _:
                    pass
        if started is None:
            return None
        lock = FileLock(path.with_suffix(".lock"))
        return SessionInfo(
            path.stem,
            title or "untitled",
            started.cwd,
            started.model,
            stat.st_mtime_ns // 1_000_000,
            turns,
            stat.st_size,
            lock.is_held(),
        )


def title_of(prompt: str) -> str:
    """Return the first line of a prompt, cut to 60 characters."""
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), "")
    return line if len(line) <= TITLE_CHARACTERS else line[: TITLE_CHARACTERS - 1] + "…"


def checked_id(text: str) -> str:
    """Return a session's id in its usual form. Raises UserError if it is not a UUID: ids become file names."""
    try:
        return str(uuid.UUID(text))
    except (ValueError, AttributeError):
        raise UserError(
            f"`{text}`: not a session id; it must be a UUID. List them with `plait sessions list`."
        ) from None


def _mtime_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
