"""API keys: where they are found, and how they are kept out of every log.

A key comes from the environment or, if the optional `keyring` package is there, from the system's keyring. No
key is ever part of an error's text.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

KEYRING_SERVICE = "plait"
MASK = "[redacted]"
# A shorter value is no secret worth the damage: masking `1` would blank a whole log.
SHORTEST_SECRET = 8
# Variables whose values are masked wherever they appear.
SECRET_VARIABLE = re.compile(r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|PAT)(_|$)", re.IGNORECASE)
NOT_SECRET_VARIABLE = re.compile(r"_(FILE|PATH|DIR|URL|ID|SOCK|NAME|REGION)$", re.IGNORECASE)

# What keys look like, each with its prefix kept: it says which key it was.
_SHAPES = re.compile(
    r"""
    \b(sk-(?:ant-|proj-|or-|svcacct-)?)[A-Za-z0-9_-]{16,}       # OpenAI, Anthropic, OpenRouter
  | \b(gh[opusr]_|github_pat_)[A-Za-z0-9_]{16,}                 # GitHub
  | \b(glpat-|xox[abeoprs]-|hf_|gsk_|npm_|pypi-|dop_v1_|AIza|ya29\.|r8_|xai-|nvapi-|pplx-)[A-Za-z0-9_.-]{16,}
  | \b(AKIA|ASIA)[A-Z0-9]{16}\b                                 # AWS
  | \b(eyJ)[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]* # JSON web token
  | ((?:x-api-key|x-goog-api-key|api[_-]?key|authorization|access_token|client_secret|password)
     \\?["']?\s*[:=]\s*\\?["']?(?:(?:Bearer|Basic|token)\s+)?)[^\s"'\\&,;}]{6,}
  | \b(Bearer\s+|(?-i:Basic)\s+)[A-Za-z0-9._~+/=-]{16,}         # Authorization headers (RFC 6750, RFC 7617)
  | (://[^/\s:@]{0,200}:)[^/\s@]{1,200}(?=@)                    # a password in a URL
  | (-----BEGIN\ [A-Z ]{0,30}PRIVATE\ KEY-----)[\s\S]*?(?:-----END\ [A-Z ]{0,30}PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A key and where it was found (a variable's name, or `keyring`); its value never shows in a repr."""

    value: str
    origin: str

    def __repr__(self) -> str:
        return f"Secret(origin={self.origin!r})"


ReadKeyring = Callable[[str, str], str | None]


def find_secret(
    names: Sequence[str], environ: Mapping[str, str], *, keyring: ReadKeyring | None = None
) -> Secret | None:
    """Return the first key that one of the variables `names` holds, else what the keyring has under one of them.

    Blocks if the keyring is asked: it may have to be unlocked. `keyring` replaces the system's, for tests.
    """
    for name in names:
        value = environ.get(name, "").strip()
        if value:
            return Secret(value, name)
    read = keyring or _system_keyring()
    if read is None:
        return None
    for name in names:
        value = (read(KEYRING_SERVICE, name) or "").strip()
        if value:
            return Secret(value, "keyring")
    return None


def _system_keyring() -> ReadKeyring | None:
    """Return how to read the system's keyring, or None if the optional package is absent."""
    # Optional and slow to import, so not at the top.
    try:
        package = importlib.import_module("keyring")
        errors = importlib.import_module("keyring.errors")
    except ImportError:
        return None

    def read(service: str, name: str) -> str | None:
        try:
            value: str | None = package.get_password(service, name)
        except errors.KeyringError:
            # Locked, or no service for it on this machine: the same as no key.
            return None
        return value

    return read


def redact(text: str, known: Iterable[str] = ()) -> str:
    """Return `text` with the `known` values and everything shaped like a key masked."""
    for value in sorted(known, key=len, reverse=True):
        if len(value) >= SHORTEST_SECRET:
            text = text.replace(value, MASK)
    return _SHAPES.sub(lambda match: f"{match[match.lastindex or 0]}{MASK}", text)


class Redactor:
    """Masks the secrets of one process: those of its environment, and every key it has found since."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._known = {
            value
            for name, value in environ.items()
            if SECRET_VARIABLE.search(name) and not NOT_SECRET_VARIABLE.search(name) and len(value) >= SHORTEST_SECRET
        }

    def add(self, secret: Secret) -> None:
        self._known.add(secret.value)

    def redact(self, text: str) -> str:
        return redact(text, self._known)
