"""An agent that works without end: it writes a file in each turn and records what a real one would record.

Run as a program (directory of sessions, id, file to write) it goes on until it is killed.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path

from tests.session.fake_agent import FakeAgent

from plait.protocol.calls import CallKey, WriteIntent
from plait.protocol.commands import Prompt
from plait.protocol.events import (
    CallEnded,
    CallReserved,
    CallStarted,
    MessagesRecorded,
    ReplyEnded,
    TextEnded,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.protocol.ports import Emit, Restored
from plait.session.session import Identity, Session
from plait.session.store import Store


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class WorkingAgent(FakeAgent):
    def __init__(self, emit: Emit, file: Path) -> None:
        super().__init__(emit)
        self.file = file

    def restore(self, restored: Restored) -> None:
        """Close the history as the real one does: results for what was called, then a reply."""
        super().restore(restored)
        last = restored.payloads[-1].split()[0] if restored.payloads else "answer"
        if last == "reply":
            self.emit(MessagesRecorded(restored.turns, f"results of {len(restored.cut_calls)}"))
        if last != "answer":
            self.emit(MessagesRecorded(restored.turns, "answer"))

    async def run_turn(self, turn: int, prompt: str) -> None:
        self.emit(TurnStarted(turn, prompt, "m"))
        self.emit(MessagesRecorded(turn, "request"))
        for reply in (1, 2):
            self._call(turn, reply)
            await asyncio.sleep(0)
        self.emit(TextEnded(turn, 3, 0, "done"))
        self.emit(MessagesRecorded(turn, "answer"))
        self.emit(TurnEnded(turn, "completed", None, Usage(), 1, 3))

    def _call(self, turn: int, reply: int) -> None:
        key = CallKey("main", turn, reply)
        self.emit(CallReserved(key, "edit", {}, f"{turn}.{reply}", "write", "files", reply=reply))
        self.emit(MessagesRecorded(turn, "reply " + "x" * 3000))
        self.emit(ReplyEnded(turn, reply, "m", "tool_call", Usage(1, 1), 1))
        before = self.file.read_bytes()
        after = f"{turn}.{reply}".encode()
        self.emit(CallStarted(key, 0, "files", 0.0, {}, (WriteIntent(str(self.file), sha256(before), sha256(after)),)))
        beside = self.file.with_suffix(".new")
        beside.write_bytes(after)
        beside.replace(self.file)
        self.emit(CallEnded(key, "ok", f"wrote {turn}.{reply}", None, 0.0, 1.0))
        self.emit(MessagesRecorded(turn, "results"))


def session(store: Store, session_id: str, file: Path) -> Session:
    identity = Identity(session_id, "/w", "m", "default", "0")
    return Session(identity, lambda emit: WorkingAgent(emit, file), store.open(session_id), store)


async def _work(store: Store, session_id: str, file: Path) -> None:
    talk = session(store, session_id, file)
    more = asyncio.Event()
    subscription = talk.subscribe(more.set)
    talk.resume()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        talk.submit(Prompt("go on"))
        while not any(isinstance(stamped.event, TurnEnded) for stamped in subscription.take()):
            await more.wait()
            more.clear()


if __name__ == "__main__":
    asyncio.run(_work(Store(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3])))
