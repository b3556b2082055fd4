"""Where a path leads, link by link, what lies in what, and what a small file holds. Follows and opens nothing odd."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Set as AbstractSet

MAX_LINKS = 40


def follow(path: str, below: str) -> tuple[str | None, dict[str, str]]:
    """Return where the absolute `path` really is, None if nothing is there, and the links on the way to it.

    The links with their targets; of them those that lie in the directory `below`, which is real.
    """
    links: dict[str, str] = {}
    # What is real already is not looked at again.
    real = below if path.startswith(f"{below}/") else "/"
    waiting = path.removeprefix(f"{below}/").split("/")[::-1]
    hops = 0
    while waiting:
        name = waiting.pop()
        if name in ("", "."):
            continue
        if name == "..":
            real = os.path.dirname(real)
            continue
        place = f"{real}/{name}" if real != "/" else f"/{name}"
        try:
            is_link = stat.S_ISLNK(os.lstat(place).st_mode)
            target = os.readlink(place) if is_link else ""
        except (OSError, ValueError):
            return None, links
        if not is_link:
            real = place
            continue
        hops += 1
        if hops > MAX_LINKS:
            return None, links
        if place.startswith(below + "/"):
            links[place] = target
        real = "/" if target.startswith("/") else real
        waiting += target.split("/")[::-1]
    return real, links


def within(path: str, places: Iterable[str]) -> bool:
    """True if `path` is one of the `places` or lies below one."""
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in places)


def innermost(path: str, places: AbstractSet[str]) -> str | None:
    """Return that of the `places` that is `path` or lies nearest around it, or None."""
    while path not in places:
        if path == "/":
            return None
        path = os.path.dirname(path)
    return path


def small_text(file: str | os.PathLike[str], most_bytes: int) -> str:
    """Return the beginning of a regular file as text; of anything else, or of none, nothing. Never waits."""
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError):
        return ""
    try:
        return os.fsdecode(os.read(handle, most_bytes)) if stat.S_ISREG(os.fstat(handle).st_mode) else ""
    except OSError:
        return ""
    finally:
        os.close(handle)
