"""Everything a view may ask to be done, as one union. A view never does more than submit one of these."""

from __future__ import annotations

from typing import Literal

from plait.protocol.calls import Args, CallKey
from plait.protocol.file_events import RewindWhat
from plait.protocol.lean import dataclass

PermissionMode = Literal["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"]
PERMISSION_MODES: tuple[PermissionMode, ...] = ("default", "acceptEdits", "plan", "dontAsk", "bypassPermissions")

SandboxMode = Literal["auto", "require", "off"]

Verdict = Literal["allow", "ask", "deny"]
Scope = Literal["session", "project", "user", "command line"]


@dataclass(frozen=True, slots=True)
class Rule:
    """`verdict` for every call that `pattern` matches, e.g. `shell(pytest tests/*)`, `edit(src/**)`, `read`."""

    verdict: Verdict
    pattern: str
    scope: Scope = "session"


# Answers to an approval.


@dataclass(frozen=True, slots=True)
class Allow:
    """Run it, this once. `args`, if given, are the user's edited arguments and run instead of the model's."""

    args: Args | None = None
    kind: Literal["allow"] = "allow"


@dataclass(frozen=True, slots=True)
class AllowAlways:
    """Run it, and from now on whatever the rule covers; every waiting question is looked at again."""

    rule: Rule
    kind: Literal["allow_always"] = "allow_always"


@dataclass(frozen=True, slots=True)
class Deny:
    """Do not run it; the reason, if any, goes to the model."""

    reason: str = ""
    kind: Literal["deny"] = "deny"


@dataclass(frozen=True, slots=True)
class Reply:
    """The user's words in answer to a question of the agent (`ask_user`)."""

    text: str
    kind: Literal["reply"] = "reply"


Answer = Allow | AllowAlways | Deny | Reply


@dataclass(frozen=True, slots=True)
class Prompt:
    """Say this to the agent. While a turn runs it waits in the queue."""

    text: str


@dataclass(frozen=True, slots=True)
class Steer:
    """Say this to the agent now: it joins the next model request of the running turn (or starts a turn)."""

    text: str


@dataclass(frozen=True, slots=True)
class EditQueue:
    """Replace the waiting prompt at `index` (0-based) by `text`; an empty text removes it."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Decide:
    """Answer the open question of `key`. With two views, the first answer counts."""

    key: CallKey
    answer: Answer


@dataclass(frozen=True, slots=True)
class AllowAllLike:
    """Allow `key` and every waiting question of the same tool, this once; never what is dangerous."""

    key: CallKey


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the running turn, or one call alone if `key` is given."""

    key: CallKey | None = None


@dataclass(frozen=True, slots=True)
class SetMode:
    mode: PermissionMode


@dataclass(frozen=True, slots=True)
class SetModel:
    """Use this model from the next request on; `base_url` for a server of one's own."""

    model: str
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class Compact:
    """Shorten the model's view of the conversation now; `focus` says what must be kept."""

    focus: str = ""


@dataclass(frozen=True, slots=True)
class Clear:
    """Start over with an empty history; the log keeps what was."""


@dataclass(frozen=True, slots=True)
class Rename:
    title: str


@dataclass(frozen=True, slots=True)
class AddRule:
    rule: Rule


@dataclass(frozen=True, slots=True)
class RemoveRule:
    rule: Rule


@dataclass(frozen=True, slots=True)
class RunShell:
    """The user's own command (`!`): runs through the dispatcher without asking, its output joins the history."""

    command: str


@dataclass(frozen=True, slots=True)
class Background:
    """Move the running command of `key` (or the newest one) to the background."""

    key: CallKey | None = None


@dataclass(frozen=True, slots=True)
class EndBackground:
    """End a background command and everything it started."""

    background_id: str


@dataclass(frozen=True, slots=True)
class BuildIndex:
    """Build the code index, whatever the size of the project and wherever it lies."""


@dataclass(frozen=True, slots=True)
class Rewind:
    """Go back to how things were just before the event `to_seq`, one of those that `ListRewindPoints` answers with.

    overwrite: files (absolute paths) that others have changed since and that are restored all the same.
    """

    to_seq: int
    what: RewindWhat = "both"
    overwrite: tuple[str, ...] = ()


Command = (
    Prompt
    | Steer
    | EditQueue
    | Decide
    | AllowAllLike
    | Cancel
    | SetMode
    | SetModel
    | Compact
    | Clear
    | Rename
    | AddRule
    | RemoveRule
    | RunShell
    | Background
    | EndBackground
    | BuildIndex
    | Rewind
)
