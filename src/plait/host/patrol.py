"""Look at running commands every now and then, and end one that takes too much or makes what it must not.

In a thread of its own, since the loop may have to wait where a thousand processes want to run.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from plait.host.limits import Limits, Watch
from plait.host.running import RunningProcess
from plait.host.sandbox_watch import GuardedNames

ROUND_S = 0.025


def patrol(process: RunningProcess, limits: Limits, names: GuardedNames | None = None) -> None:
    """End a command, and say so, once its processes or their memory are too much, or it has made what git would obey.

    On the process's loop.
    """
    if sys.platform != "linux" and names is None:
        return
    watch = Watch(limits, process.pid, process.members)

    def look() -> str | None:
        if names is not None and (intrusion := names.intrusion()) is not None:
            return f"it made `{intrusion}`, which decides what git runs"
        return watch.excess() if sys.platform == "linux" else None

    _PATROL.accompany(process, look, watch.end_at_once)


class _Patrol:
    """The one thread, which lives as long as there is a command to look at."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rounds: dict[RunningProcess, Callable[[], None]] = {}
        self._walking = False

    def accompany(self, process: RunningProcess, look: Callable[[], str | None], end: Callable[[], None]) -> None:
        def visit() -> None:
            why = look()
            if why is None or not self._forget(process):
                return
            # Said first: it may be over the moment that it is killed.
            process.remark(f"ended by Plait: {why}")
            end()
            process.kill_soon()

        with self._lock:
            self._rounds[process] = visit
            if not self._walking:
                self._walking = True
                threading.Thread(target=self._walk, name="plait-patrol", daemon=True).start()
        process.when_over(partial(self._forget, process))

    def _forget(self, process: RunningProcess) -> bool:
        with self._lock:
            return self._rounds.pop(process, None) is not None

    def _walk(self) -> None:
        # Only some may go before others; it helps where the others are many.
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -10)
        while True:
            time.sleep(ROUND_S)
            with self._lock:
                visits = tuple(self._rounds.values())
                self._walking = bool(visits)
            if not visits:
                return
            for visit in visits:
                visit()


_PATROL = _Patrol()
