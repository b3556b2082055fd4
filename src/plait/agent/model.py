"""The model side of a conversation: one run of a model at a time, its reply handed to a sink as it streams.

The first of the files that import pydantic_ai; `agent.pool` makes the models.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlsplit

import pydantic_ai
from pydantic_ai import Agent, RunContext
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import ToolFailed, UserError as LibraryUserError
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
)
from pydantic_ai.models import Model
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.native_tools import WebSearchTool
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import AgentNativeTool, ToolDefinition
from pydantic_ai.toolsets import AbstractToolset
from pydantic_ai.toolsets.abstract import ToolsetTool
from pydantic_ai.usage import UsageLimits

from plait.agent.arriving import BrokenReply, EmptyReply, unique_id
from plait.agent.patience import HOSTED_FIRST_TOKEN_S, IDLE_S, OWN_FIRST_TOKEN_S, TELL_AFTER_S
from plait.agent.pool import ModelPool, has_price
from plait.agent.replies import ReplyInfo, ReplySink, RunEnd, RunRequest
from plait.agent.streaming import Waiting, read_reply
from plait.agent.translate import History, in_turn, one_line, translate_error, usage_of
from plait.config.models import SCOUT
from plait.protocol.errors import ProviderError
from plait.tools.base import ToolSpec

# The library greets the user's terminal on its first run; ours is not a place for that.
pydantic_ai.BANNER_ENABLED = False

LOG = logging.getLogger("plait.model")

Effort = Literal["low", "medium", "high"]
SEARCH_HOSTS = frozenset(("api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com"))
NO_LIMITS = UsageLimits(request_limit=None)


@dataclass(frozen=True, slots=True)
class Run:
    """What the tools and the hooks of one run are given."""

    request: RunRequest
    history: History
    ids: set[str]
    undelivered: list[str]


class LenientArguments:
    """Accepts whatever a model sends: the dispatcher validates, so that a bad call fails alone and costs no retry."""

    def validate_json(self, input: str | bytes | bytearray, **_: Any) -> dict[str, Any]:
        return {}

    def validate_python(self, input: Any, **_: Any) -> dict[str, Any]:
        return {}


class OfferedTools(AbstractToolset[Run]):
    """The tools that a conversation offers now. A call waits for the outcome that the dispatcher is producing."""

    @property
    def id(self) -> str:
        return "plait"

    async def get_tools(self, ctx: RunContext[Run]) -> dict[str, ToolsetTool[Run]]:
        return {spec.name: self._tool(spec) for spec in ctx.deps.request.offered()}

    def _tool(self, spec: ToolSpec) -> ToolsetTool[Run]:
        definition = ToolDefinition(
            name=spec.name, description=spec.description, parameters_json_schema=spec.schema, strict=False
        )
        return ToolsetTool(toolset=self, tool_def=definition, max_retries=10_000, args_validator=LenientArguments())

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Run], tool: ToolsetTool[Run]
    ) -> str:
        assert ctx.tool_call_id is not None
        outcome = await ctx.deps.request.sink.outcome(ctx.tool_call_id)
        if outcome.status != "ok":
            raise ToolFailed(outcome.text)
        return outcome.text


class OurHooks(AbstractCapability[Run]):
    """Record what joins the history before it is sent, and see to it that no two calls share an id.

    One class for all hooks: each capability is a layer that every event of a stream passes.
    """

    def get_native_tools(self) -> Sequence[AgentNativeTool[Run]]:
        """The provider's own web search, in the requests in which the conversation allows it."""
        return [lambda ctx: WebSearchTool() if ctx.deps.request.searches() else None]

    def wrap_run_event_stream(self, ctx: RunContext[Run], *, stream: AsyncIterable[Any]) -> AsyncIterable[Any]:
        """Add nothing: what is inherited hands on each event once more, a tenth of a long reply's time."""
        return stream

    async def before_model_request(self, ctx: RunContext[Run], request_context: Any) -> Any:
        payload = ctx.deps.history.take(ctx.messages)
        if payload is not None:
            ctx.deps.request.sink.recorded(payload)
        # Whatever the user said meanwhile is in the messages now.
        ctx.deps.undelivered.clear()
        # An assignment changes this request only, not the history.
        request_context.messages = in_turn(request_context.messages)
        return request_context

    async def after_model_request(
        self, ctx: RunContext[Run], *, request_context: Any, response: ModelResponse
    ) -> ModelResponse:
        taken = set(ctx.deps.ids)
        parts = [
            dataclasses.replace(part, tool_call_id=unique_id(part.tool_call_id, taken))
            if isinstance(part, ToolCallPart)
            else part
            for part in response.parts
        ]
        return dataclasses.replace(response, parts=parts)


