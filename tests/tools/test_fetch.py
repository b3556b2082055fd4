import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.host.loopback import redirect, response, serving
from tests.tools.contract import assert_contract, assert_described, run

from plait.host.http import Web
from plait.host.paths import Workspace
from plait.protocol.errors import ToolRefused
from plait.tools.base import ToolOutput
from plait.tools.fetch import WebFetch
from plait.tools.registry import Registry
from plait.tools.web_search import WebSearch, endpoint_authority

PAGE = b"<html><head><title>T</title></head><body><h1>Head</h1><p>See <a href='/x'>this</a>.</body></html>"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    web = Web({}, allow_private=["127.0.0.1"])
    yield web
    await web.close()


async def fetch(web: Web, workspace: Workspace, *urls: str, budget: int = 30_000) -> ToolOutput:
    return await run(WebFetch(web), {"urls": list(urls)}, workspace, budget=budget)


async def test_html_becomes_text_with_absolute_links(web: Web, workspace: Workspace) -> None:
    async with serving({"/": response(PAGE, "text/html; charset=utf-8")}) as server:
        output = await fetch(web, workspace, server.url())

    assert output.text == (
        f"== {server.url()} (200, text/html, {len(PAGE)} bytes) ==\n# T\n\n# Head\n\nSee [this]({server.url('/x')})."
    )


async def test_json_and_plain_text_come_as_they_are(web: Web, workspace: Workspace) -> None:
    answers = {"/j": response(b'{"a": "<b>"}', "application/vnd.x+json"), "/t": response(b"<p>\x1b[31m")}
    async with serving(answers) as server:
        output = await fetch(web, workspace, server.url("/j"), server.url("/t"))

    assert '\n{"a": "<b>"}\n' in output.text
    assert output.text.endswith("\n<p>\x1b[31m")


async def test_binary_content_is_named_whatever_its_label(web: Web, workspace: Workspace) -> None:
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03"
    answers = {"/a": response(png, "image/png"), "/b": response(png, "text/plain"), "/c": response(b"PK\3\4", "")}
    async with serving(answers) as server:
        output = await fetch(web, workspace, *(server.url(path) for path in answers))

    assert output.text.count("Not text: PNG image, 2×3.") == 2
    assert "Not text: ZIP archive." in output.text


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("café".encode("latin-1"), "text/plain; charset=ISO-8859-1", "café"),
        ("“q”".encode("cp1252"), "text/plain; charset=latin1", "“q”"),
        ('<meta charset="shift_jis"><p>日本'.encode("shift_jis"), "text/html", "日本"),
        ("﻿日本".encode(), "text/plain; charset=latin1", "日本"),
        ("日本".encode(), "text/plain; charset=zlib", "日本"),
        (b"caf\xe9", "text/plain", "café"),
    ],
)
async def test_the_character_set_is_found(
    web: Web, workspace: Workspace, body: bytes, content_type: str, text: str
) -> None:
    async with serving({"/": response(body, content_type)}) as server:
        output = await fetch(web, workspace, server.url())

    assert output.text.endswith(f"\n{text}")


async def test_a_page_that_fails_does_not_fail_the_others(web: Web, workspace: Workspace) -> None:
    async with serving({"/": response(b"fine")}) as server:
        output = await fetch(web, workspace, server.url(), "http://10.0.0.1/", "nonsense", server.url("/404"))

    assert not output.failed
    assert "\nfine" in output.text
    assert "`10.0.0.1` is a private or reserved address; only public addresses are fetched." in output.text
    assert "`nonsense` cannot be fetched" in output.text
    assert "(404, text/plain, 12 bytes) ==\nno such page" in output.text


async def test_one_refused_address_is_a_refused_call(web: Web, workspace: Workspace) -> None:
    with pytest.raises(ToolRefused, match="only public addresses"):
        await fetch(web, workspace, "http://[::1]/")


async def test_a_redirect_to_another_site_names_where_it_leads(web: Web, workspace: Workspace) -> None:
    async with serving({"/": redirect("https://other.example/x")}) as server:
        output = await fetch(web, workspace, server.url())

    assert "fetch `https://other.example/x` if you want it" in output.text


