"""The tools `list` (a directory as a tree) and `glob` (paths by pattern). Names and sizes only, no content."""

from __future__ import annotations

import asyncio
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

from msgspec import Meta

from plait.host.ignore import LONGEST_PATTERN, glob_regex
from plait.host.paths import Workspace
from plait.host.walk import Listing, Wanted, stamp_now, walk
from plait.protocol.calls import FileStamp, TextDetail
from plait.protocol.effects import Access, Effects, Mode
from plait.protocol.errors import ToolRefused
from plait.tools.base import Cap, Tool, ToolArgs, ToolContext, ToolOutput
from plait.tools.output import printable, size_in_words

T = TypeVar("T")

# Lines shown of the directory that was asked for, of each below it, and of all together.
MOST_AT_TOP = 400
MOST_BELOW = 60
MOST_LINES = 1000
MOST_MATCHES = 1000
# Entries a glob looks at before it stops and says so.
MOST_LOOKED_AT = 1_000_000
# An answer that rests on more than this is not worth checking again.
MOST_STAMPS = 3000
MOST_ALTERNATIVES = 64
# So long before the deadline the walk ends, and what was found by then is shown.
MARGIN_S = 2.0
# Room for the note on what was cut.
NOTE_ROOM = 200

Stopped = Callable[[], bool]


class ListArgs(ToolArgs, frozen=True):
    path: str = "."
    depth: Annotated[int, Meta(ge=1, le=20)] = 2
    all: Annotated[bool, Meta(description="hidden and ignored ones too")] = False


class GlobArgs(ToolArgs, frozen=True):
    pattern: Annotated[str, Meta(min_length=1)]
    path: str = "."
    newest_first: bool = False
    all: Annotated[bool, Meta(description="hidden and ignored ones too")] = False


class List(Tool[ListArgs]):
    name = "list"
    args = ListArgs
    cap: ClassVar[Cap] = Cap.FILES
    reusable: ClassVar[bool] = True

    def effects(self, args: ListArgs, workspace: Workspace) -> Effects:
        return _reads_tree(workspace.resolve(args.path), workspace)

    async def run(self, args: ListArgs, ctx: ToolContext) -> ToolOutput:
        directory = ctx.workspace.resolve(args.path)
        wanted = Wanted(hidden=args.all, ignored=args.all)
        return await _in_thread(ctx, lambda stopped: _tree(directory, args, wanted, ctx.output_budget, stopped))


class Glob(Tool[GlobArgs]):
    name = "glob"
    args = GlobArgs
    cap: ClassVar[Cap] = Cap.FILES
    reusable: ClassVar[bool] = True

    def effects(self, args: GlobArgs, workspace: Workspace) -> Effects:
        return _reads_tree(_target(args, workspace).base, workspace)

    async def run(self, args: GlobArgs, ctx: ToolContext) -> ToolOutput:
        target = _target(args, ctx.workspace)
        return await _in_thread(ctx, lambda stopped: _matching(target, args, ctx, stopped))


def _reads_tree(path: Path, workspace: Workspace) -> Effects:
    access = Access(Mode.READ, path.as_posix(), tree=True)
    return Effects((access,), reason=f"lists {printable(workspace.show(path))}")


async def _in_thread(ctx: ToolContext, work: Callable[[Stopped], T]) -> T:
    """Run `work` in a thread, which is told to stop when the call is cancelled or its time is nearly up."""
    stop = False
    deadline_s = ctx.part_deadline_s(MARGIN_S)
    end = math.inf if deadline_s is None else time.monotonic() + deadline_s
    try:
        return await asyncio.to_thread(work, lambda: stop or time.monotonic() > end)
    except asyncio.CancelledError:
        stop = True
        raise


def _refuse_unless_directory(path: Path, asked: str) -> None:
    name = printable(asked)
    if path.is_dir():
        return
    if not os.path.lexists(path):
        raise ToolRefused(f"`{name}` does not exist. List its parent directory, or use `glob`.")
    raise ToolRefused(f"`{name}` is not a directory: use `read`.")


