"""Searches as JSON lines, for scripts: `{"query","kind"?}` in, one line with the hits out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from plait.host.paths import Workspace
from plait.index.code_index import CodeIndex
from plait.protocol.calls import HitsDetail
from plait.protocol.errors import PlaitError, UserError
from plait.search.fan_out import NO_INDEX, SearchRequest, search


class Reader(Protocol):
    async def readline(self) -> bytes: ...


class Writer(Protocol):
    def write(self, data: bytes) -> Any: ...

    async def drain(self) -> None: ...


@dataclass(frozen=True, slots=True)
class WireQuery:
    """One line of input."""

    query: str
    kind: str | None = None
    limit: int = 20


def parse_query(line: bytes) -> WireQuery:
    """Parse a line of input. Raises UserError with what was expected."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}; expected an object with `query` and perhaps `kind`") from error
    if not isinstance(fields, dict) or not isinstance(fields.get("query"), str):
        raise UserError("expected an object with `query` (text) and perhaps `kind`")
    kind, limit = fields.get("kind"), fields.get("limit", 20)
    if kind is not None and not isinstance(kind, str):
        raise UserError("`kind` must be a text")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 1000:
        raise UserError("`limit` must be a whole number from 1 to 1000")
    return WireQuery(fields["query"], kind, limit)


def encode_hits(detail: HitsDetail) -> dict[str, Any]:
    """Return the answer to a query as a JSON object."""
    return {
        "hits": [
            {
                "path": hit.path,
                "line": hit.line,
                "end_line": hit.end_line,
                "kind": hit.kind,
                "text": hit.text,
                "score": hit.score,
                "strategies": list(hit.strategies),
                "freshness": hit.freshness,
            }
            for hit in detail.hits
        ],
        "index": detail.index,
        "timings": detail.timings_ms,
        "states": detail.states,
        "notes": list(detail.notes),
    }


def encode_line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


async def serve(
    reader: Reader, writer: Writer, workspace: Workspace, indexes: Mapping[Path, CodeIndex] = NO_INDEX
) -> None:
    """Answer each line of `reader` by one line, in order, until it ends. A bad line is answered by its error."""
    while line := await reader.readline():
        if not line.strip():
            continue
        try:
            asked = parse_query(line)
            kinds = (asked.kind,) if asked.kind else ()
            request = SearchRequest(asked.query, kinds, limit=asked.limit)
            answer = encode_hits(await search(request, workspace, indexes=indexes))
        except PlaitError as error:
            answer = {"error": str(error), "hits": []}
        writer.write(encode_line(answer))
        await writer.drain()
