"""A server on 127.0.0.1 that answers with the very bytes it is told, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

Handle = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Loopback:
    """`requests` are the heads received, request line first."""

    port: int = 0
    requests: list[str] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"


def response(body: bytes, content_type: str = "text/plain", *, status: int = 200, headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


def redirect(location: str) -> bytes:
    return response(b"", status=302, headers=f"Location: {location}\r\n")


@asynccontextmanager
async def serving(answers: dict[str, bytes] | Handle, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Loopback]:
    """Serve until the block ends: raw answers by request target (404 for others), or by a handler of one's own."""
    server = Loopback()
    tasks: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                server.requests.append(head)
                if isinstance(answers, dict):
                    writer.write(answers.get(head.split(" ")[1], response(b"no such page", status=404)))
                else:
                    await answers(head, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            # The client went.
            pass
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(converse(reader, writer)))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def certificate(directory: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """Return a new self-signed certificate for `host`, and a server's side of it."""
    certificate_path, key_path = directory / "certificate.pem", directory / "key.pem"
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    files = ["-keyout", str(key_path), "-out", str(certificate_path)]
    subprocess.run([*request, *names, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_path, key_path)
    return certificate_path, context
