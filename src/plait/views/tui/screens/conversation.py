"""A screen that is joined to a session: events come in, commands go out. It knows no key and draws no line itself."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen
from textual.timer import Timer

from plait.protocol.commands import (
    Command,
    Prompt as SendPrompt,
    Steer,
)
from plait.protocol.errors import PlaitError
from plait.protocol.events import Rewound
from plait.protocol.ports import SessionHandle, SharesInterpreter, Subscription
from plait.protocol.queries import GetLog, GetStatus
from plait.views.tui import slash
from plait.views.tui.blocks import Block
from plait.views.tui.projector import Projector, Sink
from plait.views.tui.widgets.prompt import Prompt
from plait.views.tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from plait.views.tui.app import PlaitApp

FLUSH_S = 1 / 12
SHARE = 6
"""Between two flushes the loop has so many times the time that the screen took since the one before."""
MOST_REST_S = 0.5
RESUMED_TURNS = 30
BACK_WITHIN_S = 1.5


class Pace:
    """When events are taken: at most each `FLUSH_S`, and less often where drawing them takes long."""

    def __init__(self) -> None:
        self.flushed_s = time.monotonic()
        self._spent_s = time.thread_time()
        self._rest_s = 0.0

    def begin(self) -> None:
        """Events are taken now."""
        now_s, spent_s = time.monotonic(), time.thread_time()
        # All that this thread did since the last time: drawing, painting, keys. The engine has the rest.
        took_s = spent_s - self._spent_s if now_s - self.flushed_s < 2 * MOST_REST_S else 0.0
        self._rest_s = min(MOST_REST_S, max(FLUSH_S, SHARE * took_s))
        self.flushed_s, self._spent_s = now_s, spent_s

    def wait_s(self) -> float:
        return max(0.0, self.flushed_s + self._rest_s - time.monotonic())


class Conversation(Screen[None]):
    """Whoever inherits draws: see the methods that raise."""

    def __init__(self) -> None:
        super().__init__()
        self.handle: SessionHandle | None = None
        self.projector: Projector | None = None
        self.is_without_session = False
        self.persisted = True
        self.turn_since_s: float | None = None
        self._subscription: Subscription | None = None
        self._unsent: list[Command] = []
        self._later: list[slash.Line] = []
        self._flush_timer: Timer | None = None
        self._pace = Pace()
        self._oldest: int | None = None
        self._filling = False
        self._back_armed_s = 0.0

    @property
    def plait(self) -> PlaitApp:
        return cast("PlaitApp", self.app)

    @property
    def transcript(self) -> Transcript:
        return self.query_one("#transcript", Transcript)

    @property
    def prompt(self) -> Prompt:
        return self.query_one("#prompt", Prompt)

    @property
    def waits_for_engine(self) -> bool:
        """True while something is to be sent, but there is no session yet."""
        return self.handle is None and bool(self._unsent or self._later)

    def draw_around(self) -> None:
        """Draw what depends on the projector's state."""
        raise NotImplementedError

    def show_question(self) -> None:
        """Another question is open, or none."""
        raise NotImplementedError

    def drop_welcome(self) -> None:
        """The conversation has begun."""
        raise NotImplementedError

    def clear_transcript(self) -> None:
        """Another conversation begins: nothing of this one stays."""
        raise NotImplementedError

    def say(self, level: Any, text: str) -> None:
        """Put a notice of the screen's own into the transcript."""
        raise NotImplementedError

    def _new_projector(self, sink: Sink) -> Projector:
        return Projector(sink, time.time, expand_key=self.plait.keyboard.first("expand"))

    async def attach(self, handle: SessionHandle, *, afresh: bool = False) -> None:
        """Show a session: what its log holds, then what happens. afresh: what is shown now goes.

        Raises PlaitError if the session does not answer; then nothing has changed.
        """
        loop = asyncio.get_running_loop()
        log = await handle.query(GetLog(turns=RESUMED_TURNS))
        status = await handle.query(GetStatus())
        self.detach()
        if afresh:
            self.clear_transcript()
        self.persisted = status.persisted
        projector = self.projector = self._new_projector(self.transcript)
        projector.state.sandbox = status.sandbox
        self.handle = handle
        self.is_without_session = False
        self.turn_since_s = None
        if any(type(stamped.event).__name__ == "TurnStarted" for stamped in log):
            self.drop_welcome()
        projector.take(log)
        self._oldest = log[0].seq if log else None

        def wake() -> None:
            loop.call_soon_threadsafe(self._woken)

        self._subscription = handle.subscribe(wake, since=log[-1].seq if log else None)
        self._flush()
        self.show_question()
        for command in self._unsent:
            handle.submit(command)
        self._unsent.clear()
        later, self._later = self._later, []
        for line in later:
            await self.plait.run_slash(line)

    def detach(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def run_later(self, line: slash.Line) -> None:
        """Carry out a command as soon as there is a session."""
        self._later.append(line)
        self.draw_around()

    def failed(self, text: str) -> None:
        """The session could not be opened; the screen stays usable, and what was to be sent is in the prompt again."""
        self.is_without_session = True
        self.say("error", text)
        unsent = self._unsent_prompts()
        if unsent and not self.prompt.text:
            self.prompt.set_text("\n".join(unsent))
        self._unsent.clear()
        self._later.clear()
        self.draw_around()

    def unsent_text(self) -> str:
        """Return what was written, and what was sent before there was a session. Raises nothing, mounted or not."""
        written = [prompt.whole_text for prompt in self.query(Prompt)]
        return "\n".join(filter(None, [*self._unsent_prompts(), *written]))

    def _unsent_prompts(self) -> list[str]:
        return [command.text for command in self._unsent if isinstance(command, SendPrompt | Steer)]

    def send(self, command: Command) -> None:
        """Submit, or keep until the engine is there."""
        if self.handle is None:
            self._unsent.append(command)
            self.plait.wake_engine(again=True)
            self.is_without_session = False
            self.draw_around()
        else:
            self.handle.submit(command)

    def go_first(self) -> None:
        """A key has come, or events are taken: let a working engine rest until what that does is painted.

        Only one of the two gets on at a time; one after the other is sooner done than both by turns.
        """
        handle: object = self.handle
        working = self.projector is not None and self.projector.state.working
        if working and self.is_current and isinstance(handle, SharesInterpreter):
            painted = threading.Event()
            handle.rest_until(painted)
            self.call_after_refresh(painted.set)

    def _woken(self) -> None:
        """Something waits: take it now if the last time is long enough ago, else soon."""
        if self._flush_timer is None:
            self._flush_timer = self.set_timer(self._pace.wait_s() or 0.001, self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        if self._subscription is None or self.projector is None:
            return
        self._pace.begin()
        self.go_first()
        if self.transcript.is_drawing:
            # What came before is not on the screen yet.
            self._woken()
            return
        before = self.projector.state.asked
        taken = self._subscription.take()
        if taken:
            self.projector.take(taken)
            if any(type(stamped.event).__name__ == "TurnStarted" for stamped in taken):
                self.drop_welcome()
                self.transcript.sticks = True
            back = next((s.event for s in reversed(taken) if isinstance(s.event, Rewound)), None)
            if back is not None and back.payload is not None:
                self.run_worker(self._went_back(back), group="rewind", exclusive=True)
        self.transcript.changed()
        if self.projector.state.asked is not before:
            self.show_question()
        self.draw_around()

    def wants_back(self) -> None:
        """Esc was pressed with nothing to interrupt: the second time soon after means to go back."""
        now = time.monotonic()
        if now - self._back_armed_s < BACK_WITHIN_S:
            self._back_armed_s = 0.0
            self.run_worker(self.plait.run_slash(slash.Line("rewind", "")), group="slash")
            return
        self._back_armed_s = now
        self.notify("Esc again goes back in the session.", timeout=BACK_WITHIN_S)

    async def _went_back(self, rewound: Rewound) -> None:
        """Show what is left of the conversation; what was said first of what is not is to be said anew."""
        if self.handle is None:
            return
        with suppress(PlaitError):
            await self.attach(self.handle, afresh=True)
        self.transcript.sticks = True
        self.transcript.changed()
        if rewound.prompt and not self.prompt.text:
            self.prompt.set_text(rewound.prompt)

    async def on_transcript_reached_top(self) -> None:
        """Fill in earlier turns of a resumed session."""
        if self.handle is None or not self._oldest or self._oldest <= 1 or self._filling:
            return
        self._filling = True
        try:
            # What cannot be read back is not worth more than not showing it.
            with suppress(PlaitError):
                await self._fill_in(self.handle, self._oldest)
        finally:
            self._filling = False

    async def _fill_in(self, handle: SessionHandle, oldest: int) -> None:
        earlier = await handle.query(GetLog(before=oldest, turns=RESUMED_TURNS))
        if earlier:
            blocks: list[Block] = []
            sink = BlockList(blocks)
            older = self._new_projector(sink)
            older.take(earlier)
            self._oldest = earlier[0].seq
            self.transcript.insert_before(blocks)


class BlockList:
    """A sink that only gathers."""

    def __init__(self, blocks: list[Block]) -> None:
        self._blocks = blocks

    def add(self, *blocks: Block) -> None:
        self._blocks += blocks

    def drop(self, block: Block) -> None:
        self._blocks.remove(block)
