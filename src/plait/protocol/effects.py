"""What a call touches. Pure.

A tool states its effects before it runs; the scheduler and the policy read nothing else.
Paths are absolute and resolved (`host.paths`), with `/` as separator on every platform.
"""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Any, Literal

from plait.protocol.lean import dataclass

EffectKind = Literal["none", "read", "write", "unknown"]


class Mode(StrEnum):
    """How a path is touched."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Access:
    """One path that a call reads or writes; `tree` covers everything below it too, but for what lies in `without`."""

    mode: Mode
    path: str
    tree: bool = False
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect of a simple command: the operator (`>`, `>>`, `<`, `2>`, `&>` …) and its target as written.

    `path` is the target resolved, if it is a file that can be told; `writes` says that the target is written.
    """

    op: str
    target: str
    path: str | None = None
    writes: bool = False


@dataclass(frozen=True, slots=True)
class CommandPart:
    """One simple command of a command line, so that rules can match every part.

    `argv` holds the words after quote removal; a word that is not a plain literal (it holds a substitution,
    a variable or a glob) stands there as it is written, and `literal` is False.
    env: assignments before it (`NAME=value`) that could change what it does. read_only: it would run without
    being asked about if it stood alone. runs: what a wrapper (`timeout`, `xargs`, `sh -c`) starts, as parts.
    open_ended: a word of it is not quoted and may become any number of any words.
    """

    argv: tuple[str, ...]
    redirects: tuple[Redirect, ...] = ()
    literal: bool = True
    env: tuple[str, ...] = ()
    read_only: bool = False
    runs: tuple[CommandPart, ...] = ()
    open_ended: bool = False


@dataclass(frozen=True, slots=True)
class Effects:
    """What a call with these arguments reads, writes, reaches and starts.

    network: hosts that are contacted, `*` for any. credentials: paths or names of secrets that are read.
    processes: what is ended or signalled, by id or by name. spawns: starts processes.
    unknown: what it does cannot be told, so it conflicts with everything, unless it is bounded: what it does stays
    within `accesses`, as far as other calls must wait for it (a test run); it asks like anything unknown.
    danger: why it is dangerous, or None. reason: the effects in words a user understands.
    parts: a command's simple commands, all of them; empty if they could not be told.
    """

    accesses: tuple[Access, ...] = ()
    network: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    spawns: bool = False
    unknown: bool = False
    bounded: bool = False
    danger: str | None = None
    reason: str = ""
    parts: tuple[CommandPart, ...] = ()

    @property
    def kind(self) -> EffectKind:
        """The strongest effect on the machine's files, as events and `tool_schedule` lines name it."""
        if self.unknown:
            return "unknown"
        for access in self.accesses:
            if access.mode is Mode.WRITE:
                return "write"
        if self.accesses or self.network or self.credentials or self.processes:
            return "read"
        return "none"

    @property
    def read_only(self) -> bool:
        """True if it changes nothing, reaches no network, ends no process, reads no credentials, is not dangerous."""
        quiet = not (self.network or self.credentials or self.processes)
        return self.kind in ("none", "read") and quiet and self.danger is None

    @property
    def boundless(self) -> bool:
        """True if it may touch anything, so that no other call may run beside it."""
        return self.unknown and not self.bounded

    @property
    def writes(self) -> tuple[Access, ...]:
        return tuple(access for access in self.accesses if access.mode is Mode.WRITE)


UNKNOWN = Effects(unknown=True, spawns=True, reason="what it does cannot be told")


def covers(outer: Access, inner: Access) -> bool:
    """True if `outer` touches the very path of `inner`, or a tree that holds it."""
    if outer.path == inner.path:
        return True
    return (
        outer.tree
        and inner.path.startswith(outer.path.rstrip("/") + "/")
        and not any(inner.path == left_out or inner.path.startswith(left_out + "/") for left_out in outer.without)
    )


def decides_on(outer: Access, inner: Access) -> bool:
    """True if what `inner` finds depends on `outer`: it may make a directory or a link of the name that it writes."""
    below = not outer.tree and outer.mode is Mode.WRITE and inner.path.startswith(outer.path.rstrip("/") + "/")
    return below or covers(outer, inner)


def conflict(a: Effects, b: Effects) -> bool:
    """True if one writes what the other reads or writes, or a name on the way to it.

    Unknown conflicts with all but pure calls (`none`), unless it is bounded.
    """
    if a.kind == "none" or b.kind == "none":
        return False
    if a.boundless or b.boundless:
        return True
    return any(
        (x.mode is Mode.WRITE or y.mode is Mode.WRITE) and (decides_on(x, y) or decides_on(y, x))
        for x in a.accesses
        for y in b.accesses
    )


def effects_json(effects: Effects) -> dict[str, Any]:
    """Return effects as JSON values, the one form in which scripts see them."""
    return {"kind": effects.kind, **asdict(effects)}
