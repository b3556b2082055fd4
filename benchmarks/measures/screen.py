"""The screen on a pseudo-terminal of 200×50: until the prompt is there, the first request, idle cost, idle keys.

Baselines: the smallest Textual app with an input and a footer, first frame; for the first request, that frame plus
the import of the model's class; for memory, that app.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.harness.bench import MODEL_CLASS, PLAIT, PYTHON, Bench, Service
from benchmarks.harness.figures import Figure, typical
from benchmarks.harness.processes import tree_cost
from benchmarks.harness.terminal import PROBES, Terminal

HELLO = {"parts": [{"text": "Hello from the scripted model."}]}
PROMPT = "❯".encode()
"""What the prompt begins with."""
FLOOR = """
from textual.app import App
from textual.widgets import Input, Footer, Static
class Floor(App):
    def compose(self):
        yield Static("floor"); yield Input(placeholder="prompt-here"); yield Footer()
Floor().run()
"""
PATIENCE_S = 20.0


def measure(bench: Bench) -> Iterator[Figure]:
    floor_file = bench.root / "floor.py"
    floor_file.write_text(FLOOR)
    visible_s: list[float] = []
    floors_s: list[float] = []
    to_request_s: list[float] = []
    imports_s: list[float] = []
    with bench.service(HELLO) as service:
        argv = [PLAIT, *service.flags()]
        for number in (-1, *bench.repeats(7)):
            with bench.terminal(PYTHON, str(floor_file)) as floor:
                floor_s = floor.wait_for(b"prompt-here", PATIENCE_S) - floor.began_s
            with bench.terminal(*argv) as terminal:
                seen_s = terminal.wait_for(PROMPT, PATIENCE_S) - terminal.began_s
                request_s = first_request_s(terminal, service)
            imported_s = bench.python(MODEL_CLASS).wall_s
            if number >= 0:
                visible_s.append(seen_s)
                floors_s.append(floor_s)
                to_request_s.append(request_s)
                imports_s.append(imported_s)
        floor_s = typical(floors_s)
        yield Figure("screen: prompt visible", typical(visible_s), "s", "smallest Textual app", floor_s, 1.25, "ratio")
        both = "smallest Textual app + import of the model class"
        least_s = floor_s + typical(imports_s)
        yield Figure("screen: start → first request", typical(to_request_s), "s", both, least_s, 1.15, "ratio")
        with bench.terminal(PYTHON, str(floor_file)) as floor:
            floor.wait_for(b"prompt-here", PATIENCE_S)
            floor_mb = tree_cost(floor.process.pid)[1]
        with bench.terminal(*argv) as terminal:
            terminal.wait_for(PROMPT, PATIENCE_S)
            yield from idle(terminal, floor_mb, watch_s=3.0 if bench.quick else 10.0)


def first_request_s(terminal: Terminal, service: Service) -> float:
    """Type a prompt at once; return the seconds from the program's start to its first request."""
    terminal.type("go")
    terminal.send(b"\r")
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s and not terminal.closed:
        terminal.pump(0.02)
        if asked := service.requests():
            return float(asked[0]["received_s"]) - terminal.began_s
    raise RuntimeError(f"no request came; the screen ends with {terminal.text()[-400:]!r}")


def idle(terminal: Terminal, floor_mb: float, watch_s: float) -> Iterator[Figure]:
    terminal.pump_for(3.0)
    before_cpu_s, quiet_mb = tree_cost(terminal.process.pid)
    terminal.pump_for(watch_s)
    after_cpu_s, _ = tree_cost(terminal.process.pid)
    echoes = []
    for char in PROBES[:30]:
        echoes.append(terminal.echo_s(char, 2.0))
        terminal.pump_for(0.1)
    seen = [echo * 1000 for echo in echoes if echo is not None]
    if len(seen) < len(echoes):
        raise RuntimeError(f"{len(echoes) - len(seen)} of {len(echoes)} keys were not painted")
    loaded_mb = tree_cost(terminal.process.pid)[1]
    yield Figure("screen: idle memory, nothing typed yet", quiet_mb, "MB", "smallest Textual app", floor_mb, 65)
    yield Figure("screen: memory after the first keys", loaded_mb, "MB", "smallest Textual app", floor_mb, 120)
    yield Figure("screen: idle CPU", 100 * (after_cpu_s - before_cpu_s) / watch_s, "%", reach=0.3)
    yield Figure("screen: idle key → echo, median", typical(seen), "ms", reach=3)
    yield Figure("screen: idle key → echo, worst of 30", max(seen), "ms", reach=8)
