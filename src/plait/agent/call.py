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

from plait.agent import outcomes
from plait.agent.granted import Granted
from plait.agent.judgement import Judgement, Machinery, Refusal
from plait.agent.mending import to_mend
from plait.agent.parts import run_parts
from plait.host.os_errors import in_one_line
from plait.permissions.approvals import Place, Question
from plait.permissions.policy import Decision
from plait.protocol.calls import CallKey, OutcomeStatus, TodoDetail, ToolCall, ToolOutcome
from plait.protocol.commands import Allow, AllowAlways, Deny, Reply, Verdict
from plait.protocol.effects import UNKNOWN, Effects
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
        self._asked = False
        self._answer: str | None = None
        self._lane: int | None = None
        self._started_at: float | None = None
        self._reserved_at = machinery.clock()
        self._cancelled_alone: str | None = None
        self._planned_after = 0
        self._granted: Granted | None = None
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
        # What cannot be judged before earlier calls have run keeps everything behind it until it is.
        is_open = self._refused is not None and self._refused.of_the_moment
        self._ticket = self._m.scheduler.reserve(self.key, UNKNOWN if is_open else self._judged.effects)
        if is_open and not self._ticket.follows_change:
            self._m.scheduler.amend(self._ticket, self._judged.effects)
        tool = self._judged.tool
        if tool is not None and self._refused is None:
            self._judged.decide()
            if self._judged.decision.verdict == "ask":
                # The place in the queue of questions is taken now too: questions come in the order of the calls.
                self._place = self._take_place()
        self._m.emit(
            CallReserved(
                self.key,
                self.call.name,
                self.call.args,
                self.call.provider_id,
                self._ticket.effects.kind,
                (tool.cap if tool is not None else Cap.CALLS).value,
                tuple(dict.fromkeys(access.path for access in self._judged.effects.accesses)),
                tuple(Blocker(key, resource) for key, resource in self._ticket.waits_for.items()),
                self._judged.effects.reason,
                self._reply,
                self._parent,
            )
        )

    def _take_place(self) -> Place:
        return self._m.approvals.place(self.key, self._judged.waiting(), self._ticket.number)

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

    def cancel(self, why: str) -> None:
        """End this call alone. `why` is a sentence for the model."""
        self._cancelled_alone = why
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
            if self._cancelled_alone is None:
                raise
        except OSError as error:
            LOG.info("call %s", self.key, exc_info=True)
            outcome = ToolOutcome("failed", in_one_line(self.call.name, error))
        except Exception as error:  # One of the two places that catch everything: a tool's bug stays its own.
            LOG.exception("call %s", self.key)
            outcome = ToolOutcome("failed", f"The tool failed: {type(error).__name__}: {error}")
        finally:
            self._end(outcome, output)

    def _cancelled_outcome(self) -> ToolOutcome:
        return outcomes.cancelled(has_run=self.has_run, why=self._cancelled_alone)

    async def _go(self) -> tuple[ToolOutput, ToolOutcome]:
        if self._refused is not None:
            await self._understand_later(self._refused)
        tool = self._judged.tool
        assert tool is not None
        while True:
            if not self.may_start_early:
                await self._confirmed.wait()
            plan = await self._permitted(tool)
            await self._ticket.ready()
            async with self._m.caps.hold(tool.cap.value):
                if self._may_run(plan):
                    self._ticket.begin()
                    return await self._run_tool(tool, plan)

    async def _understand_later(self, refused: Refusal) -> None:
        """Judge a call that was refused, if earlier calls may have made what it lacked. Raises Refusal."""
        await self._confirmed.wait()
        if not self._ticket.follows_change:
            raise refused
        await self._ticket.ready()
        self._judge_anew()
        self._refused = None

    async def _permitted(self, tool: Tool[Any]) -> Plan | None:
        """Return once the call may run as it is judged now, with what it would write. Raises Refusal."""
        # The mode or the rules may have changed since the ticket was taken.
        verdict = self._decided()
        if verdict == "allow" and self._place is not None:
            self._place.leave()
        plan: Plan | None = None
        if isinstance(tool, WritingTool):
            # What earlier calls do to the same file must be seen in the plan that the user is shown.
            await self._ticket.ready()
            while self._may_be_outdated() and self._judge_anew():
                await self._ticket.ready()
            self._decided()
            plan = await self._planned(tool)
        if self._decided() == "ask" and not self._is_granted(plan):
            plan = await self._ask(tool, plan)
        return plan

    def _decided(self) -> Verdict:
        """Return the policy's verdict as rules and mode stand now. Raises Refusal if that is a denial."""
        decision = self._judged.decide()
        if decision.verdict == "deny":
            raise Refusal("denied", f"Not run: {decision.reason}")
        return decision.verdict

    def _may_run(self, plan: Plan | None) -> bool:
        """Look once more right before the run: is it still this call's turn, and does it do what it was judged by?

        A link may lead elsewhere by now, an earlier call may have been changed by the user, the mode too. Raises
        Refusal.
        """
        if not self._ticket.is_ready or (plan is not None and self._planned_after != self._ticket.overtaken):
            return False
        if self._may_be_outdated() and self._judge_anew():
            return False
        return self._decided() == "allow" or self._is_granted(plan)

    def _may_be_outdated(self) -> bool:
        """True if files may have changed since the call was judged."""
        return bool(self._ticket.waits_for) or not self._judged.is_recent

    def _judge_anew(self) -> bool:
        """Judge by the files as they are now; True if that gives other effects, which then have the call's place."""
        is_changed = self._judged.renew()
        if self._ticket.effects != self._judged.effects:
            self._m.scheduler.amend(self._ticket, self._judged.effects)
        return is_changed

    def _is_granted(self, plan: Plan | None) -> bool:
        if self._granted is None:
            return False
        writes = plan.writes if plan is not None else None
        return self._granted.holds_for(self._judged.effects, writes, apart=self._judged.decision.apart)

    async def _ask(self, tool: Tool[Any], plan: Plan | None) -> Plan | None:
        """Ask the user. Returns the plan to apply, which edited arguments may have changed. Raises Refusal."""
        place = self._place = self._place or self._take_place()
        preview = (
            plan.preview
            if plan is not None
            else tool.preview(self._judged.typed, self._judged.workspace, self._judged.effects)
        )
        again = "not what you allowed, files have changed since: " if self._granted is not None else ""
        question = Question(
            key=self.key,
            name=tool.name,
            args=self._judged.args,
            preview=preview,
            offers=self._m.permissions.offers(tool.name, self._judged.args, self._judged.effects),
            danger=self._judged.effects.danger,
            reason=again + (self._judged.decision.reason or self._judged.effects.reason),
            redecide=self._judged.decide,
            alone=self._judged.decision.apart,
        )
        match await self._answer_to(place, question):
            case Reply(text=text):
                self._answer = text
            case Allow(args=args) if args is not None and args != self._judged.args:
                plan = await self._take_edited(args, place, question)
            case Allow() | AllowAlways():
                pass
        self._granted = Granted(self._judged.effects, plan.writes if plan is not None else None)
        return plan

    async def _answer_to(self, place: Place, question: Question) -> Allow | AllowAlways | Reply:
        """Return the user's answer. Raises Refusal if that is no."""
        try:
            answer = await place.ask(question)
        finally:
            place.leave()
        # A rule that came meanwhile, or another mode, lets it run without an answer to its own question.
        self._asked = place.answered_by == "user"
        match answer:
            case Deny(reason=reason) if place.answered_by == "rule":
                raise Refusal("denied", f"Not run: {reason}")
            case Deny(reason=reason):
                said = f" They said: {reason}" if reason else " Ask before trying it another way."
                raise Refusal("denied", f"The user did not allow this call.{said}")
            case _:
                return answer

    async def _take_edited(self, args: dict[str, Any], place: Place, question: Question) -> Plan | None:
        """The user changed the arguments. Until they can be taken, the user is shown them again, and why not.

        Raises Refusal if the user gives up.
        """
        self._edited = True
        while True:
            try:
                return await self._judge_edited(args)
            except (Refusal, ToolRefused) as error:
                again = to_mend(question, args, str(error))
            answer = await self._answer_to(place, again)
            if isinstance(answer, Allow) and answer.args is not None:
                args = answer.args

    async def _judge_edited(self, args: dict[str, Any]) -> Plan | None:
        """Validate edited arguments like any others; the call keeps its place in line. Raises Refusal, ToolRefused."""
        self._judged.understand(args)
        self._m.scheduler.amend(self._ticket, self._judged.effects)
        decision = self._judged.decide()
        if decision.verdict == "deny":
            raise Refusal("denied", f"Not allowed: {decision.reason}")
        if isinstance(self._judged.tool, WritingTool):
            await self._ticket.ready()
            return await self._planned(self._judged.tool)
        return None

    async def _planned(self, tool: WritingTool[Any]) -> Plan:
        """Return the tool's plan; refuse one that would write what the call was not judged by."""
        self._planned_after = self._ticket.overtaken
        try:
            plan = await tool.plan(self._judged.typed, self._judged.workspace)
        except ToolRefused as error:
            if self._judged.may_tell_what_it_writes:
                raise
            # The reason may quote a file that nobody has allowed to be read.
            raise Refusal("failed", f"`{tool.name}` cannot do this. To see why, `read` the file first.") from error
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
            paths = [access.path for access in self._judged.effects.accesses]
            return await self._m.cache.get_or_run(
                self.key, tool.name, self._judged.args, paths, lambda: tool.run(self._judged.typed, context)
            )
        if isinstance(tool, WritingTool) and plan is not None:
            return await tool.apply(plan, context), None
        return await tool.run(self._judged.typed, context), None

    def _outcome_of(self, output: ToolOutput, expired: bool, reused: CallKey | None) -> ToolOutcome:
        task = asyncio.current_task()
        stopped: OutcomeStatus | None = None
        if expired:
            stopped = "timeout"
        elif self._cancelled_alone is not None or (task is not None and task.cancelling()):
            stopped = "cancelled"
        return outcomes.of_output(output, stopped, reused, self._judged.args if self._edited else None)

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
            # Not for what was allowed only once files had changed: the user was asked about something else.
            asked=self._asked and self._is_granted(None),
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
