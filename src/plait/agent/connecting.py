"""Why a service could not be reached, from the errors that lie beneath an SDK's; one line with address and reason."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2

from plait.agent.transport import CONNECT_S, NotAStream
from plait.protocol.errors import ProviderError, UserError

TLS_ALERT = "\\x15\\x03"
"""How an error shows the first bytes of what a server that speaks TLS says to a plain request."""
PROBE_S = 1.5


def check_address(address: str, name: str) -> None:
    """Refuse what is no address of a service. Raises UserError with one line; `name` says where it comes from."""
    said = f"`{address}` ({name}) is no address of a model's service"
    try:
        split = urlsplit(address)
        host, _ = split.hostname, split.port
    except ValueError as error:
        raise UserError(f"{said}: {error}.") from error
    if any(character.isspace() or not character.isprintable() for character in address):
        raise UserError(f"{address!r} ({name}) is no address of a model's service: it holds a space or a line end.")
    if split.scheme not in ("http", "https"):
        meant = f", as in `http://{address}`" if "://" not in address else ""
        raise UserError(f"{said}: it must begin with `http://` or `https://`{meant}.")
    if not host:
        raise UserError(f"{said}: it names no host.")


def check_key(key: object, variable: str) -> None:
    """Refuse a key that no HTTP header can carry. Raises UserError with one line, without the key."""
    if isinstance(key, str) and not (key.isascii() and key.isprintable() and key == key.strip()):
        what = "a line end" if "\n" in key or "\r" in key else "a character that no HTTP header can carry"
        raise UserError(f"The key in {variable} holds {what}: set it again without.")


def unreachable(error: BaseException, where: str) -> ProviderError | None:
    """Return our error for one that means that no connection came about; None if it means something else.

    `where` names model and address.
    """
    found = list(_beneath(error))
    for one in found:
        told = _told(one, where)
        if told is not None:
            return told
    if any(isinstance(one, httpx2.ConnectError) for one in found):
        hint = " If it speaks no TLS, use `http://`." if "`https://" in where else ""
        return ProviderError(f"No connection to {where}: {_text(found[-1])}.{hint}", retryable=True, max_retries=1)
    return None


def _told(error: BaseException, where: str) -> ProviderError | None:
    match error:
        case NotAStream():
            return ProviderError(f"{where} answered with {error}. Check the address (`--base-url`).")
        case ssl.SSLCertVerificationError():
            return ProviderError(f"{where} has a certificate that is not trusted: {error.verify_message}.")
        case ssl.SSLError() if error.reason in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST"):
            return ProviderError(f"{where} does not speak TLS: use `http://`.")
        case ssl.SSLError() if error.reason in ("UNEXPECTED_EOF_WHILE_READING", None):
            # Also in the middle of a reply.
            return None
        case ssl.SSLError():
            return ProviderError(f"No TLS with {where}: {_text(error)}.")
        case ConnectionRefusedError():
            return ProviderError(
                f"{where} refused the connection: nothing listens there.", retryable=True, max_retries=1
            )
        case socket.gaierror():
            return ProviderError(f"The host of {where} was not found: {_text(error)}.")
        case httpx2.ConnectTimeout():
            return ProviderError(f"{where} did not answer within {CONNECT_S:g} s. Check the address and the network.")
        case httpx2.ProxyError():
            return ProviderError(f"The proxy on the way to {where} refused: {_text(error)}.")
        case httpx2.RemoteProtocolError() if TLS_ALERT in str(error):
            return speaks_tls_error(where)
        case httpx2.LocalProtocolError() | httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
            return ProviderError(f"The request to {where} cannot be sent: {_text(error)}.")
        case _:
            return None


def speaks_tls_error(where: str) -> ProviderError:
    return ProviderError(f"{where} speaks TLS: use `https://`.")


async def speaks_tls(address: str) -> bool:
    """Return whether a server addressed by plain `http://` speaks TLS, which it may answer with silence only."""
    split = urlsplit(address)
    if split.scheme != "http" or split.hostname is None:
        return False
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(split.hostname, split.port or 80, ssl=context)
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True


def _beneath(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those it came from, the members of groups too."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        # The libraries raise theirs `from None`, which hides the one beneath from a traceback only.
        waiting += [one.__context__, one.__cause__]


def _text(error: BaseException) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split()).rstrip(".")[:200] or type(error).__name__
