"""How a conversation is to be opened: what the command line decides and `wiring` carries out."""

from __future__ import annotations

from typing import Literal

from plait.protocol.lean import dataclass


@dataclass(frozen=True, slots=True)
class Opening:
    """Which session to open.

    kind: `new`; `continue` the last one of this directory; `resume` the one named by `session_id` (None lets the
    user pick). fork: go on in a copy. persist: keep a log. new_id: the id (a UUID) that a new or forked one gets.
    """

    kind: Literal["new", "continue", "resume"] = "new"
    session_id: str | None = None
    fork: bool = False
    persist: bool = True
    new_id: str | None = None
