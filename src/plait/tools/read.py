"""The `read` tool: windows of one or several text files, with line numbers.

What is not text is named, never dumped. What was cut is always said, with the line to go on from.
"""

from __future__ import annotations

import asyncio
import difflib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from plait.host.files import Decoded, NotText, decode, read_file
from plait.host.os_errors import in_words
from plait.host.paths import Workspace
from plait.host.protected import credential
from plait.protocol.calls import Args, FileStamp, TextDetail
from plait.protocol.effects import Access, Effects, Mode
from plait.protocol.errors import ToolRefused
from plait.tools.base import Cap, Part, Tool, ToolArgs, ToolContext, ToolOutput
from plait.tools.ledger import FileLedger
from plait.tools.media import is_picture_or_document, media_kind
from plait.tools.output import cut, printable, shares, size_in_words

DEFAULT_LINES = 2000
LONGEST_LINE = 2000
LARGEST_BYTES = 50_000_000
MOST_FILES = 50
# Left of the call's time, so that a file on a dead drive does not take the others with it.
MARGIN_S = 2.0
# Splitting less than this takes less time than handing it to a thread.
SPLIT_IN_PLACE_BYTES = 64_000
# What the note below a file's lines may take of the budget, and a name and a refusal among several.
NOTE_ROOM = 120
LONGEST_NAME = 200
LONGEST_REFUSAL = 400
# Names looked at for a suggestion; a directory of 100,000 files must not hold up the answer.
MOST_NAMES = 5000


class FileWindow(ToolArgs, frozen=True):
    path: str
    first_line: Annotated[int, Meta(ge=1)] = 1
    line_count: Annotated[int, Meta(ge=1)] = DEFAULT_LINES


class ReadArgs(ToolArgs, frozen=True):
    files: Annotated[list[FileWindow], Meta(min_length=1, max_length=MOST_FILES)]


@dataclass(frozen=True, slots=True)
class Shown:
    """A file as far as it was asked for: numbered lines from the 1-based `first_line`, or words instead of them."""

    name: str
    stamp: FileStamp
    lines: tuple[str, ...] = ()
    first_line: int = 1
    total_lines: int = 0
    about: str = ""
    instead: str = ""


class Read(Tool[ReadArgs]):
    name = "read"
    args = ReadArgs
    cap: ClassVar[Cap] = Cap.FILES
    reusable: ClassVar[bool] = True

    def __init__(self, ledger: FileLedger) -> None:
        self._ledger = ledger

    def understood(self, args: Args) -> Args:
        """One file may be named as most other agents' tools take it: `path` (or `file_path`) beside the window."""
        if "files" in args:
            files = args["files"] if isinstance(args["files"], list) else [args["files"]]
            return {**args, "files": [{"path": entry} if isinstance(entry, str) else entry for entry in files]}
        name = next((name for name in ("path", "file_path") if name in args), None)
        if name is None:
            return args
        return {"files": [{**{key: value for key, value in args.items() if key != name}, "path": args[name]}]}

    def effects(self, args: ReadArgs, workspace: Workspace) -> Effects:
        paths = _resolved(args.files, workspace)
        secrets = tuple(path.as_posix() for path in paths if credential(path.as_posix()))
        names = ", ".join(printable(workspace.show(path)) for path in paths[:3])
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        return Effects(
            tuple(Access(Mode.READ, path.as_posix()) for path in paths),
            credentials=secrets,
            reason=f"reads {names}{more}" + (", which may hold secrets" if secrets else ""),
        )

    async def run(self, args: ReadArgs, ctx: ToolContext) -> ToolOutput:
        parts = [self._part(window, ctx) for window in args.files]
        results = await ctx.run_parts(parts)
        if len(results) == 1 and isinstance(results[0], Exception):
            raise results[0]
        return _assemble([part.label for part in parts], results, ctx.output_budget)

    def _part(self, window: FileWindow, ctx: ToolContext) -> Part[Shown]:
        try:
            path = ctx.workspace.resolve(window.path)
        except ToolRefused as error:
            return Part(printable(window.path), Effects(), partial(_refuse, error))
        effects = Effects((Access(Mode.READ, path.as_posix()),))
        return Part(printable(window.path), effects, lambda: self._read(window, path, ctx))

    async def _read(self, window: FileWindow, path: Path, ctx: ToolContext) -> Shown:
        name = printable(window.path)
        deadline_s = ctx.part_deadline_s(MARGIN_S)
        try:
            async with asyncio.timeout(deadline_s):
                try:
                    state = await read_file(path, max_bytes=LARGEST_BYTES)
                except ToolRefused:
                    # In words that help more, if there are any.
                    await asyncio.to_thread(_refuse_what_is_no_file, path, window.path, ctx.workspace)
                    raise
        except TimeoutError:
            raise ToolRefused(f"`{name}` could not be read within {deadline_s:g} s: is its drive there?") from None
        self._ledger.saw(path, state.sha256, state.data)
        if not state.data:
            return Shown(name, state.stamp, instead="(empty file)")
        if len(state.data) <= SPLIT_IN_PLACE_BYTES:
            return _window(name, state.data, state.stamp, window)
        # A thread: decoding and splitting 50 MB would hold up every other call.
        return await asyncio.to_thread(_window, name, state.data, state.stamp, window)


