"""How much of the machine one command may take, and whether one that runs takes more. Linux; elsewhere all passes.

Limits of the system (setrlimit(2)) do not do: the one on processes is of a user, not of a command, and does not hold
for root; the one on memory is of a process, and stops programs that only reserve. So the whole tree is counted, which
is worth its price only if the machine as a whole shows that something grows.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress

from plait.protocol.lean import dataclass

# More than builds of this machine's size start, and few enough that something else still gets its turn among them.
PROCESSES = max(400, 100 * (os.cpu_count() or 1))
# Of the machine's memory: what is left when it is looked at, and what a command has then that is ended.
SCARCE_SHARE = 0.08
HOG_SHARE = 0.4
# More tasks than when the command began: from so many on its processes are counted.
GROWN_TASKS = 300


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_bytes` counts for a command whatever the machine has left; None is no limit of its own."""

    processes: int = PROCESSES
    memory_bytes: int | None = None


class Watch:
    """One command's. `first` is its first process, which a sandbox's namespace belongs to; `members` lists all of them.

    Every step is as quick as it can be: when it matters there are a thousand others that want to run.
    """

    def __init__(self, limits: Limits, first: int, members: Callable[[], Iterable[int]]) -> None:
        self._limits = limits
        self._first = first
        self._members = members
        self._tasks_before = _tasks()
        self._total_bytes = _memory_bytes("MemTotal")

    def excess(self) -> str | None:
        """Return what is too much, in words, or None. Blocking: two small files are read, more if they say so."""
        if _tasks() - self._tasks_before > min(GROWN_TASKS, self._limits.processes):
            count = max(self._near(), 0)
            if count <= self._limits.processes and count < GROWN_TASKS:
                count = sum(1 for _ in self._members())
            if count > self._limits.processes:
                return f"it had started more than {self._limits.processes:,} processes"
        limit = self._limits.memory_bytes
        if limit is None:
            if _memory_bytes("MemAvailable") >= self._total_bytes * SCARCE_SHARE:
                return None
            limit = int(self._total_bytes * HOG_SHARE)
        used_bytes = sum(map(_resident_bytes, self._members()))
        if used_bytes <= limit:
            return None
        return f"it used {used_bytes / 1e9:.1f} GB of memory, and this machine was running out of it"

    def _near(self) -> int:
        """How many there are in its session or its namespace: one call of the system for each process there is."""
        space = _namespace_of_children(self._first)
        count = 0
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            with suppress(OSError):
                if os.getsid(int(entry)) == self._first or (space and os.readlink(f"/proc/{entry}/ns/pid") == space):
                    count += 1
        return count

    def end_at_once(self) -> None:
        """Kill its first process, and with that a namespace; and all that are in its group."""
        for kill in (os.kill, os.killpg):
            with suppress(OSError):
                kill(self._first, signal.SIGKILL)


def _namespace_of_children(pid: int) -> str:
    """The process namespace of a process's child, if that is not this one's."""
    with suppress(OSError, IndexError), open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        space = os.readlink(f"/proc/{file.read().split()[0]}/ns/pid")
        return space if space != os.readlink("/proc/self/ns/pid") else ""
    return ""


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
