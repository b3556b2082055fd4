"""What reading one file may cost. Knows the clock and the process's memory, nothing of grammars."""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any

# Not on Windows: there only the time counts.
resource: Any = None if sys.platform == "win32" else importlib.import_module("resource")

LEAST_S = 0.5
BYTES_PER_S = 500_000
"""A tenth of what a slow grammar reads."""
MOST_MEMORY_KIB = 256 * 1024
CALLS_A_LOOK = 16


class Budget:
    """CPU time by the size of the file, and a bound on how much more memory the process may take meanwhile."""

    __slots__ = ("_calls", "_end_s", "_most_kib")

    def __init__(self, size_bytes: int) -> None:
        self._calls = 0
        self._end_s = time.thread_time() + LEAST_S + size_bytes / BYTES_PER_S
        self._most_kib = peak_kib() + MOST_MEMORY_KIB

    def spent(self, *_: object) -> bool:
        """Return whether to give up. Called some ten thousand times a second, so it looks only now and then."""
        self._calls += 1
        if self._calls % CALLS_A_LOOK:
            return False
        return time.thread_time() > self._end_s or peak_kib() > self._most_kib


def peak_kib() -> int:
    """Return the most memory that this process has ever taken; 0 where nobody knows."""
    if resource is None:
        return 0
    peak: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes.
    return peak // 1024 if sys.platform == "darwin" else peak
