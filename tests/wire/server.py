"""A model's service on 127.0.0.1 that says what its script tells it to, in the format it is asked in.

HTTP/1.1 and the way a response goes out, or breaks. `python -m tests.wire.server --scenario FILE` serves a scenario
by itself: it prints `port N`, logs each request as a line of JSON, and ends when its parent does, when nobody has
asked for `--idle-s` seconds, or by a signal.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.wire.chat import Chat
from tests.wire.formats import REASONS, Encoder, Format, event, pieces
from tests.wire.messages import Messages
from tests.wire.responses import Responses
from tests.wire.script import (
    Asked,
    Break,
    BreakKind,
    Call,
    Comment,
    Hangup,
    Interleaved,
    Page,
    Pause,
    Reply,
    Script,
    Search,
    Silence,
    Status,
    Text,
    Thinking,
    Turn,
    Until,
    by_history,
    in_order,
    load_scenario,
)
from tests.wire.strict import problems

FORMATS: dict[str, Format] = {"chat": Chat(), "responses": Responses(), "messages": Messages()}
ROUTES = {"/chat/completions": "chat", "/responses": "responses", "/messages": "messages"}
MODELS = ("scripted-model", "scripted-model-mini")


@dataclass(slots=True)
class Request:
    """A request as it came. Times are of CLOCK_MONOTONIC, so another process can compare them with its own.

    received_s: its first line had arrived. answered_s: the last byte of the answer was handed to the socket.
    """

    method: str
    path: str
    headers: dict[str, str]
    received_s: float
    size_bytes: int = 0
    body: dict[str, Any] = field(default_factory=dict)
    api: str | None = None
    asked: Asked | None = None
    answered_s: float | None = None


class Broken(Exception):
    """The scripted end of a response before its time; the connection is not to be used again."""


class WireServer:
    """Serves while its `async with` block lasts. `script` is a sequence of turns, answered in order, or a function.

    `strict`: a request that the pickiest servers refuse (see `strict.py`) is refused with HTTP 400, and kept in
    `refused`.
    """

    def __init__(
        self,
        script: Sequence[Turn] | Script,
        *,
        models: tuple[str, ...] = MODELS,
        on_request: Callable[[Request], None] | None = None,
        strict: bool = True,
    ) -> None:
        self.requests: list[Request] = []
        """Requests for a reply, in the order of their arrival."""
        self.others: list[Request] = []
        """All else that was asked for."""
        self.refused: list[str] = []
        """What was wrong with the requests that a strict server refused."""
        self._strict = strict
        self.port = 0
        self._script = script if callable(script) else in_order(script)
        self._models = models
        self._on_request = on_request
        self._ids = (f"call_{number}" for number in itertools.count(1))
        self._conversations: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    def base_url(self, provider: Literal["openai", "anthropic"]) -> str:
        return f"http://127.0.0.1:{self.port}" + ("/v1" if provider == "openai" else "")

    async def __aenter__(self) -> WireServer:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 24)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listener is not None
        self._listener.close()
        for task in self._conversations:
            task.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer))
        self._conversations.add(task)
        task.add_done_callback(self._conversations.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await read_request(reader)
                try:
                    await self._answer(request, Exchange(reader, writer))
                    request.answered_s = time.monotonic()
                finally:
                    if self._on_request is not None:
                        self._on_request(request)
        except (asyncio.IncompleteReadError, ConnectionError, Broken):
            # The client went, or was sent away.
            pass
        finally:
            writer.transport.abort()

    async def _answer(self, request: Request, exchange: Exchange) -> None:
        path = request.path.partition("?")[0]
        request.api = next((api for route, api in ROUTES.items() if path.endswith(route)), None)
        if request.method == "GET" and path.endswith("/models"):
            self.others.append(request)
            wire = FORMATS["messages" if "anthropic-version" in request.headers else "chat"]
            await exchange.send_json(200, wire.models(self._models))
        elif request.method != "POST" or request.api is None:
            self.others.append(request)
            await exchange.send_json(404, FORMATS["chat"].failure(Status(404, message=f"no such route: {path}")))
        else:
            wire = FORMATS[request.api]
            request.asked = wire.asked(request.body)
            self.requests.append(request)
            turn = self._script(request.asked)
            if self._strict and (found := problems(request.api, request.body)):
                self.refused += found
                turn = Status(400, message="; ".join(found))
            await self._take_turn(turn, request, wire, exchange)

    async def _take_turn(self, turn: Turn, request: Request, wire: Format, exchange: Exchange) -> None:
        match turn:
            case Reply() if request.asked is not None and request.asked.streams:
                await exchange.begin_stream()
                await self._stream(turn, wire.encoder(request.body, turn.usage), exchange)
                await exchange.end_stream()
            case Reply():
                for part in turn.parts:
                    await exchange.wait(part)
                await exchange.send_json(200, wire.whole(request.body, turn, self._ids))
            case Status():
                headers = {} if turn.retry_after is None else {"retry-after": turn.retry_after}
                await exchange.send_json(turn.code, wire.failure(turn), headers)
            case Page():
                await exchange.send(turn.code, "text/html; charset=utf-8", turn.html.encode())
            case Silence():
                await exchange.stall()
            case Hangup():
                exchange.reset()

    async def _stream(self, reply: Reply, encoder: Encoder, exchange: Exchange) -> None:
        # A break before anything was said leaves a stream without a single event.
        if not (reply.parts and isinstance(reply.parts[0], Break)):
            await exchange.send_chunk(encoder.begin())
        for part in reply.parts:
            match part:
                case Text():
                    await exchange.send_chunk(encoder.begin_text())
                    await exchange.send_slowly(encoder.text, pieces(part.text, part.chunk_chars), part.gap_s)
                case Thinking():
                    await exchange.send_chunk(encoder.begin_thinking())
                    await exchange.send_slowly(encoder.thinking, pieces(part.text, part.chunk_chars), part.gap_s)
                    await exchange.send_chunk(encoder.end_thinking(part.signature))
                case Call():
                    await exchange.send_chunk(
                        encoder.begin_call(part, part.id if part.id is not None else next(self._ids))
                    )
                    await exchange.send_slowly(encoder.arguments, pieces(part.arguments, part.chunk_chars), part.gap_s)
                case Interleaved():
                    await self._stream_interleaved(part, encoder, exchange)
                case Search():
                    await exchange.send_chunk(encoder.search(part))
                case Comment():
                    await exchange.send_chunk(b": still here\n\n")
                case Pause() | Until():
                    await exchange.wait(part)
                case Break(how="error"):
                    await exchange.send_chunk(encoder.error(part.kind, part.message))
                    await exchange.break_off("cut")
                case Break(how="malformed"):
                    await exchange.send_chunk(event(encoder.event_name, b'{"id": "half of a chu'))
                    await exchange.break_off("cut")
                case Break():
                    await exchange.break_off(part.how)
        await exchange.send_chunk(encoder.end(reply.finish_reason))

    async def _stream_interleaved(self, part: Interleaved, encoder: Encoder, exchange: Exchange) -> None:
        places: dict[int, int] = {}
        for number, chunk in part.chunks():
            if number not in places:
                call = part.calls[number]
                identity = call.id if call.id is not None else next(self._ids)
                places[number], begun = encoder.open_beside(call, identity)
                await exchange.send_chunk(begun)
            if chunk:
                await exchange.send_chunk(encoder.arguments_of(places[number], chunk))
        await exchange.send_chunk(encoder.close_beside())


class Exchange:
    """The way of one answer out of the door."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, code: int, content_type: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        fields = {"content-type": content_type, "content-length": str(len(body)), **(headers or {})}
        self._head(code, fields)
        self._writer.write(body)
        await self._writer.drain()

    async def send_json(self, code: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        await self.send(code, "application/json", json.dumps(body).encode(), headers)

    def _head(self, code: int, fields: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {code} {REASONS.get(code, 'OK')}", *(f"{name}: {value}" for name, value in fields.items())]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())

    async def begin_stream(self) -> None:
        self._head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked", "x-request-id": "req_1"})
        await self._writer.drain()

    async def send_chunk(self, data: bytes) -> None:
        if data:
            self._writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            await self._writer.drain()

    async def send_slowly(self, encode: Callable[[str], bytes], chunks: list[str], gap_s: float) -> None:
        for chunk in chunks:
            if gap_s:
                await asyncio.sleep(gap_s)
            await self.send_chunk(encode(chunk))

    async def end_stream(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def wait(self, part: object) -> None:
        match part:
            case Pause(duration_s=duration_s):
                await asyncio.sleep(duration_s)
            case Until(event=gate):
                await gate.wait()
            case _:
                pass

    async def break_off(self, how: BreakKind) -> None:
        """End the response as told. Raises Broken, always."""
        match how:
            case "cut":
                await self.end_stream()
            case "stall":
                await self.stall()
            case "reset":
                self.reset()
            case "close":
                pass
        # What was written must arrive before the connection is closed.
        self._writer.close()
        await self._writer.wait_closed()
        raise Broken

    async def stall(self) -> None:
        """Say nothing until the client goes. Raises Broken, always."""
        while await self._reader.read(1 << 16):
            pass
        raise Broken

    def reset(self) -> None:
        """Close with RST instead of FIN. Raises Broken, always."""
        linger_off = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_off)
        self._writer.transport.abort()
        raise Broken


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read one request with its JSON body. Raises IncompleteReadError where the client has gone."""
    line = (await reader.readuntil(b"\r\n")).decode("latin-1")
    received_s = time.monotonic()
    method, path, _ = line.split(" ", 2)
    headers: dict[str, str] = {}
    while (line := (await reader.readuntil(b"\r\n")).decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    request = Request(method, path, headers, received_s)
    raw = await _read_body(reader, headers)
    request.size_bytes = len(raw)
    if raw:
        request.body = json.loads(raw)
    return request


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


@contextlib.contextmanager
def nobody_listens() -> Iterator[str]:
    """Yield an OpenAI base URL whose port is taken and refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


# --- as a program --------------------------------------------------------------------------------------------------


async def serve(scenario: Path, log: Path | None, idle_s: float) -> None:
    last_s = time.monotonic()
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(log.open("a", encoding="utf-8")) if log is not None else None

        def keep(request: Request) -> None:
            nonlocal last_s
            last_s = time.monotonic()
            if lines is not None:
                lines.write(json.dumps(log_line(request)) + "\n")
                lines.flush()

        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        parent = os.getppid()
        async with WireServer(by_history(load_scenario(scenario)), on_request=keep, strict=False) as server:
            sys.stdout.write(f"port {server.port}\n")
            sys.stdout.flush()
            while not stop.is_set() and os.getppid() == parent and time.monotonic() - last_s < idle_s:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 1)


def log_line(request: Request) -> dict[str, Any]:
    asked = request.asked
    return {
        "api": request.api,
        "method": request.method,
        "path": request.path,
        "received_s": request.received_s,
        "answered_s": request.answered_s,
        "size_bytes": request.size_bytes,
        "replies": asked.replies if asked is not None else None,
        "tools": asked.tools if asked is not None else (),
        "results": asked.results if asked is not None else (),
        "body": request.body,
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.wire.server", description="Serve a scripted model.")
    parser.add_argument("--scenario", type=Path, required=True, help="a JSON file, see tests/wire/script.py")
    parser.add_argument("--log", type=Path, help="append each request as a line of JSON")
    parser.add_argument("--idle-s", type=float, default=600, help="end after so many seconds without a request")
    options = parser.parse_args()
    asyncio.run(serve(options.scenario, options.log, options.idle_s))
    return 0


if __name__ == "__main__":
    sys.exit(main())
