"""A namespace of its own to run lines in: no capabilities, no network, its own processes.

Nothing of the machine is written: the tools are there to be read, all else is a file system in memory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
TOP = Path("/fz")
BWRAP = shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin")
# Programs that another maker put in the place of one, and that do more: they count as not installed.
NOT_ITSELF = {"kubectl": "google-cloud-sdk"}
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def own_tools() -> list[tuple[str, str]]:
    """Programs that came with the environment of this process, each one file, by name."""
    beside = os.path.dirname(sys.executable)
    places = {name: os.path.join(beside, name) for name in ("rg", "ruff")} | {"uv": os.environ.get("UV", "")}
    return [(name, os.path.realpath(place)) for name, place in places.items() if os.access(place, os.X_OK)]


def start(arguments: Sequence[str], code: Path, *, keep_open: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start the worker with these arguments. It judges with the Plait in `code`, a `src` directory."""
    assert BWRAP is not None
    libraries = sysconfig.get_paths()["purelib"]
    words = [
        BWRAP, "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL",
        "--die-with-parent", "--new-session", "--dev", "/dev", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys",
        "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--tmpfs", "/tmp", "--tmpfs", str(TOP),
    ]  # fmt: skip
    for name in ("bin", "sbin", "lib", "lib64", "lib32"):
        top = Path("/") / name
        if top.is_symlink():
            words += ["--symlink", os.readlink(top), str(top)]
        elif top.is_dir():
            words += ["--ro-bind", str(top), str(top)]
    for place in dict.fromkeys((sys.base_prefix, str(REPOSITORY / "benchmarks"), str(code), libraries)):
        words += ["--ro-bind", place, place]
    for name, found in own_tools():
        words += ["--ro-bind", found, f"{TOP}/tools/{name}"]
    for name, maker in NOT_ITSELF.items():
        found = os.path.realpath(shutil.which(name) or "")
        if maker in found:
            words += ["--ro-bind", "/dev/null", found]
    variables = {
        "PATH": f"{TOP}/bin:{SEARCH_PATH}:{TOP}/tools",
        "HOME": f"{TOP}/h",
        "LANG": "C.UTF-8",
        "PYTHONPATH": f"{code}:{REPOSITORY}:{libraries}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    words += ["--clearenv", *(word for name, value in variables.items() for word in ("--setenv", name, value))]
    python = os.path.realpath(sys.executable)
    words += ["--chdir", str(TOP), "--", python, "-S", "-m", "benchmarks.commands.unasked.worker", *arguments]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pass_fds=keep_open)
