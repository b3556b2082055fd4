"""Completions of `@path` while the user types: files of the workspace, best match first."""

from __future__ import annotations

from collections.abc import Sequence

from plait.host.paths import Workspace
from plait.protocol.ports import Completion
from plait.search.query import Shape
from plait.search.ripgrep import file_names
from plait.search.strategies import Look, files

MOST = 20


async def complete_path(prefix: str, workspace: Workspace) -> Sequence[Completion]:
    """Return at most 20 files for what stands behind the `@`; the shortest paths if nothing does yet."""
    root = workspace.roots[0]
    wanted = prefix.removeprefix("@").strip()
    if not wanted:
        names = await file_names(root=root, deadline_s=1.0)
        return tuple(Completion(name) for name in sorted(names, key=lambda name: (name.count("/"), name))[:MOST])
    found = await files(Look(wanted, Shape.PATH, root, deadline_s=1.0))
    return tuple(Completion(hit.path) for hit in found.hits[:MOST])
