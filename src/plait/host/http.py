"""Get a web page without being led into the private network.

A host name is resolved once, every address is judged, and the connection goes to exactly the address judged;
so no second answer of a name server, no redirect and no odd spelling of an address leads elsewhere. Proxies and
certificate variables of the environment are honoured. Bodies are decoded within bounds.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from plait import __version__
from plait.host.urls import (
    Address,
    Url,
    is_allowed,
    literal_address,
    proxy_credentials,
    proxy_for,
    same_site,
    why_local_name,
    why_private,
)
from plait.protocol.errors import ToolRefused

if TYPE_CHECKING:
    import httpcore2

MOST_BYTES = 5_000_000
MOST_REDIRECTS = 5
MOST_CONNECTIONS = 20
CONNECT_S = 10.0
READ_S = 30.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CA_FILE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

Resolve = Callable[[str, int], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Page:
    """An answer: the address it came from, status, `Content-Type` as sent, the decoded body.

    `cut` says that the body went on beyond the bound. `redirect` is where the server points, if it points to
    another site; that was not followed.
    """

    url: Url
    status: int
    content_type: str
    body: bytes
    cut: bool = False
    redirect: Url | None = None


class Web:
    """Requests of one session, over connections that are kept. One event loop.

    `environ` holds the proxy and certificate variables. `allow_private` lists hosts (`host` or `host:port`) that
    may be private. `resolve` turns a host name into addresses and blocks; it runs in a thread.
    """

    def __init__(
        self, environ: Mapping[str, str], *, allow_private: Collection[str] = (), resolve: Resolve | None = None
    ) -> None:
        self._environ = environ
        self._allow_private = frozenset(entry.lower() for entry in allow_private)
        self._resolve = resolve or resolve_host
        self._pools: dict[str | None, httpcore2.AsyncConnectionPool] = {}

    def check(self, url: Url) -> None:
        """Refuse what can be told to be private without resolving anything. Raises ToolRefused."""
        if is_allowed(url, self._allow_private):
            return
        address = literal_address(url.host)
        why = why_private(address) if address is not None else why_local_name(url.host)
        if why is not None:
            raise ToolRefused(refusal(url.authority, why))

    async def get(self, url: Url, *, accept: str = "*/*", max_bytes: int = MOST_BYTES) -> Page:
        """Return the page at `url`, following at most 5 redirects within its site.

        Raises:
            ToolRefused: It leads to a private address, cannot be reached, or answers in a way that cannot be read.
        """
        for _ in range(MOST_REDIRECTS + 1):
            self.check(url)
            page = await self._request(url, accept, max_bytes)
            if page.redirect is None:
                return page
            # Said of a private target before it is offered as a place to go.
            self.check(page.redirect)
            if not same_site(url, page.redirect):
                return page
            url = page.redirect
        raise ToolRefused(f"`{url}` was reached after {MOST_REDIRECTS} redirects and points on: it was given up.")

    @property
    def is_connected(self) -> bool:
        """True if connections may be open."""
        return bool(self._pools)

    async def close(self) -> None:
        """Close the kept connections."""
        pools = list(self._pools.values())
        self._pools.clear()
        for pool in pools:
            await pool.aclose()

    async def _request(self, url: Url, accept: str, max_bytes: int) -> Page:
        # Start-up time: 0.1 s that only a session which fetches pays.
        import httpcore2

        core_url = httpcore2.URL(
            scheme=url.scheme.encode(), host=url.host.encode(), port=url.port, target=url.target.encode()
        )
        headers = [
            ("Host", url.authority),
            ("User-Agent", f"plait/{__version__}"),
            ("Accept", accept),
            ("Accept-Encoding", "gzip, deflate"),
        ]
        timeouts = {"connect": CONNECT_S, "read": READ_S, "write": READ_S, "pool": READ_S}
        try:
            pool = self._pool(url)
            async with pool.stream("GET", core_url, headers=headers, extensions={"timeout": timeouts}) as response:
                sent = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                if response.status in REDIRECTS and "location" in sent:
                    return Page(url, response.status, "", b"", redirect=url.joined(sent["location"]))
                body = Body(sent.get("content-encoding", ""), max_bytes)
                async for chunk in response.aiter_stream():
                    if not body.take(chunk):
                        break
                return Page(url, response.status, sent.get("content-type", ""), body.data, body.cut)
        except httpcore2.TimeoutException as error:
            raise ToolRefused(f"`{url}` did not answer in time.") from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError, OSError) as error:
            raise ToolRefused(f"`{url}` could not be fetched: {_in_words(error)}.") from error

    def _pool(self, url: Url) -> httpcore2.AsyncConnectionPool:
        import httpcore2

        # A host that the user lists is reached directly: it is on this side of the proxy.
        proxy_url = None if is_allowed(url, self._allow_private) else proxy_for(url, self._environ)
        pool = self._pools.get(proxy_url)
        if pool is not None:
            return pool
        if proxy_url is None:
            pool = httpcore2.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=MOST_CONNECTIONS,
                keepalive_expiry=15.0,
                network_backend=guarded_backend(self._resolve, self._allow_private),
            )
        else:
            pool = httpcore2.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=MOST_CONNECTIONS,
                keepalive_expiry=15.0,
                proxy=_proxy(proxy_url, self._tls),
            )
        self._pools[proxy_url] = pool
        return pool

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The certificate authorities that the environment names, else the system's. Raises ToolRefused."""
        import httpcore2

        try:
            for name in CA_FILE_VARIABLES:
                if path := self._environ.get(name):
                    # `requests` takes a directory here as well.
                    try:
                        return ssl.create_default_context(cafile=path)
                    except IsADirectoryError:
                        return ssl.create_default_context(capath=path)
            name = "SSL_CERT_DIR"
            if path := self._environ.get(name):
                return ssl.create_default_context(capath=path)
        except OSError as error:
            raise ToolRefused(f"`{name}` names `{path}`, which holds no certificates: {_in_words(error)}.") from error
        return httpcore2.default_ssl_context()


