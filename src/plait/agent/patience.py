"""How long a reply may keep silent. Counted in bytes: a server that sends anything at all is there.

Before the first content (text, thinking or a call) a model may read a long prompt, on the user's own machine for many
minutes; after it, silence means that the connection is dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

HOSTED_FIRST_TOKEN_S = 180.0
OWN_FIRST_TOKEN_S = 900.0
"""For servers on this machine or in its network, which may load a model first."""
IDLE_S = 60.0
TELL_AFTER_S = 10.0
TELL_EVERY_S = 1.0
DOUBT_S = 0.1


class GaveUp(Exception):
    """The silence reached its limit. `has_content`: in the middle of the reply; `silent_s`: the limit."""

    def __init__(self, silent_s: float, *, has_content: bool) -> None:
        super().__init__(f"nothing for {silent_s:g} s")
        self.silent_s = silent_s
        self.has_content = has_content


@dataclass(frozen=True, slots=True)
class Silence:
    """Seconds without content, without a byte, and when the latter are too many."""

    waited_s: float
    silent_s: float
    limit_s: float


class Patience:
    """With one reply. Times are of any clock that goes forward; `first_limit_s` is asked again and again."""

    def __init__(self, first_limit_s: Callable[[], float], idle_limit_s: float, now_s: float) -> None:
        self.has_content = False
        self.has_bytes = False
        self._first_limit_s = first_limit_s
        self._idle_limit_s = idle_limit_s
        self.byte_s = now_s
        self._content_s = now_s

    def byte_came(self, now_s: float) -> None:
        self.has_bytes = True
        self.byte_s = now_s

    def content_came(self, now_s: float) -> None:
        self.has_content = True
        self.byte_s = self._content_s = now_s

    def silence(self, now_s: float) -> Silence:
        limit_s = self._idle_limit_s if self.has_content else self._first_limit_s()
        return Silence(now_s - self._content_s, now_s - self.byte_s, limit_s)


@asynccontextmanager
async def watched(
    patience: Patience, tell: Callable[[Silence], None], tell_after_s: float = TELL_AFTER_S
) -> AsyncIterator[None]:
    """Watch over what is awaited in the block, telling of the waiting. Raises GaveUp."""
    loop = asyncio.get_running_loop()
    next_look: asyncio.TimerHandle | None = None
    doubts: float | None = None

    def look() -> None:
        nonlocal next_look, doubts
        now = loop.time()
        silence = patience.silence(now)
        left_s = silence.limit_s - silence.silent_s
        if left_s <= 0 and doubts == patience.byte_s:
            alarm.reschedule(now)
            return
        if left_s <= 0:
            # The loop may have been held up: what has arrived meanwhile is read first.
            doubts = patience.byte_s
            next_look = loop.call_later(DOUBT_S, look)
            return
        if silence.waited_s >= tell_after_s:
            tell(silence)
        # A first telling is not late, nor is the end; in between once a second.
        due_s = tell_after_s - silence.waited_s
        next_look = loop.call_later(min(left_s, due_s if due_s > 0 else TELL_EVERY_S, TELL_EVERY_S), look)

    try:
        async with asyncio.timeout(None) as alarm:
            look()
            try:
                yield
            finally:
                if next_look is not None:
                    next_look.cancel()
    except TimeoutError:
        if not alarm.expired():
            raise
        limit_s = patience.silence(loop.time()).limit_s
        raise GaveUp(limit_s, has_content=patience.has_content) from None
