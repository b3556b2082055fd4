"""`uv run --with llmock python -m benchmarks.faults`: faults of a provider, injected and graded by a third party.

llmock (PyPI) serves the providers' formats, breaks them on demand, and grades the client by what it saw of it:
retries, waiting, streams taken for whole that were cut. Each fault meets a real `plait -p` in each of the formats.
Nothing leaves the machine. The exit code is 1 if llmock found an error, or a run ended otherwise than it should.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT_S = 200.0
AT_ONCE = 2
# Model, and where its server lies under llmock's address.
FORMATS = {
    "openai-chat": ("openai-chat:gpt-4o", "OPENAI", "/v1"),
    "openai-responses": ("openai-responses:gpt-4o", "OPENAI", "/v1"),
    "anthropic": ("anthropic:claude-sonnet-4-5", "ANTHROPIC", "/anthropic"),
}
ANSWER = "The answer of the scripted model, in several words so that a stream of it has several chunks to break."
TOUCH = {"type": "reply", "tool_calls": [{"name": "shell", "arguments": {"command": "echo ran >> made"}}]}


def reply() -> dict[str, Any]:
    return {"type": "reply", "text": ANSWER}


def stream(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "stream_fault", "kind": kind, "after_chunks": 3, **more}


def fail(status: int, **more: Any) -> dict[str, Any]:
    return {"type": "fail", "status": status, **more}


@dataclass(frozen=True, slots=True)
class Fault:
    """What llmock is told to do, and how the run has to end: its exit code, and how often a tool ran."""

    name: str
    behaviours: tuple[dict[str, Any], ...]
    code: int = 0
    ran: int = 0


FAULTS = (
    Fault("nothing", (reply(),)),
    Fault("429 with Retry-After", (fail(429, retry_after=1.5, times=2), reply())),
    Fault("429 without", (fail(429, times=2), reply())),
    Fault("500", (fail(500), reply())),
    Fault("503 twice", (fail(503, times=2), reply())),
    Fault("529", (fail(529), reply())),
    Fault("503 for good", (fail(503, times=None),), 2),
    Fault("400", (fail(400, times=None),), 2),
    Fault("401", (fail(401, times=None),), 2),
    Fault("403", (fail(403, times=None),), 2),
    Fault("404", (fail(404, times=None),), 2),
    Fault("422", (fail(422, times=None),), 2),
    Fault("stream dropped", (reply(), stream("disconnect"), reply())),
    Fault("stream cut", (reply(), stream("truncate"), reply())),
    Fault("chunk malformed", (reply(), stream("malformed"), reply())),
    Fault("stream stalls", (reply(), stream("stall", after_chunks=8, stall_seconds=150), reply())),
    Fault("first token after 8 s", (reply(), {"type": "slow_first_token", "seconds": 8})),
    Fault("unknown tool", ({"type": "tool_fault", "kind": "unknown_tool"},)),
    Fault("malformed arguments", ({"type": "tool_fault", "kind": "malformed_arguments"},)),
    Fault("a tool, then an answer", (TOUCH, reply()), 0, 1),
    Fault("a tool call whose stream drops", (TOUCH, stream("disconnect", after_chunks=2), TOUCH, reply()), 0, 1),
    Fault("a tool call that is cut", (TOUCH, stream("truncate", after_chunks=2), TOUCH, reply()), 0, 1),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run went: exit code, seconds, requests, what llmock found, and what was not as it should be."""

    kind: str
    fault: Fault
    code: int | None
    seconds: float
    requests: int
    findings: tuple[str, ...]
    problems: tuple[str, ...]


