"""Inside the namespace: generate lines, judge them, run those that need no question, and report what they did.

Prints one JSON object a line: `mark` for a line that did what it must not, `end` with the counts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.commands.unasked.canaries import Canaries, Mark
from benchmarks.commands.unasked.lines import Line, Lines
from benchmarks.commands.unasked.options import OTHER_NAMES, Spec, specs
from benchmarks.commands.unasked.project import (
    FEATURES,
    SETTINGS,
    Places,
    link_programs,
    make,
    make_surroundings,
    set_in,
)
from benchmarks.commands.unasked.running import limit, run
from benchmarks.commands.unasked.shrinking import shrunk

from plait.effects.git import READING_ENVIRONMENT
from plait.effects.shell import command_effects, verdict
from plait.host.environment import reading
from plait.host.paths import Workspace
from plait.protocol.effects import CommandPart, Effects

LINES_A_PROJECT = 400
EXAMPLES_A_KIND = 3
# A program that needs a question however it is called is given up after so many lines.
MAX_TRIES = 3000
NOTE_BYTES = 4000
MAX_NAME_WORDS = 5


class Worker:
    """One project at a time, with the canaries around it."""

    def __init__(self, top: Path) -> None:
        self.places = Places(top)
        make_surroundings(self.places)
        for name, other in OTHER_NAMES.items():
            if shutil.which(name) is None and (found := shutil.which(other)) is not None:
                link_programs(self.places, [(name, found)])
        self._copy = Path("/tmp/project")
        self.features: list[str] = []
        self.loud: list[str] = []
        self.quiet = self._quiet_settings()
        self.remake()
        self.canaries = Canaries(self.places)

    def remake(self) -> None:
        """Make the project anew, with the features that are set."""
        make(self.places, self.features, [*self.quiet, *(self.loud if "git traps" in self.features else ())])
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self.places.project, self._copy, symlinks=True)
        self.workspace = Workspace.at(self.places.project)
        self.environment = reading(self.workspace.roots, READING_ENVIRONMENT)

    def _quiet_settings(self) -> list[str]:
        """The settings of a hostile repository with which git is run without a question all the same."""
        quiet: list[str] = []
        config = self.places.project / ".git" / "config"
        make(self.places, ())
        plain = config.read_text(encoding="utf-8")
        workspace = Workspace.at(self.places.project)
        for key in SETTINGS:
            set_in(config, key, self.places)
            effects = command_effects("git log -p; git status", cwd=self.places.project, workspace=workspace)
            if verdict(effects, workspace) == "read_only":
                quiet.append(key)
            config.write_text(plain, encoding="utf-8")
        return quiet

    def effects(self, line: Line) -> Effects:
        for name, text in line.files.items():
            (self.places.project / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        return command_effects(line.text, cwd=self.places.project, workspace=self.workspace)

    def runs_unasked(self, effects: Effects) -> bool:
        return verdict(effects, self.workspace) == "read_only" and bool(effects.parts)

    def marks(self, line: Line) -> tuple[list[Mark], bool]:
        """Run a line whose files are there; return its marks and whether it ended by itself."""
        self.canaries.set()
        output, ended = run(line.text, self.places.project, self.environment, Path("/tmp/output"))
        marks = self.canaries.marks(output)
        if any(mark.kind == "changed" for mark in marks):
            self._restore()
        return marks, ended

    def _restore(self) -> None:
        for entry in self.places.top.iterdir():
            if entry.name not in ("p", "o", "h", "m", "bin", "tools"):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        make_surroundings(self.places)
        shutil.rmtree(self.places.project)
        shutil.copytree(self._copy, self.places.project, symlinks=True)

    def clean(self, line: Line) -> None:
        for name in line.files:
            (self.places.project / name).unlink(missing_ok=True)

    def try_line(self, line: Line, *, judged: bool = True) -> list[Mark]:
        """The marks of a line, none if it would ask (unless `judged` is false)."""
        try:
            if judged and not self.runs_unasked(self.effects(line)):
                return []
            if not judged:
                self.effects(line)
            return self.marks(line)[0]
        finally:
            self.clean(line)


def programs_of(parts: tuple[CommandPart, ...]) -> Iterator[str]:
    """The names of all programs that a line starts, with the sub-command where there is one."""
    for part in parts:
        if part.argv:
            yield part.argv[0]
            for count in range(2, MAX_NAME_WORDS + 1):
                yield " ".join(part.argv[:count])
        yield from programs_of(part.runs)


def say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def campaign(worker: Worker, options: argparse.Namespace) -> None:
    choices = random.Random(f"choices {options.seed}")
    known = specs()
    names = [
        name
        for name, spec in known.items()
        if (not options.programs or spec.words[0] in options.programs.split(","))
        and not (options.without_tools and spec.group)
    ]
    lines = Lines(f"lines {options.seed}", str(worker.places.top), with_help=not options.without_help)
    ran: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    kinds: Counter[tuple[str, ...]] = Counter()
    total = Counter[str]()
    began_s = time.monotonic()

    def is_over() -> bool:
        if total["lines"] >= options.lines or time.monotonic() - began_s > options.seconds:
            return True
        return total["run"] >= options.runs and not any(
            ran[known[name].counted] < options.each and tried[name] < MAX_TRIES and known[name].is_here
            for name in names
        )

    while not is_over():
        if total["lines"] % LINES_A_PROJECT == 0:
            chosen = [name for name in FEATURES if choices.random() < 0.3] if choices.random() < 0.6 else []
            worker.features = chosen
            worker.loud = choices.sample(sorted(SETTINGS.keys() - {*worker.quiet}), choices.choice((1, 1, 2, 4)))
            worker.remake()
        name = _next(names, ran, tried, known, choices)
        line = lines.line(known[name])
        total["lines"] += 1
        tried[name] += 1
        at_s = time.perf_counter()
        try:
            effects = worker.effects(line)
        except Exception as error:  # Judging must never raise: it is told like a mark, and the rest goes on.
            say(kind="mark", program=name, marks=[["raised", repr(error)]], line=line.text, files=dict(line.files),
                whole=line.text, features=worker.features, loud=worker.loud)  # fmt: skip
            total["marked"] += 1
            kinds["raised", name] += 1
            worker.clean(line)
            continue
        total["judging_us"] += int(1e6 * (time.perf_counter() - at_s))
        if not worker.runs_unasked(effects):
            worker.clean(line)
            continue
        if options.now is not None:
            os.pwrite(
                options.now, json.dumps([line.text, dict(line.files)]).encode()[:NOTE_BYTES].ljust(NOTE_BYTES, b"\0"), 0
            )
        at_s = time.perf_counter()
        marks, ended = worker.marks(line)
        total["running_us"] += int(1e6 * (time.perf_counter() - at_s))
        worker.clean(line)
        total["run"] += 1
        total["hung"] += not ended
        if not ended and options.verbose:
            say(kind="hung", line=line.text)
        programs = dict.fromkeys(programs_of(effects.parts))
        ran.update(list(programs))
        if not marks:
            continue
        total["marked"] += 1
        kind = (*sorted({mark.kind for mark in marks}), name)
        kinds[kind] += 1
        if kinds[kind] <= EXAMPLES_A_KIND:
            _report(worker, line, marks, name)
    say(
        kind="end", total=dict(total), seconds=round(time.monotonic() - began_s, 1),
        ran={spec.counted: ran[spec.counted] for spec in known.values()}, tried=dict(tried_by(known, tried)),
        kinds=[[*kind, count] for kind, count in kinds.most_common()],
        missing=[*dict.fromkeys(known[name].counted for name in names if not known[name].is_here)],
        of_table=[*dict.fromkeys(known[name].counted for name in names if known[name].of_table)],
    )  # fmt: skip


def tried_by(known: Mapping[str, Spec], tried: Mapping[str, int]) -> Counter[str]:
    """How many lines were made for each counted name."""
    total: Counter[str] = Counter()
    for name, count in tried.items():
        total[known[name].counted] += count
    return total


def _next(
    names: list[str],
    ran: Mapping[str, int],
    tried: Mapping[str, int],
    known: Mapping[str, Spec],
    choices: random.Random,
) -> str:
    """Mostly the programs that ran least; those whose every line asks, or that are not here, get fewer turns."""
    if choices.random() < 0.25:
        return choices.choice(names)
    some = choices.sample(names, min(12, len(names)))
    return min(
        some, key=lambda name: (ran[known[name].counted] + tried[name] / (12 if known[name].is_here else 1), name)
    )


def _report(worker: Worker, line: Line, marks: list[Mark], name: str) -> None:
    wanted = {mark.kind for mark in marks}

    def still(candidate: Line) -> bool:
        with suppress(Exception):
            return bool(wanted & {mark.kind for mark in worker.try_line(candidate)})
        return False

    small = shrunk(line, still) if still(line) else line
    say(
        kind="mark", program=name, marks=[[mark.kind, mark.what] for mark in marks], line=small.text,
        files=dict(small.files), whole=line.text, features=worker.features, loud=worker.loud,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", default="1")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--each", type=int, default=0)
    parser.add_argument("--now", type=int, help="the descriptor of a file that says which line is run")
    parser.add_argument("--programs", default="")
    parser.add_argument("--without-help", action="store_true", help="take options from the table alone")
    parser.add_argument("--without-tools", action="store_true", help="make no lines for forms of developers' tools")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--one", help="a JSON list of lines (text, or [text, files]) that are run whatever Plait says")
    options = parser.parse_args()
    os.environ["FUZZ_TOKEN"] = "CANARY-OF-THE-ENVIRONMENT"
    limit()
    worker = Worker(Path(os.environ["HOME"]).parent)
    if options.one is None:
        campaign(worker, options)
        return
    made = None
    for entry in json.loads(options.one):
        text, files, features, loud = (entry, {}, [], []) if isinstance(entry, str) else entry
        worker.features, worker.loud = features, loud
        if (features, loud) != made:
            worker.remake()
            made = (features, loud)
        line = Line(text, files)
        effects = worker.effects(line)
        marks = worker.try_line(line, judged=False)
        say(
            kind="one", line=text, verdict=verdict(effects, worker.workspace), reason=effects.reason,
            marks=[[mark.kind, mark.what] for mark in marks],
        )  # fmt: skip


if __name__ == "__main__":
    main()
