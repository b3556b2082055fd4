"""`plait index`: build, look at and remove the code index of the working directory."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

from plait.cli.flags import Parsed
from plait.cli.start import working_directory
from plait.cli.terminal import is_terminal, put, tell
from plait.config import debug_log
from plait.config.settings import directories, environment
from plait.host.paths import Workspace
from plait.index.code_index import CodeIndex, directory_of, stored
from plait.index.status import IndexStatus
from plait.protocol.errors import UserError

OK, FAILED = 0, 2


def run(parsed: Parsed) -> int:
    """Run one action and return the exit code. Raises UserError."""
    debug_log.silence()
    root = Workspace.at(working_directory()).roots[0]
    cache = directories(environment()).cache
    match parsed.words:
        case ["build"]:
            status = asyncio.run(_build(root, cache))
        case ["status"] | []:
            status = stored(root, cache)
        case ["clear"]:
            return _clear(directory_of(root, cache))
        case words:
            raise UserError(f"`plait index`: expected `build`, `status` or `clear`; found `{' '.join(words)}`.")
    if parsed.has("json"):
        put(json.dumps(status_json(status)) + "\n")
    else:
        put(f"{in_words(status)}\n")
    return FAILED if parsed.words == ["build"] and status.state == "off" else OK


async def _build(root: Path, cache: Path) -> IndexStatus:
    """Build until it is ready, and say on a terminal how far it is."""
    shown = is_terminal(2)

    def show(status: IndexStatus) -> None:
        if shown and status.state == "building":
            tell(f"{status.words}, {status.done:,} of {status.total:,} files")

    index = CodeIndex(root, cache, show)
    index.start(any_size=True)
    try:
        status = await index.wait_until_settled()
        # What lies aside is gone with the process that made it: of no use to anybody who comes later.
        return IndexStatus(state="off", why=status.why) if status.database else status
    finally:
        await index.close()


def _clear(directory: Path) -> int:
    if not directory.exists():
        put("there is no index of this directory\n")
        return OK
    # An indexer at work notices that its files are gone and builds them again.
    shutil.rmtree(directory)
    put("removed\n")
    return OK


def status_json(status: IndexStatus) -> dict[str, Any]:
    return {
        "state": status.state,
        "words": status.words,
        "done": status.done,
        "total": status.total,
        "percent": 100 if status.state == "ready" else status.percent,
        "files": status.files,
        "symbols": status.symbols,
        "languages": status.languages,
        "errors": status.errors,
        "skipped": status.skipped,
        "watch": status.watch or None,
        "why": status.why or None,
    }


def in_words(status: IndexStatus) -> str:
    if status.state != "ready":
        return f"index: {status.words}"
    languages = ", ".join(f"{name} {count:,}" for name, count in list(status.languages.items())[:6])
    trouble = f"; {status.errors:,} could not be parsed" if status.errors else ""
    skipped = f"; {status.skipped:,} too large, binary or unreadable" if status.skipped else ""
    return f"index: ready, {status.files:,} files, {status.symbols:,} definitions ({languages}){trouble}{skipped}"
