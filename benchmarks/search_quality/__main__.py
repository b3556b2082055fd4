"""`python -m benchmarks.search_quality`: how good the answers are, by kind of query.

PLAIT_CORPORA names the directory of the corpora (see corpora.py). `--table` sets the baselines beside Plait; semble
takes part if PLAIT_SEMBLE names an interpreter that has it. A searcher that cannot run is reported with its reason.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.search_quality.corpora import CORPORA, directory
from benchmarks.search_quality.queries import KINDS, Query, read_queries
from benchmarks.search_quality.scores import Place, Score, score
from benchmarks.search_quality.searchers import Ctags, RipgrepAlone, Searcher, plait_indexed, plait_live, semble

LINED = ("definition", "qualified", "imports")
"""Kinds of which the line counts too."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One query's outcome with one searcher."""

    query: Query
    hits: tuple[Place, ...]
    score: Score
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search_quality", description=__doc__.splitlines()[0])
    parser.add_argument("--repo", action="append", choices=sorted(CORPORA), help="only this corpus")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind of query")
    parser.add_argument("--half", choices=("tune", "held"), help="only this half of the queries")
    parser.add_argument("--live", action="store_true", help="without the index")
    parser.add_argument("--indexed", action="store_true", help="over the index")
    parser.add_argument("--unsaid", action="store_true", help="the kind is not sent along, as when a person types")
    parser.add_argument("--table", action="store_true", help="set the baselines beside it")
    parser.add_argument("--misses", action="store_true", help="print what was not answered by the first file")
    options = parser.parse_args()
    chosen = [
        query
        for query in read_queries()
        if query.repo in (options.repo or CORPORA)
        and query.kind in (options.kind or KINDS)
        and options.half in (None, query.half)
    ]
    columns = {}
    for name, make in _searchers(options).items():
        try:
            columns[name] = _asked(chosen, make, name)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            sys.stderr.write(f"{name}: {type(error).__name__}: {error}" + "\n")
    halves = (options.half,) if options.half else ("tune", "held")
    for half in halves:
        _print_table(half, {name: [one for one in all_ if one.query.half == half] for name, all_ in columns.items()})
    if options.misses:
        for name, asked in columns.items():
            _print_misses(name, asked)
    return 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _searchers(options: argparse.Namespace) -> dict[str, Callable[[Path], Searcher]]:
    cache = directory() / ".plait-cache"
    hints = not options.unsaid
    every = options.table or not (options.live or options.indexed)
    made: dict[str, Callable[[Path], Searcher]] = {}
    if options.indexed or every:
        made["indexed"] = lambda root: plait_indexed(root, cache, hints=hints)
    if options.live or every:
        made["live"] = lambda root: plait_live(root, hints=hints)
    if options.table:
        if hints:
            made["unsaid"] = lambda root: plait_indexed(root, cache, hints=False)
        made["rg"] = RipgrepAlone
        made["ctags"] = Ctags
        if python := os.environ.get("PLAIT_SEMBLE"):
            made["semble"] = lambda root: semble(root, python)
    return made


def _asked(queries: Sequence[Query], make: Callable[[Path], Searcher], name: str) -> list[Asked]:
    outcome = []
    for repo in dict.fromkeys(query.repo for query in queries):
        sys.stderr.write(f"{name}: {repo} …" + "\n")
        with make(directory() / CORPORA[repo].below) as searcher:
            mine = [query for query in queries if query.repo == repo]
            # The first one pays for starting, whatever it asks.
            searcher.ask(mine[0])
            for query in mine:
                started = time.perf_counter()
                hits = searcher.ask(query)
                seconds = time.perf_counter() - started
                if hits is not None:
                    outcome.append(Asked(query, tuple(hits), score(query, hits), seconds))
    return outcome


def _print_table(half: str, columns: dict[str, list[Asked]]) -> None:
    count = max((len(asked) for asked in columns.values()), default=0)
    say(f"\n{half}: {count} queries; NDCG@10 / MRR / right file first / among ten; line: right within 2 lines")
    say("| kind | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
    for kind in KINDS:
        cells = [_cell([one for one in asked if one.query.kind == kind]) for asked in columns.values()]
        if any(cell != "–" for cell in cells):
            say(f"| {kind} | " + " | ".join(cells) + " |")
    say("| p50 / p95 ms | " + " | ".join(_times([one.seconds for one in asked]) for asked in columns.values()) + " |")


def _cell(asked: Sequence[Asked]) -> str:
    if not asked:
        return "–"
    scores = [one.score for one in asked]
    mean = statistics.fmean
    cell = f"{mean(one.ndcg for one in scores):.3f} / {mean(one.reciprocal for one in scores):.2f}"
    cell += f" / {mean(one.first for one in scores):.2f} / {mean(one.among_ten for one in scores):.2f}"
    lines = [one.right_line for one in scores if one.right_line is not None]
    if asked[0].query.kind in LINED and lines:
        cell += f", line {statistics.fmean(lines):.2f}"
    return cell


def _times(seconds: Sequence[float]) -> str:
    if not seconds:
        return "–"
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2] * 1000:.1f} / {ordered[int(len(ordered) * 0.95)] * 1000:.1f}"


def _print_misses(name: str, asked: Sequence[Asked]) -> None:
    for one in asked:
        wrong_line = one.query.kind in LINED and one.score.right_line is False
        if one.score.ndcg >= 0.98 and not wrong_line:
            continue
        grades = one.query.grades()
        say(f"\n{name} {one.query.half} {one.query.repo} {one.query.kind} {one.score.ndcg:.2f} {one.query.text!r}")
        if one.query.asked != one.query.text:
            say(f"  asked {one.query.asked!r}")
        say("  right " + ", ".join(f"{a.path}:{a.line}" for a in one.query.answers[:5]))
        say("  found " + ", ".join(f"{'*' * grades.get(h.path, 0)}{h.path}:{h.line}" for h in one.hits[:6]))


if __name__ == "__main__":
    sys.exit(main())
