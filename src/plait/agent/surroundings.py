"""What an agent and each of its turns are given, and what a turn needs of a model. Types only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from plait.agent.budget import Limits
from plait.agent.dispatch import Dispatcher
from plait.agent.model import ModelClient
from plait.agent.replies import RunEnd, RunRequest
from plait.host.paths import Workspace
from plait.protocol.commands import Rule
from plait.protocol.errors import UserError
from plait.protocol.events import Usage
from plait.protocol.ports import Completion, Emit
from plait.protocol.queries import BackgroundInfo, ModelChoice, SettingValue
from plait.tools.base import ToolSpec


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """What stays the same from turn to turn. `schema` is the JSON Schema that the last answer must meet.

    `attended`: a user sees what happens, and can end what takes too long.
    """

    limits: Limits
    compact_share: float = 0.8
    auto_compact: bool = True
    fallback_model: str | None = None
    schema: dict[str, Any] | None = None
    retry_base_s: float = 1.0
    attended: bool = True


class Model(Protocol):
    """What a turn needs of `agent.model.ModelClient`."""

    name: str
    history: Any

    @property
    def has_price(self) -> bool: ...

    async def run(self, request: RunRequest) -> RunEnd: ...

    def steer(self, text: str) -> bool: ...

    def take_undelivered(self) -> list[str]: ...

    def use(self, name: str, base_url: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a turn is given by its agent. `compact` shortens the history and says whether anything was gained."""

    model: Model
    dispatcher: Dispatcher
    emit: Emit
    settings: TurnSettings
    instructions: str
    situation: Callable[[], str]
    offered: Callable[[], Sequence[ToolSpec]]
    compact: Callable[[str], Awaitable[bool]]
    context_is_full: Callable[[], bool]
    note_context: Callable[[int, int | None], None]
    spent_before: Usage = field(default_factory=Usage)
    searches: Callable[[], bool] = lambda: False


class BackgroundCommands(Protocol):
    """What the agent needs of the registry of background commands (`tools.background`)."""

    def infos(self) -> tuple[BackgroundInfo, ...]: ...

    async def end(self, background_id: str) -> bool: ...

    async def close(self) -> None: ...


async def no_outline(path: str, tokens: int) -> str:
    """Stand in where no code index was joined to the agent."""
    raise UserError("There is no code index here.")


@dataclass(frozen=True, slots=True)
class Parts:
    """What `wiring` joins into an agent."""

    session_id: str
    client: ModelClient
    dispatcher: Dispatcher
    emit: Emit
    settings: TurnSettings
    workspace: Workspace
    instructions: str
    instruction_files: tuple[str, ...]
    background: BackgroundCommands
    branch: Callable[[], str | None]
    complete_path: Callable[[str], Awaitable[Sequence[Completion]]]
    list_models: Callable[[], Awaitable[tuple[ModelChoice, ...]]]
    save_rule: Callable[[Rule], Coroutine[Any, Any, None]]
    forget_rule: Callable[[Rule], Coroutine[Any, Any, None]]
    setting_values: tuple[SettingValue, ...] = ()
    only_tools: Collection[str] | None = None
    without_tools: Collection[str] = ()
    search_by_provider: bool = False
    persisted: bool = True
    index_words: Callable[[], str] = lambda: "off"
    sandbox_words: Callable[[], str] = lambda: "none"
    outline: Callable[[str, int], Awaitable[str]] = no_outline
    build_index: Callable[[], None] = lambda: None
    forget_files: Callable[[], None] = lambda: None
    """The model no longer knows what it has read."""
    at_close: Sequence[Callable[[], Awaitable[None]]] = ()