def _resolved(windows: Sequence[FileWindow], workspace: Workspace) -> list[Path]:
    """Return what the windows' names lead to. One that leads nowhere fails by itself, unless it is the only one."""
    paths: dict[Path, None] = {}
    for window in windows:
        try:
            paths[workspace.resolve(window.path)] = None
        except ToolRefused:
            if len(windows) == 1:
                raise
    return list(paths)


async def _refuse(error: ToolRefused) -> Shown:
    raise error


def _refuse_what_is_no_file(path: Path, asked: str, workspace: Workspace) -> None:
    name = printable(asked)
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise ToolRefused(f"`{name}` does not exist.{_suggestion(path, workspace)}") from None
    except OSError as error:
        raise ToolRefused(f"`{name}` cannot be read: {in_words(error)}.") from error
    if stat.S_ISDIR(status.st_mode):
        raise ToolRefused(f"`{name}` is a directory: use `list`.")
    if status.st_size > LARGEST_BYTES:
        size = size_in_words(status.st_size)
        raise ToolRefused(f"`{name}` is too large to read ({size}): use `search`, or `shell` with `sed -n`.")


def _suggestion(path: Path, workspace: Workspace) -> str:
    """Name what lies beside the missing `path` and is called nearly the same, or what the nearest directory holds."""
    parent = path.parent
    if not parent.is_dir():
        nearest = next((above for above in parent.parents if above.is_dir()), None)
        return f" Nor does its directory; the nearest is `{printable(workspace.show(nearest))}`." if nearest else ""
    try:
        with os.scandir(parent) as entries:
            names = [entry.name for entry, _ in zip(entries, range(MOST_NAMES), strict=False)]
    except OSError:
        return ""
    by_folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(path.name.casefold(), by_folded, n=3, cutoff=0.6)
    # `app.py` for a missing `app.js`: the same stem is near, however short.
    near += [folded for folded in by_folded if folded.split(".")[0] == path.stem.casefold() and folded not in near]
    if not near:
        return " Look with `list` or `glob`."
    found = ", ".join(f"`{printable(workspace.show(parent / by_folded[folded]))}`" for folded in near[:3])
    return f" Nearest: {found}."