class ModelClient:
    """The model side of one conversation: its history, and the run under way."""

    def __init__(
        self,
        pool: ModelPool,
        name: str,
        base_url: str | None,
        effort: Effort | None,
        *,
        first_token_s: float | None = None,
        idle_timeout_s: float = IDLE_S,
        tell_after_s: float = TELL_AFTER_S,
    ) -> None:
        self.history = History()
        self.search_hosts = SEARCH_HOSTS
        self.name = name
        self.base_url = base_url
        self._pool = pool
        self._agent: Agent[Run, str] = Agent(
            deps_type=Run,
            toolsets=[OfferedTools()],
            capabilities=[OurHooks()],
            retries={"tools": 10_000, "output": 0},
            name="plait",
        )
        self._effort = effort
        self._first_token_s = first_token_s
        self._idle_timeout_s = idle_timeout_s
        self._tell_after_s = tell_after_s
        self._run: Any = None
        self._undelivered: list[str] = []

    @property
    def model(self) -> Model:
        return self._pool.model(self.name, self.base_url)

    @property
    def context_window(self) -> int | None:
        return self.model.profile.get("context_window")

    @property
    def has_price(self) -> bool:
        return self.name == SCOUT or has_price(self.model)

    @property
    def provider_searches(self) -> bool:
        """True if the model's provider can search the web, and it is the provider itself that is asked."""
        model = self.model
        if WebSearchTool not in model.profile.get("supported_native_tools", ()):
            return False
        # A server that merely speaks a provider's format would refuse the request.
        return urlsplit(model.base_url or "").hostname in self.search_hosts

    def use(self, name: str, base_url: str | None) -> None:
        """Switch models from the next run on. Raises UserError, and then nothing has changed."""
        self._pool.model(name, base_url)
        self.name, self.base_url = name, base_url

    def steer(self, text: str) -> bool:
        """Add the user's words to the next request of the run under way; False if there is none to add to."""
        if self._run is None:
            return False
        try:
            self._run.enqueue(text)
        except LibraryUserError:  # The run has ended in this very moment.
            return False
        self._undelivered.append(text)
        return True

    async def close(self) -> None:
        await self._pool.close()

    def take_undelivered(self) -> list[str]:
        """Return, and forget, what was said too late to join any request."""
        undelivered, self._undelivered = self._undelivered, []
        return undelivered

    async def run(self, request: RunRequest) -> RunEnd:
        """Run the model until it is done or `request.pause` says stop; the history follows at each step.

        Raises:
            ProviderError, UserError: It failed; nothing of the broken reply is in the history.
            CancelledError: The history holds what was complete, and the text of a reply that was cut.
        """
        model = self.model
        history = self.history
        deps = Run(request, history, history.call_ids(), self._undelivered)
        instructions: list[Any] = [request.instructions, request.situation]
        try:
            async with self._agent.iter(
                request.prompt,
                message_history=history.for_provider(model.system),
                model=model,
                deps=deps,
                instructions=instructions,
                model_settings=self._settings(model),
                usage_limits=NO_LIMITS,
            ) as run:
                self._run = run
                for text in self._undelivered:
                    run.enqueue(text)
                try:
                    return await self._follow(run, model, deps)
                except asyncio.CancelledError:
                    history.keep_partial_text(run.all_messages())
                    raise
                finally:
                    self._run = None
        except asyncio.CancelledError:
            raise
        except Exception as error:
            LOG.info("run failed", exc_info=True)
            history.drop_partial_reply()
            raise translate_error(error, self.name, self._pool.way_to(model)) from error

    async def _follow(self, run: Any, model: Model, deps: Run) -> RunEnd:
        request = deps.request
        history = deps.history
        node = run.next_node
        while not Agent.is_end_node(node):
            if Agent.is_model_request_node(node):
                if history.messages and request.pause():
                    self._record(history, [*run.all_messages(), node.request], request.sink)
                    return RunEnd("", paused=True)
                async with self._pool.place(model):
                    request.sink.request_sent()
                    arriving = await read_reply(
                        node.stream(run.ctx), model, self.name, request.sink, set(deps.ids), self._waiting(model)
                    )
                response = run.all_messages()[-1]
                self._check(response, model)
                arriving.finish()
                info = self._info(response, model)
                if info.is_empty:
                    request.sink.reply_ended(info)
                    raise self._no_answer(info)
                self._record(history, run.all_messages(), request.sink)
                deps.ids.update(part.tool_call_id for part in response.parts if isinstance(part, ToolCallPart))
                request.sink.reply_ended(info)
            elif Agent.is_call_tools_node(node):
                async with node.stream(run.ctx) as events:
                    async for _ in events:
                        pass
            node = await run.next(node)
        self._record(history, run.all_messages(), request.sink)
        return RunEnd(str(run.result.output))

    @staticmethod
    def _record(history: History, messages: Sequence[ModelMessage], sink: ReplySink) -> None:
        payload = history.take(messages)
        if payload is not None:
            sink.recorded(payload)

    def _waiting(self, model: Model) -> Waiting:
        def first_token_s() -> float:
            if self._first_token_s is not None:
                return self._first_token_s
            return OWN_FIRST_TOKEN_S if self._pool.is_near(model) else HOSTED_FIRST_TOKEN_S

        return Waiting(first_token_s, self._idle_timeout_s, self._tell_after_s)

    def _check(self, response: ModelResponse, model: Model) -> None:
        """Raise BrokenReply for a reply that ended without its provider saying that it is the end."""
        if isinstance(model, FunctionModel):
            return
        said = (response.provider_details or {}).get("finish_reason")
        if said is None and response.finish_reason in (None, "stop"):
            raise BrokenReply(
                f"The reply of `{self.name}` ended without a finish reason: it was cut off.", retryable=True
            )

    def _no_answer(self, info: ReplyInfo) -> ProviderError:
        match info.finish_reason:
            case "length":
                return ProviderError(f"`{self.name}` reached its output limit before it said anything.")
            case "content_filter":
                why = info.refusal or "nothing came"
                return ProviderError(f"The provider's content filter stopped the reply of `{self.name}`: {why}.")
            case _:
                return EmptyReply(f"`{self.name}` answered with nothing: neither text nor calls.")

    def _info(self, response: ModelResponse, model: Model) -> ReplyInfo:
        cost = Decimal(0) if self.name == SCOUT else response.usage.cost
        usage = usage_of(response.usage, cost)
        text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
        return ReplyInfo(
            model=response.model_name or self.name,
            finish_reason=response.finish_reason or "stop",
            usage=usage,
            context_tokens=usage.input_tokens + usage.output_tokens,
            context_window=self.context_window,
            text=text,
            refusal=one_line(str((response.provider_details or {}).get("refusal") or "")),
            is_empty=not text.strip() and not any(isinstance(part, ToolCallPart) for part in response.parts),
        )

    def _settings(self, model: Model) -> ModelSettings | None:
        if isinstance(model, FunctionModel):
            return None
        # Retries are ours: they are shown, and they stop where a call with effects has begun.
        settings = ModelSettings(max_retries=0, cache=True)
        if self._effort is not None:
            settings["thinking"] = self._effort
        return settings

    async def summarise(self, index: int, request: RunRequest) -> ReplyInfo:
        """Ask for a summary of the messages before `index`; nothing of it joins the history.

        The request is like any other of the conversation, with its instructions and its tools: a provider that keeps
        what was sent need not read it again, and refuses calls in a history without tools. No call may be made.

        Raises:
            ProviderError, UserError: It failed.
        """
        model = self.model
        deps = Run(request, History(), self.history.call_ids(), [])
        try:
            async with self._agent.iter(
                request.prompt,
                message_history=self.history.for_provider(model.system)[:index],
                model=model,
                deps=deps,
                instructions=[request.instructions, request.situation],
                model_settings=ModelSettings(**(self._settings(model) or {}), tool_choice="none"),
                usage_limits=NO_LIMITS,
            ) as run:
                node: Any = await run.next(run.next_node)  # type: ignore[arg-type]  # not its end yet
                async with self._pool.place(model):
                    await read_reply(
                        node.stream(run.ctx), model, self.name, request.sink, deps.ids, self._waiting(model)
                    )
                response = run.all_messages()[-1]
                assert isinstance(response, ModelResponse)
                self._check(response, model)
                return self._info(response, model)
        except Exception as error:
            LOG.info("summary failed", exc_info=True)
            raise translate_error(error, self.name, self._pool.way_to(model)) from error
