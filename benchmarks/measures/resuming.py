"""`plait -p -r` on a session of 1,000 turns against one of a few turns: from the start to the exit.

The long session is made from the log of a real turn, repeated under rising numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness.bench import Bench
from benchmarks.harness.figures import Figure, typical
from benchmarks.harness.sessions import grow, newest_session

HELLO = {"parts": [{"text": "Hello from the scripted model, in a sentence of some length."}]}
TURNS = 1000


def measure(bench: Bench) -> Iterator[Figure]:
    with bench.service(HELLO) as service:
        bench.plait("-p", "say hello", *service.flags())
        short = newest_session(bench)
        bench.plait("-p", "say hello", *service.flags())
        long = newest_session(bench)
        grow(bench, long, TURNS)
        took_s: dict[str, list[float]] = {short: [], long: []}
        for number in (-1, *bench.repeats(5)):
            for session in took_s:
                ran = bench.plait("-p", "go on", "-r", session, *service.flags())
                if number >= 0:
                    took_s[session].append(ran.wall_s)
        replies = max(request["replies"] for request in service.requests())
    if replies < TURNS:
        raise RuntimeError(f"the long session was sent with {replies} replies, not {TURNS}")
    yield Figure(
        "-p -r, 1,000 turns: start → exit",
        typical(took_s[long]),
        "s",
        "-p -r, a few turns",
        typical(took_s[short]),
        1.5,
        "ratio",
    )
