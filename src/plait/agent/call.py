"""The path of one tool call, whoever makes it: a model, the user, or a script.

validate → effects → ticket (in emission order, without awaiting) → policy → question → ticket ready → cap →
run under the deadline → exactly one `CallEnded`. A call that fails, crashes, is denied or times out disturbs
no sibling: it ends with an outcome that the caller can act on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from plait.agent.judgement import Judgement, Machinery, Refusal
from plait.agent.parts import run_parts
from plait.permissions.approvals import Place, Question
from plait.permissions.policy import Decision
from plait.protocol.calls import CallKey, OutcomeStatus, TodoDetail, ToolCall, ToolOutcome
from plait.protocol.commands import Allow, AllowAlways, Deny, Reply
from plait.protocol.effects import Effects
from plait.protocol.errors import ToolRefused
from plait.protocol.events import (
    Blocker,
    CallEnded,
    CallReserved,
    CallStarted,
    OutputDelta,
    Progress,
    TodoChanged,
)
from plait.protocol.ports import Writing
from plait.scheduling.scheduler import Ticket
from plait.tools.base import Cap, Plan, Tool, ToolContext, ToolOutput, WritingTool

LOG = logging.getLogger("plait.dispatch")
SOON_S = 0.005
"""What runs so soon after it was judged is not judged again."""


class Call:
    """One call on its way. Created by `Dispatcher.announce`, in the order of the model's reply."""

    def __init__(
        self,
        call: ToolCall,
        reply: int,
        machinery: Machinery,
        parent: CallKey | None = None,
        *,
        by_user: bool = False,
    ) -> None:
        self.call = call
        self.key = call.key
        self.outcome: asyncio.Future[ToolOutcome] = asyncio.get_running_loop().create_future()
        self.to_background = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._confirmed = asyncio.Event()
        self._m = machinery
        self._reply = reply
        self._parent = parent
        self._edited = False
        self._answer: str | None = None
        self._lane: int | None = None
        self._started_at: float | None = None
        self._reserved_at = machinery.clock()
        self._cancelled_alone = False
        self._refused: Refusal | None = None
        self._place: Place | None = None
        self._judged = Judgement(call, machinery, by_user=by_user)
        self._ticket: Ticket[CallKey]
        self._reserve()

    # --- taken in order, without awaiting ------------------------------------------------------------------------

    def _reserve(self) -> None:
        try:
            self._judged.understand(self.call.args)
        except Refusal as refusal:
            self._refused = refusal
        self._ticket = self._m.scheduler.reserve(self.key, self._judged.effects)
        tool = self._judged.tool
        if tool is not None and self._refused is None:
            self._judged.decide()
            if self._judged.decision.verdict == "ask":
                # The place in the queue of questions is taken now too: questions come in the order of the calls.
                self._place = self._m.approvals.place(self.key, self._judged.waiting())
        self._m.emit(
            CallReserved(
                self.key,
                self.call.name,
                self.call.args,
                self.call.provider_id,
                self._judged.effects.kind,
                (tool.cap if tool is not None else Cap.CALLS).value,
                tuple(dict.fromkeys(access.path for access in self._judged.effects.accesses)),
                tuple(Blocker(key, resource) for key, resource in self._ticket.waits_for.items()),
                self._judged.effects.reason,
                self._reply,
                self._parent,
            )
        )

    @property
    def decision(self) -> Decision:
        """The policy's verdict as last asked for."""
        return self._judged.decision

    @property
    def would_ask(self) -> bool:
        """True if it was denied only because nobody is there to ask."""
        return self._judged.would_ask

    @property
    def effects(self) -> Effects:
        return self._judged.effects

    @property
    def has_run(self) -> bool:
        return self._started_at is not None

    @property
    def may_start_early(self) -> bool:
        """True if it need not wait for the rest of the reply."""
        return self._refused is None and self._judged.only_reads

    # --- its life ------------------------------------------------------------------------------------------------

    def start(self, create_task: Callable[..., asyncio.Task[None]]) -> None:
        """Let it go in a task of its own."""
        self.task = create_task(self.run(), name=f"call {self.key}")
        # A task that is cancelled before its first step never enters `run`; the call still gets its end.
        self.task.add_done_callback(lambda _: self._end(self._cancelled_outcome(), None))

    def confirm(self) -> None:
        """The reply it belongs to is complete: whatever it does may happen now."""
        self._confirmed.set()

    def cancel(self) -> None:
        """End this call alone."""
        self._cancelled_alone = True
        if self.task is not None:
            self.task.cancel()

    async def run(self) -> None:
        """Go the whole way and set `outcome`. Raises nothing but CancelledError."""
        outcome = ToolOutcome("cancelled", "Cancelled before it ran; nothing was done.")
        output: ToolOutput | None = None
        try:
            output, outcome = await self._go()
        except Refusal as refusal:
            outcome = refusal.outcome
        except ToolRefused as error:
            outcome = ToolOutcome("failed", str(error))
        except asyncio.CancelledError:
            outcome = self._cancelled_outcome()
            if not self._cancelled_alone:
                raise
        except Exception as error:  # One of the two places that catch everything: a tool's bug stays its own.
            LOG.exception("call %s", self.key)
            outcome = ToolOutcome("failed", f"The tool failed: {type(error).__name__}: {error}")
        finally:
            self._end(outcome, output)

    def _cancelled_outcome(self) -> ToolOutcome:
        by_user = " The user cancelled this call alone." if self._cancelled_alone else ""
        if self._started_at is None:
            return ToolOutcome("cancelled", f"Cancelled before it ran; nothing was done.{by_user}")
        return ToolOutcome("cancelled", f"Cancelled while it ran; it may have done part of its work.{by_user}")

    async def _go(self) -> tuple[ToolOutput, ToolOutcome]:
        if not self.may_start_early:
            await self._confirmed.wait()
        if self._refused is not None:
            raise self._refused
        tool = self._judged.tool
        assert tool is not None
        plan: Plan | None = None
        # The mode or the rules may have changed since the ticket was taken.
        verdict = self._judged.decide().verdict
        if verdict == "deny":
            raise Refusal("denied", f"Not run: {self._judged.decision.reason}")
        if verdict == "allow" and self._place is not None:
            self._place.leave()
        if isinstance(tool, WritingTool):
            # What earlier calls do to the same file must be seen in the plan that the user is shown.
            await self._ticket.ready()
            plan = await self._planned(tool)
        if self._judged.decision.verdict == "ask":
            plan = await self._ask(tool, plan)
        await self._ticket.ready()
        async with self._m.caps.hold(tool.cap.value):
            self._judge_again(tool)
            return await self._run_tool(tool, plan)

    def _judge_again(self, tool: Tool[Any]) -> None:
        """A call that had to wait must still do what it was judged by: a link may lead elsewhere by now."""
        if self._m.clock() - self._reserved_at < SOON_S:
            return
        if tool.effects(self._judged.typed, self._m.workspace) != self._judged.effects:
            raise Refusal("failed", "What this call touches has changed while it waited; nothing was run. Look again.")

    async def _ask(self, tool: Tool[Any], plan: Plan | None) -> Plan | None:
        """Ask the user. Returns the plan to apply, which edited arguments may have changed. Raises Refusal."""
        place = self._place = self._place or self._m.approvals.place(self.key, self._judged.waiting())
        preview = (
            plan.preview
            if plan is not None
            else tool.preview(self._judged.typed, self._judged.workspace, self._judged.effects)
        )
        question = Question(
            key=self.key,
            name=tool.name,
            args=self._judged.args,
            preview=preview,
            offers=self._m.permissions.offers(tool.name, self._judged.args, self._judged.effects),
            danger=self._judged.effects.danger,
            reason=self._judged.decision.reason or self._judged.effects.reason,
            redecide=self._judged.decide,
            alone=self._judged.decision.apart,
        )
        try:
            answer = await place.ask(question)
        finally:
            place.leave()
        match answer:
            case Deny(reason=reason):
                said = f" They said: {reason}" if reason else " Ask before trying it another way."
                raise Refusal("denied", f"The user did not allow this call.{said}")
            case Reply(text=text):
                self._answer = text
            case Allow(args=args) if args is not None and args != self._judged.args:
                return await self._take_edited(args)
            case Allow() | AllowAlways():
                pass
        return plan

    async def _take_edited(self, args: dict[str, Any]) -> Plan | None:
        """The user changed the arguments: they are validated like any others and get a place in line of their own."""
        self._edited = True
        self._m.scheduler.release(self._ticket)
        self._judged.understand(args)
        self._ticket = self._m.scheduler.reserve(self.key, self._judged.effects)
        if self._judged.decide().verdict == "deny":
            raise Refusal("denied", f"Not run, not even as edited: {self._judged.decision.reason}")
        if isinstance(self._judged.tool, WritingTool):
            await self._ticket.ready()
            return await self._planned(self._judged.tool)
        return None

    async def _planned(self, tool: WritingTool[Any]) -> Plan:
        """Return the tool's plan; refuse one that would write what the call was not judged by."""
        plan = await tool.plan(self._judged.typed, self._judged.workspace)
        judged = {access.path for access in self._judged.effects.writes}
        if not {write.path for write in plan.writes} <= judged:
            raise Refusal("failed", "What this call would write has changed since it was judged; nothing was written.")
        return plan

    async def _run_tool(self, tool: Tool[Any], plan: Plan | None) -> tuple[ToolOutput, ToolOutcome]:
        effects = self._judged.effects
        written = tuple(Path(access.path) for access in effects.writes)
        writing = Writing(self.key, written, effects, self._judged.by_user)
        if written or effects.unknown:
            for hook in self._m.before_write:
                await hook.before_write(writing)
        self._lane = self._m.lanes.take()
        self._started_at = self._m.clock()
        self._m.emit(
            CallStarted(
                self.key,
                self._lane,
                tool.cap.value,
                self._queued_ms(),
                self._judged.args,
                plan.writes if plan is not None else (),
                self._edited,
            )
        )
        changed = written
        limit_s = tool.deadline_s(self._judged.typed, self._m.deadlines)
        timeout = asyncio.timeout(limit_s)
        try:
            async with timeout:
                output, reused = await self._execute(tool, plan, self._context(limit_s))
            changed = tuple(Path(path) for path in output.files_changed) or written
        except TimeoutError:
            if not timeout.expired():
                raise
            raise Refusal("timeout", f"`{tool.name}` was stopped after {limit_s:g} s without a result.") from None
        finally:
            # A call that failed half-way may have written all the same.
            if changed or effects.unknown:
                for after in self._m.after_write:
                    await after.after_write(replace(writing, paths=changed))
        return output, self._outcome_of(output, timeout.expired(), reused)

    async def _execute(
        self, tool: Tool[Any], plan: Plan | None, context: ToolContext
    ) -> tuple[ToolOutput, CallKey | None]:
        if tool.reusable:
            return await self._m.cache.get_or_run(
                self.key, tool.name, self._judged.args, lambda: tool.run(self._judged.typed, context)
            )
        if isinstance(tool, WritingTool) and plan is not None:
            return await tool.apply(plan, context), None
        return await tool.run(self._judged.typed, context), None

    def _outcome_of(self, output: ToolOutput, expired: bool, reused: CallKey | None) -> ToolOutcome:
        task = asyncio.current_task()
        status: OutcomeStatus = "failed" if output.failed else "ok"
        if expired:
            status = "timeout"
        elif self._cancelled_alone or (task is not None and task.cancelling()):
            # The tool caught its cancellation and returned what it had.
            status = "cancelled"
        text = output.text
        if reused is not None:
            text = f"[Unchanged since call {reused.turn}.{reused.call}, answered from its result.]\n{text}"
        if self._edited:
            ran = msgspec.json.encode(self._judged.args).decode()
            text = f"[The user changed the arguments; what ran was {ran}]\n{text}"
        return ToolOutcome(status, text, output.detail, reused)

    def _context(self, deadline_s: float | None) -> ToolContext:
        return ToolContext(
            key=self.key,
            workspace=self._judged.workspace,
            report=self._report,
            run_parts=run_parts,
            answer=self._answer,
            to_background=self.to_background,
            effects=self._judged.effects,
            by_user=self._judged.by_user,
            deadline_s=deadline_s,
        )

    def _report(self, text: str = "", *, output: str = "", done: int = 0, total: int = 0) -> None:
        if output:
            self._m.emit(OutputDelta(self.key, output))
        if text or total:
            self._m.emit(Progress(self.key, text, done, total))

    @property
    def run_ms(self) -> float:
        """How long it has run, or ran."""
        return 0.0 if self._started_at is None else round((self._m.clock() - self._started_at) * 1000, 3)

    def _queued_ms(self) -> float:
        until = self._started_at if self._started_at is not None else self._m.clock()
        return round((until - self._reserved_at) * 1000, 3)

    def _end(self, outcome: ToolOutcome, output: ToolOutput | None) -> None:
        if self.outcome.done():
            return
        self._m.scheduler.release(self._ticket)
        if self._place is not None:
            self._place.leave()
        if self._lane is not None:
            self._m.lanes.free(self._lane)
        if isinstance(outcome.detail, TodoDetail) and outcome.status == "ok":
            self._m.emit(TodoChanged(outcome.detail.items))
        self._m.emit(
            CallEnded(
                self.key,
                outcome.status,
                outcome.text,
                outcome.detail,
                self._queued_ms(),
                self.run_ms,
                outcome.reused,
                output.files_changed if output is not None else (),
            )
        )
        self.outcome.set_result(outcome)
