"""Random replies, answered, edited, cancelled and re-moded at random moments: what is told is what is on the disk."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.fakes.working import Working

from plait.agent.translate import History
from plait.protocol.calls import CallKey
from plait.protocol.commands import (
    Allow,
    AllowAllLike,
    AllowAlways,
    Answer,
    Cancel,
    Command,
    Decide,
    Deny,
    PermissionMode,
    Prompt,
    Rule,
    SetMode,
    Steer,
)
from plait.protocol.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CallEnded,
    CallReserved,
    CallStarted,
    Event,
    MessagesRecorded,
    ModeChanged,
    Steered,
    TurnEnded,
    TurnStarted,
)
from plait.protocol.ports import Restored
from plait.testing import ScriptedCall, ScriptedReply

FILES = ("a", "b", "c")
MODES: tuple[PermissionMode, ...] = ("default", "acceptEdits", "plan", "bypassPermissions")
SEEDS = 12


@dataclass
class Script:
    """Calls that each leave a mark of their own, and what is done to them. `edited`: marks that the user wrote."""

    random_: random.Random
    marks: int = 0
    edited: dict[CallKey, str] = field(default_factory=dict)

    def mark(self) -> str:
        self.marks += 1
        return f"mark{self.marks:03}"

    def call(self) -> ScriptedCall:
        name, mark = self.random_.choice(FILES), self.mark()
        match self.random_.randrange(7):
            case 0 | 1:
                return ScriptedCall("shell", {"command": f"echo {mark} >>{name}"})
            case 2:
                return ScriptedCall("shell", {"command": f"sleep 0.03; echo {mark} >>{name}; sleep 0.03"})
            case 3:
                return ScriptedCall("edit", {"path": f"new-{mark}", "content": f"{mark}\n"})
            case 4:
                edits = [{"old": "first\n", "new": f"first\n{mark}\n"}]
                return ScriptedCall("edit", {"path": name, "edits": edits})
            case 5:
                return ScriptedCall("shell", {"command": f"mkdir -p dir && cp {name} dir/{mark}"})
            case _:
                return ScriptedCall("read", {"path": name})

    def replies(self) -> list[ScriptedReply]:
        count = self.random_.randint(1, 3)
        calls = [tuple(self.call() for _ in range(self.random_.randint(1, 5))) for _ in range(count)]
        replies = [ScriptedReply("I work.", each) for each in calls]
        if self.random_.random() < 0.2:
            replies.insert(0, ScriptedReply("half", (self.call(), self.call()), error=ConnectionResetError("torn")))
        return [*replies, ScriptedReply("done")]

    def answer(self, asked: ApprovalAsked) -> Answer:
        match self.random_.randrange(8):
            case 0:
                return Deny(self.random_.choice(("", "not so")))
            case 1 if asked.name == "shell":
                self.edited[asked.key] = mark = self.mark()
                return Allow({"command": f"echo {mark} >>{self.random_.choice(FILES)}"})
            case 2 if asked.offers:
                return AllowAlways(asked.offers[0])
            case 3:
                return AllowAlways(Rule("deny", "edit"))
            case _:
                return Allow()

    def interruption(self, key: CallKey | None) -> Command | None:
        match self.random_.randrange(40):
            case 0:
                return Cancel()
            case 1 | 2:
                return Cancel(key)
            case 3 | 4 | 5:
                return SetMode(self.random_.choice(MODES))
            case 6:
                return Steer(self.mark())
            case 7 if key is not None:
                return AllowAllLike(key)
            case _:
                return None


def mark_of(args: object) -> str:
    return next((word for word in str(args).replace("\\n", " ").split("mark")[1:2]), "")[:3]


def on_disk(ws: Path) -> str:
    names = " ".join(str(path) for path in ws.rglob("*"))
    return names + "".join(path.read_text() for path in sorted(ws.rglob("*")) if path.is_file())


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_what_is_told_is_what_was_done(tmp_path: Path, seed: int) -> None:
    script = Script(random.Random(seed))
    ws = tmp_path / "ws"
    ws.mkdir()
    for name in FILES:
        (ws / name).write_text("first\n")
    mode = script.random_.choice(MODES)
    async with Working(tmp_path, script.replies(), mode=mode) as talk:

        def disturb(event: Event) -> None:
            key = getattr(event, "key", None)
            if isinstance(event, ApprovalAsked):
                talk.submit(Decide(event.key, script.answer(event)))
            command = script.interruption(key)
            if command is not None and not isinstance(event, TurnEnded):
                talk.submit(command)

        talk.on_event = disturb
        talk.submit(Prompt("first prompt"))
        async with asyncio.timeout(20):
            await talk.until(TurnEnded)
        talk.on_event = lambda event: (
            talk.submit(Decide(event.key, Deny())) if isinstance(event, ApprovalAsked) else None
        )
        for asked in talk.events(ApprovalAsked):
            talk.submit(Decide(asked.key, Deny()))
        talk.submit(Prompt("next prompt"))
        async with asyncio.timeout(20):
            while not any(event.prompt == "next prompt" for event in talk.events(TurnStarted)):
                await talk.until(TurnEnded, len(talk.events(TurnEnded)) + 1)
            await talk.until(TurnEnded, len(talk.events(TurnStarted)))

        assert_told_truly(talk, script, mode)


def assert_told_truly(talk: Working, script: Script, mode: PermissionMode) -> None:
    events = talk.all()
    reserved = {event.key: event for event in events if isinstance(event, CallReserved)}
    ended = [event for event in events if isinstance(event, CallEnded)]
    started = {event.key: event for event in events if isinstance(event, CallStarted)}
    assert sorted(map(str, reserved)) == sorted(str(event.key) for event in ended)
    assert talk.machinery.scheduler.open_count == 0
    assert talk.machinery.approvals.open == talk.machinery.approvals.group == ()
    asked = [event.key for event in events if isinstance(event, ApprovalAsked)]
    answers = [event for event in events if isinstance(event, ApprovalAnswered)]
    assert asked == [event.key for event in answers]
    disk, said = on_disk(talk.ws), talk.said
    for event in ended:
        call = reserved[event.key]
        ran = event.key in started
        mark = f"mark{mark_of(started[event.key].args if ran else call.args)}"
        assert ran or event.status != "ok", event
        if call.name == "read":
            continue
        if event.status == "ok":
            assert mark in disk, (event, call)
        elif not ran or event.status in ("failed", "denied"):
            assert mark not in disk, (event, call)
        if "nothing was done" in event.text or event.text.startswith("Not run"):
            assert mark not in disk, (event, call)
        denied_by_user = any(
            answer.key == event.key and answer.by == "user" and isinstance(answer.answer, Deny) for answer in answers
        )
        told_so = "The user did not allow this call" in event.text
        assert told_so == (denied_by_user and event.status == "denied"), (event, answers)
    assert_modes_held(events, reserved, mode)
    assert_heard(talk, events, said)
    assert_logged(talk, events)


def assert_modes_held(events: list[Event], reserved: dict[CallKey, CallReserved], mode: PermissionMode) -> None:
    for event in events:
        if isinstance(event, ModeChanged):
            mode = event.mode
        if isinstance(event, CallStarted) and mode == "plan":
            assert reserved[event.key].name == "read", (event, mode)


def assert_heard(talk: Working, events: list[Event], said: list[str]) -> None:
    words = [event.text for event in events if isinstance(event, Steered)]
    prompts = [event.prompt for event in events if isinstance(event, TurnStarted)]
    whole = "\n".join(said)
    for text in (*words, *prompts):
        assert text in whole
    places = [whole.index(text) for text in prompts]
    assert places == sorted(places)
    assert all(whole.index(text) < whole.rindex("next prompt") for text in words)


def assert_logged(talk: Working, events: list[Event]) -> None:
    """What a resumed session would tell the model is what it was told."""
    payloads = tuple(event.payload for event in events if isinstance(event, MessagesRecorded))
    resumed = History()
    resumed.restore(Restored(payloads))
    assert contents(resumed) == contents(talk.client.history)


def contents(history: History) -> list[tuple[str, str]]:
    return [
        (part.part_kind, str(getattr(part, "content", "") or getattr(part, "args", "")))
        for message in history.messages
        for part in message.parts
    ]
