"""One tool call: its identity, its outcome, and what a user is shown before and after it. Pure."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from plait.protocol.lean import dataclass

Args = dict[str, Any]
"""A call's arguments as JSON: what the model wrote, or what the user made of it."""


@dataclass(frozen=True, slots=True)
class CallKey:
    """Who called: agent, turn (1-based) and call (1-based within the turn).

    The provider's id is kept beside it and never used as a key: some servers repeat theirs.
    """

    agent: str
    turn: int
    call: int

    def __str__(self) -> str:
        return f"{self.agent}/{self.turn}.{self.call}"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call as the model emitted it. `malformed` holds the raw text if the arguments were not a JSON object."""

    key: CallKey
    name: str
    args: Args
    provider_id: str = ""
    malformed: str | None = None


OutcomeStatus = Literal["ok", "failed", "denied", "timeout", "cancelled"]


# What a view draws after a call, beside the text for the model. One union, rendered by `match`.


@dataclass(frozen=True, slots=True)
class DiffDetail:
    """A file before and after, as text; `before` is None for a new file, `after` None for a removed one.

    Of a large file only the part that changes is here, with some lines around it; `first_line` is the 1-based line
    of the file with which both begin.
    """

    path: str
    before: str | None
    after: str | None
    added: int = 0
    removed: int = 0
    kind: Literal["diff"] = "diff"
    first_line: int = 1


@dataclass(frozen=True, slots=True)
class DiffsDetail:
    """Several files changed by one call."""

    files: tuple[DiffDetail, ...]
    kind: Literal["diffs"] = "diffs"


@dataclass(frozen=True, slots=True)
class CommandDetail:
    """A command's end: its exit code (None if it was killed), the signal's name, its output as far as it was kept.

    note: what the user should know of it besides, such as why it did not find something.
    """

    command: str
    exit_code: int | None
    output: str
    signal: str | None = None
    output_bytes: int = 0
    background_id: str | None = None
    kind: Literal["command"] = "command"
    note: str = ""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One hit: path relative to its root, 1-based lines, what it is, one line of evidence."""

    path: str
    line: int
    end_line: int
    kind: str
    text: str
    score: float = 0.0
    strategies: tuple[str, ...] = ()
    freshness: str = "live"


@dataclass(frozen=True, slots=True)
class HitsDetail:
    """The answer of a search: hits best first, the index's state in words, milliseconds a strategy (-1: not done).

    states: how far each strategy came (`done`, `capped`, `deadline`, `failed`). notes: what the reader must know, a
    line each. total: files that match.
    """

    query: str
    hits: tuple[SearchHit, ...]
    index: str
    timings_ms: dict[str, float]
    total: int = 0
    kind: Literal["hits"] = "hits"
    states: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextDetail:
    """A short summary for the right edge of the lane (`182 lines`); `text` if views have more than the model."""

    summary: str
    text: str = ""
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class TodoItem:
    """One line of the agent's list of work."""

    text: str
    state: Literal["open", "doing", "done"] = "open"


@dataclass(frozen=True, slots=True)
class TodoDetail:
    """The whole list as it now stands."""

    items: tuple[TodoItem, ...]
    kind: Literal["todo"] = "todo"


Detail = DiffDetail | DiffsDetail | CommandDetail | HitsDetail | TextDetail | TodoDetail


# What a view draws before a call that asks.


@dataclass(frozen=True, slots=True)
class CommandPreview:
    """A command about to run, where, and why it asks, in words."""

    command: str
    cwd: str
    reason: str
    kind: Literal["command_preview"] = "command_preview"


@dataclass(frozen=True, slots=True)
class TextPreview:
    """Anything else: a plan to approve, a URL to fetch."""

    title: str
    text: str
    kind: Literal["text_preview"] = "text_preview"


@dataclass(frozen=True, slots=True)
class QuestionPreview:
    """A question of the agent to the user, with options to choose from; free text is always possible."""

    question: str
    options: tuple[str, ...] = ()
    kind: Literal["question_preview"] = "question_preview"


Preview = DiffDetail | DiffsDetail | CommandPreview | TextPreview | QuestionPreview


@dataclass(frozen=True, slots=True)
class WriteIntent:
    """A file that a call is about to change: absolute path, SHA-256 (hex) of its bytes before and after.

    None stands for a file that does not exist.
    """

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What `stat` said of a path on which an answer rests; `size` is -1 if it did not exist."""

    path: str
    mtime_ns: int
    ctime_ns: int
    size: int
    inode: int


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """The end of a call: `text` is for the model, `detail` for views. `reused` names the call it was answered from."""

    status: OutcomeStatus
    text: str
    detail: Detail | None = None
    reused: CallKey | None = None
