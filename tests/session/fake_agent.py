"""An agent that does what its prompt says: a word of it names what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from plait.protocol.calls import CallKey
from plait.protocol.commands import Answer, PermissionMode, Rule
from plait.protocol.errors import UserError
from plait.protocol.events import (
    CallReserved,
    MessagesRecorded,
    ModeChanged,
    TextDelta,
    TextEnded,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.protocol.ports import Completion, Emit, Restored
from plait.protocol.queries import GetStatus, Status


class FakeAgent:
    def __init__(self, emit: Emit) -> None:
        self.emit = emit
        self.restored: Restored | None = None
        self.prompts: list[str] = []
        self.steered: list[str] = []
        self.hold = asyncio.Event()
        self.is_running = False
        self.closed = False
        self.ignored_cancels = 0
        self.shells: list[str] = []
        self.compacting = asyncio.Event()
        self._cancel = asyncio.Event()

    def restore(self, restored: Restored) -> None:
        self.restored = restored

    async def run_turn(self, turn: int, prompt: str) -> None:
        if prompt == "crash":
            raise ZeroDivisionError("a bug")
        self.prompts.append(prompt)
        self.is_running = True
        self._cancel = asyncio.Event()
        self.emit(TurnStarted(turn, prompt, "fake"))
        if prompt == "break off":
            self.emit(CallReserved(CallKey("main", turn, 1), "read", {}, "id", "read", "files", reply=1))
            return
        if prompt == "end and crash":
            self.emit(TurnEnded(turn, "completed", None, Usage(), 1, 1))
            raise ZeroDivisionError("a bug")
        if prompt == "stuck":
            await self._be_stuck()
        self.emit(TextDelta(turn, 1, 0, "he"))
        end = "completed"
        if "hold" in prompt:
            waits = [asyncio.ensure_future(self.hold.wait()), asyncio.ensure_future(self._cancel.wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            end = "cancelled" if self._cancel.is_set() else "completed"
        self.emit(TextEnded(turn, 1, 0, f"heard {prompt}"))
        self.emit(MessagesRecorded(turn, f'["{prompt}"]'))
        self.emit(TurnEnded(turn, end, None, Usage(1, 1), 1, 1, "heard"))
        self.is_running = False

    async def _be_stuck(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ignored_cancels += 1
            await asyncio.Event().wait()

    async def run_shell(self, turn: int, command: str) -> None:
        self.shells.append(command)
        await self.run_turn(turn, f"! {command}")

    def steer(self, text: str) -> bool:
        if self.is_running:
            self.steered.append(text)
        return self.is_running

    def cancel(self, key: CallKey | None = None) -> None:
        self._cancel.set()

    def decide(self, key: CallKey, answer: Answer) -> bool:
        return False

    def allow_all_like(self, key: CallKey) -> None: ...

    def set_mode(self, mode: PermissionMode) -> None:
        self.emit(ModeChanged(mode))

    def set_model(self, model: str, base_url: str | None) -> None:
        if model == "none":
            raise UserError("`none` is no model.")
        if model == "bug":
            raise ZeroDivisionError("a bug")

    async def compact(self, focus: str) -> None:
        self.compacting.set()
        if focus == "crash":
            raise ZeroDivisionError("a bug")
        await self.hold.wait()
        self.prompts.append("compacted")

    def clear(self) -> None:
        self.prompts.append("cleared")

    def rewind(self, payloads: tuple[str, ...]) -> str:
        self.prompts = list(payloads)
        return "|".join(payloads)

    def add_rule(self, rule: Rule) -> None: ...

    def remove_rule(self, rule: Rule) -> None: ...

    def move_to_background(self, key: CallKey | None) -> bool:
        return False

    async def end_background(self, background_id: str) -> bool:
        return False

    async def query(self, query: Any) -> Any:
        if isinstance(query, GetStatus):
            return Status("x", "m", "default", "/w", None, "none", "off", persisted=True)
        return "the agent's"

    async def complete(self, prefix: str) -> Sequence[Completion]:
        return (Completion(prefix),)

    async def close(self) -> None:
        self.closed = True
