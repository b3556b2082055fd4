"""Random replies whose calls make links and directories for each other: nothing outside is touched unasked."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.working import Working

from plait.protocol.calls import CallKey
from plait.protocol.commands import Allow, Decide, Deny, Prompt, Rule
from plait.protocol.events import ApprovalAsked, CallEnded, CallReserved, Event, TurnEnded
from plait.testing import ScriptedCall, ScriptedReply

SECRET = "the secret outside"
NAMES = ("x", "y", "x/y", "y/x", "x/secret", "y/secret", "made")
TARGETS = (".", "..", "../outside", "../outside/secret", "a", "x", "y")
SEEDS = 12


def call(random_: random.Random) -> ScriptedCall:
    name, other, target = random_.choice(NAMES), random_.choice(NAMES), random_.choice(TARGETS)
    commands: tuple[dict[str, Any], ...] = (
        {"command": f"ln -sfn {target} {random_.choice(('x', 'y'))}"},
        {"command": f"mkdir -p {name}"},
        {"command": f"cat {name}"},
        {"command": f"cp {random_.choice(('a', name))} {other}"},
        {"command": f"echo mark >{name}"},
        {"command": f"rm -f {random_.choice(('x', 'y', 'made'))}"},
        {"command": "cat secret", "cwd": random_.choice(("x", "y"))},
        {"command": f"mv {name} {other}"},
    )
    others = (
        ("read", {"path": name}),
        ("list", {"path": name}),
        ("glob", {"path": name, "pattern": "*"}),
        ("search", {"query": "secret", "path": name}),
        ("edit", {"path": name, "content": "mark\n"}),
        ("edit", {"path": name, "edits": [{"old": "the", "new": "mark"}]}),
        ("edit", {"path": name, "edits": [{"old": "none", "new": "mark"}]}),
    )
    if random_.random() < 0.6:
        return ScriptedCall("shell", random_.choice(commands))
    tool, args = random_.choice(others)
    return ScriptedCall(tool, args)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_nothing_outside_is_read_or_changed_unasked(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    ws, outside = tmp_path / "ws", tmp_path / "outside"
    ws.mkdir()
    outside.mkdir()
    (outside / "secret").write_text(SECRET)
    (ws / "a").write_text("the text\n")
    replies = [ScriptedReply(calls=tuple(call(random_) for _ in range(random_.randint(2, 5)))) for _ in range(3)]
    interactive = random_.random() < 0.7
    async with Working(tmp_path, [*replies, ScriptedReply("done")], interactive=interactive) as talk:
        for rule in ("shell(ln *)", *(() if interactive else ("edit(/**)", "shell(echo *)"))):
            talk.machinery.permissions.add(Rule("allow", rule))

        def answer(event: Event) -> None:
            if isinstance(event, ApprovalAsked):
                told = f"{event.reason} {event.preview}"
                talk.submit(Decide(event.key, Deny() if "outside" in told else Allow()))

        talk.on_event = answer
        talk.submit(Prompt("go"))
        async with asyncio.timeout(20):
            await talk.until(TurnEnded)

        assert sorted(path.name for path in outside.iterdir()) == ["secret"]
        assert (outside / "secret").read_text() == SECRET
        assert_silent(talk)


def assert_silent(talk: Working) -> None:
    calls: dict[CallKey, CallReserved] = {event.key: event for event in talk.events(CallReserved)}
    for event in talk.events(CallEnded):
        assert SECRET not in event.text, (calls[event.key], event)
