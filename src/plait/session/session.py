"""One conversation as views see it: commands in, events out, one turn at a time.

It stamps every event, writes it to the log first and then hands it to the subscribers. What a turn does is the
agent's; what a log line looks like is the codec's.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, assert_never

from plait.protocol.calls import CallKey
from plait.protocol.commands import (
    AddRule,
    AllowAllLike,
    Background,
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
    RunShell,
    SetMode,
    SetModel,
    Steer,
)
from plait.protocol.events import (
    MAIN_AGENT,
    Event,
    Notice,
    QueueChanged,
    SessionResumed,
    SessionStarted,
    Stamped,
    Steered,
    TitleChanged,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.protocol.ports import Agent, Completion, Emit
from plait.protocol.queries import GetLog, ListSessions, Query
from plait.session.bus import Bus, BusSubscription, is_live
from plait.session.log import parse_log, read_log
from plait.session.store import OpenLog, Store, title_of
from plait.session.transcript import NEEDED_TO_RESTORE, restored

A = TypeVar("A")
LOG = logging.getLogger("plait.session")
CLOSE_WITHIN_S = 1.5

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

    opened: the log, or None if nothing is kept. store: where other sessions lie, for `ListSessions`.
    """

    def __init__(
        self,
        identity: Identity,
        make_agent: AgentFactory,
        opened: OpenLog | None,
        store: Store | None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._identity = identity
        self._opened = opened
        self._store = store
        self._now_ms = now_ms
        self._bus = Bus()
        self._loop = asyncio.get_running_loop()
        self._seq = 0
        self._turns = 0
        self._turn_is_open = False
        self._title = ""
        self._queue: list[Prompt | RunShell] = []
        self._kept: list[Stamped] = []
        self._runner: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._agent = make_agent(self.emit)

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
        """Go on with what the log holds. Raises UserError if a newer Plait wrote it, OSError if it cannot be read."""
        assert self._opened is not None
        contents = read_log(self._opened.log.path, only=NEEDED_TO_RESTORE)
        open_turn: TurnStarted | None = None
        waiting: tuple[str, ...] = ()
        for stamped in contents.events:
            self._seq = max(self._seq, stamped.seq)
            match stamped.event:
                case TurnStarted() as started:
                    open_turn = started
                case TurnEnded():
                    open_turn = None
                case TitleChanged(title=title):
                    self._title = title
                case QueueChanged(prompts=prompts):
                    waiting = prompts
                case _:
                    pass
        # The lines that were not decoded have numbers too.
        self._seq = max(self._seq, _last_seq(self._opened.log.path))
        found = restored(contents.events, _file_hash)
        self._turns = found.turns
        self._agent.restore(found)
        if open_turn is not None:
            self.emit(TurnEnded(open_turn.turn, "cancelled", "Plait ended before this turn did.", Usage(), 0, 0))
        self.emit(SessionResumed(self._identity.model, self._identity.mode))
        if contents.skipped:
            self.emit(Notice("warning", f"{contents.skipped} lines of this session's log could not be read; skipped."))
        if waiting:
            self.emit(QueueChanged(()))
            self.emit(Notice("info", f"Not sent when Plait ended: {' · '.join(map(title_of, waiting))}"))

    # --- events --------------------------------------------------------------------------------------------------

    def emit(self, event: Event) -> None:
        """Stamp an event, log it if it is durable, hand it on."""
        if is_live(event):
            self._bus.publish(Stamped(self._seq, self._now_ms(), MAIN_AGENT, event))
            return
        self._seq += 1
        stamped = Stamped(self._seq, self._now_ms(), MAIN_AGENT, event)
        self._keep(stamped)
        self._bus.publish(stamped)

    def _keep(self, stamped: Stamped) -> None:
        if self._opened is None:
            self._kept.append(stamped)
            return
        try:
            self._opened.log.append(stamped)
        except OSError as error:
            self._stop_logging(error)
            self._kept.append(stamped)

    def _stop_logging(self, error: OSError) -> None:
        assert self._opened is not None
        path = self._opened.log.path
        with contextlib.suppress(OSError):
            self._kept = list(read_log(path).events)
            self._opened.close()
        self._opened = None
        # Said through the bus alone: the log is what failed.
        said = Notice("error", f"History is off from here on: `{path}` cannot be written ({error.strerror or error}).")
        self._bus.publish(Stamped(self._seq, self._now_ms(), MAIN_AGENT, said))

    # --- SessionHandle -------------------------------------------------------------------------------------------

    @property
    def session_id(self) -> str:
        return self._identity.session_id

    @property
    def persisted(self) -> bool:
        return self._opened is not None

    def submit(self, command: Command) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: the session has ended.
            self._loop.call_soon_threadsafe(self._take, command)

    def subscribe(self, wake: Callable[[], None], *, since: int | None = None) -> BusSubscription:
        # Between the look into the log and the subscription nothing may slip through: events are emitted on the
        # loop, so a subscriber in another thread asks with `since` what it had seen last.
        subscription = self._bus.subscribe(wake)
        if since is not None and self._seq > since:
            for stamped in self._events_between(since, self._seq):
                subscription.put(stamped)
        return subscription

    async def query(self, query: Query[A]) -> A:
        # Each query names its answer's type; `match` cannot follow that.
        asked: object = query
        answer: Any
        match asked:
            case GetLog(before=before, turns=turns):
                answer = await asyncio.to_thread(self._log_page, before, turns)
            case ListSessions(everywhere=everywhere):
                cwd = None if everywhere else self._identity.cwd
                answer = () if self._store is None else await asyncio.to_thread(self._store.list, cwd)
            case _:
                return await self._agent.query(query)
        found: A = answer
        return found

    async def complete(self, prefix: str) -> Sequence[Completion]:
        return await self._agent.complete(prefix)

    async def close(self) -> None:
        """End the turn, the background commands and the log, within two seconds."""
        self._is_closing = True
        self._queue.clear()
        runner = self._runner
        if runner is not None:
            self._agent.cancel()
            await asyncio.wait({runner}, timeout=CLOSE_WITHIN_S)
            if not runner.done():
                runner.cancel()
                await asyncio.wait({runner}, timeout=0.2)
        for errand in self._errands:
            errand.cancel()
        await self._agent.close()
        if self._opened is not None:
            with contextlib.suppress(OSError):
                self._opened.log.sync()
            self._opened.close()
            self._opened = None

    # --- commands ------------------------------------------------------------------------------------------------

    def _take(self, command: Command) -> None:
        if self._is_closing:
            return
        match command:
            case Prompt() | RunShell():
                self._line_up(command)
            case Steer(text=text):
                if self._agent.steer(text):
                    self.emit(Steered(self._turns, text))
                else:
                    self._line_up(Prompt(text))
            case EditQueue(index=index, text=text):
                self._edit_queue(index, text)
            case Decide(key=key, answer=answer):
                self._agent.decide(key, answer)
            case AllowAllLike(key=key):
                self._agent.allow_all_like(key)
            case Cancel(key=key):
                self._agent.cancel(key)
            case SetMode(mode=mode):
                self._agent.set_mode(mode)
            case SetModel(model=model, base_url=base_url):
                self._agent.set_model(model, base_url)
            case Compact(focus=focus):
                self._only_between_turns("/compact", lambda: self._start(self._agent.compact(focus)))
            case Clear():
                self._only_between_turns("/clear", self._agent.clear)
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
            case _:
                assert_never(command)

    def _line_up(self, command: Prompt | RunShell) -> None:
        self._queue.append(command)
        if self._runner is None:
            self._runner = self._loop.create_task(self._run_queue(), name="turns")
        else:
            self._tell_queue()

    def _edit_queue(self, index: int, text: str) -> None:
        if not 0 <= index < len(self._queue):
            return
        if text.strip():
            self._queue[index] = Prompt(text)
        else:
            del self._queue[index]
        self._tell_queue()

    def _tell_queue(self) -> None:
        texts = (entry.text if isinstance(entry, Prompt) else f"!{entry.command}" for entry in self._queue)
        self.emit(QueueChanged(tuple(texts)))

    async def _run_queue(self) -> None:
        waited = False
        try:
            while self._queue:
                entry = self._queue.pop(0)
                if waited:
                    self._tell_queue()
                self._turns += 1
                await self._run_one(self._turns, entry)
                waited = True
        finally:
            self._runner = None

    async def _run_one(self, turn: int, entry: Prompt | RunShell) -> None:
        said = entry.text if isinstance(entry, Prompt) else f"! {entry.command}"
        if not self._title and title_of(said):
            self._title = title_of(said)
            self.emit(TitleChanged(self._title))
        seen = self._seq
        try:
            if isinstance(entry, Prompt):
                await self._agent.run_turn(turn, entry.text)
            else:
                await self._agent.run_shell(turn, entry.command)
        except Exception as error:  # The process edge of a conversation: a bug ends the turn, not the session.
            LOG.exception("turn %s", turn)
            if seen == self._seq:
                self.emit(TurnStarted(turn, said, self._identity.model))
            self.emit(TurnEnded(turn, "failed", f"Plait failed: {error}", Usage(), 0, 0, fault="internal"))
        await self._sync()

    async def _sync(self) -> None:
        if self._opened is None:
            return
        try:
            await asyncio.to_thread(self._opened.log.sync)
        except OSError as error:
            if self._opened is not None:
                self._stop_logging(error)

    def _only_between_turns(self, what: str, act: Callable[[], None]) -> None:
        if self._runner is not None:
            self.emit(Notice("warning", f"`{what}` has to wait until the turn has ended; interrupt it with Esc."))
        else:
            act()

    def _rename(self, title: str) -> None:
        self._title = title_of(title) or self._title
        self.emit(TitleChanged(self._title))

    def _to_background(self, key: CallKey | None) -> None:
        if not self._agent.move_to_background(key):
            self.emit(Notice("info", "No command is running that could go to the background."))

    async def _end_background(self, background_id: str) -> None:
        if not await self._agent.end_background(background_id):
            self.emit(Notice("warning", f"`{background_id}`: no such command in the background."))

    def _start(self, errand: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    # --- the log, read back --------------------------------------------------------------------------------------

    def _all_events(self) -> tuple[Stamped, ...]:
        if self._opened is None:
            return tuple(self._kept)
        return parse_log(self._opened.log.path.read_bytes()).events

    def _events_between(self, after: int, until: int) -> tuple[Stamped, ...]:
        return tuple(stamped for stamped in self._all_events() if after < stamped.seq <= until)

    def _log_page(self, before: int | None, turns: int | None) -> tuple[Stamped, ...]:
        events = [stamped for stamped in self._all_events() if before is None or stamped.seq < before]
        if turns is None:
            return tuple(events)
        starts = [place for place, stamped in enumerate(events) if isinstance(stamped.event, TurnStarted)]
        return tuple(events[starts[-turns] :]) if len(starts) > turns > 0 else tuple(events)


def _last_seq(path: Path) -> int:
    """Return the highest number in a log, read from its last lines."""
    tail = path.read_bytes()[-256 * 1024 :]
    return max((stamped.seq for stamped in parse_log(tail[tail.find(b"\n") + 1 :]).events), default=0)


def _file_hash(path: str) -> str | None:
    """Return the SHA-256 of a file now; None if there is none."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return None
