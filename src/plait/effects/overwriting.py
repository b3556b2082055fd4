"""What is lost where a command overwrites a file that lies outside of the workspace."""

from __future__ import annotations

import os
import re
from pathlib import Path

from plait.effects.finding import DESCRIPTOR, FREE_WRITES, Arg, Finding, under
from plait.host.protected import TEMPORARY_TREES

# Below the home directory: what is made again.
CACHES = (".cache", "Library/Caches")


def name_loss(finding: Finding, arg: Arg, *, empties: bool) -> None:
    """Name the danger of overwriting a file outside; one that is only written counts if it is there.

    What the home directory holds is the user's own, and a file there may be made before the command runs: with
    `empties` it need not be there.
    """
    if arg.values is not None:
        names, is_told = arg.values, True
    else:
        fixed = re.split(r"[*?\[{]", arg.glob, maxsplit=1)[0] if arg.glob is not None else arg.prefix
        names, is_told = ((fixed.rpartition("/")[0],) if fixed.rpartition("/")[0] else ()), False
    for name in names:
        for path in finding.place.resolve(name):
            loses = empties if not is_told else _is_kept(path) or empties
            if loses and _is_outside(finding, path, name):
                finding.dangerous(f"overwrites `{finding.shown(path)}`, outside of the workspace")


def _is_kept(path: str) -> bool:
    return os.path.lexists(path) and not os.path.isdir(path)


def _is_outside(finding: Finding, path: str, spelled: str) -> bool:
    if spelled in FREE_WRITES or DESCRIPTOR.fullmatch(spelled):
        return False
    if finding.place.workspace.contains(Path(path)) or under(path, ("/dev", "/proc")):
        return False
    home = os.path.realpath(os.path.expanduser("~"))
    if under(path, (f"{home}/{cache}" for cache in CACHES)):
        return False
    # A home directory is somebody's, wherever it lies.
    return under(path, (home,)) or not (under(spelled, TEMPORARY_TREES) and under(path, TEMPORARY_TREES))


def is_at_home(finding: Finding, arg: Arg) -> bool:
    """True for a path in the home directory that is written in full (`~/x`), unlike a neighbour of the workspace."""
    home = os.path.realpath(os.path.expanduser("~"))
    fixed = arg.glob if arg.glob is not None else arg.prefix
    names = arg.values if arg.values is not None else (fixed.rpartition("/")[0],) if "/" in fixed else ()
    names = tuple(name for name in names if name.startswith("/"))
    return any(under(path, (home,)) for name in names for path in finding.place.resolve(name))
