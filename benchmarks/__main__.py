"""`python -m benchmarks [NAME …] [--quick]`: measure, print a table, keep the figures as JSON.

Every figure is taken together with its baseline in this very run; compare ratios, not times, between machines.
A measurement that cannot be taken is reported with its reason, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import machine
from benchmarks.harness.bench import REPOSITORY, Bench
from benchmarks.harness.figures import Figure, table

# The last ones load the engine into this process.
MEASURES = (
    "start",
    "headless",
    "batches",
    "early",
    "resuming",
    "screen",
    "streaming",
    "dispatching",
    "sandbox",
    "definitions",
    "indexing",
)
RESULTS = REPOSITORY / "benchmarks" / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASURES)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument("--json", type=Path, help="where to keep the figures (default: benchmarks/results/TIME.json)")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(MEASURES))
    if unknown:
        parser.error(f"no such measurement: {', '.join(unknown)}")
    described = machine.describe()
    say(machine.line(described))
    figures: list[Figure] = []
    problems: dict[str, str] = {}
    for name in options.names or MEASURES:
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="plait-bench-", ignore_cleanup_errors=True) as root:
            try:
                # Imported when its turn has come: some load the engine into this process.
                measure = importlib.import_module(f"benchmarks.measures.{name}").measure
                figures += measure(Bench.under(Path(root), quick=options.quick))
            except Exception as error:  # One that cannot be taken must not keep the others from being taken.
                problems[name] = f"{type(error).__name__}: {error}"
        sys.stderr.write(f"{name}: {time.monotonic() - began_s:.0f} s\n")
    say("\n" + table(figures))
    for name, problem in problems.items():
        say(f"\n{name} could not be measured: {problem}")
    keep(options.json, described, figures, problems)
    return 1 if problems else 0


def keep(path: Path | None, described: dict[str, object], figures: list[Figure], problems: dict[str, str]) -> None:
    if path is None:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / time.strftime("%Y%m%dT%H%M%S.json")
    rows = [{**dataclasses.asdict(figure), "ratio": figure.ratio, "reached": figure.reached} for figure in figures]
    path.write_text(json.dumps({"machine": described, "figures": rows, "problems": problems}, indent=1) + "\n")
    sys.stderr.write(f"kept in {path}\n")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
