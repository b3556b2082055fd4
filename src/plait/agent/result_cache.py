"""Answer an identical read again without running it, as long as the files it rests on have not changed.

Identical is a call with the same arguments whose names lead to the same places.

Concurrent identical calls share one execution. Failures are never kept. Nothing is kept across a compaction,
since the model no longer sees the first answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from plait.protocol.calls import Args, CallKey, FileStamp
from plait.tools.base import ToolOutput

TIME_TO_LIVE_S = 300.0

StampsHold = Callable[[Sequence[FileStamp]], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A first result: whose it is, what it said, and when (monotonic seconds)."""

    key: CallKey
    output: ToolOutput
    at_s: float


class ResultCache:
    """Results by tool, arguments and resolved paths. One event loop; clock and file stamps come from outside."""

    def __init__(self, stamps_hold: StampsHold, clock: Callable[[], float]) -> None:
        self._stamps_hold = stamps_hold
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self._running: dict[str, asyncio.Future[Kept | None]] = {}

    def clear(self) -> None:
        self._kept.clear()

    async def get_or_run(
        self, key: CallKey, name: str, args: Args, paths: Sequence[str], run: Callable[[], Awaitable[ToolOutput]]
    ) -> tuple[ToolOutput, CallKey | None]:
        """Return the result, and the call it was first given to if it was not run now. Raises what `run` raises."""
        identity = f"{name} {json.dumps([args, *paths], sort_keys=True, default=str)}"
        while (first := self._running.get(identity)) is not None:
            # A shielded wait: cancelling the second caller leaves the first one's run alone.
            shared = await asyncio.shield(first)
            if shared is not None:
                return shared.output, shared.key
        claimed: asyncio.Future[Kept | None] = asyncio.get_running_loop().create_future()
        self._running[identity] = claimed
        kept: Kept | None = None
        try:
            earlier = self._kept.get(identity)
            if earlier is not None and await self._is_good(earlier):
                kept = earlier
                return earlier.output, earlier.key
            output = await run()
            if not output.failed and output.stamps:
                kept = self._kept[identity] = Kept(key, output, self._clock())
            return output, None
        finally:
            if kept is None:
                self._kept.pop(identity, None)
            del self._running[identity]
            claimed.set_result(kept)

    async def _is_good(self, kept: Kept) -> bool:
        return self._clock() - kept.at_s < TIME_TO_LIVE_S and await self._stamps_hold(kept.output.stamps)
