"""Compare for a while how random lines split with what bash itself makes of them."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from tests.effects.test_agreement import LINES, bash, flat, may_be, multiplies

from plait.effects.grammar import parse
from plait.effects.shell import command_effects
from plait.effects.syntax import Unclear
from plait.host.paths import Workspace


def fuzz(limit_s: float, top: Path) -> int:
    """Return 1 and print the first line of which bash runs what we did not say, 0 if there was none in time."""
    until = time.monotonic() + limit_s
    counts = {"lines": 0, "understood": 0, "run": 0}

    @settings(max_examples=10_000_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(LINES)
    def compare(line: str) -> None:
        if time.monotonic() > until:
            raise _Over
        counts["lines"] += 1
        try:
            parse(line)
        except Unclear:
            return
        if multiplies(line):
            return
        counts["understood"] += 1
        parts = list(flat(command_effects(line, cwd=top, workspace=Workspace.at(top)).parts))
        unsaid: list[tuple[str, ...]] = []
        # Commands in the background may write their records into one another's: what counts is seen every time.
        for _ in range(3):
            ran = bash(line, top)
            unsaid = [
                argv
                for argv in ran
                if not any(part.argv == argv if part.literal else may_be(part, argv) for part in parts)
            ]
            if not unsaid:
                break
        counts["run"] += len(ran)
        if unsaid:
            raise AssertionError(f"bash runs {unsaid[0]!r} of {line!r}")

    try:
        compare()
    except _Over:
        pass
    except AssertionError as wrong:
        say(wrong)
        return 1
    say(", ".join(f"{name}: {count:,}" for name, count in counts.items()))
    return 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


class _Over(BaseException):
    """The time is over."""