class Body:
    """A body as it arrives: decoded as its `Content-Encoding` says, never beyond `max_bytes`.

    Raises ToolRefused for an encoding that was not asked for, or one that breaks off.
    """

    def __init__(self, encoding: str, max_bytes: int) -> None:
        self.cut = False
        self._chunks: list[bytes] = []
        self._room = max_bytes
        self._encoding = encoding.strip().lower()
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise ToolRefused(f"The server sent `{self._encoding[:40]}` encoding, which was not asked for.")
        # 32: a gzip or zlib header, whichever is there.
        self._inflate = None if self._encoding in ("", "identity") else zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._begun = False

    @property
    def data(self) -> bytes:
        return b"".join(self._chunks)

    def take(self, chunk: bytes) -> bool:
        """Add what arrived; False once there is no more room."""
        if self._inflate is None:
            self._add(chunk)
            return not self.cut
        while chunk and not self.cut:
            try:
                # One byte more than there is room for, to know that there is more.
                self._add(self._inflate.decompress(chunk, self._room + 1))
            except zlib.error as error:
                if self._begun or self._encoding != "deflate":
                    raise ToolRefused(f"The server's `{self._encoding}` encoding is broken: {error}.") from error
                # Some servers send deflate without the zlib header.
                self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
                self._begun = True
                continue
            self._begun = True
            chunk = self._inflate.unconsumed_tail
            if self._inflate.eof:
                # A gzip file may be several, one after the other.
                chunk = self._inflate.unused_data
                self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
                if not chunk.startswith(b"\x1f\x8b"):
                    break
        return not self.cut

    def _add(self, data: bytes) -> None:
        self.cut = len(data) > self._room
        self._chunks.append(data[: self._room])
        self._room -= len(self._chunks[-1])


def refusal(where: str, why: str) -> str:
    return (
        f"`{where}` is {why}; only public addresses are fetched. "
        f"The user can allow it with `network.allow_private` in the settings."
    )


def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a host in the order to try them. Blocks. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_private_name(host: str) -> bool | None:
    """Return whether a host is one of the private network, as far as its name says: None if it must be resolved."""
    address = literal_address(host)
    if address is not None:
        return why_private(address) is not None
    return True if not host or why_local_name(host) is not None else None


def leads_to_private(host: str) -> bool:
    """Return whether a host's name leads to addresses of the private network only. Blocks; False if it is not found."""
    try:
        addresses = resolve_host(host, 0)
    except OSError:
        return False
    return all(why_private(ipaddress.ip_address(text.partition("%")[0])) is not None for text in addresses)


def public_addresses(host: str, addresses: Iterable[str]) -> list[str]:
    """Return those of a host's `addresses` that are public. Raises ToolRefused if there is none."""
    private: str | None = None
    public: list[str] = []
    for text in addresses:
        address: Address = ipaddress.ip_address(text)
        why = why_private(address)
        if why is None:
            public.append(text)
        else:
            private = private or f"{why} ({text})"
    if not public:
        raise ToolRefused(refusal(host, private or "a host without an address"))
    return public


def guarded_backend(resolve: Resolve, allow_private: frozenset[str]) -> httpcore2.AsyncNetworkBackend:
    """Return how connections are opened: to public addresses, or to what the user lists."""
    import httpcore2

    class Guarded(httpcore2.AnyIOBackend):
        async def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> httpcore2.AsyncNetworkStream:
            try:
                addresses = list(await asyncio.to_thread(resolve, host, port))
            except OSError as error:
                raise httpcore2.ConnectError(f"the name `{host}` was not found") from error
            if not is_allowed(Url("http", host, port, "/"), allow_private):
                addresses = public_addresses(host, addresses)
            failure: Exception = httpcore2.ConnectError(f"`{host}` has no address")
            # Four at most: a host with many dead addresses must not take all the time there is.
            for address in addresses[:4]:
                try:
                    # An address, not the name: nothing is resolved a second time.
                    return await super().connect_tcp(address, port, timeout, local_address, socket_options)
                except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                    failure = error
            raise failure

    return Guarded()


def _proxy(url: str, tls: ssl.SSLContext) -> httpcore2.Proxy:
    import httpcore2

    shown = url.rsplit("@", 1)[-1]
    try:
        split = urlsplit(url)
        if split.scheme not in ("http", "https") or not split.hostname:
            raise ToolRefused(f"The proxy `{shown}` cannot be used: only http and https proxies can.")
        port = split.port or (443 if split.scheme == "https" else 80)
    except ValueError as error:
        raise ToolRefused(f"The proxy `{shown}` is not a URL: {error}.") from error
    headers = []
    credentials = proxy_credentials(url)
    if credentials is not None:
        token = base64.b64encode(":".join(credentials).encode()).decode()
        headers.append(("Proxy-Authorization", f"Basic {token}"))
    host = f"[{split.hostname}]" if ":" in split.hostname else split.hostname
    return httpcore2.Proxy(
        f"{split.scheme}://{host}:{port}", headers=headers, ssl_context=tls if split.scheme == "https" else None
    )


def _in_words(error: BaseException) -> str:
    """Return the innermost thing said, in one line; httpx errors often say nothing themselves."""
    said = str(error).strip()
    inner = error.__cause__ or error.__context__
    if inner is not None and (not said or "All connection attempts failed" in said):
        return _in_words(inner)
    return " ".join(said.split()).rstrip(".")[:300] or type(error).__name__
