"""Where a search looks: a root, what below it, and what is left out. And what comes back from one look at it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

from plait.host import listing
from plait.host.protected import credential
from plait.protocol.errors import ToolRefused

LONGEST_LINE = 400
LARGEST_FILE_BYTES = 16_000_000


class State(StrEnum):
    """How far a look, or a strategy, came."""

    DONE = "done"
    CAPPED = "capped"
    DEADLINE = "deadline"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Place:
    """`below`: paths relative to the resolved `root`, all of it if empty. `hidden`: names that begin with a dot too.

    `named`: what is below was named itself, so neither its size nor its being secret keeps it out.
    """

    root: Path
    below: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    hidden: bool = False
    named: bool = False

    def shows(self, path: str) -> bool:
        """False if the file `path` (relative) holds secrets: reading those is asked for, and searching is reading."""
        return self.named or not credential(f"{self.root.as_posix()}/{path}")


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is looked for. case: `smart` ignores it unless a capital is in the pattern.

    parts: only the matching part of a line is wanted, once for each match. most: lines in all, then it is over.
    """

    text: str
    fixed: bool = False
    case: Literal["smart", "ignore", "exact"] = "smart"
    words: bool = False
    parts: bool = False
    most_a_file: int = 200
    most: int = 5000


@dataclass(frozen=True, slots=True)
class Line:
    """A line that matched: path relative to the root (bytes that are not UTF-8 as surrogates), 1-based number, text."""

    path: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Lines:
    """What one look brought. `problem` says why the pattern was not understood; then there are none."""

    found: tuple[Line, ...] = ()
    state: State = State.DONE
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """The files of a place, relative to its root; `secret` of them, not among these, hold secrets."""

    found: tuple[str, ...] = ()
    state: State = State.DONE
    secret: int = 0


class BadGlob(ToolRefused):
    """The caller's glob is not understood: no strategy can go on."""


class Looker(Protocol):
    """One look at a place, over by `deadline_s` seconds from now.

    Contract: never blocks the loop; ends what it started when it is cancelled. Raises BadGlob, and ToolRefused if
    nothing can be started.
    """

    async def lines(self, place: Place, pattern: Pattern, deadline_s: float) -> Lines: ...

    async def names(self, place: Place, deadline_s: float) -> Names: ...


def without_secrets(names: list[str], place: Place) -> Names:
    """Sort out the files that hold secrets, unless they were named."""
    kept = names if place.named else listing.without_secrets(names, place.root)
    return Names(tuple(kept), secret=len(names) - len(kept))
