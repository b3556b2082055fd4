"""`python -m benchmarks.commands [--misses] [--file F] [--run] [--fuzz SECONDS]`: how commands are judged.

Prints for each class how many are judged wrong, and what judging one costs. `--run` runs every command that is labelled
harmless in a throw-away copy of a project and tells which of them changed it. `--fuzz` compares lines with bash.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.commands.really import changed_by
from benchmarks.commands.sample import CLASSES, COMMANDS, Labelled, labelled, make_project
from benchmarks.commands.splitting import fuzz, say

from plait.effects.shell import check
from plait.host.paths import Workspace

MOST_ASKED = {"plain": 5.0, "tricky": 40.0}
MOST_UNNAMED = 5.0
MOST_MEDIAN_MS = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commands", description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, default=COMMANDS, help="other commands, in the same form")
    parser.add_argument("--misses", action="store_true", help="print what is judged wrong")
    parser.add_argument("--run", action="store_true", help="run what is labelled harmless, in a throw-away directory")
    parser.add_argument("--fuzz", type=float, metavar="SECONDS", help="compare random lines with bash for so long")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="plait-commands-") as folder:
        top = make_project(Path(folder) / "project")
        if options.fuzz is not None:
            return fuzz(options.fuzz, top)
        entries = list(labelled(options.file))
        return _ran(entries, top) if options.run else _rates(entries, top, misses=options.misses)


def _rates(entries: list[Labelled], top: Path, *, misses: bool) -> int:
    workspace = Workspace.at(top)
    wrong: dict[str, list[tuple[Labelled, str, str]]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    took_ms: list[float] = []
    for entry in entries:
        began_s = time.perf_counter()
        given, reason, _ = check(entry.command, top, workspace)
        took_ms.append(1000 * (time.perf_counter() - began_s))
        counts[entry.kind] += 1
        if given not in entry.right:
            wrong[entry.kind].append((entry, given, reason))
    failed = False
    for kind in CLASSES:
        if not counts[kind]:
            continue
        ran = sum(given == "read_only" for _, given, _ in wrong[kind])
        named = sum(given == "dangerous" for _, given, _ in wrong[kind])
        share = 100 * len(wrong[kind]) / counts[kind]
        told = f"{kind:7} {counts[kind]:5} commands, {share:5.1f} % wrong"
        if kind in MOST_ASKED:
            say(f"{told} (asked), {named} named dangerous")
            failed |= share > MOST_ASKED[kind]
        else:
            say(f"{told}: {ran} would run, {named if kind == 'ask' else len(wrong[kind])} named wrong")
            failed |= ran > 0 or (share > MOST_UNNAMED and kind == "danger")
        if misses:
            for entry, given, reason in wrong[kind]:
                say(f"    {given:9} {entry.command!r}: {reason}")
    took_ms.sort()
    median_ms = statistics.median(took_ms)
    say(f"judging one: median {median_ms:.2f} ms, p95 {took_ms[int(0.95 * len(took_ms))]:.2f} ms")
    return 1 if failed or median_ms > MOST_MEDIAN_MS else 0


def _ran(entries: list[Labelled], top: Path) -> int:
    harmless = [entry.command for entry in entries if entry.right[0] == "read_only"]
    began_s = time.monotonic()
    changed = {command: what for command in harmless if (what := changed_by(command, top))}
    for command, what in changed.items():
        say(f"CHANGED {', '.join(what)}: {command!r}")
    say(
        f"{len(harmless)} harmless commands run in {time.monotonic() - began_s:.0f} s, {len(changed)} changed something"
    )
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
