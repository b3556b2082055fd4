"""A session with the real tools, hooks and policy, on the script of a model; in a directory of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from plait.agent.budget import Limits
from plait.agent.dispatch import Dispatcher
from plait.agent.loop import ConversationAgent
from plait.agent.model import ModelClient
from plait.agent.pool import ModelPool
from plait.agent.surroundings import Parts, TurnSettings
from plait.config.settings import load
from plait.host.paths import Workspace
from plait.host.sandbox import Sandboxing
from plait.protocol.commands import Command, PermissionMode, Prompt
from plait.protocol.events import Event, Stamped, TurnEnded
from plait.protocol.ports import Emit
from plait.session.session import Identity, Session
from plait.testing import ScriptedModel, ScriptedReply
from plait.tools.background import BackgroundCommands
from plait.wiring.machinery import machinery

E = TypeVar("E")


class Working:
    """Open for as long as the block runs. `ws` is the workspace; `said` is all that the model was sent at last.

    on_event: called with each event as it comes, in the midst of what the agent does.
    """

    def __init__(
        self,
        root: Path,
        replies: Sequence[ScriptedReply],
        *,
        mode: PermissionMode = "default",
        interactive: bool = True,
        toml: str = "",
        **settings: Any,
    ) -> None:
        self.ws = root / "ws"
        self.ws.mkdir(exist_ok=True)
        self.script = ScriptedModel(replies)
        self.mode: PermissionMode = mode
        self.interactive = interactive
        self._settings = {"limits": Limits(), "retry_base_s": 0.0} | settings
        environ = {f"PLAIT_{name}_DIR": str(root / name.lower()) for name in ("CONFIG", "STATE", "CACHE")}
        (root / "config").mkdir(exist_ok=True)
        (root / "config" / "settings.toml").write_text(toml)
        self._loaded = load(self.ws, environ=environ)
        self.changed = asyncio.Event()
        self.on_event: Callable[[Event], None] = lambda event: None
        self.seen: list[Stamped] = []

    async def __aenter__(self) -> Working:
        identity = Identity("s", str(self.ws), "scripted", self.mode, "0")
        self.session = Session(identity, self._make_agent, None, None)
        self._subscription = self.session.subscribe(self._wake)
        self.session.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    def _make_agent(self, emit: Emit) -> ConversationAgent:
        workspace = Workspace.at(self.ws)
        self.background = BackgroundCommands(emit)
        self.machinery = machinery(
            self._loaded,
            workspace,
            emit,
            self.background,
            interactive=self.interactive,
            allow_all=False,
            sandboxing=Sandboxing("off", workspace.roots, (), self.ws),
        )
        self.machinery.permissions.mode = self.mode
        pool = ModelPool()
        pool.add("scripted", self.script.model())
        self.client = ModelClient(pool, "scripted", None, None)
        self.agent = ConversationAgent(
            Parts(
                session_id="s",
                client=self.client,
                dispatcher=Dispatcher("main", self.machinery),
                emit=emit,
                settings=TurnSettings(**self._settings),
                workspace=workspace,
                instructions="Be brief.",
                instruction_files=(),
                background=self.background,
                branch=lambda: None,
                complete_path=_nothing,
                list_models=_nothing,
                save_rule=_nothing,
                forget_rule=_nothing,
            )
        )
        return self.agent

    # --- commands and events -------------------------------------------------------------------------------------

    def submit(self, *commands: Command) -> None:
        for command in commands:
            self.session.submit(command)

    def _wake(self) -> None:
        new = self._subscription.take()
        self.seen += new
        self.changed.set()
        for stamped in new:
            self.on_event(stamped.event)

    async def prompt(self, text: str) -> TurnEnded:
        """Say something and return the end of the turn."""
        count = len(self.events(TurnEnded))
        self.submit(Prompt(text))
        return await self.until(TurnEnded, count + 1)

    async def until(self, kind: type[E], count: int = 1) -> E:
        """Return the `count`-th event of a kind once it has come."""
        while len(found := self.events(kind)) < count:
            await self.changed.wait()
            self.changed.clear()
        return found[count - 1]

    def events(self, kind: type[E]) -> list[E]:
        return [stamped.event for stamped in self.seen if isinstance(stamped.event, kind)]

    def all(self) -> list[Event]:
        self.events(object)
        return [stamped.event for stamped in self.seen]

    @property
    def said(self) -> list[str]:
        """What the model was sent with its last request, a text for each part."""
        return [str(getattr(part, "content", "")) for message in self.script.requests[-1] for part in message.parts]


async def _nothing(*_: object) -> Any:
    return ()
