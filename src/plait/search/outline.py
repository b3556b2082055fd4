"""What a file defines, in order: out of the index if it holds, else by looking."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from plait.host.paths import Workspace
from plait.index.code_index import CodeIndex
from plait.index.freshness import Changed
from plait.index.rows import Defined, Stamp
from plait.index.scan import stamp_of
from plait.protocol.display import sanitise_line
from plait.protocol.errors import ToolRefused
from plait.search.definitions import definition_in
from plait.search.evidence import lines_of


async def outline(path: Path, workspace: Workspace, indexes: Mapping[Path, CodeIndex]) -> tuple[list[Defined], str]:
    """Return the definitions of the resolved file `path` by line, and `fresh` or `live`.

    Raises:
        ToolRefused: It is no regular file.
    """
    stamp = await asyncio.to_thread(stamp_of, path)
    if stamp is None:
        raise ToolRefused(f"`{sanitise_line(workspace.show(path))}` is no file: an outline is of one file.")
    root = workspace.root_of(path) or path.parent
    relative = path.relative_to(root).as_posix()
    index = indexes.get(root)
    view = await index.view() if index is not None else None
    if view is not None:
        try:
            if view.stamp(relative) == stamp:
                return view.outline(relative), "fresh"
        except sqlite3.Error:
            pass
    return await asyncio.to_thread(_looked_at, root, relative, stamp), "live"


def _looked_at(root: Path, path: str, stamp: Stamp) -> list[Defined]:
    now = Changed(root).now(path, stamp)
    if not now.unread:
        return sorted(now.definitions, key=lambda one: (one.line, -one.end_line))
    found = []
    for number, line in enumerate(lines_of(root / path), 1):
        definition = definition_in(line, path)
        if definition is not None and not definition.weak:
            found.append(Defined(path, number, number, definition.name, definition.kind, definition.owner, stamp))
    return found


def as_text(definitions: Sequence[Defined]) -> list[str]:
    """Return a line for each definition: its lines, its kind, its name, indented below what it stands in."""
    lines = []
    for row in definitions:
        depth = len(row.scope.split(".")) if row.scope else 0
        span = f"{row.line}-{row.end_line}" if row.end_line > row.line else str(row.line)
        lines.append(f"{'  ' * depth}{span} {row.kind} {row.name}")
    return lines
