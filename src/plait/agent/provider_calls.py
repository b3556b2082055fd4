"""Calls that a provider makes by itself while it replies: its own web search. Told of as calls, with their results.

Nothing of ours runs, so there is no ticket, no cap and no question: whether the provider may search at all is decided
before the request (`loop.ConversationAgent`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from plait.protocol.calls import Args, CallKey, OutcomeStatus, TextDetail
from plait.protocol.events import CallEnded, CallReserved, CallsDropped, CallStarted
from plait.protocol.ports import Emit

WEB_SEARCH = "web_search"
CAP = "network"
REASON = "searched by the model's provider"


class ProviderCalls:
    """Those of one turn. `next_key` numbers all calls of the turn, ours too."""

    def __init__(self, emit: Emit, next_key: Callable[[], CallKey]) -> None:
        self._emit = emit
        self._next_key = next_key
        self._open: dict[str, tuple[CallKey, float]] = {}
        self._of_reply: list[CallKey] = []

    def begin_reply(self) -> None:
        self._of_reply.clear()

    def begin(self, reply: int, name: str, args: Args, provider_id: str) -> None:
        key = self._next_key()
        self._open[provider_id] = key, time.monotonic()
        self._of_reply.append(key)
        self._emit(CallReserved(key, name, args, provider_id, "read", CAP, reason=REASON, reply=reply))
        self._emit(CallStarted(key, 0, CAP, 0.0, args))

    def end(self, provider_id: str, content: object) -> None:
        if provider_id in self._open:
            text, failed = result_text(content)
            self._end(provider_id, "failed" if failed else "ok", text)

    def give_up(self) -> None:
        """The reply has ended, whole or not: what has no result gets none."""
        for provider_id in tuple(self._open):
            self._end(provider_id, "cancelled", "The reply ended before the search did.")

    def drop(self) -> None:
        """The reply broke: its calls are not part of the conversation."""
        self.give_up()
        if self._of_reply:
            self._emit(CallsDropped(tuple(self._of_reply)))
            self._of_reply.clear()

    def _end(self, provider_id: str, status: OutcomeStatus, text: str) -> None:
        key, began_s = self._open.pop(provider_id)
        run_ms = round((time.monotonic() - began_s) * 1000, 3)
        self._emit(CallEnded(key, status, text, TextDetail(text.partition("\n")[0]), 0.0, run_ms))


def result_text(content: object) -> tuple[str, bool]:
    """Return what a provider says it has found, a line a page, and whether it failed."""
    fields = content if isinstance(content, Mapping) else {}
    failure = fields.get("error_code") or (fields.get("status") == "failed" and "no reason given")
    if failure:
        return f"The provider could not search: {failure}.", True
    found = content if isinstance(content, list) else fields.get("sources") or ()
    pages = [_page(entry) for entry in found if isinstance(entry, Mapping) and entry.get("url")]
    if not pages:
        return "Searched; the provider does not say what it found.", False
    return "\n".join([f"{len(pages)} found", *pages]), False


def _page(entry: Mapping[Any, Any]) -> str:
    title = str(entry.get("title") or "").strip()
    return f"{title} — {entry['url']}" if title else str(entry["url"])
