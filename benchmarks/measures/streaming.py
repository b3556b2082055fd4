"""A stream of 20,000 tokens at once, and one of 300 tokens a second: until it is painted, CPU, the worst key meanwhile.

Baseline: the same stream read through pydantic-ai alone, in a Python of its own that prints nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.bench import PLAIT, Bench, Service
from benchmarks.harness.figures import Figure, typical
from benchmarks.harness.processes import tree_cost
from benchmarks.harness.terminal import PROBES, Terminal
from benchmarks.measures.screen import PATIENCE_S, PROMPT

TOKENS = 20_000
CHARACTERS_A_TOKEN = 4
CHUNK_CHARACTERS = 12
LAST = "Ѫ"
"""Stands at the end of the answer and nowhere else."""
KEY_EVERY_S = 0.1
WORDS = "the parser walks every node of this tree and returns a small list of spans that callers merge later"
ALONE_NAME = "pydantic-ai alone"
ALONE = """
import asyncio, time, sys
from pydantic_ai.messages import ModelRequest, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
async def main():
    model = OpenAIChatModel("scripted-model", provider=OpenAIProvider(base_url=sys.argv[1], api_key="-"))
    began, cpu = time.monotonic(), time.process_time()
    async with model.request_stream([ModelRequest([UserPromptPart("go")])], None, ModelRequestParameters()) as reply:
        async for _ in reply:
            pass
    print(time.monotonic() - began, time.process_time() - cpu)
asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Painted:
    """took_s: from Enter until the end of the answer was painted. key_ms: each key typed meanwhile until its echo."""

    took_s: float
    cpu_s: float
    key_ms: list[float]


def measure(bench: Bench) -> Iterator[Figure]:
    with bench.service({"parts": [answer(TOKENS)]}) as service:
        alone_s, alone_cpu_s = alone(bench, service)
        printed_s = [
            bench.plait("-p", "go", *service.flags()).ended_s - service.requests()[-1]["received_s"]
            for _ in bench.repeats(3)
        ]
        painted = [paint(bench, service, deadline_s=40) for _ in bench.repeats(2)]
    yield Figure("-p, 20,000 tokens: request → exit", typical(printed_s), "s", ALONE_NAME, alone_s, 1.3, "ratio")
    took_s, cpu_s = typical([run.took_s for run in painted]), typical([run.cpu_s for run in painted])
    yield Figure("screen, 20,000 tokens: painted after", took_s, "s", ALONE_NAME, alone_s, 1.3, "ratio")
    yield Figure("screen, 20,000 tokens: CPU", cpu_s, "s", ALONE_NAME, alone_cpu_s)
    worst_ms = max(key for run in painted for key in run.key_ms)
    yield Figure("screen, 20,000 tokens: worst key", worst_ms, "ms", reach=18)
    seconds = 4 if bench.quick else 10
    gap_s = CHUNK_CHARACTERS / CHARACTERS_A_TOKEN / 300
    with bench.service({"parts": [answer(300 * seconds, gap_s)]}) as service:
        run = paint(bench, service, deadline_s=40)
    yield Figure("screen, 300 tokens/s: CPU a second", run.cpu_s / run.took_s, "s", reach=0.13)
    yield Figure("screen, 300 tokens/s: worst key", max(run.key_ms), "ms", reach=12)


def answer(tokens: int, gap_s: float = 0.0) -> dict[str, Any]:
    """Return a part of a reply: Markdown with headings, lists, code and tables."""
    words = WORDS.split()
    text = ""
    section = 0
    while len(text) < tokens * CHARACTERS_A_TOKEN:
        section += 1
        prose = " ".join(words[(section * 7 + place * 5) % len(words)] for place in range(70))
        code = f"def step_{section}(node):\n    for child in node.children:\n        yield from step_{section}(child)\n"
        text += f"## section {section}\n\n{prose}, **bold** and `code`.\n\n- one\n- *two*\n\n```python\n{code}```\n\n"
        text += f"| key | value |\n|---|---|\n| a{section} | {section * 3} |\n\n"
    return {
        "text": text[: tokens * CHARACTERS_A_TOKEN] + f"\n\nthe end {LAST}\n",
        "chunk_chars": CHUNK_CHARACTERS,
        "gap_s": gap_s,
    }


def alone(bench: Bench, service: Service) -> tuple[float, float]:
    """Return the typical seconds, and CPU seconds, that the library takes for the stream."""
    runs = []
    for _ in bench.repeats(3):
        ran = bench.python(ALONE.replace("sys.argv[1]", repr(service.base_url)))
        runs.append([float(word) for word in ran.output.split()[-2:]])
    return typical([run[0] for run in runs]), typical([run[1] for run in runs])


def paint(bench: Bench, service: Service, deadline_s: float) -> Painted:
    """Ask in the screen, and type a key each 0.1 s until the end of the answer is painted."""
    with bench.terminal(PLAIT, *service.flags()) as terminal:
        terminal.wait_for(PROMPT, PATIENCE_S)
        terminal.pump_for(2.0)
        # The first key has the engine loaded, which is another figure.
        terminal.type("go")
        terminal.pump_for(3.0)
        before_s, _ = tree_cost(terminal.process.pid)
        began_s = time.monotonic()
        scanned = len(terminal.screen)
        terminal.send(b"\r")
        key_ms: list[float] = []
        probes = iter(PROBES)
        while time.monotonic() < began_s + deadline_s and not terminal.closed:
            if terminal.screen.find(LAST.encode(), scanned) >= 0:
                took_s = time.monotonic() - began_s
                return Painted(took_s, tree_cost(terminal.process.pid)[0] - before_s, key_ms or [0.0])
            scanned = max(scanned, len(terminal.screen) - 4)
            probe = next(probes, None)
            echo_s = terminal.echo_s(probe, 5.0) if probe is not None else None
            if echo_s is not None:
                key_ms.append(echo_s * 1000)
            pump_until_painted(terminal, KEY_EVERY_S, scanned)
    raise RuntimeError(f"the end of the answer was not painted within {deadline_s:g} s: {terminal.text()[-300:]!r}")


def pump_until_painted(terminal: Terminal, duration_s: float, start: int) -> None:
    end_s = time.monotonic() + duration_s
    while time.monotonic() < end_s and terminal.screen.find(LAST.encode(), start) < 0:
        terminal.pump(end_s - time.monotonic())
