"""`plait --print` of one reply: until the first request, after the last byte, memory, size of the first request.

Baseline of start → first request: importing the class of the model in use, in a Python of its own, in the same run.
Baseline of memory: a Python that has imported that class and does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks.harness.bench import MODEL_CLASS, Bench
from benchmarks.harness.figures import Figure, typical

HELLO = {"parts": [{"text": "Hello from the scripted model."}]}
CHARACTERS_A_TOKEN = 4


def measure(bench: Bench) -> Iterator[Figure]:
    to_request_s: list[float] = []
    to_exit_s: list[float] = []
    imports_s: list[float] = []
    with bench.service(HELLO) as service:
        for number in (-1, *bench.repeats(9)):
            ran = bench.plait("-p", "say hello", *service.flags())
            [request] = service.requests()
            imported_s = bench.python(MODEL_CLASS).wall_s
            if number >= 0:
                to_request_s.append(request["received_s"] - ran.began_s)
                to_exit_s.append(ran.ended_s - request["answered_s"])
                imports_s.append(imported_s)
        peak_mb = bench.plait("-p", "say hello", *service.flags(), sample_memory=True).peak_mb
        floor_mb = bench.python(MODEL_CLASS + "; import time; time.sleep(0.2)", sample_memory=True).peak_mb
        body = service.requests()[-1]["body"]
    model_class = "import of the model class"
    yield Figure(
        "-p: start → first request",
        typical(to_request_s),
        "s",
        model_class,
        typical(imports_s),
        1.2,
        "ratio",
        "then ≤ 0.5 ×",
    )
    yield Figure("-p: last byte → exit", typical(to_exit_s) * 1000, "ms", reach=25)
    yield Figure("-p: memory of the tree", peak_mb, "MB", "python with the model class", floor_mb, 110)
    parts = {"tools": body.get("tools", []), "messages": body["messages"]}
    characters = {name: len(json.dumps(part, separators=(",", ":"))) for name, part in parts.items()}
    tokens = {name: count / CHARACTERS_A_TOKEN for name, count in characters.items()}
    yield Figure(
        "first request",
        sum(tokens.values()),
        "tokens",
        "of these its tools",
        tokens["tools"],
        3000,
        note=f"estimate, characters / {CHARACTERS_A_TOKEN}",
    )
