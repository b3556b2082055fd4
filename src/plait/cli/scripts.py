"""The tool layer without a model, for scripts: `plait tool`, `plait check-command`, `plait search`."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.cli.flags import Parsed
from plait.cli.start import begin, working_directory
from plait.cli.terminal import carries_input, put, read_chunk, read_piped, tell, write_all
from plait.config import debug_log
from plait.config.settings import directories, environment
from plait.host.paths import Workspace
from plait.permissions.rules import canonical_tool
from plait.protocol.effects import UNKNOWN, effects_json
from plait.protocol.errors import PlaitError, UserError
from plait.views.headless.input import lines
from plait.views.headless.messages import encode
from plait.views.headless.run import stop_signals, unless

if TYPE_CHECKING:
    from plait.index.code_index import CodeIndex

LOG = logging.getLogger("plait.scripts")

OK, USAGE, REFUSED, FAILED = 0, 1, 5, 6
CANCEL_LIMIT_S = 1.5
MOST_LINE_BYTES = 4 * 1024 * 1024


def run_tool(parsed: Parsed) -> int:
    """Run one call and print its JSON line. Raises UserError for a bad command line."""
    if len(parsed.words) != 1:
        raise UserError('`plait tool` needs the name of one tool, as in `plait tool read --json \'{"path": "a.py"}\'`.')
    started = begin(parsed)
    arguments = _arguments(parsed)
    name = canonical_tool(parsed.words[0])
    from plait import wiring

    async def run() -> dict[str, Any] | None:
        call = asyncio.ensure_future(
            wiring.run_tool(started.loaded, started.workspace, name, arguments, allow_all=started.allow_all)
        )
        with stop_signals() as stop:
            line = await unless(stop, asyncio.shield(call))
        if line is None:
            # Cancelled once only: a second time would cut short how its command is ended.
            call.cancel()
            await asyncio.wait({call}, timeout=CANCEL_LIMIT_S)
        return line

    line = asyncio.run(run())
    if line is None:
        raise KeyboardInterrupt
    write_all(1)(encode(line))
    if line["verdict"] != "allowed":
        return REFUSED
    if not line["ran"]:
        return USAGE
    return OK if line["outcome"] == "ok" else FAILED


def _arguments(parsed: Parsed) -> dict[str, Any]:
    text: str | bytes | None = parsed.value("json")
    where = "`--json`"
    if text is None:
        where = "standard input"
        if not carries_input():
            raise UserError("`plait tool` needs the call's arguments: `--json '{…}'`, or the same on standard input.")
        text = read_piped(None) or b""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise UserError(f"{where} must be a JSON object of arguments; found {type(value).__name__}.")
    return value


def check_commands(parsed: Parsed) -> int:
    """Answer JSON lines until the end of input. A bad line is answered too, and the stream goes on."""
    if not parsed.has("json") or parsed.words:
        raise UserError('`plait check-command --json` reads JSON lines `{"id", "command", "cwd"?}` on standard input.')
    if not carries_input():
        raise UserError("`plait check-command` reads standard input, which is no pipe and no file.")
    workspace = _workspace(parsed)
    debug_log.silence()
    write = write_all(1)
    for line in stdin_lines():
        write(encode(_checked(line, workspace)))
    return OK


def _workspace(parsed: Parsed) -> Workspace:
    try:
        return Workspace.at(working_directory(), *map(Path, parsed.values("add-dir")))
    except OSError as error:
        raise UserError(f"`--add-dir {error.filename}`: {error.strerror}.") from error


def _checked(line: bytes, workspace: Workspace) -> dict[str, Any]:
    # The parser behind it takes its time to load; nothing else here needs it.
    from plait.effects import shell

    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return {"id": None, "error": "not JSON"}
    match request:
        case {"id": identity, "command": str(command)} if isinstance(request.get("cwd", ""), str):
            pass
        case _:
            return {"id": None, "error": 'expected {"id", "command", "cwd"?}'}
    try:
        cwd = workspace.resolve(request["cwd"]) if request.get("cwd") else workspace.cwd
        effects = shell.command_effects(command, cwd=cwd, workspace=workspace)
    except PlaitError as error:
        return {"id": identity, "error": str(error)}
    except Exception as error:  # A process edge: one command that brings the parser down must not end the stream.
        LOG.exception("check %r", command)
        reason = f"cannot be told: {type(error).__name__}"
        return {"id": identity, "verdict": "stateful", "reason": reason, "effects": effects_json(UNKNOWN)}
    return {
        "id": identity,
        "verdict": shell.verdict(effects, workspace),
        "reason": effects.reason,
        "effects": effects_json(effects),
    }


def stdin_lines() -> Iterator[bytes]:
    """Yield standard input's lines as they come; a blank one is skipped, one that is too long is cut short."""
    rest = b""
    while chunk := read_chunk():
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
        if len(rest) > MOST_LINE_BYTES:
            yield b"too long"
            rest = _skip_line()
    if rest.strip():
        yield rest


def _skip_line() -> bytes:
    while chunk := read_chunk():
        _, newline, rest = chunk.partition(b"\n")
        if newline:
            return rest
    return b""


def search(parsed: Parsed) -> int:
    """Search this directory, once or for every line of standard input. Finding nothing is no failure."""
    debug_log.silence()
    workspace = _workspace(parsed)
    from plait.index.code_index import CodeIndex
    from plait.search.fan_out import SearchRequest, search as find
    from plait.search.wire import encode_hits, encode_line

    cache = directories(environment()).cache
    indexes = {root: CodeIndex(root, cache) for root in workspace.roots}

    if parsed.has("stdio"):
        if parsed.words:
            raise UserError("`plait search --stdio` reads its queries on standard input: give none as an argument.")
        asyncio.run(_serve(workspace, indexes))
        return OK
    if not parsed.words:
        raise UserError('`plait search` needs a query, as in `plait search "def main"`.')
    limit = parsed.value("limit") or "20"
    if not limit.isdecimal() or not 1 <= int(limit) <= 10_000:
        raise UserError(f"`--limit` must be a whole number from 1 to 10000; found `{limit}`.")
    kinds = tuple(kind for value in parsed.values("kind") for kind in value.split(",") if kind)
    request = SearchRequest(" ".join(parsed.words), kinds, limit=int(limit))
    hits = asyncio.run(find(request, workspace, indexes=indexes))
    if parsed.has("json"):
        write_all(1)(encode_line(encode_hits(hits)))
        return OK
    for hit in hits.hits:
        put(f"{hit.path}:{hit.line}: {hit.text}\n")
    if not hits.hits:
        tell("nothing found.")
    return OK


class InputLines:
    """Standard input for `search.wire.serve`."""

    def __init__(self) -> None:
        self._lines = lines(read_chunk)

    async def readline(self) -> bytes:
        line = await anext(self._lines, None)
        return b"" if line is None else line + b"\n"


class OutputLines:
    """Standard output for `search.wire.serve`; written at once."""

    def __init__(self) -> None:
        self.write = write_all(1)

    async def drain(self) -> None:
        return None


async def _serve(workspace: Workspace, indexes: Mapping[Path, CodeIndex]) -> None:
    from plait.search.wire import serve

    for index in indexes.values():
        index.start()
    try:
        await serve(InputLines(), OutputLines(), workspace, indexes)
    finally:
        for index in indexes.values():
            await index.close()
