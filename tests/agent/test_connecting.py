"""Addresses and keys that will not do, and services that cannot be reached: one line at once."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from tests.agent.test_providers import FORMATS, Talk
from tests.host.loopback import certificate
from tests.wire.script import Page, Status
from tests.wire.server import WireServer, nobody_listens

from plait.agent.connecting import unreachable
from plait.agent.pool import ModelPool
from plait.protocol.errors import UserError
from plait.protocol.events import RetryScheduled, TurnEnded

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@pytest.fixture(params=list(FORMATS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class At(Talk):
    """A conversation with a service at any address."""

    def __init__(self, root: Path, kind: str, address: str) -> None:
        self.address = address
        super().__init__(root, kind, self)  # type: ignore[arg-type]  # the address is all that it is asked for

    def base_url(self, _: str) -> str:
        return self.address


@asynccontextmanager
async def answering(answer: bytes, **tls: object) -> AsyncIterator[int]:
    """Say `answer` to every connection once it has sent something, and close it; yield the port."""

    async def answer_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1 << 16)
            writer.write(answer)
            await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer_one, "127.0.0.1", 0, **tls)  # type: ignore[arg-type]  # of `ssl`
    async with server:
        yield server.sockets[0].getsockname()[1]


def check(talk: Talk, ended: TurnEnded, address: str, said: str, retries: int = 0) -> None:
    assert (ended.end, ended.fault) == ("failed", "provider")
    assert address in str(ended.error)
    assert said in str(ended.error)
    assert "\n" not in str(ended.error)
    assert len(talk.of(RetryScheduled)) == retries


async def test_a_refused_connection_is_tried_again_once(tmp_path: Path, kind: str) -> None:
    with nobody_listens() as address:
        async with At(tmp_path, kind, address) as talk:
            check(talk, await talk.prompt("hello"), address, "refused the connection", retries=1)


async def test_a_proxy_on_the_way_is_named_without_its_password(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nobody_listens() as address:
        proxy = address.removeprefix("http://").removesuffix("/v1")
        monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@{proxy}")
        async with At(tmp_path, kind, "http://service.example/v1") as talk:
            talk.client._pool._environ = {"HTTP_PROXY": f"http://me:secret@{proxy}"}
            ended = await talk.prompt("hello")

            check(talk, ended, "service.example", f"(by the proxy `{proxy}`) refused the connection", retries=1)
            assert "secret" not in str(ended.error)


@pytest.mark.parametrize(
    ("answer", "retries"),
    [
        (b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", 0),
        (b"SSH-2.0-OpenSSH_9.6\r\n", 0),
        (b"\r\n", 1),
        (b"", 1),
    ],
    ids=["http", "ssh", "line end", "nothing"],
)
async def test_tls_to_a_plain_port(tmp_path: Path, kind: str, answer: bytes, retries: int) -> None:
    async with answering(answer) as port:
        address = f"https://127.0.0.1:{port}/v1"
        async with At(tmp_path, kind, address) as talk:
            check(talk, await talk.prompt("hello"), address, "use `http://`", retries)


@needs_openssl
async def test_plain_http_to_a_tls_port(tmp_path: Path, kind: str) -> None:
    _, tls = certificate(tmp_path, "here.example")
    async with answering(b"", ssl=tls) as port:
        address = f"http://127.0.0.1:{port}/v1"
        async with At(tmp_path, kind, address) as talk:
            check(talk, await talk.prompt("hello"), address, "use `https://`")


@needs_openssl
async def test_a_certificate_that_is_not_trusted(tmp_path: Path, kind: str) -> None:
    _, tls = certificate(tmp_path, "here.example")
    async with answering(b"", ssl=tls) as port:
        address = f"https://127.0.0.1:{port}/v1"
        async with At(tmp_path, kind, address) as talk:
            check(talk, await talk.prompt("hello"), address, "not trusted")


PLAIN = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"
JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"


async def test_a_web_page_for_an_answer(tmp_path: Path, kind: str) -> None:
    async with WireServer([Page()] * 9) as server, Talk(tmp_path, kind, server) as talk:
        address = server.base_url(FORMATS[kind])  # type: ignore[arg-type]
        check(talk, await talk.prompt("hello"), address, "a web page")
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (PLAIN + b"\n <!doctype html><title>Login</title>", "a web page"),
        (JSON + b'{"error": {"message": "model not loaded"}}', "model not loaded"),
        (JSON + b'{"status": "ok"}', '{"status": "ok"}'),
        (JSON + b"[]", "JSON"),
    ],
)
async def test_an_answer_that_is_no_stream(tmp_path: Path, kind: str, answer: bytes, said: str) -> None:
    async with answering(answer) as port:
        address = f"http://127.0.0.1:{port}/v1"
        async with At(tmp_path, kind, address) as talk:
            check(talk, await talk.prompt("hello"), address, said)


async def test_a_wrong_path_names_the_address(tmp_path: Path, kind: str) -> None:
    async with WireServer([Status(404)] * 9) as server, Talk(tmp_path, kind, server) as talk:
        check(talk, await talk.prompt("hello"), server.base_url(FORMATS[kind]), "404")  # type: ignore[arg-type]


def chain(*errors: BaseException) -> BaseException:
    for error, cause in itertools.pairwise(errors):
        error.__cause__ = cause
    return errors[0]


def test_a_name_that_is_not_found_and_a_host_that_is_silent_are_not_tried_again() -> None:
    not_found = chain(RuntimeError("Connection error."), httpx2.ConnectError("x"), socket.gaierror(-2, "Name unknown"))
    silent = chain(RuntimeError("Request timed out."), httpx2.ConnectTimeout("x"))

    for error, said in ((not_found, "was not found: Name unknown"), (silent, "did not answer within 10 s")):
        told = unreachable(error, "`m` at `http://h/v1`")
        assert told is not None
        assert said in str(told)
        assert not told.retryable


def test_an_error_within_a_group_is_found() -> None:
    group = ExceptionGroup("all failed", [OSError(101, "Network is unreachable"), ConnectionRefusedError(111, "no")])

    assert unreachable(chain(RuntimeError("x"), OSError("All connection attempts failed"), group), "`m`") is not None


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("localhost:11434", "as in `http://localhost:11434`"),
        ("127.0.0.1:8080/v1", "as in `http://127.0.0.1:8080/v1`"),
        ("htp://host/v1", "must begin with"),
        ("file:///etc/passwd", "must begin with"),
        ("http://", "no host"),
        ("https:///v1", "no host"),
        ("http://host:99999/v1", "ort"),
        ("http://host:port/v1", "ort"),
        ("http://[::1/v1", "Invalid"),
        ("http://ho st/v1", "a space or a line end"),
        ("http://host/v1\n", "a space or a line end"),
        ("", "must begin with"),
        ("not a url", "a space or a line end"),
    ],
)
def test_what_is_no_address_is_said_at_once(kind: str, address: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        ModelPool(lambda _: "sk-test").model(f"{kind}:scripted-model", address)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert address.strip() in str(caught.value)


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"])
def test_an_address_of_the_environment_is_checked_too(
    kind: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable.partition("_")[0].lower() not in kind:
        return
    monkeypatch.setenv(variable, "localhost:11434")

    with pytest.raises(UserError, match="localhost:11434"):
        ModelPool(lambda _: "sk-test").model(f"{kind}:scripted-model")


@pytest.mark.parametrize(
    "key", ["sk-secret\n", "sk-secret\r\n", "sk-\nsecret", "sk-sécret", " sk-secret", "sk-\0secret"]
)
@pytest.mark.parametrize("is_in_keyring", [True, False])
def test_a_key_that_no_header_can_carry_is_said_without_it(
    kind: str, key: str, is_in_keyring: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "ANTHROPIC_API_KEY" if kind == "anthropic" else "OPENAI_API_KEY"
    if is_in_keyring:
        pool = ModelPool(lambda _: key)
    elif "\0" in key:
        return
    else:
        monkeypatch.setenv(variable, key)
        pool = ModelPool()

    with pytest.raises(UserError) as caught:
        pool.model(f"{kind}:scripted-model", "http://127.0.0.1:1/v1")

    assert variable in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
