"""What a shell command does: a command line becomes `Effects`, and effects become a verdict.

The line is parsed as bash would (`effects.grammar`), walked (`effects.walk`), and each simple command is judged by its
program. Whatever is not understood is unknown, and unknown asks. Pure but for looking at the file system: links are
resolved, patterns are compared with names, and git's configuration is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from plait.effects import databases, filters, git, network, projects, reading, system, wrappers, writing
from plait.effects.command import Judge
from plait.effects.finding import Place
from plait.effects.grammar import LONGEST, parse
from plait.effects.programs import judge_by_table
from plait.effects.syntax import Unclear, UnclearExpansion
from plait.effects.walk import Line
from plait.host.paths import Workspace
from plait.protocol.effects import Effects

CommandVerdict = Literal["read_only", "stateful", "dangerous"]

MOST_REASONS = 2
LONGEST_REASON = 160

# Danger that is named even where the line as a whole cannot be taken apart.
PLAIN_DANGERS = (
    (re.compile(r"(:|\b\w{1,40})\s*\(\)\s*\{[^}]*\1\s*\|\s*\1"), "starts itself without end (a fork bomb)"),
    (re.compile(r"\b(curl|wget)\b[^|;&\n]*\|[^;&\n]*\b(ba|z|da|k)?sh\b"), "runs code from the network"),
    (re.compile(r"(?:^|[\s;&|(])(sudo|doas|pkexec)\s"), "acts with the rights of another user"),
    (
        re.compile(r"\brm\s+(-\w+\s+|--\S+\s+)*(\"?\$\{?HOME\b|(/|~)/?\*?(\s|$|[;&|)]))"),
        "destroys the home directory or the system",
    ),
    (
        re.compile(r"(?:^|[\s;&|(])mkfs(\.\w+)?\s|\bof=/dev/(?!null|std)|>\s*/dev/(sd|nvme|disk|hd|vd)"),
        "overwrites a disk",
    ),
    (re.compile(r"\bgit\s+push\b[^;&|\n]*\s(-f|--force)"), "rewrites published history"),
)
# What destroys, with an expansion among its arguments.
DESTROYS_UNTOLD = re.compile(
    r"\b(rm|mv|dd|truncate|shred|unlink|rsync|ch(mod|own|grp)\s+-\w*R|git\s+clean)\b[^;&|\n]*\$\{"
    r"|\bfind\b[^;&|\n]*\$\{[^;|\n]*\s-(delete|exec|execdir|ok)\b"
)


@lru_cache(maxsize=1)
def judges() -> Mapping[str, Judge]:
    """The judge of each program that has one of its own; the more exact ones come last."""
    return {
        **dict.fromkeys(system.dangers(), system.judge_dangerous),
        **reading.JUDGES,
        **filters.JUDGES,
        **system.JUDGES,
        **databases.JUDGES,
        **network.JUDGES,
        **writing.JUDGES,
        **projects.JUDGES,
        **wrappers.JUDGES,
        **git.JUDGES,
    }


def command_effects(command: str, *, cwd: Path, workspace: Workspace) -> Effects:
    """Return what a command line reads, writes, reaches and runs, started by bash in `cwd` (absolute, resolved).

    Contract: never raises; what cannot be told is `unknown` with a reason. `parts` holds every simple command, or
    nothing if they could not be told.
    """
    try:
        script = parse(command)
        line = Line(judges(), judge_by_table)
        finding, _ = line.script(script, Place(workspace, (cwd,)))
    except (Unclear, RecursionError) as unclear:
        return _unknown(command, unclear)
    if (address := git.pushes_to_new_place(line.parts)) is not None:
        finding.dangerous(f"sends commits to an address that the line itself names (`{address}`)")
    if not script.items:
        return Effects(spawns=True, reason="does nothing")
    return Effects(
        accesses=tuple(finding.accesses),
        network=tuple(finding.network),
        credentials=tuple(finding.credentials),
        processes=tuple(finding.processes),
        spawns=True,
        unknown=finding.unknown,
        bounded=finding.unknown and not finding.unbounded,
        danger=_in_words(list(finding.dangers)) if finding.danger else None,
        reason=_in_words(list(finding.dangers)) if finding.danger else _in_words(_worst_first(finding.reasons)),
        parts=tuple(line.parts),
    )


def _worst_first(reasons: Iterable[str]) -> list[str]:
    """What is removed before the rest; what is alike stays in the order of the line."""
    return sorted(dict.fromkeys(reasons), key=lambda reason: not reason.startswith("removes"))


def _in_words(reasons: list[str]) -> str:
    """As many as a line holds."""
    if not reasons:
        return "only reads"
    shown = [reason for reason in reasons[:MOST_REASONS] if len(reason) <= LONGEST_REASON] or reasons[:1]
    left = len(reasons) - len(shown)
    return "; ".join(shown) + (f"; {left} more" if left else "")


def verdict(effects: Effects, workspace: Workspace | None = None) -> CommandVerdict:
    """`read_only` runs without asking, `stateful` asks, `dangerous` asks in the stronger form.

    Given the workspace, reading outside of its roots asks too.
    """
    if effects.danger is not None:
        return "dangerous"
    if not effects.read_only:
        return "stateful"
    if workspace is not None and not all(workspace.contains(Path(access.path)) for access in effects.accesses):
        return "stateful"
    return "read_only"


def check(command: str, cwd: Path, workspace: Workspace) -> tuple[CommandVerdict, str, dict[str, Any]]:
    """Return verdict, reason and effects (as JSON values) of a command: what `plait check-command` prints."""
    effects = command_effects(command, cwd=cwd, workspace=workspace)
    return verdict(effects, workspace), effects.reason, asdict(effects)


def _unknown(command: str, unclear: Exception) -> Effects:
    why = str(unclear) or "it is nested too deeply"
    danger = next((danger for pattern, danger in PLAIN_DANGERS if pattern.search(command[:LONGEST])), None)
    if danger is None and isinstance(unclear, UnclearExpansion) and DESTROYS_UNTOLD.search(command[:LONGEST]):
        danger = f"may destroy anything: {why}"
    return Effects(spawns=True, unknown=True, danger=danger, reason=danger or f"cannot be told: {why}")
