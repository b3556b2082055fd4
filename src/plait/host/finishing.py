"""Wait for what must not be left half done, however often the waiting task is cancelled."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")


async def finish(work: asyncio.Future[T]) -> T:
    """Return the result of `work` once it is done.

    Contract: never cancels `work`, and never returns before it is done. If this task was cancelled meanwhile,
    CancelledError is raised then, and an exception of `work` is dropped.
    """
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not work.cancelled():
            work.exception()  # Looked at, so that the loop does not complain that nobody did.
        raise cancelled
    return work.result()
