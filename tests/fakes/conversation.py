"""A whole agent around a scripted model and probe tools, without a session."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fakes.probe import Rig

from plait.agent.budget import Limits
from plait.agent.loop import ConversationAgent
from plait.agent.model import ModelClient
from plait.agent.pool import ModelPool
from plait.agent.surroundings import Parts, TurnSettings
from plait.protocol.commands import Rule
from plait.protocol.events import LIVE_TYPES, Event, TurnEnded
from plait.protocol.ports import Completion
from plait.protocol.queries import BackgroundInfo, ModelChoice
from plait.testing import ScriptedModel, ScriptedReply


class NoBackground:
    def infos(self) -> tuple[BackgroundInfo, ...]:
        return ()

    async def end(self, background_id: str) -> bool:
        return False

    async def close(self) -> None:
        return None


class Conversation(Rig):
    """An agent on the model's script; `events` has everything it said."""

    def __init__(self, root: Path, replies: Sequence[ScriptedReply], **options: Any) -> None:
        settings = {"limits": Limits(), "retry_base_s": 0.0} | options.pop("settings", {})
        super().__init__(root, **options)
        self.script = ScriptedModel(replies)
        self.saved: list[Rule] = []
        self.pool = pool = ModelPool()
        pool.add("scripted", self.script.model())
        self.client = ModelClient(pool, "scripted", None, None)
        self.agent = ConversationAgent(
            Parts(
                session_id="s",
                client=self.client,
                dispatcher=self.dispatcher,
                emit=self.events.append,
                settings=TurnSettings(**settings),
                workspace=self.machinery.workspace,
                instructions="Be brief.",
                instruction_files=(),
                background=NoBackground(),
                branch=lambda: "main",
                complete_path=self._complete,
                list_models=self._models,
                save_rule=self._save,
                forget_rule=self._save,
            )
        )

    async def _complete(self, prefix: str) -> Sequence[Completion]:
        return ()

    async def _models(self) -> tuple[ModelChoice, ...]:
        return ()

    async def _save(self, rule: Rule) -> None:
        self.saved.append(rule)

    async def prompt(self, text: str, turn: int = 1) -> TurnEnded:
        await self.agent.run_turn(turn, text)
        return self.last(TurnEnded)

    def begin(self, text: str, turn: int = 1) -> asyncio.Task[None]:
        return asyncio.create_task(self.agent.run_turn(turn, text))

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def last(self, kind: type[Any]) -> Any:
        return self.of(kind)[-1]

    async def until(self, kind: type[Any], count: int = 1) -> Any:
        """Let others run until the `count`-th event of a kind has come."""
        while len(self.of(kind)) < count:
            await asyncio.sleep(0)
        return self.of(kind)[count - 1]

    def durable(self) -> list[Event]:
        return [event for event in self.events if not isinstance(event, LIVE_TYPES)]
