"""How many calls run at once.

A running call holds exactly one cap, named in its event; a call that waits for its ticket or for an answer
holds none, so caps cannot deadlock with tickets. Waiting is first come, first served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

DEFAULT_CAPS: Mapping[str, int] = {"calls": 32, "files": 16, "commands": 8, "searches": 4, "network": 10}


class Caps:
    """The caps by name. `asyncio.Semaphore` is fair: it wakes waiters in the order they came."""

    def __init__(self, sizes: Mapping[str, int] = DEFAULT_CAPS) -> None:
        self._semaphores = {name: asyncio.Semaphore(size) for name, size in {**DEFAULT_CAPS, **sizes}.items()}

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold one place of the cap `name` for as long as the block runs."""
        return self._semaphores[name]


class Lanes:
    """Numbers for what runs side by side: the lowest free one, from 0."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def take(self) -> int:
        lane = next(number for number in range(len(self._taken) + 1) if number not in self._taken)
        self._taken.add(lane)
        return lane

    def free(self, lane: int) -> None:
        self._taken.discard(lane)
