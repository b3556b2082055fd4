"""What a start costs: `--version` and `--help` against an empty Python, and the imports that others build on.

Baseline of `--version`: `python -c pass`, below which no Python program comes. Of `--help`: the same with
`import argparse`, with which most programs print theirs.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness.bench import MODEL_CLASS, PLAIT, PYTHON, Bench
from benchmarks.harness.figures import Figure, typical

FLOORS = {
    "python -c pass": [PYTHON, "-c", "pass"],
    "import argparse": [PYTHON, "-c", "import argparse"],
    "plait --version": [PLAIT, "--version"],
    "plait --help": [PLAIT, "--help"],
    "import textual.app": [PYTHON, "-c", "import textual.app"],
    "import pydantic_ai": [PYTHON, "-c", "import pydantic_ai"],
    "import model class": [PYTHON, "-c", MODEL_CLASS],
}


def measure(bench: Bench) -> Iterator[Figure]:
    samples: dict[str, list[float]] = {name: [] for name in FLOORS}
    # The first round warms the disk's cache; each round runs all, so that all see the same machine.
    for number in (-1, *bench.repeats(11)):
        for name, argv in FLOORS.items():
            wall_s = bench.run(*argv).wall_s
            if number >= 0:
                samples[name].append(wall_s)
    took_s = {name: typical(values) for name, values in samples.items()}
    yield Figure("--version", took_s["plait --version"], "s", "python -c pass", took_s["python -c pass"], 0.045)
    yield Figure("--help", took_s["plait --help"], "s", "import argparse", took_s["import argparse"], 0.055)
    for name in ("import textual.app", "import pydantic_ai", "import model class"):
        yield Figure(f"floor: {name}", took_s[name], "s", "python -c pass", took_s["python -c pass"])
