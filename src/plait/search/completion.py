"""Completions of `@path` while the user types: files of the workspace, best match first."""

from __future__ import annotations

from collections.abc import Sequence

from plait.host.paths import Workspace
from plait.protocol.ports import Completion
from plait.search.fan_out import SearchRequest, search, shortest_paths

MOST = 20
DEADLINE_S = 1.0


async def complete_path(prefix: str, workspace: Workspace) -> Sequence[Completion]:
    """Return at most 20 files for what stands behind the `@`; the shortest paths if nothing does yet."""
    wanted = prefix.removeprefix("@").strip()
    if not wanted:
        found = await shortest_paths(workspace, MOST, deadline_s=DEADLINE_S)
        return tuple(Completion(path) for path in found)
    request = SearchRequest(wanted, ("files",), limit=MOST)
    return tuple(Completion(hit.path) for hit in (await search(request, workspace, deadline_s=DEADLINE_S)).hits)
