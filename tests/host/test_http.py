import asyncio
import gzip
import shutil
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.host.loopback import certificate, redirect, response, serving

from plait.host.http import Page, Web
from plait.host.urls import parse_url
from plait.protocol.errors import ToolRefused


async def get(url: str, *allowed: str, environ: dict[str, str] | None = None, **hosts: str) -> Page:
    """Get one page; `hosts` are what names resolve to."""
    web = Web(
        environ or {}, allow_private=allowed, resolve=lambda host, port: [hosts.get(host.replace(".", "_"), host)]
    )
    try:
        return await web.get(parse_url(url))
    finally:
        await web.close()


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    web = Web({}, allow_private=["127.0.0.1"])
    yield web
    await web.close()


async def test_a_page_comes_with_its_type_and_status() -> None:
    async with serving({"/a?b=c": response(b"hello", "text/html; charset=x", status=203)}) as server:
        page = await get(server.url("/a?b=c#d"), server.authority)

    assert (page.status, page.content_type, page.body, page.cut) == (203, "text/html; charset=x", b"hello", False)
    head = server.requests[0].lower()
    assert f"host: {server.authority}" in head
    assert "accept-encoding: gzip, deflate" in head
    assert "user-agent: plait/" in head


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "localhost"])
async def test_no_spelling_of_this_machine_is_contacted(host: str) -> None:
    async with serving({"/": response(b"secret")}) as server:
        web = Web({})
        with pytest.raises(ToolRefused, match="only public addresses are fetched"):
            await web.get(parse_url(f"http://{host}:{server.port}/"))
        await web.close()

    assert server.requests == []


async def test_a_name_that_resolves_to_a_private_address_is_refused() -> None:
    async with serving({"/": response(b"secret")}) as server:
        with pytest.raises(ToolRefused, match=r"loopback address \(127.0.0.1\)"):
            await get(f"http://evil.example:{server.port}/", evil_example="127.0.0.1")

    assert server.requests == []


async def test_a_name_is_resolved_once_and_that_very_address_is_connected_to() -> None:
    answers = iter(["127.0.0.1", "203.0.113.1", "203.0.113.1"])
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return [next(answers)]

    async with serving({"/": response(b"hello")}) as server:
        web = Web({}, allow_private=[f"here.example:{server.port}"], resolve=resolve)
        page = await web.get(parse_url(f"http://here.example:{server.port}/"))
        await web.close()

    assert page.body == b"hello"
    assert asked == [("here.example", server.port)]


async def test_redirects_within_a_site_are_followed() -> None:
    async with serving({"/": redirect("/b"), "/b": redirect("c?d"), "/c?d": response(b"here")}) as server:
        page = await get(server.url(), server.authority)

    assert page.body == b"here"
    assert page.url.target == "/c?d"


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:1/",
        "//0x7f.2/",
        "http://localhost/",
    ],
)
async def test_a_redirect_into_the_private_network_is_refused(target: str) -> None:
    async with serving({"/": redirect(target)}) as server:
        with pytest.raises(ToolRefused, match="only public addresses"):
            await get(server.url(), server.authority)


async def test_a_redirect_to_another_port_of_an_allowed_host_is_refused() -> None:
    async with serving({"/": response(b"other service")}) as other:
        async with serving({"/": redirect(other.url())}) as server:
            with pytest.raises(ToolRefused, match="only public addresses"):
                await get(server.url(), server.authority)

    assert other.requests == []


async def test_a_redirect_to_another_site_is_handed_back_unfollowed() -> None:
    async with serving({"/": redirect("https://other.example/x")}) as server:
        page = await get(server.url(), server.authority)

    assert str(page.redirect) == "https://other.example/x"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://a@b/", "gopher://x/"])
async def test_a_redirect_to_what_is_no_web_address_is_refused(target: str) -> None:
    async with serving({"/": redirect(target)}) as server:
        with pytest.raises(ToolRefused):
            await get(server.url(), server.authority)


async def test_redirects_in_a_circle_end() -> None:
    async with serving({"/": redirect("/")}) as server:
        with pytest.raises(ToolRefused, match="after 5 redirects"):
            await get(server.url(), server.authority)

    assert len(server.requests) == 6


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"hello" * 1000)),
        ("GZIP", gzip.compress(b"hello" * 400) + gzip.compress(b"hello" * 600)),
        ("deflate", zlib.compress(b"hello" * 1000)),
        ("deflate", raw_deflate(b"hello" * 1000)),
        ("identity", b"hello" * 1000),
    ],
)
async def test_bodies_are_decoded(encoding: str, body: bytes) -> None:
    async with serving({"/": response(body, headers=f"Content-Encoding: {encoding}\r\n")}) as server:
        page = await get(server.url(), server.authority)

    assert page.body == b"hello" * 1000
    assert not page.cut


@pytest.mark.parametrize(("encoding", "body"), [("br", b"x"), ("gzip", b"not gzip"), ("gzip, gzip", b"x")])
async def test_an_encoding_that_cannot_be_read_is_said(encoding: str, body: bytes) -> None:
    async with serving({"/": response(body, headers=f"Content-Encoding: {encoding}\r\n")}) as server:
        with pytest.raises(ToolRefused, match="encoding"):
            await get(server.url(), server.authority)


async def test_a_bomb_stops_at_the_bound() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000, compresslevel=9)

    async with serving({"/": response(bomb, headers="Content-Encoding: gzip\r\n")}) as server:
        page = await get(server.url(), server.authority)

    assert page.cut
    assert len(page.body) == 5_000_000


