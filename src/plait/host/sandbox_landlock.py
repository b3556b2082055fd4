"""The weaker sandbox, by Landlock: where the kernel grants no namespaces. For Linux, with the package `landlockpy`.

It cannot take away what it did not grant, only not grant it: so a root is writable with all that is in it, git's
configuration too; `/tmp` is not private but closed; there is no process namespace; and UDP, chmod and utime pass.
The rules are made here and put on by a launcher, in the child.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from plait.host.sandbox_view import Mount, Places, View

LAUNCHER = str(Path(__file__).with_name("sandbox_launcher.py"))
PROBE_DEADLINE_S = 10.0
# So many entries of directories around a hidden place are let through one by one.
MOST_PIECES = 2000


def works() -> bool:
    """Try it for real. Blocking, some 50 ms."""
    if _package() is None:
        return False
    probe = _launch({"read": ["/"], "list": ["/"], "write": [], "network": False}, ["/bin/sh", "-c", "exit 0"])
    try:
        answer = subprocess.run(
            probe,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PROBE_DEADLINE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def wrapped(argv: Sequence[str], places: Places, view: View, *, network: bool) -> list[str]:
    """Return the words that run `argv` with no more than the view's places."""
    hidden = [*(mount.path for mount in view.mounts if mount.kind == "hide"), *view.closed]
    # What another directory should take the place of stays closed: there are no mounts here.
    writable = [mount.path for mount in view.mounts if mount.kind == "write" and mount.source == mount.path]
    shown = [mount.path for mount in view.mounts if mount.kind == "read" or _is_store(mount)]
    return _launch(
        {
            # What is hidden inside of what is shown stays closed.
            "read": [*pieces([*hidden, "/tmp"]), *chain.from_iterable(pieces(hidden, place) for place in shown)],
            "list": ["/"],
            "write": [*(path for path in writable if path != "/"), places.tmp, places.private, "/dev"],
            "network": network,
        },
        argv,
    )


def _is_store(mount: Mount) -> bool:
    """True for a store in whose place there would be one of the workspace's own: here the user's is only read."""
    return mount.kind == "write" and mount.source != mount.path and mount.path != "/tmp"


def pieces(hidden: Iterable[str], top: str = "/") -> list[str]:
    """Return places that together are all of `top` without the `hidden` ones; `top` itself is not closed by them."""
    closed = {path for path in hidden if path != top}
    around = {str(up) for path in closed for up in Path(path).parents}
    found: list[str] = []
    waiting = [top]
    while waiting:
        place = waiting.pop()
        if place in closed:
            continue
        if place not in around:
            found.append(place)
            continue
        try:
            with os.scandir(place) as entries:
                waiting += [entry.path for entry in entries if not entry.is_symlink()]
        except OSError:
            continue
        if len(found) > MOST_PIECES:
            break
    return found


def _launch(rules: dict[str, object], argv: Sequence[str]) -> list[str]:
    # The path of each is bytes to the system; in ASCII nothing is lost on the way.
    text = json.dumps({**rules, "package": _package()}, ensure_ascii=True)
    return [sys.executable, "-I", "-S", "-B", LAUNCHER, text, *argv]


def _package() -> str | None:
    """The directory that holds the package, found without importing anything."""
    for place in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        if os.path.isfile(os.path.join(place, "landlockpy", "__init__.py")):
            return place
    return None
