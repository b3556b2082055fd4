"""The `edit` tool: replace exact text in a file, or write a whole one.

Bytes that were not meant to change do not: line ends, byte order mark, encoding, mode, links. What is shown for
approval is what is written, and it is written only if the file is still what the plan started from.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta, field

from plait.host.files import Decoded, FileState, NotText, decode, encode, is_there, read_file, replace_file, sha256
from plait.host.finishing import finish
from plait.host.paths import Workspace
from plait.host.protected import credential, holds_git
from plait.protocol.calls import DiffDetail, WriteIntent
from plait.protocol.effects import Access, Effects, Mode
from plait.protocol.errors import ToolRefused
from plait.tools.already import made_already
from plait.tools.base import Cap, Plan, ToolArgs, ToolContext, ToolOutput, WritingTool
from plait.tools.changes import Change, compare, diff_detail, snippet
from plait.tools.ledger import FileLedger
from plait.tools.matching import Span, find, fitted, replace_spans, without_overlaps
from plait.tools.nearest import nearest
from plait.tools.output import printable
from plait.tools.syntax import new_syntax_findings

LARGEST_BYTES = 50_000_000
MOST_EDITS = 200
MOST_PLACES_NAMED = 8

Made = frozenset[str]
"""Replacements that were made, each by a hash of its old and new text."""


class TextEdit(ToolArgs, frozen=True):
    old: Annotated[str, Meta(min_length=1, description="exact text in the file, without line numbers")]
    new: str
    replace_all: bool = False


class EditArgs(ToolArgs, frozen=True):
    path: str
    edits: Annotated[list[TextEdit], Meta(max_length=MOST_EDITS, description="applied in order, all or none")] = field(
        default_factory=list
    )
    content: Annotated[str | None, Meta(description="the whole file; instead of `edits`")] = None


@dataclass(frozen=True, slots=True)
class Write:
    """What a plan is going to write: `before` and `after` are hashes, `before` None for a new file.

    former: the bytes before, None for a new file. made: the replacements that it consists of.
    """

    path: Path
    former: bytes | None
    data: bytes
    before: str | None
    after: str
    text: str
    detail: DiffDetail
    made: Made = frozenset()


class Edit(WritingTool[EditArgs]):
    name = "edit"
    args = EditArgs
    cap: ClassVar[Cap] = Cap.FILES

    def __init__(self, ledger: FileLedger) -> None:
        self._ledger = ledger
        # By file: the replacements that were made in this conversation.
        self._made: dict[Path, set[str]] = {}

    def effects(self, args: EditArgs, workspace: Workspace) -> Effects:
        path = _target(args, workspace)
        secret = credential(path.as_posix())
        what = "writes" if args.content is not None else "edits"
        notes = (", which may hold secrets" if secret else "") + (f", {links}" if (links := _other_names(path)) else "")
        return Effects(
            (Access(Mode.WRITE, path.as_posix()),),
            # The answer shows lines around the change.
            credentials=(path.as_posix(),) if secret else (),
            reason=f"{what} {printable(workspace.show(path))}{notes}",
        )

    async def plan(self, args: EditArgs, workspace: Workspace) -> Plan:
        path = _target(args, workspace)
        name = printable(workspace.show(path))
        state = await read_file(path, max_bytes=LARGEST_BYTES) if await is_there(path) else None
        await self._refuse_unseen(path, name, state, whole=args.content is not None)
        # A thread: comparing two large texts would hold up every other call.
        write = await asyncio.to_thread(_prepare, path, name, state, args, frozenset(self._made.get(path, ())))
        return Plan(write.detail, (WriteIntent(path.as_posix(), write.before, write.after),), write)

    async def _refuse_unseen(self, path: Path, name: str, state: FileState | None, *, whole: bool) -> None:
        """A model must not change a file on the strength of what it no longer is."""
        seen = self._ledger.hash_of(path)
        if state is None:
            if not whole:
                raise ToolRefused(f"`{name}` does not exist: to create it, give `content` instead of `edits`.")
            return
        if seen is not None and seen != state.sha256:
            told = await self._ledger.changed_by_session(path, name, state)
            raise ToolRefused(told or f"`{name}` changed since it was read: read it again, then edit it.")
        if seen is None and whole and state.data:
            raise ToolRefused(f"`{name}` exists and was not read: read it before writing it anew, or use `edits`.")

    async def apply(self, plan: Plan, ctx: ToolContext) -> ToolOutput:
        write = plan.state
        assert isinstance(write, Write)
        writing = asyncio.ensure_future(replace_file(write.path, write.data, expect_sha256=write.before))
        try:
            await finish(writing)
        except asyncio.CancelledError:
            # A write that has begun is finished, and then the call must not say that nothing was done.
            if writing.exception() is not None:
                raise
        except ToolRefused as error:
            raise await self._told_why(write, printable(ctx.workspace.show(write.path)), error) from error
        self._made.setdefault(write.path, set()).update(write.made)
        await self._ledger.wrote(write.path, write.after, write.data)
        broken = await new_syntax_findings(write.path, write.former, write.data)
        text = "\n".join([write.text, "This change broke the syntax:", *broken]) if broken else write.text
        return ToolOutput(text, write.detail, files_changed=(str(write.path),), is_whole=True)

    async def _told_why(self, write: Write, name: str, error: ToolRefused) -> ToolRefused:
        """Return a refusal that says more, if another session has changed the file while this call was under way."""
        if write.former is None:
            return error
        try:
            state = await read_file(write.path, max_bytes=LARGEST_BYTES)
        except ToolRefused:
            return error
        if state.sha256 == write.before:
            return error
        told = await self._ledger.changed_by_session(write.path, name, state, write.former)
        return ToolRefused(told) if told is not None else error


def _target(args: EditArgs, workspace: Workspace) -> Path:
    """Return the resolved path, after what is wrong with the arguments as such. Raises ToolRefused."""
    if (args.content is None) == (not args.edits):
        raise ToolRefused("`edit` takes either `edits` (with at least one) or `content`, and not both.")
    if args.path.endswith(("/", "\\")):
        raise ToolRefused(f"`{args.path}` is a directory's name: give a file's.")
    path = workspace.resolve(args.path)
    if holds_git(str(path)):
        raise ToolRefused(f"`{args.path}` belongs to git itself and is not edited: use `git` commands.")
    return path


def _other_names(path: Path) -> str:
    """Say that a file has more names than this one (hard links), which may lie outside of the workspace."""
    try:
        names = os.stat(path, follow_symlinks=False).st_nlink
    except OSError:
        return ""
    return f"one of {names} names of the same file: the others keep the old text" if names > 1 else ""


def _prepare(path: Path, name: str, state: FileState | None, args: EditArgs, made: Made) -> Write:
    try:
        former = decode(state.data) if state is not None else None
    except NotText:
        raise ToolRefused(f"`{name}` is not text: `edit` cannot change it.") from None
    like = former or Decoded("")
    if args.content is not None:
        text = _whole(like, args.content)
    else:
        text = like.text
        for number, edit in enumerate(args.edits):
            which = f"edits[{number}]" if len(args.edits) > 1 else "`old`"
            if edit.old != edit.new and not find(text, edit.old):
                why = _why_not_there(like.text, text, edit, made)
                raise ToolRefused(f"{which} is not in `{name}`; nothing was written. {why}")
            text = _edited(text, edit, which, name)
    if former is not None and text == former.text:
        raise ToolRefused(f"Nothing to do: `{name}` would be the same as it is.")
    data = _encoded(text, like, name)
    change = compare(former.text if former is not None else None, text)
    return Write(
        path,
        state.data if state is not None else None,
        data,
        before=state.sha256 if state is not None else None,
        after=sha256(data),
        text="\n".join(filter(None, (_report(name, args, change, like), _other_names(path)))),
        detail=diff_detail(name, change),
        made=frozenset(map(_digest, args.edits)),
    )


def _whole(like: Decoded, content: str) -> str:
    """Return the new content in the line ends of the old, where it has the same lines the same ends."""
    if like.bom:
        content = content.removeprefix("\ufeff")
    return fitted(like.text, Span(0, len(like.text)), content)


def _edited(text: str, edit: TextEdit, which: str, name: str) -> str:
    if edit.old == edit.new:
        raise ToolRefused(f"{which}: `old` and `new` are the same; nothing was written.")
    spans = find(text, edit.old)
    if len(spans) > 1 and not edit.replace_all:
        numbers = ", ".join(str(_line_of(text, span)) for span in spans[:MOST_PLACES_NAMED])
        more = ", …" if len(spans) > MOST_PLACES_NAMED else ""
        raise ToolRefused(
            f"{which} is {len(spans)} times in `{name}` (lines {numbers}{more}); nothing was written. "
            "Add lines around it until it is unique, or set `replace_all`."
        )
    # Who names line ends in `old`, and finds them so, means those in `new`.
    literally = "\r" in edit.old and text[spans[0].start : spans[0].end] == edit.old
    return replace_spans(text, without_overlaps(spans), edit.new, literally=literally)


def _why_not_there(on_disk: str, text: str, edit: TextEdit, made: Made) -> str:
    """Say why `old` is not in `text`, which is what the file holds with the edits before this one."""
    if find(on_disk, edit.old):
        return "The edits before it in this call replace it: leave it out, or give what they make of it."
    there = made_already(on_disk, edit.old, edit.new)
    if there is not None:
        return f"`new` is there already, at line {_line_of(on_disk, there)}."
    if _digest(edit) in made and edit.new.strip() and (places := find(on_disk, edit.new)):
        return f"An earlier call made this very edit; `new` is at line {_line_of(on_disk, places[0])}."
    return nearest(text, edit.old)


def _digest(edit: TextEdit) -> str:
    return sha256("\0".join((edit.old, edit.new)).encode("utf-8", "surrogatepass"))


def _line_of(text: str, span: Span) -> int:
    before = text[: span.start]
    return before.count("\n") + before.count("\r") - before.count("\r\n") + 1


def _encoded(text: str, like: Decoded, name: str) -> bytes:
    try:
        return encode(text, like)
    except UnicodeEncodeError as error:
        letter = text[error.start]
        raise ToolRefused(
            f"`{name}` is {like.encoding}, which has no U+{ord(letter):04X}; nothing was written. "
            "Use characters that it has."
        ) from error


def _report(name: str, args: EditArgs, change: Change, like: Decoded) -> str:
    lines = f"+{change.added} −{change.removed}"
    kept = [like.encoding] if like.encoding != "utf-8" else []
    kept += ["BOM"] if like.bom else []
    kept += [{"\r\n": "CRLF", "\r": "CR"}[like.newline]] if like.newline != "\n" else []
    note = f", kept {', '.join(kept)}" if kept else ""
    if change.before is None:
        count = len(change.after)
        return f"Created `{name}`: {count:,} line{'' if count == 1 else 's'}."
    if args.content is not None:
        return f"Wrote `{name}` ({lines}{note})."
    return f"Edited `{name}` ({lines}{note}). It reads now:\n{snippet(change)}"
