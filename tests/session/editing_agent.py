"""An agent whose prompts are calls: real tools run by a real dispatcher, what they change is kept as in the product."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.session.fake_agent import FakeAgent

from plait.agent.dispatch import Dispatcher
from plait.agent.judgement import Machinery
from plait.agent.permissions import Permissions
from plait.agent.result_cache import ResultCache
from plait.effects.shell import command_effects
from plait.host.paths import Workspace
from plait.permissions.approvals import ApprovalQueue
from plait.protocol.commands import Prompt, Rewind, RewindWhat, RunShell
from plait.protocol.events import (
    CallEnded,
    Event,
    MessagesRecorded,
    Notice,
    Rewound,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.protocol.ports import Emit, Restored
from plait.protocol.queries import GetLog, GetRewindPlan, ListRewindPoints, RewindPlan, RewindPoint
from plait.scheduling.limits import Caps
from plait.scheduling.scheduler import Scheduler
from plait.session.keeping import Keeping, open_keeping
from plait.session.session import Identity, Session
from plait.session.store import OpenLog, Store
from plait.tools.background import BackgroundCommands
from plait.tools.edit import Edit
from plait.tools.read import Read
from plait.tools.registry import Registry
from plait.tools.shell import Shell


class EditingAgent(FakeAgent):
    def __init__(self, emit: Emit, root: Path, keeping: Keeping) -> None:
        super().__init__(emit)
        self.history: tuple[str, ...] = ()
        self.ledger = keeping.ledger(emit)
        self.background = BackgroundCommands(emit)
        self._keeping = keeping
        workspace = Workspace.at(root)
        hook = keeping.checkpoints(emit, workspace.roots)
        hooks = () if hook is None else (hook,)
        tools = [Read(self.ledger), Edit(self.ledger), Shell(command_effects, self.background)]
        self._dispatcher = Dispatcher(
            "main",
            Machinery(
                registry=Registry(tools),
                workspace=workspace,
                permissions=Permissions("bypassPermissions", (), (root,), interactive=True, allow_all=True),
                approvals=ApprovalQueue(lambda *_: None, lambda *_: None),
                scheduler=Scheduler(),
                caps=Caps({}),
                cache=ResultCache(self._hold, lambda: 0.0),
                emit=emit,
                before_write=hooks,
                after_write=hooks,
            ),
        )

    async def _hold(self, stamps: object) -> bool:
        return False

    def restore(self, restored: Restored) -> None:
        super().restore(restored)
        self.history = restored.payloads

    async def run_turn(self, turn: int, prompt: str) -> None:
        await self._run(turn, prompt, json.loads(prompt), by_user=False)

    async def run_shell(self, turn: int, command: str) -> None:
        await self._run(turn, f"! {command}", [["shell", {"command": command}]], by_user=True)

    async def _run(self, turn: int, prompt: str, calls: list[Any], *, by_user: bool) -> None:
        self.emit(TurnStarted(turn, prompt, "m"))
        self.history = (*self.history, f"turn {turn}")
        self.emit(MessagesRecorded(turn, f"turn {turn}"))
        begun = [self._dispatcher.begin(turn, name, args, by_user=by_user) for name, args in calls]
        await asyncio.gather(*(call.run() for call in begun))
        self.emit(TurnEnded(turn, "completed", None, Usage(), 1, 1))

    def rewind(self, payloads: tuple[str, ...]) -> str:
        self.history = payloads
        self.ledger.forget()
        return "|".join(payloads)

    async def close(self) -> None:
        await self.background.close()
        await self._keeping.close()


class Work:
    """A session in a directory: say calls, go back, look at what was said."""

    def __init__(self, state: Path, root: Path, opened: OpenLog | None, *, resume: bool = False) -> None:
        self.root = root
        session_id = opened.session_id if opened is not None else "none"
        keeping = open_keeping(state, session_id, is_logged=opened is not None, may_rewind=True)
        identity = Identity(session_id, str(root), "m", "default", "0")
        self.session = Session(
            identity,
            lambda emit: self._make(emit, keeping),
            opened,
            Store(state / "sessions"),
            contents=keeping.contents,
        )
        self.contents = keeping.contents
        self._changed = asyncio.Event()
        self._subscription = self.session.subscribe(self._changed.set)
        self._seen: list[Event] = []
        if resume:
            self.session.resume()
        else:
            self.session.begin()

    def _make(self, emit: Emit, keeping: Keeping) -> EditingAgent:
        self.agent = EditingAgent(emit, self.root, keeping)
        return self.agent

    def events(self, kind: type[Any]) -> list[Any]:
        self._seen += [stamped.event for stamped in self._subscription.take()]
        return [event for event in self._seen if isinstance(event, kind)]

    async def until(self, kind: type[Any], count: int) -> Any:
        while len(self.events(kind)) < count:
            await self._changed.wait()
            self._changed.clear()
        return self.events(kind)[count - 1]

    async def say(self, *calls: tuple[str, dict[str, Any]]) -> list[CallEnded]:
        """Make these calls, at once, in a turn of their own; return their ends."""
        ended, turns = len(self.events(CallEnded)), len(self.events(TurnEnded))
        self.session.submit(Prompt(json.dumps(calls)))
        await self.until(TurnEnded, turns + 1)
        return self.events(CallEnded)[ended:]

    async def shell(self, command: str) -> CallEnded:
        return (await self.say(("shell", {"command": command})))[0]

    async def vague(self, command: str) -> CallEnded:
        """Run a command in such a way that nobody can tell beforehand what it does."""
        program = self.root.parent / "vague.py"
        program.write_text(f"import subprocess; subprocess.run({command!r}, shell=True, check=True)")
        return await self.shell(f"python3 {shlex.quote(str(program))}")

    async def user_shell(self, command: str) -> None:
        turns = len(self.events(TurnEnded))
        self.session.submit(RunShell(command))
        await self.until(TurnEnded, turns + 1)

    async def write(self, path: str, content: str) -> CallEnded:
        if (self.root / path).exists():
            await self.agent._dispatcher.begin(900, "read", {"path": path}).run()
        return (await self.say(("edit", {"path": path, "content": content})))[0]

    async def points(self) -> tuple[RewindPoint, ...]:
        return await self.session.query(ListRewindPoints())

    async def plan(self, place: int) -> RewindPlan:
        return await self.session.query(GetRewindPlan((await self.points())[place].seq))

    async def back(self, place: int, what: RewindWhat = "both", *overwrite: str) -> Rewound:
        """Go back to a point, counted from 0 or from the end."""
        point = (await self.points())[place]
        count, notices = len(self.events(Rewound)), len(self.events(Notice))
        self.session.submit(Rewind(point.seq, what, tuple(str(self.root / path) for path in overwrite)))
        while len(self.events(Rewound)) <= count:
            errors = [notice for notice in self.events(Notice)[notices:] if notice.level == "error"]
            assert not errors, errors
            await self._changed.wait()
            self._changed.clear()
        rewound: Rewound = self.events(Rewound)[-1]
        return rewound

    async def page(self) -> list[Event]:
        return [stamped.event for stamped in await self.session.query(GetLog())]


@contextlib.asynccontextmanager
async def working(state: Path, root: Path, *, resume: str | None = None, logged: bool = True) -> AsyncIterator[Work]:
    store = Store(state / "sessions")
    opened = None if not logged else store.create() if resume is None else store.open(resume)
    work = Work(state, root, opened, resume=resume is not None)
    try:
        yield work
    finally:
        await work.session.close()


def git(root: Path, *arguments: str) -> str:
    settings = ("-c", "user.email=a@b", "-c", "user.name=a", "-c", "init.defaultBranch=main")
    return subprocess.run(["git", *settings, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def repository(root: Path, **files: str) -> None:
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q")
    for name, text in files.items():
        (root / name).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
