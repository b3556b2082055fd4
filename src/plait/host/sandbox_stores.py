"""Where programs keep what they downloaded and built, and what takes its place for a workspace's commands.

Such a store is trusted by whatever runs later, in other projects too: a command that could write the user's own could
poison it. So the commands of each workspace have stores of their own, below Plait's cache.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from plait.protocol.lean import dataclass

# Below the home directory. Of these there is always an own one: nothing in it is missed, it is made again.
ALWAYS = (".cache", ".npm", "Library/Caches")
# Of these the user's own is seen, read-only, until a command that has the network first needs to put something there.
DOWNLOADED = (
    ".cargo/registry", ".cargo/git", "go/pkg/mod", ".m2/repository", ".gradle", ".ivy2", ".nuget", ".bun/install",
    ".local/share/pnpm", ".local/share/uv", ".pnpm-store", ".yarn", ".deno", ".gem", ".pub-cache", ".composer", ".mix",
    ".hex",
)  # fmt: skip
# Large and only read: downloaded browsers and models; and programs. They show through in what is else an own store.
READ_THROUGH = (
    ".cache/ms-playwright", ".cache/puppeteer", ".cache/Cypress", ".cache/huggingface", ".cache/torch",
    ".cache/selenium", ".cache/electron", ".cache/node/corepack", ".cache/pre-commit", ".cache/fontconfig",
    ".deno/bin", ".yarn/bin", ".bun/install/global", ".local/share/uv/tools", ".pub-cache/bin",
    ".pub-cache/global_packages", ".composer/vendor", ".mix/archives", ".mix/escripts", ".mix/elixir",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Store:
    """`source` is seen at `path`."""

    path: str
    source: str


def stores(home: str, private: str, *, network: bool) -> Iterator[Store]:
    """Yield what takes the place of which store. Makes the directories that take it, private to the user."""
    for name in ALWAYS:
        if os.path.isdir(f"{home}/{name}"):
            yield Store(os.path.realpath(f"{home}/{name}"), _made(private, name))
    for name in DOWNLOADED:
        source = f"{private}/{name}"
        if os.path.isdir(f"{home}/{name}") and (network or os.path.isdir(source)):
            yield Store(os.path.realpath(f"{home}/{name}"), _made(private, name))


def read_through(home: str) -> list[str]:
    """The places in a store of one's own where the user's shows through."""
    found = (f"{home}/{name}" for name in READ_THROUGH)
    return [os.path.realpath(path) for path in found if os.path.isdir(path)]


def _made(private: str, name: str) -> str:
    path = f"{private}/{name}"
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def variables(home: str, private: str) -> dict[str, str]:
    """Return what tells programs of their stores where the user has none yet, and spares them useless tries."""
    # A hard link out of another mount fails: uv would say so each time.
    told = {"UV_LINK_MODE": "copy"}
    if not os.path.isdir(f"{home}/.cache"):
        told["XDG_CACHE_HOME"] = f"{private}/.cache"
    if not os.path.isdir(f"{home}/.npm"):
        told["npm_config_cache"] = f"{private}/.npm"
    if not os.path.isdir(f"{home}/go/pkg/mod"):
        told["GOMODCACHE"] = f"{private}/go/pkg/mod"
    if not os.path.isdir(f"{home}/.cargo"):
        told["CARGO_HOME"] = f"{private}/.cargo"
    return told
