"""One conversation as views see it: commands in, events out, one turn at a time.

What a turn does is the agent's; how events are kept is the record's; what a log line looks like is the codec's.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, assert_never

from plait.host.contents import Contents
from plait.host.opening import open_regular
from plait.protocol.calls import CallKey
from plait.protocol.commands import (
    AddRule,
    AllowAllLike,
    Background,
    BuildIndex,
    Cancel,
    Clear,
    Command,
    Compact,
    Decide,
    EditQueue,
    EndBackground,
    PermissionMode,
    Prompt,
    RemoveRule,
    Rename,
    Rewind,
    RunShell,
    SetMode,
    SetModel,
    Steer,
)
from plait.protocol.errors import PlaitError, ToolRefused, UserError
from plait.protocol.events import (
    Event,
    FilesChanged,
    FilesKept,
    Notice,
    QueueChanged,
    Rewound,
    SessionResumed,
    SessionStarted,
    Steered,
    TitleChanged,
)
from plait.protocol.ports import Agent, Completion, Emit
from plait.protocol.queries import GetLog, GetRewindPlan, GetStatus, ListRewindPoints, ListSessions, Query
from plait.session.bus import BusSubscription
from plait.session.glance import title_of
from plait.session.log import read_lines
from plait.session.record import Record
from plait.session.resume import UNREADABLE, needed, resumption
from plait.session.rewinder import Rewinder
from plait.session.rewinding import digests_of
from plait.session.store import OpenLog, Store
from plait.session.turns import Turns, Watch

A = TypeVar("A")
LOG = logging.getLogger("plait.session")

CLOSE_WITHIN_S = 1.8
"""Of the two seconds that an ending program has. Most of it is the turn's, the rest the agent's and the disk's."""
TURN_SHARE = 0.6

AgentFactory = Callable[[Emit], Agent]


@dataclass(frozen=True, slots=True)
class Identity:
    """What the first line of a session's log says of it."""

    session_id: str
    cwd: str
    model: str
    mode: PermissionMode
    plait_version: str
    roots: tuple[str, ...] = ()
    forked_from: str | None = None


