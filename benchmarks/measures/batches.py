"""Several calls in one reply, through `plait --print`: from the reply's last byte to the next request.

Baseline: what the calls need if nothing runs beside anything else. For reads, one call instead of ten.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.harness.bench import Bench
from benchmarks.harness.figures import Figure, typical

DONE = {"parts": [{"text": "Done."}]}


def shell(command: str) -> dict[str, Any]:
    return {"call": "shell", "args": {"command": command}}


def reads(count: int) -> list[dict[str, Any]]:
    return [{"call": "read", "args": {"files": [{"path": "src/f{n}.py"}]}, "repeat": count}]


SLEEPS = [{**shell("sleep 1 && echo ok {n}"), "repeat": 5}]
WRITES = [{**shell("sleep 1 && echo written > out{n}.txt"), "repeat": 3}]
MIXED = [
    shell("sleep 1 && cat src/f0.py"),
    {"call": "edit", "args": {"path": "notes.txt", "content": "A note.\n"}},
    shell("sleep 1 && cat src/f1.py"),
]


def measure(bench: Bench) -> Iterator[Figure]:
    one_ms = gap_s(bench, reads(1), bench.repeats(7)) * 1000
    ten_ms = gap_s(bench, reads(10), bench.repeats(7)) * 1000
    yield Figure("10 reads: reply → next request", ten_ms, "ms", "1 read", one_ms, 15)
    once = bench.repeats(1)
    yield Figure("5 × `sleep 1`", gap_s(bench, SLEEPS, once), "s", "one after the other", 5.0, 1.03)
    yield Figure(
        "3 shell writes of 1 s, different files", gap_s(bench, WRITES, once), "s", "one after the other", 3, 1.1
    )
    yield Figure(
        "read 1 s, write another file, read 1 s", gap_s(bench, MIXED, once), "s", "one after the other", 2, 1.1
    )


def gap_s(bench: Bench, parts: list[dict[str, Any]], repeats: range) -> float:
    """Return the typical seconds from the last byte of the reply with the calls to the request with their results.

    Raises:
        RuntimeError: A call failed, so its time says nothing.
    """
    samples = []
    with bench.service({"parts": parts}, DONE) as service:
        for _ in repeats:
            (bench.project / "notes.txt").unlink(missing_ok=True)
            bench.plait("-p", "go", *service.flags())
            first, second = service.requests()
            bad = [text for _, text in second["results"] if '"error"' in text[:20]]
            expected = sum(part.get("repeat", 1) for part in parts)
            if bad or len(second["results"]) != expected:
                raise RuntimeError(f"{len(second['results'])} results of {expected}, failed: {bad[:2]}")
            samples.append(second["received_s"] - first["answered_s"])
    return typical(samples)
