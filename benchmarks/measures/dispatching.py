"""What the dispatcher adds, and that it keeps nothing waiting which could run. In this process, without a service.

Overhead: a scripted model makes 1,000 calls in one reply; the run with the whole turn and dispatcher against the same
model adapter with a sink that answers each call at once. Ticket: taken and given back while 50 others are open.
Overlap: the longest of the calls is the floor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.bench import Bench
from benchmarks.harness.engine import Engine, Wait
from benchmarks.harness.figures import Figure, typical

import plait.tools.read as reading
from plait.agent.budget import Limits
from plait.agent.loop import ConversationAgent
from plait.agent.model import ModelClient
from plait.agent.pool import ModelPool
from plait.agent.replies import ReplyInfo, RunRequest
from plait.agent.surroundings import Parts, TurnSettings
from plait.host import garbage
from plait.host.files import read_file
from plait.host.http import Web
from plait.protocol.calls import CallKey, ToolOutcome
from plait.protocol.effects import Access, Effects, Mode
from plait.protocol.events import TurnEnded
from plait.scheduling.scheduler import Scheduler
from plait.testing import ScriptedCall, ScriptedModel, ScriptedReply
from plait.tools.base import ToolSpec, inline_schema
from plait.tools.fetch import WebFetch
from plait.tools.ledger import FileLedger

CALLS = 1000
OPEN_TICKETS = 50
LATENCY_S = 0.01


def measure(bench: Bench) -> Iterator[Figure]:
    # As the program does once everything is loaded.
    with garbage.none_while_loading():
        pass
    with_s, without_s = asyncio.run(turns_s(bench, bench.repeats(5)))
    yield Figure(
        "dispatcher: added to each of 1,000 calls",
        (with_s - without_s) / CALLS * 1000,
        "ms",
        "the same run without it, each call",
        without_s / CALLS * 1000,
        0.1,
    )
    yield Figure("ticket with 50 open calls", ticket_us(), "us", "ticket with none", ticket_us(open_tickets=0), 50)
    ten_s = asyncio.run(Engine(bench.project, [Wait()]).run_reply(waits(10, 1.0)))
    yield Figure("10 reads of 1 s through the dispatcher", ten_s, "s", "one of them", 1.0, 1.05)
    yield Figure("10 fetches of 1 s", asyncio.run(fetches_s(bench)), "s", "one of them", 1.0, 1.2)
    at_once_s, one_by_one_s = asyncio.run(slow_reads_s(bench, 20))
    yield Figure("20 files, 10 ms latency each, at once", at_once_s, "s", "one by one", one_by_one_s, 0.25, "ratio")


def waits(count: int, duration_s: float) -> list[tuple[str, dict[str, Any]]]:
    return [("wait", {"path": f"src/f{number}.py", "duration_s": duration_s}) for number in range(count)]


# --- overhead ------------------------------------------------------------------------------------------------------


class AtOnce:
    """A sink that answers every call without a dispatcher."""

    def request_sent(self) -> None: ...

    def awaited(self, waited_s: float, silent_s: float, limit_s: float) -> None: ...

    def text(self, part: int, delta: str) -> None: ...

    def thinking(self, part: int, delta: str) -> None: ...

    def arguments(self, part: int, name: str, characters: int) -> None: ...

    def text_ended(self, part: int, text: str) -> None: ...

    def thinking_ended(self, part: int, text: str) -> None: ...

    def call(self, name: str, args: dict[str, Any], provider_id: str, malformed: str | None) -> None: ...

    def provider_call(self, name: str, args: dict[str, Any], provider_id: str) -> None: ...

    def provider_result(self, provider_id: str, content: object) -> None: ...

    def reply_ended(self, reply: ReplyInfo) -> None: ...

    async def outcome(self, provider_id: str) -> ToolOutcome:
        return ToolOutcome("ok", "done")

    def recorded(self, payload: str) -> None: ...


class NoBackground:
    def infos(self) -> tuple[()]:
        return ()

    async def end(self, background_id: str) -> bool:
        return False

    async def close(self) -> None: ...


async def turns_s(bench: Bench, repeats: Sequence[int]) -> tuple[float, float]:
    """Return the typical seconds of a turn of 1,000 calls with and without the dispatcher."""
    with_s, without_s = [], []
    for _ in repeats:
        with_s.append(await dispatched_s(bench.project))
        without_s.append(await undispatched_s())
    return typical(with_s), typical(without_s)


def scripted() -> ModelClient:
    calls = tuple(ScriptedCall("wait", {"path": f"src/f{number}.py"}) for number in range(CALLS))
    pool = ModelPool()
    pool.add("scripted", ScriptedModel([ScriptedReply(calls=calls), ScriptedReply("done")]).model())
    return ModelClient(pool, "scripted", None, None)


async def dispatched_s(root: Path) -> float:
    engine = Engine(root, [Wait()])
    parts = Parts(
        session_id="bench",
        client=scripted(),
        dispatcher=engine.dispatcher,
        emit=engine.events.append,
        settings=TurnSettings(limits=Limits()),
        workspace=engine.dispatcher.machinery.workspace,
        instructions="Be brief.",
        instruction_files=(),
        background=NoBackground(),
        branch=lambda: None,
        complete_path=_nothing,
        list_models=_nothing,
        save_rule=_nothing,
        forget_rule=_nothing,
    )
    agent = ConversationAgent(parts)
    began_s = time.monotonic()
    await agent.run_turn(1, "go")
    took_s = time.monotonic() - began_s
    [ended] = [event for event in engine.events if isinstance(event, TurnEnded)]
    if ended.end != "completed":
        raise RuntimeError(f"the turn ended as {ended.end}: {ended.error}")
    return took_s


async def _nothing(*_: object) -> tuple[()]:
    return ()


async def undispatched_s() -> float:
    specs = (ToolSpec(Wait.name, Wait.description, inline_schema(Wait.args)),)
    request = RunRequest(
        prompt="go",
        sink=AtOnce(),
        instructions="Be brief.",
        situation=lambda: "",
        offered=lambda: specs,
        pause=lambda: False,
    )
    client = scripted()
    began_s = time.monotonic()
    await client.run(request)
    return time.monotonic() - began_s


def ticket_us(open_tickets: int = OPEN_TICKETS) -> float:
    """Return the typical microseconds of taking and giving back a ticket for one file."""
    scheduler: Scheduler[CallKey] = Scheduler()
    for number in range(open_tickets):
        mode = Mode.WRITE if number % 5 == 0 else Mode.READ
        path = f"/home/someone/projects/app/src/package{number % 7}/module{number}.py"
        scheduler.reserve(CallKey("main", 1, number), Effects((Access(mode, path),)))
    mine = Effects((Access(Mode.READ, "/home/someone/projects/app/src/package3/module3.py"),))
    samples = []
    for number in range(2000):
        began_ns = time.perf_counter_ns()
        scheduler.release(scheduler.reserve(CallKey("main", 2, number), mine))
        samples.append((time.perf_counter_ns() - began_ns) / 1000)
    return typical(samples)


# --- overlap -------------------------------------------------------------------------------------------------------


async def fetches_s(bench: Bench) -> float:
    """Fetch ten pages that take 1 s each, from ten addresses of a server on this machine."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(1)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        authority = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        engine = Engine(bench.project, [WebFetch(Web({}, allow_private=[authority]))])
        pages = [("web_fetch", {"urls": [f"http://{authority}/{number}"]}) for number in range(10)]
        return await engine.run_reply(pages)


async def slow_reads_s(bench: Bench, count: int) -> tuple[float, float]:
    """Read files from a disk that takes 10 ms to answer: all in one reply, and each in a reply of its own."""

    async def slow_read(*args: Any, **options: Any) -> Any:
        await asyncio.sleep(LATENCY_S)
        return await read_file(*args, **options)

    calls = [("read", {"files": [{"path": f"src/f{number}.py"}]}) for number in range(count)]
    reading.read_file = slow_read  # type: ignore[assignment]  # There is no slow disk to be had.
    try:
        engine = Engine(bench.project, [reading.Read(FileLedger())])
        at_once_s = await engine.run_reply(calls)
        one_by_one = Engine(bench.project, [reading.Read(FileLedger())])
        return at_once_s, sum([await one_by_one.run_reply([call]) for call in calls])
    finally:
        reading.read_file = read_file
