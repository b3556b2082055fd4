"""Take a session back: look at its files, restore them, cut its conversation. A thin shell around `session.rewinding`.

Nothing is restored that somebody else has changed since, unless the command names it; what is overwritten is put
aside first, so that going back can itself be undone.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from plait.host.contents import Contents
from plait.host.versions import FULL, UNKNOWN, keep, put_back, version_of
from plait.protocol.commands import Rewind
from plait.protocol.errors import ToolRefused, UserError
from plait.protocol.events import Rewound, Stamped, TodoChanged
from plait.protocol.file_events import FileChange, FileVersion
from plait.protocol.ports import Emit
from plait.protocol.queries import FileRewind, RewindPlan, RewindPoint
from plait.session import rewinding
from plait.session.rewinding import HISTORY, LOOKED_AT, POINTS, Wanted

Select = Callable[[frozenset[str]], tuple[Stamped, ...]]
"""The events of these names, all of them, in order. Blocks; raises UserError."""


class Rewinder:
    """Of one session. Its methods are awaited on the engine's loop; files are looked at in threads.

    contents: None if nothing is kept, and then only the conversation can go back. take_history: makes these payloads
    the model's history and returns the payload of the whole.
    """

    def __init__(
        self,
        select: Select,
        emit: Emit,
        contents: Contents | None,
        take_history: Callable[[tuple[str, ...]], str],
    ) -> None:
        self._select = select
        self._emit = emit
        self._contents = contents
        self._take_history = take_history

    async def points(self) -> tuple[RewindPoint, ...]:
        return await asyncio.to_thread(lambda: rewinding.points(self._select(POINTS)))

    async def plan(self, to_seq: int) -> RewindPlan:
        """Say what going back would do, without doing it. Raises UserError."""
        return await asyncio.to_thread(self._plan, to_seq)

    async def rewind(self, command: Rewind) -> None:
        """Go back, and tell of it. Raises UserError; then nothing was changed."""
        events = await asyncio.to_thread(self._select, LOOKED_AT)
        point = _point(events, command.to_seq)
        changes: tuple[FileChange, ...] = ()
        left: tuple[str, ...] = ()
        if command.what != "conversation":
            changes, left = await asyncio.to_thread(self._restore, events, command)
        payload: str | None = None
        if command.what != "files":
            messages = await asyncio.to_thread(self._select, HISTORY)
            payload = self._take_history(rewinding.history(messages, command.to_seq))
        prompt = "" if point.is_rewind else _prompt(events, point)
        self._emit(Rewound(command.to_seq, point.turn, command.what, prompt, changes, left, payload))
        if payload is not None and (items := rewinding.todo(events, command.to_seq)) != _todo_now(events):
            self._emit(TodoChanged(items))

    # --- in a thread ---------------------------------------------------------------------------------------------

    def _plan(self, to_seq: int) -> RewindPlan:
        events = self._select(LOOKED_AT)
        _point(events, to_seq)
        looked = [self._look(one) for one in rewinding.wanted(events, to_seq)]
        return RewindPlan(
            to_seq, tuple(file for file, _ in looked if file is not None), rewinding.notes(events, to_seq)
        )

    def _look(self, one: Wanted) -> tuple[FileRewind | None, FileVersion]:
        """Return what is to be done about one file, None if it is as it was; and what it is now."""
        now = version_of(Path(one.path))
        is_same = now.sha256 == one.target.sha256 != UNKNOWN and now.link == one.target.link
        if is_same and (now.mode == one.target.mode or now.sha256 is None or os.name == "nt"):
            return None, now
        others = one.is_mixed or now.sha256 not in one.ours
        file = FileRewind(one.path, _action(one.target, now), others, one.by_command, self._why_not(one, now))
        return file, now

    def _why_not(self, one: Wanted, now: FileVersion) -> str:
        if not one.kept or one.target.sha256 == UNKNOWN:
            return "what it held before was not kept"
        if one.target.sha256 is not None and (self._contents is None or not self._contents.has(one.target.sha256)):
            return "what it held before is no longer kept"
        if now.sha256 == UNKNOWN:
            return "what is there now cannot be read, or is no file that could be kept"
        return ""

    def _restore(self, events: Sequence[Stamped], command: Rewind) -> tuple[tuple[FileChange, ...], tuple[str, ...]]:
        chosen: list[tuple[Wanted, FileVersion]] = []
        left: list[str] = []
        for one in rewinding.wanted(events, command.to_seq):
            file, now = self._look(one)
            if file is None:
                continue
            if file.why_not:
                left.append(f"`{one.path}` was left as it is: {file.why_not}.")
            elif file.others and one.path not in command.overwrite:
                left.append(f"`{one.path}` was left as it is: it was changed by somebody else since.")
            else:
                chosen.append((one, now))
        if self._contents is None:
            return (), tuple(left)
        # All of them before the first is touched, so that a full disk leaves every file as it is.
        for one, now in chosen:
            self._put_aside(one, now, self._contents)
        changes = []
        for one, now in chosen:
            try:
                put_back(Path(one.path), one.target, now, self._contents)
            except ToolRefused as error:
                left.append(str(error))
            except OSError as error:
                left.append(f"`{one.path}` was left as it is: {error.strerror or error}.")
            else:
                changes.append(FileChange(one.path, now, one.target))
        return tuple(changes), tuple(left)

    def _put_aside(self, one: Wanted, now: FileVersion, contents: Contents) -> None:
        try:
            kept = keep(Path(one.path), contents)
        except OSError as error:
            full = "the disk is full" if error.errno in FULL else error.strerror or str(error)
            raise UserError(
                f"Nothing was taken back: what `{one.path}` holds now could not be put aside ({full})."
            ) from error
        if kept.version != now:
            raise UserError(f"Nothing was taken back: `{one.path}` changed a moment ago. Look again.")


def _action(target: FileVersion, now: FileVersion) -> Literal["restore", "delete", "create"]:
    if target.sha256 is None:
        return "delete"
    return "create" if now.sha256 is None else "restore"


def _point(events: Sequence[Stamped], to_seq: int) -> RewindPoint:
    found = next((point for point in rewinding.points(events) if point.seq == to_seq), None)
    if found is None:
        raise UserError(f"There is no moment {to_seq} to go back to: `/rewind` lists them.")
    return found


def _prompt(events: Sequence[Stamped], point: RewindPoint) -> str:
    return next((getattr(stamped.event, "prompt", "") for stamped in events if stamped.seq == point.seq), "")


def _todo_now(events: Sequence[Stamped]) -> object:
    return next((stamped.event.items for stamped in reversed(events) if isinstance(stamped.event, TodoChanged)), ())
