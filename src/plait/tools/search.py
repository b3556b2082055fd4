"""The `search` tool: one question, several strategies, an answer of a few lines."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from plait.host.paths import Workspace
from plait.protocol.calls import HitsDetail
from plait.protocol.effects import Access, Effects, Mode
from plait.search.fan_out import SearchRequest, search
from plait.tools.base import Cap, Tool, ToolArgs, ToolContext, ToolOutput

MOST_TEXT = 160
USUAL_ANSWER = 1_000
"""Characters of the answer to a query that asks for nothing more."""


class SearchArgs(ToolArgs, frozen=True):
    query: Annotated[str, Meta(min_length=1, max_length=4000)]
    kinds: Annotated[
        list[str], Meta(max_length=6, description="content, files, symbols, imports, words; default: all that fit")
    ] = []  # noqa: RUF012
    path: Annotated[str | None, Meta(description="directory or file to search in")] = None
    glob: str | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 10
    context_lines: Annotated[int, Meta(ge=0, le=20)] = 0
    case_sensitive: bool | None = None


class Search(Tool[SearchArgs]):
    name = "search"
    args = SearchArgs
    cap: ClassVar[Cap] = Cap.SEARCHES

    def effects(self, args: SearchArgs, workspace: Workspace) -> Effects:
        places = [workspace.resolve(args.path)] if args.path else list(workspace.roots)
        accesses = tuple(Access(Mode.READ, place.as_posix(), tree=True) for place in places)
        return Effects(accesses, reason=f"searches {args.path or 'the workspace'}")

    async def run(self, args: SearchArgs, ctx: ToolContext) -> ToolOutput:
        delivered: list[float] = []

        def on_partial(strategy: str, elapsed_ms: float, hits: int) -> None:
            delivered.append(elapsed_ms)
            ctx.report(f"{len(delivered)} strategies · {max(delivered):.0f} ms")

        request = SearchRequest(
            args.query, tuple(args.kinds), args.path, args.limit, args.context_lines, args.glob, args.case_sensitive
        )
        detail = await search(request, ctx.workspace, on_partial=on_partial)
        asked_for_more = args.limit > 10 or args.context_lines > 0
        budget = ctx.output_budget if asked_for_more else min(USUAL_ANSWER, ctx.output_budget)
        return ToolOutput(as_text(detail, budget), detail)


def as_text(detail: HitsDetail, budget: int) -> str:
    """Return the hits for the model: `path:line kind (strategies)` and a line of evidence each, within `budget`."""
    if not detail.hits:
        late = [name for name, elapsed in detail.timings_ms.items() if elapsed < 0]
        unfinished = f" ({', '.join(late)} not finished in time)" if late else ""
        return f"No hits for `{detail.query}`{unfinished}. Try fewer or other words."
    lines: list[str] = []
    room = budget - 80
    for hit in detail.hits:
        place = hit.path if hit.kind == "file" else f"{hit.path}:{hit.line}"
        if "\n" in hit.text:
            line = f"{place} {hit.kind}\n{hit.text}"
        else:
            text = hit.text if len(hit.text) <= MOST_TEXT else hit.text[: MOST_TEXT - 1] + "…"
            line = f"{place} {hit.kind}" + (f": {text}" if hit.kind != "file" else "")
        room -= len(line) + 1
        if room < 0 and lines:
            break
        lines.append(line)
    more = detail.total - len(lines)
    if more > 0:
        lines.append(f"[{more} more files match; raise `limit`, or narrow by `path`, `glob`, `kinds`]")
    return "\n".join(lines)
