"""The environments that commands run in: the user's own, made quiet, and for reading ones made safe.

There is no terminal and nobody at the keyboard: pagers, editors, password prompts and colours would hang a command
or garble its output.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from plait.host.programs import system_path

QUIET: Mapping[str, str] = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    "PAGER": "cat",
    "MANPAGER": "cat",
    "SYSTEMD_PAGER": "cat",
    "GH_PAGER": "cat",
    "AWS_PAGER": "",
    # An editor that changes nothing: `git rebase --continue` goes on, `git commit` without a message stops.
    "EDITOR": "true",
    "VISUAL": "true",
    "GIT_EDITOR": "true",
    "GIT_SEQUENCE_EDITOR": "true",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS_REQUIRE": "never",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_NO_INPUT": "1",
    "GCM_INTERACTIVE": "never",
}
# The first two name a file that a shell runs before the command; the others demand colours.
DROPPED = frozenset(("BASH_ENV", "ENV", "FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS", "COLORTERM"))
# What changes the meaning of plain reading programs: their own option files and preprocessors, functions that stand
# in for them, libraries loaded into them.
MEDDLING = frozenset(("RIPGREP_CONFIG_PATH", "LESSOPEN", "LESSCLOSE", "SHELLOPTS", "BASHOPTS", "CDPATH", "IFS"))
MEDDLING_PREFIXES = ("GIT_", "BASH_FUNC_", "LD_", "DYLD_")


def quiet(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return `environ` (None: this process's own) with whatever would ask, page, edit or colour switched off."""
    environ = os.environ if environ is None else environ
    return {**{name: value for name, value in environ.items() if name not in DROPPED}, **QUIET}


def reading(
    roots: Iterable[Path], more: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of a command that runs unasked, since all its programs are known to only read.

    They must be the system's or the user's own: what a workspace (`roots`) brings is not on the search path.
    more: set on top, such as what switches off programs that a repository may name.
    """
    kept = {
        name: value
        for name, value in (os.environ if environ is None else environ).items()
        if name not in MEDDLING and not name.startswith(MEDDLING_PREFIXES)
    }
    kept["PATH"] = _path_outside(kept.get("PATH", ""), tuple(roots))
    return {**quiet(kept), **(more or {})}


def _path_outside(path: str, roots: tuple[Path, ...]) -> str:
    """Return the search path without relative places and those in a workspace, the system's own added at its end."""
    places = [place for place in path.split(os.pathsep) if os.path.isabs(place)]
    outside = [
        place for place in places if not any(Path(os.path.realpath(place)).is_relative_to(root) for root in roots)
    ]
    return os.pathsep.join(dict.fromkeys([*outside, *system_path()]))
