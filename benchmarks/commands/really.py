"""Run a command for real in a project that may be thrown away, and tell what it changed.

In bubblewrap where there is one: no network, nothing of this machine can be written but the project. The environment is
that of commands which run unasked.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from plait.effects.git import READING_ENVIRONMENT
from plait.host.environment import reading

LIMIT_S = 10
BWRAP = shutil.which("bwrap", path="/usr/bin:/bin")


def changed_by(command: str, top: Path) -> list[str]:
    """Return the names of the files in `top` that the command made, changed or removed."""
    before = snapshot(top)
    inner = ["/bin/bash", "--noprofile", "--norc", "-c", command]
    cage = [
        str(BWRAP), "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", str(top), str(top),
        "--unshare-net", "--unshare-pid", "--die-with-parent", "--chdir", str(top),
    ]  # fmt: skip
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            [*(cage if BWRAP else ()), *inner],
            cwd=top,
            env=reading((top,), READING_ENVIRONMENT),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT_S,
            check=False,
        )
    after = snapshot(top)
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def snapshot(top: Path) -> dict[str, tuple[int, int, str]]:
    """Return mode, time of change (ns) and content hash of every file below `top`; directories have their names."""
    found: dict[str, tuple[int, int, str]] = {}
    for folder, folders, names in os.walk(top):
        for name in folders + names:
            path = Path(folder) / name
            state = path.lstat()
            if path.is_symlink():
                content = os.readlink(path)
            elif path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                content = "directory"
            stamp = 0 if content == "directory" else state.st_mtime_ns
            found[path.relative_to(top).as_posix()] = (state.st_mode, stamp, content)
    return found
