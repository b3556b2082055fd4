"""Take a web address apart once, and judge where it leads. Pure: nothing is resolved or contacted here.

Whoever connects uses these very pieces (`host.http`), so that no second reading of the same text can differ.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit

from plait.protocol.errors import ToolRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_URL = 8000
DEFAULT_PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")
# Public by its range, but a cloud's own services at every machine of it.
CLOUD_ADDRESSES = frozenset({ipaddress.ip_address("168.63.129.16")})
# Reserved (IANA special-purpose registries), which not every Python of ours knows yet.
RESERVED = tuple(
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "64:ff9b:1::/48", "3fff::/20", "5f00::/16", "100:0:0:1::/64")
)
LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa", "lan")


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https address: `host` in lower case and ASCII without brackets, `target` is path and query, quoted."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """`host`, with the port if it is not the scheme's own; as the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def joined(self, reference: str) -> Url:
        """Return the address that `reference` (a redirect's Location) means here. Raises ToolRefused."""
        return parse_url(urljoin(str(self), reference.strip()))


def parse_url(text: str) -> Url:
    """Return the pieces of an absolute http or https address; a fragment is dropped.

    Raises:
        ToolRefused: It is none, or it is written so that two readers could take it for different hosts.
    """
    text = text.strip()
    shown = text[:200]
    if len(text) > LONGEST_URL:
        raise ToolRefused(f"`{shown}…` is longer than {LONGEST_URL:,} characters.")
    if re.search(r"[\x00-\x20\x7f\\]", text):
        raise ToolRefused(f"`{shown}` holds a space, a control character or a backslash: percent-encode it.")
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError as error:
        raise ToolRefused(f"`{shown}` is not a URL: {error}.") from error
    if split.scheme not in DEFAULT_PORTS or not split.netloc:
        raise ToolRefused(f"`{shown}` cannot be fetched: only whole `http://` and `https://` URLs can.")
    if "@" in split.netloc:
        raise ToolRefused(f"`{shown}` holds a user name before the host, which hides where it leads: leave it out.")
    if port == 0:
        raise ToolRefused(f"`{shown}` names port 0.")
    # Percent-encoding is left as it stands; only what may not be sent is quoted.
    target = quote(split.path or "/", safe="%/:=&~+!$,;'@()*[]")
    query = f"?{quote(split.query, safe='%/:=&?~+!$,;@()*[]|')}" if split.query else ""
    return Url(split.scheme, _host(split.hostname or "", shown), port or DEFAULT_PORTS[split.scheme], target + query)


def _host(host: str, shown: str) -> str:
    if ":" in host:
        if "%" in host:
            raise ToolRefused(f"`{shown}` names a network interface: only public addresses are fetched.")
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError as error:
            raise ToolRefused(f"`{shown}` does not hold a valid IPv6 address.") from error
    try:
        # The codec also folds full-width digits and dots, which some resolvers would.
        name = host.encode("idna").decode("ascii").lower() if not host.isascii() else host.lower()
    except UnicodeError as error:
        raise ToolRefused(f"`{shown}` does not hold a valid host name.") from error
    name = name.removesuffix(".")
    if not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", name) or ".." in name or len(name) > 253:
        raise ToolRefused(f"`{shown}` does not hold a valid host name.")
    if _ends_in_number(name) and literal_address(name) is None:
        raise ToolRefused(f"`{shown}` does not hold a valid IPv4 address.")
    return name


def _ends_in_number(name: str) -> bool:
    return re.fullmatch(r"\d+|0x[0-9a-f]*", name.rsplit(".", 1)[-1]) is not None


def literal_address(host: str) -> Address | None:
    """Return the address that `host` itself is, also as `2130706433`, `0x7f.1` or `0177.0.0.1`; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    if not _ends_in_number(host):
        return None
    try:
        # The same reading as the resolver's.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def why_private(address: Address) -> str | None:
    """Say why `address` is not one of the public internet, or None if it is.

    An IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4, Teredo) is judged as well.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return why_private(inner)
        if address.is_site_local:
            return "a site-local address"
    if address in CLOUD_ADDRESSES:
        return "a cloud's metadata address"
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local:
        return "a link-local or metadata address"
    if address.is_multicast:
        return "a multicast address"
    if any(address in network for network in RESERVED):
        return "a reserved address"
    if address.is_private or address.is_reserved or address.is_unspecified or not address.is_global:
        return "a private or reserved address"
    return None


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in NAT64 or (address in IPV4_COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def why_local_name(host: str) -> str | None:
    """Say why a host name means a machine of the local network whatever it resolves to, or None."""
    if any(host == name or host.endswith("." + name) for name in LOCAL_NAMES):
        return "a name of the local network"
    return None


def is_allowed(url: Url, allowed: Collection[str]) -> bool:
    """True if the user lists `url`'s host, as `host:port` or for every port as `host`."""
    host = f"[{url.host}]" if ":" in url.host else url.host
    return not {host, url.host, f"{host}:{url.port}"}.isdisjoint(entry.lower() for entry in allowed)


def same_site(here: Url, there: Url) -> bool:
    """True if a redirect stays where the caller was allowed to go: the host but for `www.`, never down to http."""
    if there.host.removeprefix("www.") != here.host.removeprefix("www."):
        return False
    if there.scheme == here.scheme:
        return there.port == here.port
    return there.scheme == "https" and (here.port, there.port) == (80, 443)


def proxy_for(url: Url, environ: Mapping[str, str]) -> str | None:
    """Return the proxy that the environment names for `url`, or None. As curl: lower case before upper case."""

    def variable(name: str) -> str:
        return environ.get(name.lower()) or environ.get(name.upper()) or ""

    proxy = variable(f"{url.scheme}_proxy") or variable("all_proxy")
    if not proxy or any(_excepts(entry.strip().lower(), url) for entry in variable("no_proxy").split(",")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _excepts(entry: str, url: Url) -> bool:
    """True if one entry of NO_PROXY covers `url`: `*`, a host or domain, with a port or not, an address or network."""
    if entry == "*":
        return True
    if "/" in entry:
        try:
            address = literal_address(url.host)
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    host, _, port = entry.rpartition(":") if re.search(r"(?<!:):\d+$|\]:\d+$", entry) else (entry, "", "")
    host = host.strip("[]").removeprefix("*").removeprefix(".")
    if not host or (port and int(port) != url.port):
        return False
    return url.host == host or url.host.endswith("." + host)


def proxy_credentials(proxy: str) -> tuple[str, str] | None:
    """Return user and password of a proxy's URL, or None."""
    split = urlsplit(proxy)
    if split.username is None:
        return None
    return unquote(split.username), unquote(split.password or "")