# --- list --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Count:
    """What a listing holds in all, shown or not, and what it rests on."""

    directories: int = 0
    files: int = 0
    at_least: bool = False
    stamps: list[FileStamp] = field(default_factory=list)

    def words(self) -> str:
        more = "at least " if self.at_least else ""
        directories = "1 directory" if self.directories == 1 else f"{self.directories:,} directories"
        return f"{more}{directories}, {self.files:,} file" + ("" if self.files == 1 else "s")


def _tree(directory: Path, args: ListArgs, wanted: Wanted, budget: int, stopped: Stopped) -> ToolOutput:
    _refuse_unless_directory(directory, args.path)
    listings: dict[str, Listing] = {}
    count = Count()
    for listing in walk(directory, wanted, depth=args.depth):
        if stopped():
            count.at_least = True
            break
        listings[listing.prefix] = listing
        inner = sum(entry.is_directory for entry in listing.entries)
        count.directories += inner
        count.files += len(listing.entries) - inner
        count.at_least = count.at_least or listing.cut
        count.stamps += listing.stamps
        if not listing.prefix and listing.problem:
            raise ToolRefused(f"`{printable(args.path)}` cannot be listed: {listing.problem}.")
        if count.directories + count.files > MOST_LOOKED_AT:
            count.at_least = True
            break
    lines: list[str] = []
    room = budget - NOTE_ROOM
    for line in _draw(listings, "", 0, count):
        room -= len(line) + 1
        if room < 0 or len(lines) >= MOST_LINES:
            lines.append("[cut here: list a sub-directory, or use `glob`]")
            break
        lines.append(line)
    head = f"{printable(args.path.rstrip('/') or '/')}/ ({count.words()})"
    stamps = tuple(count.stamps) if len(count.stamps) <= MOST_STAMPS and not count.at_least else ()
    return ToolOutput("\n".join([head, *lines]), TextDetail(count.words()), stamps)


def _draw(listings: dict[str, Listing], prefix: str, level: int, count: Count) -> Iterator[str]:
    """Yield the lines of one directory and of those below it, indented; sizes are looked up as they are shown."""
    listing = listings[prefix]
    indent = "  " * level
    if listing.problem:
        yield f"{indent}[cannot be listed: {listing.problem}]"
    most = MOST_AT_TOP if level == 0 else MOST_BELOW
    for entry in listing.entries[:most]:
        name = printable(entry.name)
        if entry.is_directory:
            yield f"{indent}{name}/"
            inner = f"{prefix}{entry.name}/"
            if inner in listings:
                yield from _draw(listings, inner, level + 1, count)
            continue
        path = listing.directory / entry.name
        stamp = stamp_now(path)
        count.stamps.append(stamp)
        if entry.is_link:
            yield f"{indent}{name} -> {_link_target(path)}"
        else:
            yield f"{indent}{name}  {size_in_words(max(stamp.size, 0))}"
    left = len(listing.entries) - most
    if left > 0:
        yield f"{indent}… {left:,} more"


def _link_target(path: Path) -> str:
    try:
        return printable(os.readlink(path))
    except OSError:
        return "?"


# --- glob --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """Where a glob starts, what a path below it must match, and whether the pattern names hidden files itself."""

    base: Path
    regex: re.Pattern[str]
    hidden: bool


