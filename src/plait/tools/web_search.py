"""The `web_search` tool over an endpoint that the user configures; a provider's own search is the model adapter's.

The endpoint is a URL template with `{query}` that answers JSON as SearXNG does: `results` of `title`, `url`,
`content` (https://docs.searxng.org/dev/search_api.html).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar
from urllib.parse import quote

import msgspec
from msgspec import Meta

from plait.host.http import Web
from plait.host.paths import Workspace
from plait.host.urls import Url, parse_url
from plait.protocol.calls import Preview, TextDetail, TextPreview
from plait.protocol.effects import Effects
from plait.protocol.errors import ToolRefused
from plait.tools.base import Cap, Tool, ToolArgs, ToolContext, ToolOutput
from plait.tools.output import cut

PLACEHOLDER = "{query}"
NOT_CONFIGURED = (
    "web_search is not configured: set `web_search.endpoint` to a URL with `{query}` that answers JSON "
    "(a SearXNG server's `https://HOST/search?format=json&q={query}`)."
)
LONGEST_TITLE = 200
LONGEST_CONTENT = 600


class WebSearchArgs(ToolArgs, frozen=True):
    query: str
    limit: Annotated[int, Meta(ge=1, le=50)] = 10


class WebSearch(Tool[WebSearchArgs]):
    name = "web_search"
    args = WebSearchArgs
    cap: ClassVar[Cap] = Cap.NETWORK

    def __init__(self, web: Web, endpoint: str | None) -> None:
        """`web` must be allowed to reach the endpoint's host, which the user chose and which may be private."""
        self._web = web
        self._endpoint = endpoint

    def effects(self, args: WebSearchArgs, workspace: Workspace) -> Effects:
        url = self._url(args)
        return Effects(network=(url.host,), reason=f"searches the web at {url.host}")

    def preview(self, args: WebSearchArgs, workspace: Workspace, effects: Effects) -> Preview:
        return TextPreview("Search the web", args.query)

    async def close(self) -> None:
        await self._web.close()

    async def run(self, args: WebSearchArgs, ctx: ToolContext) -> ToolOutput:
        url = self._url(args)
        page = await self._web.get(url, accept="application/json")
        if page.status != 200:
            raise ToolRefused(f"The search at `{url.host}` answered {page.status}: nothing was found out.")
        return _results(_parse(page.body, url), args, ctx.output_budget)

    def _url(self, args: WebSearchArgs) -> Url:
        if not self._endpoint:
            raise ToolRefused(NOT_CONFIGURED)
        if PLACEHOLDER not in self._endpoint:
            raise ToolRefused(f"`web_search.endpoint` holds no `{PLACEHOLDER}`: the user must put it in.")
        return parse_url(self._endpoint.replace(PLACEHOLDER, quote(args.query, safe="")))


def endpoint_authority(endpoint: str | None) -> tuple[str, ...]:
    """Return `host:port` of a configured endpoint, as `host.http.Web` takes it to be allowed; empty without one."""
    if not endpoint:
        return ()
    try:
        url = parse_url(endpoint.replace(PLACEHOLDER, "x"))
    except ToolRefused:
        return ()
    host = f"[{url.host}]" if ":" in url.host else url.host
    return (f"{host}:{url.port}",)


def _parse(body: bytes, url: Url) -> list[dict[str, Any]]:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ToolRefused(f"The search at `{url.host}` did not answer JSON: {error}.") from error
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list):
        raise ToolRefused(f"The search at `{url.host}` answered JSON without `results`: is it a SearXNG server?")
    return [result for result in results if isinstance(result, dict)]


def _results(results: list[dict[str, Any]], args: WebSearchArgs, budget: int) -> ToolOutput:
    if not results:
        return ToolOutput(f"Nothing was found for `{args.query}`.", TextDetail("0 results"))
    blocks = []
    for number, result in enumerate(results[: args.limit], 1):
        title, url, content = (_line(result.get(key)) for key in ("title", "url", "content"))
        blocks.append(f"{number}. {title[:LONGEST_TITLE]}\n   {url}\n   {content[:LONGEST_CONTENT]}".rstrip())
    return ToolOutput(cut("\n".join(blocks), budget), TextDetail(f"{len(blocks)} results"))


def _line(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""
