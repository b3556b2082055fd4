"""What is to be cleared away when the process ends, however it leaves.

The program ends with `os._exit`, which skips `atexit`; whoever imports Plait as a library ends as Python does.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from contextlib import suppress

_WORK: list[Callable[[], object]] = []


def at_exit(work: Callable[[], object]) -> None:
    """Call `work` once when the process ends, the last registered first. An OSError of it is dropped."""
    if not _WORK:
        atexit.register(run_exit_work)
    _WORK.append(work)


def run_exit_work() -> None:
    """Do it now. A second call has nothing left to do."""
    while _WORK:
        with suppress(OSError):
            _WORK.pop()()