def _target(args: GlobArgs, workspace: Workspace) -> Target:
    """Split the pattern into the directory that it names literally and the rest. Raises ToolRefused."""
    pattern = args.pattern.replace("\\", "/") if os.sep == "\\" else args.pattern
    if len(pattern) > LONGEST_PATTERN:
        raise ToolRefused(f"`{pattern[:60]}…` is longer than {LONGEST_PATTERN:,} characters.")
    absolute = pattern.startswith("~") or os.path.isabs(pattern)
    segments = pattern.split("/")
    literal = 0
    while literal < len(segments) - 1 and not re.search(r"[*?\[{\\]", segments[literal]):
        literal += 1
    prefix, rest = "/".join(segments[:literal]), "/".join(segments[literal:]) or "**"
    if any(segment == ".." for segment in segments[literal:]):
        raise ToolRefused(f"`{args.pattern}`: `..` may not follow a wildcard; give the directory as `path`.")
    start = (prefix or "/") if absolute else f"{args.path or '.'}/{prefix}"
    # Whoever names a directory means what lies right in it; a bare name means any depth.
    alternatives = [glob_regex(f"/{one}" if prefix or absolute else one) for one in _unbrace(rest)]
    try:
        regex = re.compile("|".join(f"(?:{one})" for one in alternatives), re.DOTALL)
    except re.error:
        raise ToolRefused(f"`{args.pattern}` is not a glob pattern.") from None
    hidden = any(re.match(r"[\[{]?\.[^/.]", segment) for segment in segments[literal:])
    return Target(workspace.resolve(start), regex, hidden)


def _unbrace(pattern: str) -> list[str]:
    """Return the alternatives of `{a,b}` groups, nested ones too. Raises ToolRefused if there are too many."""
    done: list[str] = []
    open_ones = [pattern]
    while open_ones:
        if len(done) + len(open_ones) > MOST_ALTERNATIVES:
            raise ToolRefused(f"`{pattern}` stands for more than {MOST_ALTERNATIVES} patterns: split it.")
        one = open_ones.pop()
        # The innermost group first, so that a split never tears another apart.
        group = re.search(r"\{([^{}]*,[^{}]*)\}", one)
        if group is None:
            done.append(one)
        else:
            open_ones += [one[: group.start()] + choice + one[group.end() :] for choice in group[1].split(",")]
    return list(dict.fromkeys(done))


def _matching(target: Target, args: GlobArgs, ctx: ToolContext, stopped: Stopped) -> ToolOutput:
    _refuse_unless_directory(target.base, ctx.workspace.show(target.base))
    found: list[str] = []
    stamps: list[FileStamp] = []
    looked_at = 0
    cut = False
    base = printable(ctx.workspace.show(target.base))
    for listing in walk(target.base, Wanted(hidden=args.all or target.hidden, ignored=args.all)):
        if stopped():
            cut = True
            break
        if not listing.prefix and listing.problem:
            raise ToolRefused(f"`{base}` cannot be listed: {listing.problem}.")
        stamps += listing.stamps
        looked_at += len(listing.entries)
        cut = cut or listing.cut
        for entry in listing.entries:
            if not entry.is_directory and target.regex.fullmatch(listing.prefix + entry.name) is not None:
                found.append(os.path.join(listing.directory, entry.name))
        if looked_at > MOST_LOOKED_AT:
            cut = True
            break
    if args.newest_first:
        # What the order rests on is every file, not only the directories.
        by_age = sorted((stamp_now(Path(path)) for path in found), key=lambda stamp: (-stamp.mtime_ns, stamp.path))
        found = [stamp.path for stamp in by_age]
        stamps += by_age
    else:
        found.sort()
    return _matches(found, args, ctx, stamps if len(stamps) <= MOST_STAMPS and not cut else [], cut=cut)


def _matches(found: list[str], args: GlobArgs, ctx: ToolContext, stamps: list[FileStamp], *, cut: bool) -> ToolOutput:
    more = "at least " if cut else ""
    summary = f"{more}{len(found):,} file" + ("" if len(found) == 1 else "s")
    if not found:
        hint = "" if args.all else " Hidden and ignored files were left out; `all` includes them."
        return ToolOutput(f"No file matches `{args.pattern}`.{hint}", TextDetail(summary), tuple(stamps))
    lines: list[str] = []
    room = ctx.output_budget - NOTE_ROOM
    for path in found[:MOST_MATCHES]:
        line = printable(ctx.workspace.show(Path(path)))
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    if cut or len(lines) < len(found):
        lines.append(f"[{len(lines):,} of {more}{len(found):,} shown: narrow the pattern]")
    return ToolOutput("\n".join(lines), TextDetail(summary), tuple(stamps))
