"""One conversation's engine: `protocol.ports.Agent`, joined from the model, the dispatcher and the permissions.

It owns what outlives a turn: the history, the mode, the rules, the usage. What one turn does is `agent.turn`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import date
from typing import Any, TypeVar

from plait.agent import compaction, context, structured
from plait.agent.permissions import Permissions
from plait.agent.provider_calls import WEB_SEARCH
from plait.agent.replies import RunRequest
from plait.agent.retries import Retries
from plait.agent.summary import SummarySink, ask_for_summary
from plait.agent.surroundings import Parts, Surroundings
from plait.agent.turn import Turn
from plait.config.models import SCOUT
from plait.permissions.approvals import ApprovalQueue
from plait.protocol.calls import CallKey
from plait.protocol.commands import Allow, AllowAlways, Answer, PermissionMode, Rule
from plait.protocol.effects import Effects
from plait.protocol.errors import InternalError, PlaitError, UserError
from plait.protocol.events import (
    HistoryReplaced,
    MessagesRecorded,
    ModeChanged,
    ModelChanged,
    Notice,
    RuleAdded,
    RuleRemoved,
    TurnEnd,
    TurnEnded,
    TurnStarted,
    Usage,
)
from plait.protocol.ports import Completion, Restored
from plait.protocol.queries import (
    ContextInfo,
    GetContext,
    GetOutline,
    GetSettings,
    GetStatus,
    ListBackground,
    ListModels,
    ListRules,
    Query,
    Status,
)
from plait.tools.base import ToolSpec

A = TypeVar("A")

CHARACTERS_A_TOKEN = 4


class ConversationAgent:
    """See `protocol.ports.Agent` for the contract."""

    def __init__(self, parts: Parts) -> None:
        self._p = parts
        self.search_by_provider = parts.search_by_provider
        self._turn: Turn | None = None
        self._shell: CallKey | None = None
        self._usage = Usage()
        self._context_tokens = 0
        self._context_window: int | None = None
        self._errands: set[asyncio.Task[None]] = set()

    # --- turns ---------------------------------------------------------------------------------------------------

    def restore(self, restored: Restored) -> None:
        self._p.client.history.restore(restored)
        # What closed a turn that was cut off must be in the log, or the next resume would find its calls open.
        payload = self._p.client.history.unrecorded()
        if payload is not None:
            self._p.emit(MessagesRecorded(restored.turns, payload))
        self._usage = restored.usage
        for rule in restored.rules:
            try:
                self._permissions.add(rule)
            except UserError as error:
                self._p.emit(Notice("warning", f"A rule of this session holds no longer: {error}"))

    async def run_turn(self, turn: int, prompt: str) -> None:
        self._turn = Turn(turn, prompt, self._surroundings())
        try:
            await self._turn.run()
        finally:
            self._usage = self._usage.plus(self._turn.usage)
            self._turn = None

    async def run_shell(self, turn: int, command: str) -> None:
        """Run the user's own command and let the model know of it with the next prompt."""
        self._p.emit(TurnStarted(turn, f"! {command}", self._p.client.name))
        end: TurnEnd = "completed"
        call = self._p.dispatcher.begin(turn, "shell", {"command": command}, by_user=True)
        self._shell = call.key
        # A task of its own: one that was cancelled stays marked so, and would mark whatever it runs next.
        call.start(asyncio.get_running_loop().create_task)
        assert call.task is not None
        try:
            await asyncio.wait({call.task})
        finally:
            if not call.task.done():
                call.task.cancel()
                await asyncio.wait({call.task})
            self._shell = None
            outcome = call.outcome.result()
            if outcome.status == "cancelled":
                end = "cancelled"
            history = self._p.client.history
            did = (
                f"I ran `{command}` myself. Its output:\n\n" if call.has_run else f"I meant to run `{command}` myself. "
            )
            history.add_exchange(did + outcome.text, "Noted.")
            payload = history.unrecorded()
            if payload is not None:
                self._p.emit(MessagesRecorded(turn, payload))
            self._p.emit(TurnEnded(turn, end, None, Usage(), round(call.run_ms), 0))

    def steer(self, text: str) -> bool:
        return self._turn is not None and self._p.client.steer(text)

    def cancel(self, key: CallKey | None = None) -> None:
        if key is not None:
            self._p.dispatcher.cancel(key)
        elif self._turn is not None:
            self._turn.cancel()
        elif self._shell is not None:
            self._p.dispatcher.cancel(self._shell)

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            model=self._p.client,
            dispatcher=self._p.dispatcher,
            emit=self._p.emit,
            settings=self._p.settings,
            instructions=self._instructions(),
            situation=self._situation,
            offered=self._offered,
            compact=self._compact,
            context_is_full=self._context_is_full,
            note_context=self._note_context,
            spent_before=self._usage,
            searches=self._provider_searches,
        )

    def _instructions(self) -> str:
        schema = self._p.settings.schema
        return f"{self._p.instructions}\n\n{structured.instruction(schema)}" if schema else self._p.instructions

    def _situation(self) -> str:
        roots = self._p.workspace.roots[1:]
        return context.situation(date.today(), self._p.workspace.cwd, self._p.branch(), self._permissions.mode, roots)

    def _offered(self) -> tuple[ToolSpec, ...]:
        return self._p.dispatcher.machinery.registry.offered(
            self._permissions.mode,
            interactive=self._permissions.interactive,
            only=self._p.only_tools,
            without=self._p.without_tools,
        )

    def _provider_searches(self) -> bool:
        """True if the provider may search the web now: no rule and no mode would have us ask for it."""
        if not self.search_by_provider or not self._p.client.provider_searches:
            return False
        effects = Effects(network=("*",), reason="searches the web")
        return self._permissions.decide(WEB_SEARCH, {}, effects, always_asks=False).verdict == "allow"

    # --- the context ---------------------------------------------------------------------------------------------

    def _note_context(self, tokens: int, window: int | None) -> None:
        self._context_tokens, self._context_window = tokens, window

    def _context_is_full(self) -> bool:
        window = self._context_window
        return window is not None and self._context_tokens > self._p.settings.compact_share * window

    async def compact(self, focus: str) -> None:
        try:
            if not await self._compact(focus, by_user=True):
                self._p.emit(Notice("info", "There is nothing to compact yet."))
        except PlaitError as error:
            self._p.emit(Notice("error", f"Compacting failed, nothing was changed: {error}"))

    async def _compact(self, focus: str, *, by_user: bool = False) -> bool:
        """Shorten the history; False if there is nothing to gain."""
        history = self._p.client.history
        sizes = history.sizes()
        index = compaction.cut_at(history.messages, sizes)
        if index == 0:
            return False
        summary = await self._summary(index, focus)
        before = self._context_tokens or sum(sizes) // CHARACTERS_A_TOKEN
        payload = history.compact(index, compaction.opening(summary))
        after = round(before * sum(history.sizes()) / max(1, sum(sizes)))
        self._context_tokens = after
        self._p.dispatcher.machinery.cache.clear()
        self._p.emit(HistoryReplaced("compacted", payload, summary, before, after, index, by_user))
        return True

    async def _summary(self, index: int, focus: str) -> str:
        client, turn = self._p.client, self._turn.number if self._turn is not None else 0
        if client.name != SCOUT:
            request = RunRequest(
                prompt=compaction.instruction(focus),
                sink=SummarySink(self._p.emit, turn),
                instructions=self._instructions(),
                situation=self._situation,
                offered=self._offered,
                pause=lambda: False,
            )
            settings = self._p.settings
            retries = Retries(settings.retry_base_s, attended=settings.attended)
            try:
                return await ask_for_summary(
                    client, index, request, turn=turn, retries=retries, emit=self._p.emit, spent=self._spent
                )
            except PlaitError as error:
                self._p.emit(Notice("warning", f"No summary could be made ({error}); only your prompts are kept."))
        prompts = "\n".join(f"- {prompt}" for prompt in client.history.user_prompts(index))
        return f"What the user said so far:\n{prompts}"

    def _spent(self, usage: Usage) -> None:
        """Count what was paid for a summary, as the turn's if there is one."""
        if self._turn is not None:
            self._turn.usage = self._turn.usage.plus(usage)
        else:
            self._usage = self._usage.plus(usage)

    def clear(self) -> None:
        payload = self._p.client.history.replace([])
        self._context_tokens = 0
        self._p.dispatcher.machinery.cache.clear()
        self._p.emit(HistoryReplaced("cleared", payload))

    def rewind(self, payloads: tuple[str, ...]) -> str:
        history = self._p.client.history
        history.restore(Restored(payloads))
        self._context_tokens = 0
        self._p.dispatcher.machinery.cache.clear()
        self._p.forget_files()
        return history.replace(history.messages)

    # --- permissions ---------------------------------------------------------------------------------------------

    @property
    def _permissions(self) -> Permissions:
        return self._p.dispatcher.machinery.permissions

    @property
    def _approvals(self) -> ApprovalQueue:
        return self._p.dispatcher.machinery.approvals

    def decide(self, key: CallKey, answer: Answer) -> bool:
        question = next((question for question in self._approvals.open if question.key == key), None)
        if question is None:
            # It may stand in line and not have asked yet.
            return self._approvals.answer(key, answer)
        if isinstance(answer, AllowAlways) and question.danger is None and not self._take_rule(answer.rule):
            return False
        if not self._approvals.answer(key, answer):
            return False
        if question.name == "propose_plan" and isinstance(answer, (Allow, AllowAlways)):
            self.set_mode("default")
        return True

    def allow_all_like(self, key: CallKey) -> None:
        self._approvals.allow_all_like(key)

    def set_mode(self, mode: PermissionMode) -> None:
        if mode == self._permissions.mode:
            return
        self._permissions.mode = mode
        self._p.emit(ModeChanged(mode))
        self._approvals.reconsider()

    def add_rule(self, rule: Rule) -> None:
        if self._take_rule(rule):
            self._approvals.reconsider()

    def _take_rule(self, rule: Rule) -> bool:
        """Let a rule hold; what is none is said, and changes nothing."""
        try:
            rule = self._permissions.add(rule)
        except UserError as error:
            self._p.emit(Notice("warning", str(error)))
            return False
        self._p.emit(RuleAdded(rule))
        self._start(self._p.save_rule(rule))
        return True

    def remove_rule(self, rule: Rule) -> None:
        if self._permissions.remove(rule):
            self._p.emit(RuleRemoved(rule))
            self._start(self._p.forget_rule(rule))
            self._approvals.reconsider()

    # --- the rest ------------------------------------------------------------------------------------------------

    def set_model(self, model: str, base_url: str | None) -> None:
        try:
            self._p.client.use(model, base_url)
        except PlaitError as error:
            self._p.emit(Notice("error", str(error)))
            return
        self._context_window = self._p.client.context_window
        self._p.emit(ModelChanged(model))

    def move_to_background(self, key: CallKey | None) -> bool:
        running = [call for call in self._p.dispatcher.running() if call.call.name == "shell" and call.has_run]
        chosen = next((call for call in reversed(running) if key in (None, call.key)), None)
        if chosen is None:
            return False
        chosen.to_background.set()
        return True

    def build_index(self) -> None:
        self._p.build_index()

    async def end_background(self, background_id: str) -> bool:
        return await self._p.background.end(background_id)

    async def query(self, query: Query[A]) -> A:
        # Each query names its answer's type; `match` cannot follow that.
        asked: object = query
        answer: Any
        match asked:
            case ListRules():
                answer = self._permissions.rules
            case GetContext():
                answer = self._context_info()
            case GetSettings():
                answer = self._p.setting_values
            case ListModels():
                answer = await self._p.list_models()
            case ListBackground():
                answer = self._p.background.infos()
            case GetOutline(path=path, tokens=tokens):
                answer = await self._p.outline(path, tokens)
            case GetStatus():
                answer = self._status()
            case _:
                raise InternalError(f"`{type(query).__name__}` is not the agent's to answer")
        found: A = answer
        return found

    def _context_info(self) -> ContextInfo:
        tools = sum(len(str(spec.schema)) + len(spec.description) for spec in self._offered())
        system = (len(self._instructions()) + len(self._situation())) // CHARACTERS_A_TOKEN
        history = sum(self._p.client.history.sizes()) // CHARACTERS_A_TOKEN
        usage = self._usage if self._turn is None else self._usage.plus(self._turn.usage)
        return ContextInfo(
            system_tokens=system,
            tools_tokens=tools // CHARACTERS_A_TOKEN,
            history_tokens=history,
            window=self._context_window,
            cost_usd=usage.cost_usd,
            cost_known=usage.cost_usd is not None or usage == Usage(),
            instructions_files=self._p.instruction_files,
        )

    def _status(self) -> Status:
        return Status(
            session_id=self._p.session_id,
            model=self._p.client.name,
            mode=self._permissions.mode,
            cwd=str(self._p.workspace.cwd),
            branch=self._p.branch(),
            sandbox=self._p.sandbox_words(),
            index=self._p.index_words(),
            persisted=self._p.persisted,
            tools=(
                *(spec.name for spec in self._offered()),
                *((WEB_SEARCH,) if self._provider_searches() else ()),
            ),
        )

    async def complete(self, prefix: str) -> Sequence[Completion]:
        return await self._p.complete_path(prefix)

    async def close(self) -> None:
        await self._p.background.close()
        await self._p.client.close()
        await self._p.dispatcher.machinery.registry.close()
        for close in self._p.at_close:
            await close()
        await asyncio.gather(*self._errands, return_exceptions=True)

    def _start(self, errand: Coroutine[Any, Any, None]) -> None:
        """Save something without keeping the user waiting; `close` waits for what is still under way."""
        task = asyncio.get_running_loop().create_task(self._report_failure(errand))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _report_failure(self, errand: Coroutine[Any, Any, None]) -> None:
        try:
            await errand
        except (PlaitError, OSError) as error:
            self._p.emit(Notice("warning", f"The rule holds for this session only, it could not be saved: {error}"))