async def test_an_endless_body_stops_at_the_bound(web: Web) -> None:
    async def flood(head: str, _: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b"x" * 100_000)
            await writer.drain()

    async with serving(flood) as server:
        page = await web.get(parse_url(server.url()), max_bytes=1_000_000)

    assert page.cut
    assert len(page.body) == 1_000_000


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
    ],
)
async def test_a_broken_answer_is_one_clear_line(answer: bytes, web: Web) -> None:
    async def answer_and_close(head: str, _: object, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with serving(answer_and_close) as server:
        with pytest.raises(ToolRefused, match="could not be fetched") as refused:
            await web.get(parse_url(server.url()))

    assert "\n" not in str(refused.value)


async def test_nobody_listening_and_no_such_name_are_said(web: Web) -> None:
    async with serving({}) as server:
        pass
    with pytest.raises(ToolRefused, match="could not be fetched"):
        await web.get(parse_url(server.url()))

    def no_name(host: str, port: int) -> list[str]:
        raise OSError("not known")

    nameless = Web({}, resolve=no_name)
    with pytest.raises(ToolRefused, match=r"the name `nowhere\.example` was not found"):
        await nameless.get(parse_url("http://nowhere.example/"))
    await nameless.close()


async def test_pages_are_fetched_side_by_side(web: Web) -> None:
    everybody = asyncio.Barrier(10)

    async def wait_for_all(head: str, _: object, writer: asyncio.StreamWriter) -> None:
        await everybody.wait()
        writer.write(response(b"all here"))

    async with serving(wait_for_all) as server, asyncio.timeout(10):
        pages = await asyncio.gather(*(web.get(parse_url(server.url(f"/{number}"))) for number in range(10)))

    assert [page.body for page in pages] == [b"all here"] * 10


async def test_a_connection_is_kept_for_the_next_page(web: Web) -> None:
    writers = set()

    async def note(head: str, _: object, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        writer.write(response(b"x"))

    async with serving(note) as server:
        await web.get(parse_url(server.url()))
        await web.get(parse_url(server.url()))

    assert len(writers) == 1


async def test_a_cancelled_fetch_leaves_the_others_alone(web: Web) -> None:
    asked = asyncio.Event()

    async def answer(head: str, _: object, writer: asyncio.StreamWriter) -> None:
        if "/hangs" in head:
            asked.set()
            await asyncio.Event().wait()
        writer.write(response(b"x"))

    async with serving(answer) as server:
        hanging = asyncio.create_task(web.get(parse_url(server.url("/hangs"))))
        await asked.wait()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        assert (await web.get(parse_url(server.url("/ok")))).body == b"x"


async def test_an_http_proxy_is_used_and_told_who_asks() -> None:
    async with serving({"http://example.org:80/x": response(b"through the proxy")}) as proxy:
        environ = {"HTTP_PROXY": f"http://user:p%40ss@{proxy.authority}"}
        page = await get("http://example.org/x", environ=environ)

    assert page.body == b"through the proxy"
    assert "proxy-authorization: basic dXNlcjpwQHNz".lower() in proxy.requests[0].lower()


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "169.254.169.254", "localhost", "metadata.google.internal"])
async def test_a_proxy_is_not_asked_for_what_is_private(host: str) -> None:
    async with serving({}) as proxy:
        with pytest.raises(ToolRefused, match="only public addresses"):
            await get(f"http://{host}/", environ={"HTTP_PROXY": f"http://{proxy.authority}"})

    assert proxy.requests == []


async def test_a_proxy_that_cannot_be_used_is_said_without_its_password() -> None:
    with pytest.raises(ToolRefused, match="only http and https proxies can") as refused:
        await get("http://example.org/", environ={"ALL_PROXY": "socks5://me:hidden@h:1"})

    assert "hidden" not in str(refused.value)


async def test_certificate_variables_that_name_nothing_are_said(tmp_path: Path) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        with pytest.raises(ToolRefused, match=f"`{name}` names `.*none.pem`, which holds no certificates"):
            await get("https://example.org/", environ={name: str(tmp_path / "none.pem")})


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@needs_openssl
async def test_certificates_are_checked_against_the_name_and_what_the_environment_trusts(tmp_path: Path) -> None:
    trusted, tls = certificate(tmp_path, "here.example")

    async with serving({"/": response(b"over TLS")}, tls=tls) as server:
        here = f"https://here.example:{server.port}/"
        allowed = [f"here.example:{server.port}", f"there.example:{server.port}"]
        names = {"here_example": "127.0.0.1", "there_example": "127.0.0.1"}
        for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            page = await get(here, *allowed, environ={variable: str(trusted)}, **names)
            assert page.body == b"over TLS"
        with pytest.raises(ToolRefused, match="certificate"):
            await get(here, *allowed, **names)
        with pytest.raises(ToolRefused, match=r"there\.example"):
            await get(
                f"https://there.example:{server.port}/", *allowed, environ={"SSL_CERT_FILE": str(trusted)}, **names
            )


@needs_openssl
async def test_https_goes_through_a_proxy_in_a_tunnel(tmp_path: Path) -> None:
    trusted, tls = certificate(tmp_path, "example.org")

    async with serving({"/x": response(b"through a tunnel")}, tls=tls) as server:

        async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()

        async def tunnel(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))
            finally:
                inner_writer.transport.abort()

        async with serving(tunnel) as proxy:
            environ = {"https_proxy": f"http://{proxy.authority}", "SSL_CERT_FILE": str(trusted)}
            page = await get("https://example.org/x", environ=environ)

    assert page.body == b"through a tunnel"
    assert proxy.requests[0].startswith("CONNECT example.org:443 HTTP/1.1\r\n")