async def test_several_pages_are_fetched_side_by_side(web: Web, workspace: Workspace) -> None:
    both = asyncio.Barrier(2)

    async def answer(head: str, _: object, writer: asyncio.StreamWriter) -> None:
        await both.wait()
        writer.write(response(b"x"))

    async with serving(answer) as server, asyncio.timeout(10):
        output = await fetch(web, workspace, server.url("/a"), server.url("/b"))

    assert output.text.count("(200, text/plain, 1 byte)") == 2


async def test_a_page_that_never_comes_does_not_take_the_others_with_it(web: Web, workspace: Workspace) -> None:
    async def answer(head: str, _: object, writer: asyncio.StreamWriter) -> None:
        if "/hangs" in head:
            await asyncio.Event().wait()
        writer.write(response(b"here"))

    async with serving(answer) as server:
        urls = [server.url("/hangs"), server.url("/ok")]
        output = await run(WebFetch(web), {"urls": urls}, workspace, deadline_s=0.6)

    assert "was not there after 0.3 s" in output.text
    assert output.text.endswith("\nhere")


async def test_pages_share_the_budget(web: Web, workspace: Workspace) -> None:
    async with serving({"/a": response(b"a" * 100_000), "/b": response(b"short")}) as server:
        output = await fetch(web, workspace, server.url("/a"), server.url("/b"), budget=4000)

    assert len(output.text) <= 4000
    assert output.text.endswith("\nshort")


def test_the_effects_name_every_host_once(workspace: Workspace) -> None:
    tool = WebFetch(Web({}))
    args = msgspec.convert({"urls": ["https://A.org/x", "https://a.org/y", "https://b.org", "file:///x"]}, tool.args)

    effects = tool.effects(args, workspace)

    assert effects.network == ("a.org", "b.org")
    assert not effects.read_only


@pytest.mark.parametrize("urls", [["http://127.0.0.2:1/"], ["x", "y\n"], ["http://" + "a" * 9000] * 2])
async def test_the_contract_holds_for_fetch(workspace: Workspace, urls: list[str]) -> None:
    await assert_contract(WebFetch(Web({})), {"urls": urls}, workspace)


async def test_results_of_a_configured_search_are_listed(workspace: Workspace, web: Web) -> None:
    answer = b'{"results": [{"title": "T", "url": "https://a.org", "content": "x\\n y"}, 5, {"title": null}]}'
    async with serving({"/s?format=json&q=a%26b%20c": response(answer, "application/json")}) as server:
        tool = WebSearch(web, server.url("/s?format=json&q={query}"))
        output = await run(tool, {"query": "a&b c"}, workspace)

    assert output.text == "1. T\n   https://a.org\n   x y\n2."


async def test_search_says_that_it_is_not_configured(workspace: Workspace, web: Web) -> None:
    tool = WebSearch(web, None)

    with pytest.raises(ToolRefused, match=r"not configured: set `web_search\.endpoint`"):
        tool.effects(msgspec.convert({"query": "x"}, tool.args), workspace)


@pytest.mark.parametrize(
    "answer",
    [response(b"<html>", "text/html"), response(b"{}"), response(b"[" * 100_000), response(b"no", status=500)],
)
async def test_a_search_that_goes_wrong_is_one_clear_line(workspace: Workspace, web: Web, answer: bytes) -> None:
    async with serving({"/s?q=x": answer}) as server:
        tool = WebSearch(web, server.url("/s?q={query}"))
        assert await assert_contract(tool, {"query": "x"}, workspace) is None


def test_the_host_of_an_endpoint_can_be_allowed() -> None:
    assert endpoint_authority("http://localhost:8888/s?q={query}") == ("localhost:8888",)
    assert endpoint_authority("https://s.org/{query}") == ("s.org:443",)
    assert endpoint_authority("nonsense") == endpoint_authority(None) == ()


def test_they_are_described() -> None:
    assert_described(WebFetch(Web({})))
    assert_described(WebSearch(Web({}), None))


async def test_the_end_of_a_conversation_closes_what_was_connected(workspace: Workspace) -> None:
    registry = Registry([WebFetch(web := Web({}, allow_private=["127.0.0.1"]))])
    async with serving({"/": response(b"one", "text/plain")}) as server:
        await fetch(web, workspace, server.url())
        assert web.is_connected

        await registry.close()

        assert not web.is_connected
