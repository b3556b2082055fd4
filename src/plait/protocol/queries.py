"""Everything a view may ask to know, as one union; each names the type of its answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Generic, Literal, TypeVar

from plait.protocol.commands import PermissionMode, Rule
from plait.protocol.events import Stamped
from plait.protocol.lean import dataclass

A = TypeVar("A")


class Query(Generic[A]):
    """A question whose answer has type A."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One session in a list. Times are Unix milliseconds."""

    session_id: str
    title: str
    cwd: str
    model: str
    updated_at: int
    turns: int
    size_bytes: int
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class ListSessions(Query[tuple[SessionInfo, ...]]):
    """Newest first; only those of this directory unless `everywhere`."""

    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class GetLog(Query[tuple[Stamped, ...]]):
    """Durable events with seq < `before` (None: all), at most the last `limit` whole turns (None: all)."""

    before: int | None = None
    turns: int | None = None


@dataclass(frozen=True, slots=True)
class RewindPoint:
    """A moment to which a session can go back: just before the event `seq`, at Unix milliseconds `at`.

    turn: the turn that began there. words: the first line of its prompt, or that a rewind would be undone.
    files: how many files Plait has changed since.
    """

    seq: int
    at: int
    turn: int
    words: str
    files: int = 0
    is_rewind: bool = False


@dataclass(frozen=True, slots=True)
class ListRewindPoints(Query[tuple[RewindPoint, ...]]):
    """The moments to which the session can go back, newest last."""


@dataclass(frozen=True, slots=True)
class FileRewind:
    """What going back would do to one file (absolute path), or why it would not.

    others: another than Plait has changed it since; it is restored only if the command names it. by_command: it
    changed while a command ran. why_not: it cannot be restored, in words.
    """

    path: str
    action: Literal["restore", "delete", "create"]
    others: bool = False
    by_command: bool = False
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class RewindPlan:
    """What going back to a point would change, without changing it. notes: what it cannot undo, in words."""

    to_seq: int
    files: tuple[FileRewind, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GetRewindPlan(Query[RewindPlan]):
    to_seq: int


@dataclass(frozen=True, slots=True)
class ListRules(Query[tuple[Rule, ...]]):
    """All rules in force, strongest layer first."""


@dataclass(frozen=True, slots=True)
class ContextInfo:
    """What fills the context window, in tokens (estimates where the provider has not said)."""

    system_tokens: int
    tools_tokens: int
    history_tokens: int
    window: int | None
    cost_usd: Decimal | None
    cost_known: bool
    instructions_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GetContext(Query[ContextInfo]):
    pass


@dataclass(frozen=True, slots=True)
class SettingValue:
    """One effective setting, and the layer it came from (`default`, a file's path, an environment variable, a flag)."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class GetSettings(Query[tuple[SettingValue, ...]]):
    pass


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that could be used now; `where` says what makes it available (a variable, a local server)."""

    name: str
    where: str
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class ListModels(Query[tuple[ModelChoice, ...]]):
    """Configured models, those whose key is set, and local servers that answer within half a second."""


@dataclass(frozen=True, slots=True)
class BackgroundInfo:
    background_id: str
    command: str
    running: bool
    exit_code: int | None
    tail: str


@dataclass(frozen=True, slots=True)
class ListBackground(Query[tuple[BackgroundInfo, ...]]):
    pass


@dataclass(frozen=True, slots=True)
class GetOutline(Query[str]):
    """What a file defines, or of a directory a map of its central definitions, at most `tokens` long.

    Raises UserError if there is none; one line says why.
    """

    path: str = "."
    tokens: int = 1_000


@dataclass(frozen=True, slots=True)
class Status:
    """What the status line shows beside what events say. `tools`: the names a model is offered now."""

    session_id: str
    model: str
    mode: PermissionMode
    cwd: str
    branch: str | None
    sandbox: str
    index: str
    persisted: bool
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GetStatus(Query[Status]):
    pass
