"""Find the helper programs that Plait starts by itself, where nobody but the system and Plait's installer puts any.

Never by the user's `PATH` and never in a workspace: a repository must not choose what is run in its name.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from pathlib import Path

# Come as wheels with Plait. Its own copy is preferred: that is the version it was tested with.
SHIPPED = ("rg", "ast-grep")


def system_path() -> tuple[str, ...]:
    """Return the directories where this system's programs are, absolute, in order."""
    if sys.platform == "win32":
        root = os.environ.get("SYSTEMROOT", r"C:\Windows")
        programs = os.environ.get("PROGRAMFILES", r"C:\Program Files")
        return (rf"{programs}\Git\cmd", rf"{programs}\Git\bin", rf"{root}\System32", rf"{root}\System32\OpenSSH")
    return (
        "/usr/local/bin",
        "/usr/bin",
        "/bin",
        "/opt/homebrew/bin",
        "/usr/sbin",
        "/sbin",
        "/run/current-system/sw/bin",
    )


def _own_path() -> tuple[str, ...]:
    """Where the installer of Plait's own environment puts programs."""
    return tuple(dict.fromkeys((sysconfig.get_path("scripts"), str(Path(sys.executable).parent))))


@cache
def find_program(name: str) -> str | None:
    """Return the absolute path of the program `name` (no directory, no suffix), or None."""
    suffix = ".exe" if sys.platform == "win32" else ""
    places = (_own_path() if name in SHIPPED else ()) + system_path()
    candidates = (os.path.join(place, name + suffix) for place in places if os.path.isabs(place))
    return next((path for path in candidates if os.path.isfile(path) and os.access(path, os.X_OK)), None)
