"""How much of the machine one command may take, and whether one that runs takes more. Linux; elsewhere all passes.

Limits of the system (setrlimit(2)) do not do: the one on processes is of a user, not of a command, and does not hold
for root; the one on memory is of a process, and stops programs that only reserve. So the whole tree is counted, which
is worth its price only if the machine as a whole shows that something grows.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress

from plait.protocol.lean import dataclass

PROCESSES = 2000
# Of the machine's memory: what is left when it is looked at, and what a command has then that is ended.
SCARCE_SHARE = 0.08
HOG_SHARE = 0.4
# More tasks than when the command began: from so many on its processes are counted.
GROWN_TASKS = 500


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_bytes` counts for a command whatever the machine has left; None is no limit of its own."""

    processes: int = PROCESSES
    memory_bytes: int | None = None


class Watch:
    """One command's. `members` lists the numbers of its processes (some milliseconds)."""

    def __init__(self, limits: Limits, members: Callable[[], Iterable[int]]) -> None:
        self._limits = limits
        self._members = members
        self._tasks_before = _tasks()
        self._total_bytes = _memory_bytes("MemTotal")

    def suspects(self) -> bool:
        """True if the machine shows a reason to look closer. Two small files are read."""
        if sys.platform != "linux":
            return False
        if _tasks() - self._tasks_before > min(GROWN_TASKS, self._limits.processes):
            return True
        return self._limits.memory_bytes is not None or self._scarce()

    def excess(self) -> str | None:
        """Return what is too much, in words, or None. Blocking: looks at every process of the command."""
        members = tuple(self._members())
        if len(members) > self._limits.processes:
            return f"it had started more than {self._limits.processes:,} processes"
        limit = self._limits.memory_bytes
        if limit is None:
            if not self._scarce():
                return None
            limit = int(self._total_bytes * HOG_SHARE)
        used_bytes = sum(map(_resident_bytes, members))
        if used_bytes <= limit:
            return None
        return f"it used {used_bytes / 1e9:.1f} GB of memory, and this machine was running out of it"

    def _scarce(self) -> bool:
        return _memory_bytes("MemAvailable") < self._total_bytes * SCARCE_SHARE


def _tasks() -> int:
    """How many processes and threads there are (proc(5), `/proc/loadavg`)."""
    with suppress(OSError, ValueError, IndexError), open("/proc/loadavg", encoding="ascii") as file:
        return int(file.read().split()[3].partition("/")[2])
    return 0


def _memory_bytes(name: str) -> int:
    with suppress(OSError, ValueError, IndexError), open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0


def _resident_bytes(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
