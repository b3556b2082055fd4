"""The HTTP client for requests to models: it tells of every byte, and refuses an answer that cannot be a stream.

Timeouts are `agent.patience`'s, but for the time to connect. Proxies and certificates are read from the environment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx2

CONNECT_S = 10.0
MAX_CONNECTIONS = 100
PAGES = ("text/html", "application/xhtml+xml")
SHOWN_BYTES = 200

_tell_of_bytes: ContextVar[Callable[[], None] | None] = ContextVar("tell_of_bytes", default=None)


class NotAStream(Exception):
    """The service answered with status 200, but not with a stream of events. The text says with what."""


def http_client() -> httpx2.AsyncClient:
    """Return a client for one model. Whoever it is given to closes it."""
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(None, connect=CONNECT_S),
        limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
        # A hook and not a transport: with one of those, proxies of the environment are not read.
        event_hooks={"response": [_received]},
    )


@contextmanager
def bytes_told(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` for the bytes of every answer that is begun within the block, by the tasks begun there too."""
    token = _tell_of_bytes.set(tell)
    try:
        yield
    finally:
        _tell_of_bytes.reset(token)


async def _received(response: httpx2.Response) -> None:
    tell = _tell_of_bytes.get()
    if tell is None:
        return
    tell()
    if response.is_success and isinstance(response.stream, httpx2.AsyncByteStream):
        if response.headers.get("content-type", "").partition(";")[0].strip().lower() in PAGES:
            raise NotAStream("a web page")
        response.stream = ToldStream(response.stream, tell)
    elif isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = ToldStream(response.stream, tell, is_stream_of_events=False)


class ToldStream(httpx2.AsyncByteStream):
    """A body whose bytes are told of. Raises NotAStream where a stream of events begins like something else."""

    def __init__(
        self, stream: httpx2.AsyncByteStream, tell: Callable[[], None], *, is_stream_of_events: bool = True
    ) -> None:
        self._stream = stream
        self._tell = tell
        self._is_begun = not is_stream_of_events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._tell()
            if not self._is_begun and (begin := chunk.lstrip()):
                self._is_begun = True
                _check_begin(begin)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _check_begin(begin: bytes) -> None:
    """Events begin with the name of a field or a colon (WHATWG HTML, section 9.2.6)."""
    match begin[:1]:
        case b"<":
            raise NotAStream("a web page")
        case b"{" | b"[":
            raise NotAStream(f"JSON in place of a stream: {begin[:SHOWN_BYTES].decode('utf-8', 'replace')}")
        case _:
            return
