"""The seams between layers, as protocols: who calls, whether it may block, what it may raise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from pathlib import Path
from threading import Event as Flag
from typing import Protocol, TypeVar, runtime_checkable

from plait.protocol.calls import CallKey, OutcomeStatus, TodoItem
from plait.protocol.commands import Answer, Command, PermissionMode, Rule
from plait.protocol.effects import Effects
from plait.protocol.events import Event, Stamped, Usage
from plait.protocol.lean import dataclass
from plait.protocol.queries import Query, SessionInfo

A = TypeVar("A")


class Subscription(Protocol):
    """One subscriber's place in the stream of events.

    Contract: any thread may call; never blocks. `take` empties what has gathered since the last call: durable
    events complete and in order, live ones merged. `close` ends it; nothing arrives afterwards.
    """

    def take(self) -> tuple[Stamped, ...]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion of what is being typed: what is inserted, and a word about it."""

    text: str
    hint: str = ""


class SessionHandle(Protocol):
    """A view's whole access to a conversation.

    Contract: any thread may call. `submit` never blocks and never raises; what is wrong with a command comes
    back as a `Notice`. `subscribe` first delivers nothing old: ask `GetLog` for that (`since` closes the gap: events
    with a greater seq are delivered). `wake` is called from the engine's thread when a subscription that was
    empty no longer is; it must only schedule. `query` and `complete` are awaited on the caller's own loop.
    """

    @property
    def session_id(self) -> str: ...

    def submit(self, command: Command) -> None: ...

    def subscribe(self, wake: Callable[[], None], *, since: int | None = None) -> Subscription: ...

    async def query(self, query: Query[A]) -> A: ...

    async def complete(self, prefix: str) -> Sequence[Completion]: ...

    async def close(self) -> None: ...


@runtime_checkable
class SharesInterpreter(Protocol):
    """A session whose engine runs in another thread of this process, where only one of the two gets on at a time.

    Contract: any thread may call; never blocks, never raises.
    """

    def rest_until(self, done: Flag) -> None:
        """Let the engine rest until `done` is set: the view answers a key, or paints. Not for long."""
        ...


class Sessions(Protocol):
    """Open conversations, for the session picker. Raises UserError with one clear line."""

    async def list(self, *, everywhere: bool = False) -> Sequence[SessionInfo]: ...

    async def open_new(self) -> SessionHandle: ...

    async def resume(self, session_id: str, *, fork: bool = False) -> SessionHandle: ...


@dataclass(frozen=True, slots=True)
class TrustQuestion:
    """Whether a directory's own settings may count. Asked before a session is opened.

    grants: what they would switch on, as (file, words). instructions: files of the project whose text the model is
    given either way, with how long they are.
    """

    directory: str
    grants: tuple[tuple[str, str], ...]
    instructions: tuple[str, ...] = ()


class Desktop(Protocol):
    """What a view needs of the machine. Nothing here raises; what fails returns False or an empty value.

    Contract: the methods may touch the disk or start a program; the caller runs them in a thread.
    """

    def copy(self, text: str) -> bool: ...

    def edit_text(self, text: str, suffix: str = ".md") -> str | None: ...

    def themes(self) -> tuple[tuple[str, str], ...]:
        """(name, TOML text) of every theme file: the packaged ones, then the user's."""
        ...

    def prompt_history(self) -> tuple[str, ...]:
        """Earlier prompts of this directory, oldest first."""
        ...

    def remember_prompt(self, text: str) -> None: ...

    def load_draft(self) -> str: ...

    def save_draft(self, text: str) -> None: ...

    def branch(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Writing:
    """A call that changes files, or may. paths: those that are known; by_user: the user ran it, not a model."""

    key: CallKey
    paths: tuple[Path, ...]
    effects: Effects
    by_user: bool = False


class BeforeWrite(Protocol):
    """Awaited between a call's ticket and its run. May raise ToolRefused to stop the call."""

    async def before_write(self, writing: Writing) -> None: ...


class AfterWrite(Protocol):
    """Awaited before a writing call's end event. Must not raise."""

    async def after_write(self, writing: Writing) -> None: ...


class Emit(Protocol):
    """Say that something happened. Engine's loop only; never blocks, never raises."""

    def __call__(self, event: Event, /) -> None: ...


@dataclass(frozen=True, slots=True)
class CutCall:
    """A call of the last reply of a session whose process died, and what its result must be told to be.

    `text` is the real result if the call had ended, else one line that says whether its writes were applied.
    """

    provider_id: str
    name: str
    status: OutcomeStatus
    text: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What an agent needs to go on with a logged conversation.

    payloads: the adapter's own message payloads, in order, since the last `HistoryReplaced`.
    """

    payloads: tuple[str, ...] = ()
    cut_calls: tuple[CutCall, ...] = ()
    turns: int = 0
    todo: tuple[TodoItem, ...] = ()
    rules: tuple[Rule, ...] = ()
    usage: Usage = field(default_factory=Usage)


class Agent(Protocol):
    """One conversation's engine, as the session drives it. Everything happens on the engine's loop.

    Contract: `run_turn` and `run_shell` emit `TurnStarted` … `TurnEnded` (exactly one each) and raise nothing but
    CancelledError; one of them runs at a time. `steer` returns False if no model turn is running. `cancel` ends the
    running turn (within 100 ms) or, with a key, one call alone. `decide` returns False to whoever came second.
    The other methods take effect at once, also during a turn.
    """

    def restore(self, restored: Restored) -> None: ...

    async def run_turn(self, turn: int, prompt: str) -> None: ...

    async def run_shell(self, turn: int, command: str) -> None: ...

    def steer(self, text: str) -> bool: ...

    def cancel(self, key: CallKey | None = None) -> None: ...

    def decide(self, key: CallKey, answer: Answer) -> bool: ...

    def allow_all_like(self, key: CallKey) -> None: ...

    def set_mode(self, mode: PermissionMode) -> None: ...

    def set_model(self, model: str, base_url: str | None) -> None: ...

    async def compact(self, focus: str) -> None: ...

    def clear(self) -> None: ...

    def rewind(self, payloads: tuple[str, ...]) -> str:
        """Take these message payloads for the whole history; return the payload of all of it."""
        ...

    def add_rule(self, rule: Rule) -> None: ...

    def remove_rule(self, rule: Rule) -> None: ...

    def move_to_background(self, key: CallKey | None) -> bool: ...

    async def end_background(self, background_id: str) -> bool: ...

    def build_index(self) -> None:
        """Build the code index whatever the size of the project."""
        ...

    async def query(self, query: Query[A]) -> A:
        """Answer ListRules, GetContext, GetSettings, ListModels, ListBackground, GetOutline and GetStatus."""
        ...

    async def complete(self, prefix: str) -> Sequence[Completion]:
        """Completions for `@path` (workspace files); `/command` completions are the view's own."""
        ...

    async def close(self) -> None:
        """End background commands and connections."""
        ...
