"""The `search` tool: one question, several strategies, an answer of a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from plait.host.paths import Workspace
from plait.host.protected import credential
from plait.index.code_index import CodeIndex
from plait.protocol.calls import HitsDetail, SearchHit
from plait.protocol.effects import Access, Effects, Mode
from plait.search.fan_out import NO_INDEX, SearchRequest, search
from plait.tools.base import Cap, Tool, ToolArgs, ToolContext, ToolOutput
from plait.tools.hits_text import as_text
from plait.tools.output import printable

USUAL_LIMIT = 10
USUAL_ANSWER_BYTES = 1_024
"""What the answer to a query that asks for nothing more may take."""
SHOWN_EARLY = 3
"""Hits of each strategy that are shown while the others are still at work."""


class SearchArgs(ToolArgs, frozen=True):
    query: Annotated[str, Meta(min_length=1, max_length=4000)]
    kinds: Annotated[
        list[str],
        Meta(
            max_length=8,
            description="content, files, symbols, imports, words, definition, references; default: all that fit",
        ),
    ] = []  # noqa: RUF012
    path: Annotated[str | None, Meta(description="directory or file to search in")] = None
    glob: str | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = USUAL_LIMIT
    context_lines: Annotated[int, Meta(ge=0, le=20)] = 0
    case_sensitive: bool | None = None


class Search(Tool[SearchArgs]):
    name = "search"
    args = SearchArgs
    cap: ClassVar[Cap] = Cap.SEARCHES

    def __init__(self, indexes: Mapping[Path, CodeIndex] = NO_INDEX) -> None:
        self._indexes = indexes

    def effects(self, args: SearchArgs, workspace: Workspace) -> Effects:
        places = [workspace.resolve(args.path)] if args.path else list(workspace.roots)
        paths = tuple(place.as_posix() for place in places)
        # Secrets below a directory are left out; to name them is to ask for them.
        secrets = tuple(path for path in paths if args.path and credential(path))
        where = printable(args.path) if args.path else "the workspace"
        return Effects(
            tuple(Access(Mode.READ, path, tree=True) for path in paths),
            credentials=secrets,
            reason=f"searches {where}" + (", which may hold secrets" if secrets else ""),
        )

    async def run(self, args: SearchArgs, ctx: ToolContext) -> ToolOutput:
        delivered: list[float] = []

        def on_partial(strategy: str, elapsed_ms: float, hits: Sequence[SearchHit]) -> None:
            delivered.append(elapsed_ms)
            found = "".join(f"{printable(hit.path)}:{hit.line} {strategy}\n" for hit in hits[:SHOWN_EARLY])
            ctx.report(_strategies(delivered), output=found)

        request = SearchRequest(
            args.query, tuple(args.kinds), args.path, args.limit, args.context_lines, args.glob, args.case_sensitive
        )
        detail = await search(request, ctx.workspace, on_partial=on_partial, indexes=self._indexes)
        ctx.report(f"{_strategies(delivered)} · index {_freshness(detail)}")
        asked_for_more = args.limit > USUAL_LIMIT or args.context_lines > 0
        budget = ctx.output_budget if asked_for_more else min(USUAL_ANSWER_BYTES, ctx.output_budget)
        return ToolOutput(as_text(detail, budget), detail)


def _strategies(delivered: Sequence[float]) -> str:
    words = "1 strategy" if len(delivered) == 1 else f"{len(delivered)} strategies"
    return f"{words} · {max(delivered, default=0.0):.0f} ms"


def _freshness(detail: HitsDetail) -> str:
    return "fresh" if detail.index == "ready" else detail.index
