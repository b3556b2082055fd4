"""Every exit code of `plait --print`, by a real process against a model service on 127.0.0.1."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.cli.program import POSIX, Program
from tests.wire.script import Call, Reply, Silence, Status, Text, Turn, calls, says
from tests.wire.server import WireServer

SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
WRITE = Call("shell", {"command": "touch made"})


class Ran:
    def __init__(self, code: int | None, out: bytes, err: bytes) -> None:
        self.code = code
        self.result: dict[str, Any] = json.loads(out.splitlines()[-1])
        self.err = err.decode()


async def start(plait: Program, server: WireServer, *flags: str) -> asyncio.subprocess.Process:
    words = ["-p", "go", "--model", "openai-chat:m", "--base-url", server.base_url("openai"), *flags]
    return await asyncio.create_subprocess_exec(
        *plait.command(*words, "--output-format", "stream-json"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=plait.project,
        env={**plait.environ, "OPENAI_API_KEY": "sk-test"},
    )


async def run(plait: Program, turns: Sequence[Turn], *flags: str) -> Ran:
    async with WireServer(turns) as server:
        process = await start(plait, server, *flags)
        out, err = await process.communicate()
    return Ran(process.returncode, out, err)


@pytest.mark.parametrize(
    ("turns", "flags", "code", "subtype"),
    [
        ([says("Done.")], [], 0, "success"),
        ([calls(WRITE), says("Done.")], ["--yolo"], 0, "success"),
        ([calls(WRITE), says("I may not.")], [], 5, "success"),
        ([calls(WRITE), says("unreached")], ["--yolo", "--max-turns", "1"], 3, "error_max_turns"),
        ([Silence()], ["--time-limit", "0.3"], 3, "error_time_limit"),
        ([Reply((Text("nothing like it"),))] * 3, ["--json-schema", SCHEMA], 2, "error_max_structured_output_retries"),
        ([says("Well,"), says('{"n": 7}')], ["--json-schema", SCHEMA], 0, "success"),
        ([Reply(()), Reply(())], [], 2, "error_during_execution"),
    ],
)
async def test_each_end_has_its_code(
    plait: Program, turns: list[Turn], flags: list[str], code: int, subtype: str
) -> None:
    ran = await run(plait, turns, *flags)

    assert (ran.code, ran.result["subtype"]) == (code, subtype)
    assert (plait.project / "made").exists() == ("--yolo" in flags)
    assert len(ran.result["permission_denials"]) == (code == 5)
    assert ran.result.get("structured_output") == ({"n": 7} if code == 0 and "--json-schema" in flags else None)


async def test_a_model_that_answers_with_nothing_is_asked_twice(plait: Program) -> None:
    async with WireServer([Reply(())] * 9) as server:
        process = await start(plait, server)
        out, err = await process.communicate()

    ran = Ran(process.returncode, out, err)
    assert (ran.code, ran.result["subtype"], len(server.requests)) == (2, "error_during_execution", 2)
    assert "answered with nothing" in ran.result["errors"][0]


async def test_a_long_wait_ends_at_once_and_says_how_long(plait: Program) -> None:
    ran = await run(plait, [Status(429, retry_after="600")] * 9)

    assert (ran.code, ran.result["subtype"]) == (2, "error_during_execution")
    assert "600 s" in ran.result["errors"][0]


async def test_a_refused_key_fails_at_once_and_names_its_variable(plait: Program) -> None:
    ran = await run(plait, [Status(401, message="Incorrect API key provided: sk-test")])

    assert (ran.code, ran.result["subtype"], ran.result["is_error"]) == (2, "error_during_execution", True)
    assert "OPENAI_API_KEY" in ran.result["errors"][0]
    assert "sk-test" not in ran.err + json.dumps(ran.result)


class Lifeline:
    """A pipe by name: a process that holds it as its output says that it has begun, and by its end that it is gone."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.command = f"setsid sh -c 'echo begun; exec sleep 60' > {path} & wait"
        # As long as there is a writer, the reader does not see the end before the beginning.
        self._writer = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._lines = asyncio.StreamReader()

    async def begun(self) -> None:
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(self._lines)
        self._transport, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(self._reader, "rb"))
        async with asyncio.timeout(30):
            assert await self._lines.readline() == b"begun\n"
        os.close(self._writer)

    async def gone(self) -> None:
        async with asyncio.timeout(10):
            assert await self._lines.read() == b""
        self._transport.close()


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_the_running_command_with_the_turn(plait: Program, number: signal.Signals) -> None:
    lifeline = Lifeline(plait.project / "lifeline")

    async with WireServer([calls(Call("shell", {"command": lifeline.command}))]) as server:
        process = await start(plait, server, "--yolo")
        await lifeline.begun()
        process.send_signal(number)
        out, err = await process.communicate()
    await lifeline.gone()

    ran = Ran(process.returncode, out, err)
    assert (ran.code, ran.result["subtype"]) == (4, "error_interrupted")


@POSIX
async def test_a_signal_ends_the_command_of_a_single_call(plait: Program) -> None:
    lifeline = Lifeline(plait.project / "lifeline")

    process = await asyncio.create_subprocess_exec(
        *plait.command("tool", "shell", "--json", json.dumps({"command": lifeline.command}), "--yolo"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=plait.project,
        env=plait.environ,
    )
    await lifeline.begun()
    process.send_signal(signal.SIGTERM)
    _, err = await process.communicate()
    await lifeline.gone()

    assert (process.returncode, err) == (4, b"")
