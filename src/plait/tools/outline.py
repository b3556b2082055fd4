"""The tool `outline`: what a file defines, or the most central definitions of the project."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from plait.host.paths import Workspace
from plait.host.protected import credential
from plait.index.code_index import CodeIndex
from plait.protocol.calls import TextDetail
from plait.protocol.effects import Access, Effects, Mode
from plait.protocol.errors import ToolRefused
from plait.search.fan_out import NO_INDEX
from plait.search.outline import as_text, outline
from plait.search.repository_map import repository_map
from plait.tools.base import Cap, Tool, ToolArgs, ToolContext, ToolOutput
from plait.tools.output import cut, printable

USUAL_TOKENS = 1_000


class OutlineArgs(ToolArgs, frozen=True):
    path: Annotated[str, Meta(description="a file, or a directory for a map of what is central in it")] = "."
    tokens: Annotated[int, Meta(ge=100, le=8_000, description="how long a map may be")] = USUAL_TOKENS


class Outline(Tool[OutlineArgs]):
    name = "outline"
    args = OutlineArgs
    cap: ClassVar[Cap] = Cap.SEARCHES

    def __init__(self, indexes: Mapping[Path, CodeIndex] = NO_INDEX) -> None:
        self._indexes = indexes

    def effects(self, args: OutlineArgs, workspace: Workspace) -> Effects:
        path = workspace.resolve(args.path)
        return Effects(
            (Access(Mode.READ, path.as_posix(), tree=path.is_dir()),),
            credentials=(path.as_posix(),) if credential(path.as_posix()) else (),
            reason=f"reads {printable(args.path)}",
        )

    async def run(self, args: OutlineArgs, ctx: ToolContext) -> ToolOutput:
        text, summary = await describe(args.path, args.tokens, ctx.workspace, self._indexes)
        text = cut(text, ctx.output_budget)
        return ToolOutput(text, TextDetail(summary, text))


async def describe(path: str, tokens: int, workspace: Workspace, indexes: Mapping[Path, CodeIndex]) -> tuple[str, str]:
    """Return the outline of a file or the map of a directory, and in a few words what it is.

    Raises:
        ToolRefused: There is none; one line says why.
    """
    place = workspace.resolve(path)
    if place.is_dir():
        text = await _map(place, path, tokens, workspace, indexes)
        return text, f"{text.count(chr(10)) + 1:,} lines"
    definitions, freshness = await outline(place, workspace, indexes)
    if not definitions:
        raise ToolRefused(f"`{printable(path)}` defines nothing that Plait can tell; use `read`.")
    return "\n".join(map(printable, as_text(definitions))), f"{len(definitions):,} definitions · {freshness}"


async def _map(
    directory: Path, shown: str, tokens: int, workspace: Workspace, indexes: Mapping[Path, CodeIndex]
) -> str:
    name = printable(shown)
    root = workspace.root_of(directory)
    index = indexes.get(root) if root is not None else None
    if root is None or index is None:
        raise ToolRefused(f"`{name}` is not in the workspace: a map is of what is indexed.")
    view = await index.view()
    if view is None:
        raise ToolRefused(
            f"A map needs the code index, which is {index.status().words}. Use `list`, or try again later."
        )
    top = "" if directory == root else f"{directory.relative_to(root).as_posix()}/"
    try:
        text = await asyncio.to_thread(repository_map, view, tokens, lambda path: path.startswith(top))
    except sqlite3.Error as error:
        index.failed(error)
        raise ToolRefused(f"The code index failed ({error}); use `list` and `search`.") from error
    if not text:
        raise ToolRefused(f"Nothing in `{name}` defines anything that Plait can tell; use `list`.")
    return "\n".join(map(printable, text.split("\n")))
