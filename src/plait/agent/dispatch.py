"""Calls of one agent: announced while a reply streams, run when it is whole, cancelled one by one.

The path that each of them takes is `agent.call`'s.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

from plait.agent.call import Call
from plait.agent.judgement import Machinery
from plait.protocol.calls import CallKey, ToolCall
from plait.protocol.events import CallsDropped


class Batch:
    """The calls of one reply, announced one by one while it streams."""

    def __init__(self, dispatcher: Dispatcher, turn: int, reply: int, tasks: asyncio.TaskGroup) -> None:
        self.calls: list[Call] = []
        self._by_provider_id: dict[str, Call] = {}
        self._dispatcher = dispatcher
        self._turn = turn
        self._reply = reply
        self._tasks = tasks

    def announce(self, name: str, args: dict[str, Any], provider_id: str, malformed: str | None = None) -> Call:
        """Take the next call's ticket. It starts now if it only reads and needs no approval, else on `confirm`."""
        key = self._dispatcher.next_key(self._turn)
        call = self._dispatcher.announce(ToolCall(key, name, args, provider_id, malformed), self._reply)
        call.start(self._tasks.create_task)
        self.calls.append(call)
        self._by_provider_id[provider_id] = call
        return call

    def find(self, provider_id: str) -> Call | None:
        return self._by_provider_id.get(provider_id)

    def confirm(self) -> None:
        """The reply is complete and in the history: its writes may go on."""
        for call in self.calls:
            call.confirm()

    async def drop(self) -> None:
        """The reply broke: end its early reads and forget them."""
        if not self.calls:
            return
        for call in self.calls:
            call.cancel("The reply that it belongs to broke off.")
        await asyncio.gather(*(call.task for call in self.calls if call.task is not None), return_exceptions=True)
        self._dispatcher.machinery.emit(CallsDropped(tuple(call.key for call in self.calls)))


class Dispatcher:
    """Makes calls of one agent. Keys count calls within a turn from 1."""

    def __init__(self, agent: str, machinery: Machinery) -> None:
        self.agent = agent
        self.machinery = machinery
        self._running: dict[CallKey, Call] = {}
        self._turn = 0
        self._numbers = itertools.count(1)

    def next_key(self, turn: int) -> CallKey:
        if turn != self._turn:
            self._turn, self._numbers = turn, itertools.count(1)
        return CallKey(self.agent, turn, next(self._numbers))

    def announce(
        self, tool_call: ToolCall, reply: int, parent: CallKey | None = None, *, by_user: bool = False
    ) -> Call:
        """Take a call's ticket and place, without awaiting. The caller runs it."""
        call = Call(tool_call, reply, self.machinery, parent, by_user=by_user)
        self._running[call.key] = call
        call.outcome.add_done_callback(lambda _: self._running.pop(call.key, None))
        return call

    def begin(self, turn: int, name: str, args: dict[str, Any], *, by_user: bool = False) -> Call:
        """Announce a call outside a model's reply; the caller awaits its `run`. The user's own need no approval."""
        call = self.announce(ToolCall(self.next_key(turn), name, args), reply=0, by_user=by_user)
        call.confirm()
        call.task = asyncio.current_task()
        return call

    def running(self) -> Sequence[Call]:
        return tuple(self._running.values())

    def cancel(self, key: CallKey) -> bool:
        call = self._running.get(key)
        if call is None:
            return False
        call.cancel("The user cancelled this call alone.")
        return True