def _window(name: str, data: bytes, stamp: FileStamp, window: FileWindow) -> Shown:
    size = size_in_words(len(data))
    if is_picture_or_document(data):
        return Shown(name, stamp, instead=f"({media_kind(data)}, {size}; its content is not text)")
    try:
        decoded = decode(data)
    except NotText:
        kind = media_kind(data) or "binary file"
        raise ToolRefused(f"`{name}` is not text: {kind}, {size}. It was not read.") from None
    lines = _lines(decoded)
    first = window.first_line
    if first > len(lines):
        raise ToolRefused(f"`{name}` has {len(lines):,} lines; there is no line {first:,}.")
    shown = lines[first - 1 : first - 1 + window.line_count]
    numbered = tuple(f"{number:>5}\t{_shorten(line)}" for number, line in enumerate(shown, first))
    # Only what a reader would not expect is said.
    unusual = [] if decoded.encoding.lower().replace("-", "") in ("utf8", "ascii") else [decoded.encoding]
    unusual += ["BOM"] if decoded.bom else []
    newline = {"\r\n": "CRLF", "\r": "CR"}.get(decoded.newline)
    unusual += [newline] if newline else []
    about = f"encoding: {', '.join(unusual)}" if unusual else ""
    return Shown(name, stamp, numbered, first, len(lines), about)


def _lines(decoded: Decoded) -> list[str]:
    """Split where editors and search tools do: at `\\n` and `\\r\\n`; at `\\r` where a file uses it alone."""
    lines = decoded.text.split("\r" if decoded.newline == "\r" else "\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _shorten(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[:LONGEST_LINE]}[… {len(line) - LONGEST_LINE:,} more characters in this line]"


def _assemble(labels: list[str], results: list[Shown | Exception], budget: int) -> ToolOutput:
    """Share the budget among the files and lay them below each other; a failed one says so in its place."""
    heads = [_head(label, result, several=len(results) > 1) for label, result in zip(labels, results, strict=True)]
    wanted = [0 if isinstance(result, Exception) else sum(len(line) + 1 for line in result.lines) for result in results]
    given = shares(wanted, budget - sum(len(head) + NOTE_ROOM for head in heads))
    blocks = [
        head if isinstance(result, Exception) else _block(head, result, room)
        for head, result, room in zip(heads, results, given, strict=True)
    ]
    shown = [result for result in results if isinstance(result, Shown)]
    failed = len(results) - len(shown)
    # An answer that holds a failure is never given again.
    stamps = () if failed else tuple(result.stamp for result in shown)
    return ToolOutput("\n\n".join(blocks), TextDetail(_summary(shown, failed)), stamps, failed=not shown)


def _head(label: str, result: Shown | Exception, *, several: bool) -> str:
    """Return what stands above a file's lines, or instead of them."""
    lines = [f"== {cut(label, LONGEST_NAME)} =="] if several else []
    if isinstance(result, Shown):
        lines += [f"[{result.about}]"] if result.about else []
        lines += [result.instead if several else f"{result.name}: {result.instead}"] if result.instead else []
    elif isinstance(result, (ToolRefused, OSError)):
        lines.append(cut(str(result), LONGEST_REFUSAL))
    else:
        raise result
    return "\n".join(lines)


def _block(head: str, shown: Shown, room: int) -> str:
    if shown.instead:
        return head
    kept: list[str] = []
    for line in shown.lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    last = shown.first_line + len(kept) - 1
    note = []
    if not kept:
        note.append(f"[No room for line {shown.first_line:,} of {shown.total_lines:,}: read this file by itself.]")
    elif last < shown.total_lines or shown.first_line > 1:
        go_on = f"; go on with first_line {last + 1}" if last < shown.total_lines else ""
        note.append(f"[lines {shown.first_line:,}–{last:,} of {shown.total_lines:,}{go_on}]")
    return "\n".join([*([head] if head else []), *kept, *note])


def _summary(shown: list[Shown], failed: int) -> str:
    lines = sum(len(result.lines) for result in shown)
    words = "1 line" if lines == 1 else f"{lines:,} lines"
    if len(shown) == 1 and shown[0].instead:
        words = shown[0].instead.strip("()").split(";")[0]
    return words + (f", {failed} of {len(shown) + failed} files failed" if failed else "")