class Session:
    """See `protocol.ports.SessionHandle`. Made and closed on the engine's loop; `submit` may be called from any thread.

    opened: the log, which the session closes; None if nothing is kept. store: where other sessions lie, for
    `ListSessions`. contents: what files held before calls changed them; None if that is not kept. One of `begin` and
    `resume` comes first.
    """

    def __init__(
        self,
        identity: Identity,
        make_agent: AgentFactory,
        opened: OpenLog | None,
        store: Store | None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        contents: Contents | None = None,
    ) -> None:
        self._identity = identity
        self._opened = opened
        self._store = store
        self._record = Record(opened.log if opened is not None else None, now_ms)
        self._loop = asyncio.get_running_loop()
        self._title = ""
        self._is_new = True
        self._errands: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self._watch = Watch()
        self._agent = make_agent(self.emit)
        self._contents = contents
        self._rewinder = Rewinder(self._record.select, self.emit, contents, self._agent.rewind)
        self._turns = Turns(self._agent, self.emit, self._record.sync, self._watch, self._rewind)

    # --- begin ---------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start a new session: its first line."""
        identity = self._identity
        self.emit(
            SessionStarted(
                identity.session_id,
                identity.cwd,
                identity.model,
                identity.mode,
                plait_version=identity.plait_version,
                forked_from=identity.forked_from,
                roots=identity.roots,
            )
        )

    def resume(self) -> None:
        """Go on with what the log holds. If that fails the log is closed.

        Raises:
            UserError: A newer Plait wrote it, or it cannot be read.
        """
        assert self._opened is not None
        try:
            self._resume(self._opened.log.path)
        except OSError as error:
            self._opened.close()
            path = self._opened.log.path
            raise UserError(f"The session's log `{path}` cannot be read: {error.strerror or error}.") from error
        except BaseException:
            self._opened.close()
            raise

    def _resume(self, path: Path) -> None:
        lines = read_lines(path)
        read = lines.decode(needed(lines.kinds))
        found = resumption(read.events, _file_hash)
        self._record.go_on_from(lines.last_seq)
        self._turns.count = found.restored.turns
        self._is_new = found.restored.turns == 0
        self._title = found.title or ""
        # The agent first: what it adds to the history belongs to the turn that was cut off.
        self._agent.restore(found.restored)
        for event in found.ends:
            self.emit(event)
        self.emit(SessionResumed(self._identity.model, self._identity.mode))
        if read.skipped:
            lost = "1 line" if read.skipped == 1 else f"{read.skipped} lines"
            self.emit(Notice("warning", f"{lost} of this session's log could not be read and had to be left out."))
        if found.waiting:
            self.emit(QueueChanged(()))
            self.emit(Notice("info", f"Not sent before the session ended: {' · '.join(map(title_of, found.waiting))}"))
        self._start(asyncio.to_thread(self._refer))

    def _refer(self) -> None:
        """Note what this session needs of the kept contents: a copy of another session's log needs what that did."""
        if self._contents is None:
            return
        events = self._record.select(frozenset((FilesKept.__name__, FilesChanged.__name__, Rewound.__name__)))
        # No promise is broken if it cannot be noted: contents stay for days in any case.
        with suppress(OSError):
            self._contents.refer(digest for stamped in events for digest in digests_of(stamped.event))

    # --- SessionHandle -------------------------------------------------------------------------------------------

    @property
    def session_id(self) -> str:
        return self._identity.session_id

    def emit(self, event: Event) -> None:
        """See `protocol.ports.Emit`."""
        self._watch.note(event)
        self._record.emit(event)

    def submit(self, command: Command) -> None:
        with suppress(RuntimeError):  # The loop is closed: the session has ended.
            self._loop.call_soon_threadsafe(self._take, command)

    def subscribe(self, wake: Callable[[], None], *, since: int | None = None) -> BusSubscription:
        return self._record.subscribe(wake, since)

    async def query(self, query: Query[A]) -> A:
        # Each query names its answer's type; `match` cannot follow that.
        asked: object = query
        answer: Any
        match asked:
            case GetLog(before=before, turns=turns):
                answer = await asyncio.to_thread(self._record.page, before, turns)
            case ListSessions(everywhere=everywhere):
                cwd = None if everywhere else self._identity.cwd
                answer = () if self._store is None else await asyncio.to_thread(self._store.list, cwd)
            case GetStatus():
                # The disk may have filled up since the session was opened.
                status = await self._agent.query(GetStatus())
                answer = replace(status, persisted=status.persisted and self._record.is_logged)
            case ListRewindPoints():
                answer = await self._rewinder.points()
            case GetRewindPlan(to_seq=to_seq):
                answer = await self._rewinder.plan(to_seq)
            case _:
                return await self._agent.query(query)
        found: A = answer
        return found

    async def complete(self, prefix: str) -> Sequence[Completion]:
        return await self._agent.complete(prefix)

    async def close(self) -> None:
        """End the turn, the background commands and the log, within two seconds. May be called again."""
        if self._closing is None:
            self._closing = self._loop.create_task(self._close(), name="close")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        deadline = self._loop.time() + CLOSE_WITHIN_S
        await self._turns.close(CLOSE_WITHIN_S * TURN_SHARE)
        for errand in self._errands:
            errand.cancel()
        await self._within(deadline, self._agent.close())
        await self._within(deadline, self._record.sync())
        is_empty = self._is_new and self._turns.count == 0 and not self._title
        self._record.close()
        if self._opened is None:
            return
        if is_empty and self._store is not None:
            self._store.discard(self._opened)
        else:
            self._opened.close()

    async def _within(self, deadline: float, work: Coroutine[Any, Any, None]) -> None:
        """Wait for something, but not past the deadline, and whatever comes of it: the log must still be closed."""
        task = self._loop.create_task(work)
        await asyncio.wait({task}, timeout=max(0.0, deadline - self._loop.time()))
        if not task.done():
            task.cancel()
        elif not task.cancelled() and (error := task.exception()) is not None:
            LOG.error("close", exc_info=error)

    # --- commands ------------------------------------------------------------------------------------------------

    def _take(self, command: Command) -> None:
        if self._closing is not None:
            return
        try:
            self._obey(command)
        except PlaitError as error:
            self.emit(Notice("error", str(error)))
        except Exception as error:  # The process edge of a conversation: a bug costs one command, not the session.
            LOG.exception("%s", type(command).__name__)
            self.emit(Notice("error", f"Plait failed at `{type(command).__name__}`: {error}"))

    def _obey(self, command: Command) -> None:
        match command:
            case Prompt(text) | RunShell(text):
                self._say(command, text)
            case Steer(text):
                if self._agent.steer(text):
                    self.emit(Steered(self._turns.count, text))
                else:
                    self._say(Prompt(text), text)
            case Compact() | Clear():
                self._turns.line_up(command)
            case Rewind():
                if self._turns.is_at_work:
                    raise UserError("`/rewind` goes back when nothing runs: Esc ends the turn.")
                self._turns.line_up(command)
            case EditQueue(index=index, text=text):
                self._turns.edit(index, text)
            case Decide(key=key, answer=answer):
                self._agent.decide(key, answer)
            case AllowAllLike(key=key):
                self._agent.allow_all_like(key)
            case Cancel(key=key):
                self._turns.cancel() if key is None else self._agent.cancel(key)
            case SetMode(mode=mode):
                self._agent.set_mode(mode)
            case SetModel(model=model, base_url=base_url):
                self._agent.set_model(model, base_url)
            case Rename(title=title):
                self._rename(title)
            case AddRule(rule=rule):
                self._agent.add_rule(rule)
            case RemoveRule(rule=rule):
                self._agent.remove_rule(rule)
            case Background(key=key):
                self._to_background(key)
            case EndBackground(background_id=background_id):
                self._start(self._end_background(background_id))
            case BuildIndex():
                self._agent.build_index()
            case _:
                assert_never(command)

    def _say(self, command: Prompt | RunShell, text: str) -> None:
        if not text.strip():
            self.emit(Notice("info", "There was nothing to send."))
            return
        if not self._title:
            self._title = title_of(text)
            self.emit(TitleChanged(self._title))
        self._turns.line_up(command)

    async def _rewind(self, command: Rewind) -> None:
        try:
            await self._rewinder.rewind(command)
        except PlaitError as error:
            self.emit(Notice("error", str(error)))

    def _rename(self, title: str) -> None:
        wanted = title_of(title)
        if not wanted:
            raise UserError("`/rename` needs a title.")
        self._title = wanted
        self.emit(TitleChanged(wanted))

    def _to_background(self, key: CallKey | None) -> None:
        if not self._agent.move_to_background(key):
            self.emit(Notice("info", "No command is running that could go to the background."))

    async def _end_background(self, background_id: str) -> None:
        if not await self._agent.end_background(background_id):
            self.emit(Notice("warning", f"`{background_id}`: no such command in the background."))

    def _start(self, errand: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(self._report_failure(errand))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _report_failure(self, errand: Coroutine[Any, Any, None]) -> None:
        try:
            await errand
        except (PlaitError, OSError) as error:
            self.emit(Notice("error", str(error)))


def _file_hash(path: str) -> str | None:
    """See `resume.CurrentHash`."""
    try:
        fd = open_regular(Path(path))
    except FileNotFoundError:
        return None
    except (OSError, ToolRefused, ValueError):
        return UNREADABLE
    try:
        with open(fd, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return UNREADABLE
