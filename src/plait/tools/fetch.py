"""The `web_fetch` tool: pages of the public internet as text. What may be reached is `host.http`'s to say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, ClassVar

from msgspec import Meta

from plait.host.http import Page, Web
from plait.host.paths import Workspace
from plait.host.urls import Url, parse_url
from plait.protocol.calls import Preview, TextDetail, TextPreview
from plait.protocol.effects import Effects
from plait.protocol.errors import ToolRefused
from plait.tools.base import Cap, Part, Tool, ToolArgs, ToolContext, ToolOutput
from plait.tools.media import media_kind
from plait.tools.output import cut, shares, size_in_words
from plait.tools.readable import decode_page, readable

ACCEPT = "text/markdown, text/html, application/xhtml+xml, text/plain;q=0.9, application/json;q=0.9, */*;q=0.5"
MOST_URLS = 10
# Left of the call's time, so that one slow page does not take the others with it.
MARGIN_S = 10.0
TEXT_TYPES = ("json", "xml", "javascript", "yaml", "toml", "x-sh", "sql", "graphql", "x-www-form-urlencoded")
HEADER_ROOM = 400


class WebFetchArgs(ToolArgs, frozen=True):
    urls: Annotated[list[str], Meta(min_length=1, max_length=MOST_URLS)]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page for the model: what it was, in one line, and its text. `found` is False for an error's page."""

    about: str
    text: str
    found: bool


class WebFetch(Tool[WebFetchArgs]):
    name = "web_fetch"
    args = WebFetchArgs
    cap: ClassVar[Cap] = Cap.NETWORK

    def __init__(self, web: Web) -> None:
        self._web = web

    def effects(self, args: WebFetchArgs, workspace: Workspace) -> Effects:
        # An address that cannot be read is never contacted: it fails by itself in `run`.
        hosts = tuple(dict.fromkeys(url.host for url in map(_parsed, args.urls) if url is not None))
        return Effects(network=hosts, reason=f"fetches from {', '.join(hosts) or 'nowhere'}")

    def preview(self, args: WebFetchArgs, workspace: Workspace, effects: Effects) -> Preview:
        return TextPreview("Fetch", "\n".join(args.urls))

    async def close(self) -> None:
        await self._web.close()

    async def run(self, args: WebFetchArgs, ctx: ToolContext) -> ToolOutput:
        urls = list(dict.fromkeys(args.urls))
        results = await ctx.run_parts([self._part(url, ctx.part_deadline_s(MARGIN_S)) for url in urls])
        if len(results) == 1 and isinstance(results[0], Exception):
            raise results[0]
        return _assemble(urls, results, ctx.output_budget)

    def _part(self, text: str, deadline_s: float | None) -> Part[Fetched]:
        url = _parsed(text)
        effects = Effects(network=(url.host,) if url is not None else ())
        return Part(text, effects, lambda: self._fetch(text, deadline_s))

    async def _fetch(self, text: str, deadline_s: float | None) -> Fetched:
        try:
            async with asyncio.timeout(deadline_s):
                page = await self._web.get(parse_url(text), accept=ACCEPT)
        except TimeoutError:
            raise ToolRefused(f"`{text}` was not there after {deadline_s:g} s: it was given up.") from None
        # A thread: a page of megabytes takes seconds to convert.
        return await asyncio.to_thread(_as_text, page)


def _parsed(text: str) -> Url | None:
    try:
        return parse_url(text)
    except ToolRefused:
        return None


def _as_text(page: Page) -> Fetched:
    kind = page.content_type.split(";")[0].strip().lower()
    about = f"{page.url} ({page.status}, {kind or 'no type'}, {size_in_words(len(page.body))}"
    if page.redirect is not None:
        text = f"It redirects to another site, which was not asked for: fetch `{page.redirect}` if you want it."
        return Fetched(f"{page.url} ({page.status})", text, found=True)
    if not _is_text(kind, page.body):
        what = media_kind(page.body) or "binary data"
        return Fetched(f"{about})", f"Not text: {what}. Its content is not shown.", found=page.status < 400)
    text, charset = decode_page(page.body, page.content_type, cut=page.cut)
    if charset not in ("utf-8", "utf-8-sig"):
        about += f", {charset}"
    if "html" in kind or (not kind and text.lstrip()[:15].lower().startswith(("<!doctype html", "<html"))):
        text = readable(text, str(page.url))
    if page.cut:
        about += ", cut: the page goes on"
    return Fetched(f"{about})", text or "(empty)", found=page.status < 400)


def _is_text(kind: str, body: bytes) -> bool:
    if kind.startswith("text/") or any(kind.endswith(name) for name in TEXT_TYPES):
        # A label does not make it text.
        return b"\0" not in body[:8192] or body.startswith((b"\xff\xfe", b"\xfe\xff"))
    return kind in ("", "application/octet-stream") and media_kind(body) is None and b"\0" not in body[:8192]


def _assemble(urls: list[str], results: list[Fetched | Exception], budget: int) -> ToolOutput:
    """Share the budget among the pages and lay them below each other; one that failed says so in its place."""
    wanted = [len(result.text) if isinstance(result, Fetched) else 0 for result in results]
    given = shares(wanted, budget - HEADER_ROOM * len(results))
    blocks = []
    found = 0
    for url, result, room in zip(urls, results, given, strict=True):
        if isinstance(result, Fetched):
            found += result.found
            blocks.append(f"== {result.about[: HEADER_ROOM - 20]} ==\n{cut(result.text, room)}")
        elif isinstance(result, ToolRefused):
            blocks.append(f"== {url[:100]} ==\n{cut(str(result), HEADER_ROOM - 120)}")
        else:
            raise result
    pages = "1 page" if found == 1 else f"{found} pages"
    failed = f", {len(results) - found} failed" if found < len(results) else ""
    return ToolOutput("\n\n".join(blocks), TextDetail(pages + failed), failed=found == 0)
