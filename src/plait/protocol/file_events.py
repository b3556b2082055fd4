"""What calls do to files, and how a session goes back. Part of `protocol.events`, which says how events go."""

from __future__ import annotations

from typing import Literal

from plait.protocol.calls import CallKey
from plait.protocol.lean import dataclass

RewindWhat = Literal["conversation", "files", "both"]


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A file as it was at some moment: SHA-256 (hex) of its bytes, None if there was no such file; permission bits.

    link: it was a symbolic link, and its bytes are where it pointed.
    """

    sha256: str | None = None
    mode: int = 0
    link: bool = False


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file (absolute path) as it was before a call; `kept` says that its content can be had again."""

    path: str
    version: FileVersion
    kept: bool = True


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file before and after; `kept` says that what it was before can be had again."""

    path: str
    before: FileVersion
    after: FileVersion
    kept: bool = True


@dataclass(frozen=True, slots=True)
class FilesKept:
    """What these files were was put aside, before a call changes them. Comes before its `CallStarted`."""

    key: CallKey
    files: tuple[KeptFile, ...]


@dataclass(frozen=True, slots=True)
class FilesChanged:
    """What a call changed, as far as could be told; `not_covered` says in words what a rewind cannot undo."""

    key: CallKey
    changes: tuple[FileChange, ...]
    not_covered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rewound:
    """The session went back to how it was just before the event number `to_seq`.

    turn: the first turn that is taken back. prompt: what was said in it. changes: the files that were changed for
    it. left: files that were left as they are, each with why. payload: the model's messages as they now are, as in
    `HistoryReplaced`; None if the conversation goes on as it was.
    """

    to_seq: int
    turn: int
    what: RewindWhat
    prompt: str = ""
    changes: tuple[FileChange, ...] = ()
    left: tuple[str, ...] = ()
    payload: str | None = None
