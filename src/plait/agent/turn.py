"""One turn: from a prompt until the agent stops.

A turn runs the model, lets the dispatcher make its calls while the reply still streams, and goes on after what can be
mended: a provider that failed, a reply that broke, a context that is full, an answer that misses its schema.
Whatever happens it ends with exactly one `TurnEnded`, and with a history that can be continued.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from typing import Any

from plait.agent.budget import WITHOUT_PRICE, Exceeded, exceeded
from plait.agent.deltas import Deltas
from plait.agent.dispatch import Batch
from plait.agent.provider_calls import ProviderCalls
from plait.agent.replies import ReplyInfo, RunRequest
from plait.agent.retries import Retries
from plait.agent.structured import Mismatch, parse_structured
from plait.agent.surroundings import Surroundings
from plait.protocol.calls import ToolOutcome
from plait.protocol.errors import PlaitError, ProviderError, UserError
from plait.protocol.events import (
    ArgsDelta,
    Fault,
    MessagesRecorded,
    ModelChanged,
    Notice,
    ReplyAwaited,
    ReplyEnded,
    RetryScheduled,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    TurnEnd,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.protocol.ports import CutCall

LOG = logging.getLogger("plait.turn")

SCHEMA_TRIES = 3
COMPACTIONS_A_TURN = 3


@dataclass(slots=True)
class Ending:
    """How the turn ends, as known so far."""

    end: TurnEnd = "completed"
    error: str | None = None
    text: str = ""
    structured: str | None = None
    fault: Fault | None = None


class Turn:
    """A running turn; it is the adapter's `ReplySink`."""

    def __init__(self, number: int, prompt: str, around: Surroundings) -> None:
        self.number = number
        self.usage = Usage()
        self._prompt = prompt
        self._around = around
        self._emit = around.emit
        self._settings = around.settings
        self._replies = 0
        self._retries = Retries(self._settings.retry_base_s, attended=self._settings.attended)
        self._compactions = 0
        self._is_priced = True
        self._unheard: str | None = prompt
        self._ending = Ending()
        self._exceeded: Exceeded | None = None
        self._batch: Batch | None = None
        self._deltas = Deltas(around.emit)
        self._provider_calls = ProviderCalls(around.emit, lambda: around.dispatcher.next_key(number))
        self._open_parts: dict[int, tuple[type, list[str]]] = {}
        self._last_part: TextEnded | ThinkingEnded | None = None
        self._request_at = 0.0
        self._time_is_up_at: float | None = None
        self._first_token_at: float | None = None
        self._body: asyncio.Task[None] | None = None
        self._tasks: asyncio.TaskGroup | None = None

    # --- driven by the agent -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run to the end. Raises nothing but CancelledError, and that only if it was cancelled from outside."""
        started = time.monotonic()
        self._emit(TurnStarted(self.number, self._prompt, self._around.model.name))
        self._body = asyncio.create_task(self._run_limited(), name=f"turn {self.number}")
        try:
            await asyncio.wait({self._body})
        except asyncio.CancelledError:
            self._body.cancel()
            await asyncio.wait({self._body})
            raise
        finally:
            if self._body.cancelled():
                # Before its first step, so that it could not say so itself.
                self._ending = Ending("cancelled")
            self._close_history()
            ending = self._ending
            self._emit(
                TurnEnded(
                    self.number,
                    ending.end,
                    ending.error,
                    self.usage,
                    round((time.monotonic() - started) * 1000),
                    self._replies,
                    ending.text,
                    ending.structured,
                    ending.fault,
                )
            )

    def cancel(self) -> None:
        """End the turn; its calls are cancelled, what was complete stays in the history."""
        if self._body is not None:
            self._body.cancel()

    async def _run_limited(self) -> None:
        limit_s = self._settings.limits.time_limit_s
        self._time_is_up_at = None if limit_s is None else time.monotonic() + limit_s
        try:
            async with asyncio.timeout(limit_s):
                async with asyncio.TaskGroup() as tasks:
                    self._tasks = tasks
                    await self._run_body()
        except TimeoutError:
            self._ending = Ending("limit_time", f"Stopped after {limit_s:g} s, the limit set by `--time-limit`.")
        except asyncio.CancelledError:
            self._ending = Ending("cancelled")

    async def _run_body(self) -> None:
        try:
            await self._converse()
        except PlaitError as error:
            await self._break_off()
            fault: Fault = "configuration" if isinstance(error, UserError) else "provider"
            self._ending = Ending("failed", str(error), fault=fault)
        except Exception as error:  # A bug of ours must not look like an answer.
            LOG.exception("turn %s", self.number)
            await self._break_off()
            self._ending = Ending("failed", f"Plait failed: {type(error).__name__}: {error}", fault="internal")

    async def _converse(self) -> None:
        schema_tries = 0
        while True:
            model = self._around.model
            # Before each run: a fallback model may have no price.
            if self._has_budget and not model.has_price:
                raise UserError(f"The price of `{model.name}` is not known. {WITHOUT_PRICE}")
            try:
                end = await model.run(
                    RunRequest(
                        prompt=self._unheard,
                        sink=self,
                        instructions=self._around.instructions,
                        situation=self._around.situation,
                        offered=self._around.offered,
                        pause=self._must_pause,
                        searches=self._around.searches,
                    )
                )
            except ProviderError as error:
                await self._break_off()
                await self._recover(error)
                continue
            if end.paused:
                if self._exceeded is not None:
                    self._ending = Ending(self._exceeded.end, self._exceeded.text)
                    return
                await self._compact()
                continue
            late = self._around.model.take_undelivered()
            if late:
                self._unheard = "\n\n".join(late)
                continue
            if self._settings.schema is None:
                self._ending = Ending("completed", text=end.text)
                return
            checked = parse_structured(end.text, self._settings.schema)
            if not isinstance(checked, Mismatch):
                self._ending = Ending("completed", text=end.text, structured=checked)
                return
            schema_tries += 1
            if schema_tries >= SCHEMA_TRIES:
                self._ending = Ending("schema_not_met", f"No answer met the schema: {checked.text}", text=end.text)
                return
            self._unheard = checked.prompt

    @property
    def _has_budget(self) -> bool:
        return self._settings.limits.max_budget_usd is not None

    # --- mending -------------------------------------------------------------------------------------------------

    def _must_pause(self) -> bool:
        spent = self._around.spent_before.plus(self.usage)
        self._exceeded = exceeded(self._settings.limits, self._replies, spent, is_priced=self._is_priced)
        if self._exceeded is not None:
            return True
        may_compact = self._settings.auto_compact and self._compactions < COMPACTIONS_A_TURN
        return may_compact and self._around.context_is_full()

    async def _compact(self) -> None:
        self._compactions += 1
        if not await self._around.compact(""):
            self._compactions = COMPACTIONS_A_TURN

    async def _recover(self, error: ProviderError) -> None:
        """Do what may help against `error`, visibly, or raise it."""
        if error.is_context_full and self._compactions < COMPACTIONS_A_TURN:
            self._compactions += 1
            if await self._around.compact(""):
                return
        left_s = None if self._time_is_up_at is None else self._time_is_up_at - time.monotonic()
        wait_s = self._retries.next_wait_s(error, left_s)
        if wait_s is not None:
            self._emit(RetryScheduled(self.number, self._retries.attempt, str(error), wait_s))
            await asyncio.sleep(wait_s)
            return
        fallback = self._settings.fallback_model
        if fallback is not None and self._around.model.name != fallback:
            self._emit(Notice("warning", f"{error} Going on with `{fallback}`."))
            self._around.model.use(fallback, None)
            self._emit(ModelChanged(fallback))
            self._retries.succeeded()
            return
        raise self._retries.final(error, left_s) from error

    async def _break_off(self) -> None:
        """The reply under way is no reply: show what came as partial, forget its calls."""
        self._end_open_parts(partial=True)
        self._provider_calls.drop()
        if self._batch is not None:
            await self._batch.drop()
            self._batch = None

    def _close_history(self) -> None:
        """Leave a history that any prompt can follow, and all of it in the log."""
        history = self._around.model.history
        self._end_open_parts(partial=True)
        self._provider_calls.give_up()
        if self._batch is not None:
            history.close_calls(
                [
                    CutCall(call.call.provider_id, call.call.name, result.status, result.text)
                    for call in self._batch.calls
                    if call.outcome.done() and (result := call.outcome.result())
                ]
            )
        match self._ending.end:
            case "completed" | "schema_not_met":
                why = ""
            case "cancelled":
                why = "[The user interrupted here.]"
            case _:
                why = f"[No reply: {self._ending.error}]"
        # Words that reached no request stand where they were said: before the next prompt, in reach of `/clear`.
        unheard = [self._unheard] if self._unheard is not None else []
        unheard += self._around.model.take_undelivered()
        if unheard:
            history.end_turn("[No reply yet.]")
            history.add_prompt("\n\n".join(unheard))
        history.end_turn(why or "[No reply.]")
        payload = history.unrecorded()
        if payload is not None:
            self._emit(MessagesRecorded(self.number, payload))

    # --- ReplySink -----------------------------------------------------------------------------------------------

    def request_sent(self) -> None:
        assert self._tasks is not None
        self._replies += 1
        self._batch = Batch(self._around.dispatcher, self.number, self._replies, self._tasks)
        self._request_at = time.monotonic()
        self._first_token_at = None
        self._provider_calls.begin_reply()

    def awaited(self, waited_s: float, silent_s: float, limit_s: float) -> None:
        self._emit(ReplyAwaited(self.number, self._replies, round(waited_s, 1), round(silent_s, 1), limit_s))

    def text(self, part: int, delta: str) -> None:
        self._say(TextDelta, TextEnded, part, delta)

    def thinking(self, part: int, delta: str) -> None:
        self._say(ThinkingDelta, ThinkingEnded, part, delta)

    def arguments(self, part: int, name: str, characters: int) -> None:
        self._begin_delta()
        self._deltas.add((ArgsDelta, part), lambda _: ArgsDelta(self.number, self._replies, part, name, characters))

    def text_ended(self, part: int, text: str) -> None:
        self._open_parts.pop(part, None)
        if text:
            self._settle_part()
            self._last_part = TextEnded(self.number, self._replies, part, text)

    def thinking_ended(self, part: int, text: str) -> None:
        self._open_parts.pop(part, None)
        if text:
            self._settle_part()
            self._last_part = ThinkingEnded(self.number, self._replies, part, text)

    def call(self, name: str, args: dict[str, Any], provider_id: str, malformed: str | None) -> None:
        assert self._batch is not None
        self._settle_part()
        self._batch.announce(name, args, provider_id, malformed)

    def provider_call(self, name: str, args: dict[str, Any], provider_id: str) -> None:
        self._settle_part()
        self._provider_calls.begin(self._replies, name, args, provider_id)

    def provider_result(self, provider_id: str, content: object) -> None:
        self._settle_part()
        self._provider_calls.end(provider_id, content)

    def reply_ended(self, reply: ReplyInfo) -> None:
        self._settle_part(partial=reply.is_empty)
        self._provider_calls.give_up()
        if not reply.is_empty:
            self._retries.succeeded()
        self.usage = self.usage.plus(reply.usage)
        self._around.note_context(reply.context_tokens, reply.context_window)
        first_ms = None if self._first_token_at is None else round((self._first_token_at - self._request_at) * 1000)
        self._emit(
            ReplyEnded(
                self.number,
                self._replies,
                reply.model,
                reply.finish_reason,
                reply.usage,
                round((time.monotonic() - self._request_at) * 1000),
                first_ms,
                reply.context_tokens,
                reply.context_window,
                reply.is_empty,
            )
        )
        if self._has_budget and reply.usage.cost_usd is None:
            self._is_priced = False
            self._emit(Notice("warning", f"What this reply has cost is not known. {WITHOUT_PRICE}"))
        if reply.finish_reason == "length":
            self._emit(Notice("warning", "The reply was cut at the model's output limit; ask it to go on."))
        if reply.finish_reason == "content_filter" and not reply.is_empty:
            why = reply.refusal or "it is not whole"
            self._emit(Notice("warning", f"The reply was cut by the provider's content filter: {why}."))
        assert self._batch is not None
        self._batch.confirm()

    async def outcome(self, provider_id: str) -> ToolOutcome:
        assert self._batch is not None
        call = self._batch.find(provider_id)
        if call is None:
            return ToolOutcome("failed", "This call was lost; nothing was run.")
        # The run may be cancelled while it waits; the call's end is the turn's business.
        return await asyncio.shield(call.outcome)

    def recorded(self, payload: str) -> None:
        self._unheard = None
        self._emit(MessagesRecorded(self.number, payload))

    def _say(self, kind: type[TextDelta | ThinkingDelta], ended: type, part: int, delta: str) -> None:
        self._begin_delta()
        self._open_parts.setdefault(part, (ended, []))[1].append(delta)
        self._deltas.add((kind, part), lambda text: kind(self.number, self._replies, part, text), delta)

    def _begin_delta(self) -> None:
        if self._first_token_at is None:
            self._first_token_at = time.monotonic()
        if self._last_part is not None:
            self._settle_part()

    def _settle_part(self, *, partial: bool = False) -> None:
        """Tell of the part that ended last. Until something follows, or the reply is whole, it may be a cut one."""
        self._deltas.flush()
        if self._last_part is not None:
            self._emit(replace(self._last_part, partial=partial))
            self._last_part = None

    def _end_open_parts(self, *, partial: bool) -> None:
        self._settle_part(partial=partial)
        for part, (ended, deltas) in self._open_parts.items():
            self._emit(ended(self.number, self._replies, part, "".join(deltas), partial))
        self._open_parts.clear()
