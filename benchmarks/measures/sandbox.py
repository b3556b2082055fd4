"""What the sandbox adds to a command: `true` in bash, in the sandbox that this machine has, beside the same without.

The two take turns, so that what else the machine does meets both alike. Median and 95th percentile of each.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.bench import Bench
from benchmarks.harness.figures import Figure

from plait.host.commands import start_shell
from plait.host.sandbox import Sandbox, Sandboxing

MOST_ADDED_MS = 30


def measure(bench: Bench) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="plait-sandbox-") as own:
        sandboxing = Sandboxing("auto", (bench.project,), (Path(own),), Path(own))
        sandbox = sandboxing.sandbox()
        if sandbox.kind == "none":
            raise RuntimeError(f"there is no sandbox to measure: {sandbox.words}")
        bare, inside = asyncio.run(commands_ms(bench.project, sandbox, bench.repeats(60)))
        sandboxing.close()
    for name, share in (("median", 0.5), ("95th percentile", 0.95)):
        bare_ms, inside_ms = (sorted(times)[int(len(times) * share)] for times in (bare, inside))
        yield Figure(
            f"{sandbox.words}: added to a command, {name}",
            inside_ms - bare_ms,
            "ms",
            "the same command without",
            bare_ms,
            MOST_ADDED_MS,
        )


async def commands_ms(place: Path, sandbox: Sandbox, turns: range) -> tuple[list[float], list[float]]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in turns:
        for taken, within in zip(times, (None, sandbox), strict=True):
            began_s = time.perf_counter()
            process = await start_shell("true", cwd=place, sandbox=within)
            await process.wait()
            taken.append((time.perf_counter() - began_s) * 1000)
    return times