class Judge:
    """A running llmock."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        def send() -> Any:
            data = json.dumps(body).encode() if body is not None else None
            request = urllib.request.Request(self.address + path, data, method=method)
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)

        return await asyncio.to_thread(send)


@contextlib.asynccontextmanager
async def judge() -> AsyncIterator[Judge]:
    beside = Path(sys.executable).with_name("llmock")
    program = str(beside) if beside.exists() else shutil.which("llmock")
    if program is None:
        sys.exit("benchmarks.faults: llmock is not here: uv run --with llmock python -m benchmarks.faults")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        program, "serve", "--port", str(port), "--log-level", "critical", "--response-style", "static",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        server = Judge(port)
        for _ in range(200):
            with contextlib.suppress(OSError):
                await server.ask("GET", "/health")
                break
            await asyncio.sleep(0.1)
        yield server
    finally:
        process.terminate()
        await process.wait()


async def meet(kind: str, fault: Fault, root: Path) -> Outcome:
    model, variable, below = FORMATS[kind]
    project = root / "project"
    project.mkdir(parents=True)
    async with judge() as server:
        await server.ask("POST", "/_llmock/scenario", {"behaviors": list(fault.behaviours)})
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PLAIT_")} | {
            f"{variable}_API_KEY": "sk-of-no-use",
            f"{variable}_BASE_URL": server.address + below,
            **{f"PLAIT_{name}_DIR": str(root / name.lower()) for name in ("CONFIG", "STATE", "CACHE")},
        }
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "plait", "-p", "go", "--model", model, "--yolo",
            "--output-format", "stream-json",
            cwd=project, env=environ, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            out, errors = await asyncio.wait_for(process.communicate(), LIMIT_S)
        except TimeoutError:
            process.kill()
            out, errors = await process.communicate()
        seconds = loop.time() - began_s
        verdict = await server.ask("GET", "/_llmock/verdict")
        requests = await server.ask("GET", "/_llmock/requests")
    made = project / "made"
    ran = len(made.read_text().splitlines()) if made.exists() else 0
    findings = tuple(f"{found['severity']}: {found['code']}" for found in verdict["findings"])
    return Outcome(
        kind,
        fault,
        process.returncode,
        seconds,
        requests["count"],
        findings,
        tuple(problems(fault, process.returncode, ran, out, errors)),
    )


def problems(fault: Fault, code: int | None, ran: int, out: bytes, errors: bytes) -> list[str]:
    """Return what a user would call wrong."""
    found = []
    if code != fault.code:
        found.append(f"exit code {code} instead of {fault.code}")
    if ran != fault.ran:
        found.append(f"the tool ran {ran} times instead of {fault.ran}")
    if b"Traceback" in errors + out:
        found.append("a traceback")
    if len(errors.splitlines()) > 8:
        found.append(f"{len(errors.splitlines())} lines on standard error")
    lines = [json.loads(line) for line in out.splitlines()]
    result = lines[-1] if lines and lines[-1]["type"] == "result" else None
    if result is None:
        said = errors.decode("utf-8", "replace").strip().splitlines()
        found.append(f"no result line: {said[-1] if said else 'nothing said'}")
    elif fault.code == 0 and fault.behaviours[-1] == reply() and result.get("result") != ANSWER:
        found.append(f"answered {str(result.get('result'))[:60]!r}")
    elif fault.code and not (result["is_error"] and result["errors"]):
        found.append("a failure that is not reported")
    return found


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults")
    parser.add_argument("words", nargs="*", help="only faults whose names hold one of these words")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if not options.words or any(word in fault.name for word in options.words)]
    places = asyncio.Semaphore(AT_ONCE)
    with tempfile.TemporaryDirectory(prefix="plait-faults-", ignore_cleanup_errors=True) as root:

        async def one(kind: str, number: int, fault: Fault) -> Outcome:
            async with places:
                return await meet(kind, fault, Path(root) / f"{kind}-{number}")

        jobs = [one(kind, number, fault) for kind in FORMATS for number, fault in enumerate(chosen)]
        outcomes = await asyncio.gather(*jobs)
    for outcome in outcomes:
        said = ", ".join([*outcome.findings, *outcome.problems]) or "ok"
        row = f"{outcome.kind:<17} {outcome.fault.name:<30} exit {outcome.code} {outcome.seconds:6.1f} s"
        sys.stdout.write(f"{row} {outcome.requests:2} requests  {said}\n")
    bad = [one for one in outcomes if one.problems or any(found.startswith("error") for found in one.findings)]
    warned = [one for one in outcomes if one.findings and one not in bad]
    sys.stdout.write(
        f"{len(outcomes)} runs, {len(bad)} not as they should be, {len(warned)} with a warning of llmock\n"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
