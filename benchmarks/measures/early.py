"""Early start: five reads arrive 300 ms apart in one streamed reply, through `plait --print`.

The first must have ended before the last has arrived; both times are those of the session's log.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness.bench import Bench
from benchmarks.harness.figures import Figure
from benchmarks.harness.sessions import events, newest_session

CALLS = 5
GAP_S = 0.3


def measure(bench: Bench) -> Iterator[Figure]:
    parts = []
    for number in range(CALLS):
        parts += [{"call": "read", "args": {"files": [{"path": f"src/f{number}.py"}]}}, {"pause": GAP_S}]
    with bench.service({"parts": parts[:-1]}, {"parts": [{"text": "Done."}]}) as service:
        bench.plait("-p", "go", *service.flags())
        said = events(bench, newest_session(bench))
    at_ms = {(event["type"], event["key"]["call"]): event["at"] for event in said if "key" in event}
    first_ms = at_ms["CallReserved", 1]
    ended_s = (at_ms["CallEnded", 1] - first_ms) / 1000
    last_s = (at_ms["CallReserved", CALLS] - first_ms) / 1000
    yield Figure("early start: first call ended after", ended_s, "s", "last call arrived after", last_s, 1.0, "ratio")
