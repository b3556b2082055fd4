"""`python -m benchmarks.commands.unasked [--run N]`: what generated lines do that need no question.

Lines are generated, judged by Plait, and those that need no question are run by plain bash, without Plait's sandbox,
in a namespace without capabilities (`machine`), among canaries (`canaries`). A line that does more than read inside of
the project is printed, made as short as it can be. The exit code is 1 if there is one, or if too few ran.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

from benchmarks.commands.unasked.machine import BWRAP, REPOSITORY, start


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.commands.unasked", description=__doc__.splitlines()[0].partition("`: ")[2]
    )
    parser.add_argument("--run", type=int, default=20_000, metavar="N", help="how many lines are run, after judging")
    parser.add_argument("--each", type=int, default=100, help="how often each program of the table is run at least")
    parser.add_argument("--seed", default=time.strftime("%Y%m%d"), help="the same seed gives the same lines")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=600, help="at most so long")
    parser.add_argument("--programs", default="", help="only lines for these, with commas between")
    parser.add_argument("--code", type=Path, default=REPOSITORY / "src", help="the `src` of the Plait that judges")
    parser.add_argument("--keep", type=Path, help="write all reports to this file, as JSON lines")
    parser.add_argument("--line", action="append", help="judge and run just this line, whatever Plait says of it")
    options = parser.parse_args()
    if BWRAP is None:
        parser.error("bubblewrap is not installed; without it nothing is run")
    if options.line:
        for report in reports(["--one", json.dumps(options.line)], options.code):
            say(json.dumps(report, ensure_ascii=False))
        return 0
    found = campaign(options)
    if options.keep is not None:
        options.keep.write_text("".join(json.dumps(report) + "\n" for report in found), encoding="utf-8")
    return summary(found, options.run, options.each)


def campaign(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run all workers side by side; print marks as they come."""
    found: list[dict[str, Any]] = []

    def collect(number: int) -> None:
        arguments = ["--seed", f"{options.seed}.{number}", "--runs", str(-(-options.run // options.workers))]
        arguments += ["--each", str(-(-options.each // options.workers)), "--seconds", str(60 * options.minutes)]
        arguments += ["--programs", options.programs]
        for report in reports(arguments, options.code):
            found.append(report)
            if report["kind"] != "end":
                say(shown(report))

    threads = [Thread(target=collect, args=(number,)) for number in range(options.workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def reports(arguments: Sequence[str], code: Path) -> Iterator[dict[str, Any]]:
    """Yield what one worker reports; `died` if it ended before its time, with the line that it ran last."""
    with tempfile.TemporaryFile() as now:
        with start([*arguments, "--now", str(now.fileno())], code, keep_open=(now.fileno(),)) as process:
            assert process.stdout is not None
            for line in process.stdout:
                yield json.loads(line)
        if process.returncode != 0:
            now.seek(0)
            last = now.read().decode("utf-8", "replace").partition("\0")[0]
            yield {"kind": "died", "exit": process.returncode, "line": last}


def shown(report: Mapping[str, Any]) -> str:
    if report["kind"] != "mark":
        return f"{report['kind'].upper()} {json.dumps(report, ensure_ascii=False)}"
    marks = "; ".join(f"{kind} {what}".strip() for kind, what in report["marks"][:3])
    with_files = "".join(f"\n    {name}: {text!r}" for name, text in report["files"].items())
    around = ", ".join([*report["features"], *(report["loud"] if "git traps" in report["features"] else ())])
    return f"MARK ({report['program']}) {report['line']!r}\n    {marks}{with_files}" + (
        f"\n    in: {around}" if around else ""
    )


def summary(found: Sequence[Mapping[str, Any]], wanted: int, each: int) -> int:
    ends = [report for report in found if report["kind"] == "end"]
    total: Counter[str] = Counter()
    ran: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for end in ends:
        total.update(end["total"])
        ran.update(end["ran"])
        tried.update(end["tried"])
        for *kind, count in end["kinds"]:
            kinds[": ".join(kind)] += count
    missing = {name for end in ends for name in end["missing"]}
    of_table = [name for name in dict.fromkeys(name for end in ends for name in end["of_table"]) if name not in missing]
    few = {name: ran[name] for name in of_table if ran[name] < each}
    say(f"{total['lines']:,} lines, {total['run']:,} needed no question and were run, {total['marked']:,} left a mark")
    say(f"judging {total['judging_us'] / max(1, total['lines']) / 1000:.2f} ms a line, running "
        f"{total['running_us'] / max(1, total['run']) / 1000:.0f} ms; {total['hung']} ended by their time")  # fmt: skip
    for kind, count in kinds.most_common():
        say(f"    {count:5} {kind}")
    say(f"programs of the table run at least {each} times: {len(of_table) - len(few)} of {len(of_table)}")
    for name, count in sorted(few.items(), key=lambda entry: entry[1]):
        say(f"    {count:5} of {tried[name]:6} lines ran: {name}")
    if missing:
        say(f"not on this machine: {', '.join(sorted(missing))}")
    is_whole = total["run"] >= wanted and not any(report["kind"] == "died" for report in found)
    return 0 if is_whole and not total["marked"] else 1


def say(text: str) -> None:
    sys.stdout.write(text.encode("utf-8", "replace").decode("utf-8") + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
