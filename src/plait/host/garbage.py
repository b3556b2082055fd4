"""When Python looks for garbage in cycles: rarely while Plait starts, and never again at what its modules consist of.

Looking through a million objects that stay takes 0.1 s of the engine's import, and as much of a key's echo later on.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects made more than freed before the youngest are looked at, and how often the older ones are looked at with them.
STARTING = (100_000, 20, 20)
RUNNING = (10_000, 10, 10)


def look_rarely() -> None:
    """For a process that has just begun: nearly all that it makes stays."""
    gc.set_threshold(*STARTING)


@contextmanager
def none_while_loading() -> Iterator[None]:
    """Do not look while modules load; afterwards take everything there is for good."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*RUNNING)
        gc.enable()
