"""The composition root: the one place where concrete classes are joined. No decisions, no loops, no I/O of its own.

It is imported only once a conversation or a call is really wanted, since the model adapter is heavy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from plait import __version__
from plait.agent import context, structured
from plait.agent.budget import Limits
from plait.agent.dispatch import Dispatcher
from plait.config.launch import Opening
from plait.config.models import DEFAULT_MODELS, KEY_VARIABLES, SCOUT, model_name
from plait.config.settings import Loaded, environment
from plait.host import garbage, git
from plait.host.local_models import choices as local_models
from plait.host.paths import Workspace
from plait.host.secrets import find_secret
from plait.index.code_index import CodeIndex
from plait.index.status import IndexStatus
from plait.permissions import store as rule_store
from plait.protocol.commands import Rule
from plait.protocol.effects import effects_json
from plait.protocol.errors import ToolRefused, UserError
from plait.protocol.events import MAIN_AGENT, Event, IndexChanged, Notice
from plait.protocol.ports import Emit, SessionHandle
from plait.protocol.queries import ModelChoice
from plait.search.completion import complete_path
from plait.session.keeping import open_keeping
from plait.session.session import Identity, Session
from plait.session.store import OpenLog, Store, new_session_id
from plait.session.thread import open_in_thread
from plait.tools.background import BackgroundCommands
from plait.tools.outline import describe
from plait.wiring.machinery import machinery, sandboxing_of

# --- one conversation --------------------------------------------------------------------------------------------


async def open_session(
    loaded: Loaded, workspace: Workspace, opening: Opening, *, interactive: bool, allow_all: bool = False
) -> Session:
    """Open a session on the running loop.

    Raises:
        UserError: The model, the session asked for, or the schema will not do.
    """
    # Tried while the rest is loaded.
    sandboxing = sandboxing_of(loaded, workspace)
    # The heavy part: pydantic-ai, then the SDK of the one provider in use.
    with garbage.none_while_loading():
        from plait.agent.loop import ConversationAgent
        from plait.agent.model import ModelClient
        from plait.agent.pool import ModelPool
        from plait.agent.surroundings import Parts, TurnSettings

        settings = loaded.settings
        environ = environment()
        name = model_name(loaded, environ)
        schema = structured.read_schema(settings.json_schema) if settings.json_schema is not None else None
        pool = ModelPool(lambda provider: _key_of(provider, environ), settings.caps.model_requests, environ)
        client = ModelClient(
            pool, name, settings.base_url, settings.effort, first_token_s=settings.deadlines.first_token_s
        )
        model_problem: UserError | None = None
        try:
            # This is what loads the SDK.
            client.use(name, settings.base_url)
        except UserError as error:
            if not interactive:
                raise
            model_problem = error
    store = Store(loaded.directories.sessions)
    opened, resumed, log_problem = _open_log(store, opening, str(workspace.cwd))
    identity = Identity(
        opened.session_id if opened is not None else opening.new_id or new_session_id(),
        str(workspace.cwd),
        name,
        settings.permission_mode,
        __version__,
        tuple(map(str, workspace.roots)),
        opening.session_id if opening.fork else None,
    )
    keeping = open_keeping(
        loaded.directories.state, identity.session_id, is_logged=opened is not None, may_rewind=interactive
    )
    repository = git.find_repository(workspace.cwd)
    places = context.instruction_places(
        workspace.cwd, repository.root if repository is not None else None, loaded.directories.config
    )
    project = context.read_instructions(places)

    def make_agent(emit: Emit) -> ConversationAgent:
        background = BackgroundCommands(emit)
        indexes = _indexes(loaded, workspace, emit)
        ledger = keeping.ledger(emit)
        shared = machinery(
            loaded,
            workspace,
            emit,
            background,
            interactive=interactive,
            allow_all=allow_all,
            sandboxing=sandboxing,
            indexes=indexes,
            ledger=ledger,
            checkpoints=keeping.checkpoints(emit, workspace.roots),
        )
        if interactive:
            for index in indexes.values():
                index.start()
        return ConversationAgent(
            Parts(
                session_id=identity.session_id,
                client=client,
                dispatcher=Dispatcher(MAIN_AGENT, shared),
                emit=emit,
                settings=TurnSettings(
                    limits=Limits(
                        settings.limits.max_turns,
                        None
                        if settings.limits.max_budget_usd is None
                        else Decimal(str(settings.limits.max_budget_usd)),
                        settings.limits.max_tokens,
                        settings.limits.time_limit_s,
                    ),
                    compact_share=settings.compaction.threshold,
                    auto_compact=settings.compaction.auto,
                    fallback_model=settings.fallback_model,
                    schema=schema,
                    attended=interactive,
                ),
                workspace=workspace,
                instructions=context.static_instructions(
                    settings.system_prompt or context.system_prompt(), project, settings.append_system_prompt
                ),
                instruction_files=tuple(str(instructions.path) for instructions in project),
                background=background,
                branch=lambda: git.branch(workspace.cwd),
                complete_path=lambda prefix: complete_path(prefix, workspace),
                list_models=lambda: _list_models(name, settings.base_url, environ),
                save_rule=lambda rule: _save_rule(rule, loaded),
                forget_rule=lambda rule: _forget_rule(rule, loaded),
                setting_values=loaded.values,
                only_tools=settings.tools,
                # Without an endpoint it could only say that it is not configured.
                without_tools=(*settings.disallowed_tools, *(() if settings.web_search.endpoint else ("web_search",))),
                search_by_provider=settings.may_search_by_provider,
                persisted=opened is not None,
                index_words=lambda: indexes[workspace.roots[0]].status().words,
                outline=lambda path, tokens: _outline(path, tokens, workspace, indexes),
                build_index=lambda: _build(indexes.values()),
                sandbox_words=lambda: sandboxing.words,
                forget_files=ledger.forget,
                at_close=(
                    *(index.close for index in indexes.values()),
                    partial(asyncio.to_thread, sandboxing.close),
                    keeping.close,
                ),
            )
        )

    session = Session(identity, make_agent, opened, store, contents=keeping.contents)
    session.resume() if resumed else session.begin()
    if log_problem is not None:
        session.emit(Notice("warning", log_problem))
    for warning in loaded.warnings if interactive else ():
        session.emit(Notice("warning", warning))
    told = [one for one in project if not one.by_user]
    if told and interactive and not resumed:
        names = ", ".join(f"{workspace.show(one.path)} ({one.length})" for one in told)
        session.emit(Notice("info", f"The model is given what this project says of itself: {names}."))
    if model_problem is not None:
        session.emit(Notice("error", str(model_problem)))
    return session


async def _outline(path: str, tokens: int, workspace: Workspace, indexes: Mapping[Path, CodeIndex]) -> str:
    try:
        return (await describe(path, tokens, workspace, indexes))[0]
    except ToolRefused as error:
        raise UserError(str(error)) from error


def _build(indexes: Iterable[CodeIndex]) -> None:
    for index in indexes:
        index.start(any_size=True)


def _indexes(loaded: Loaded, workspace: Workspace, emit: Emit) -> dict[Path, CodeIndex]:
    """Return an index of each root, not started; what the first one says of itself becomes an event."""

    def tell(status: IndexStatus) -> None:
        emit(IndexChanged(status.state, status.words, status.done, status.total))
        if status.asks:
            emit(Notice("info", f"The code index is off: {status.why}. `/index` builds it all the same."))

    return {
        root: CodeIndex(root, loaded.directories.cache, tell if root == workspace.roots[0] else None)
        for root in workspace.roots
    }


def connect_in_thread(
    loaded: Loaded, workspace: Workspace, opening: Opening, *, allow_all: bool = False
) -> Callable[[], Awaitable[SessionHandle]]:
    """Return what a view calls to get its session, which then lives in a thread of its own."""

    async def open_here() -> SessionHandle:
        return await open_session(loaded, workspace, opening, interactive=True, allow_all=allow_all)

    return lambda: open_in_thread(open_here)


def session_store(loaded: Loaded) -> Store:
    return Store(loaded.directories.sessions)


def _open_log(store: Store, opening: Opening, cwd: str) -> tuple[OpenLog | None, bool, str | None]:
    """Return the log (None: nothing is kept), whether it is one to go on with, and what to say if it cannot be kept."""
    wanted = _wanted(store, opening, cwd)
    if not opening.persist and wanted is None:
        return None, False, None
    try:
        if wanted is None:
            return store.create(opening.new_id), False, None
        if opening.fork:
            return store.fork(wanted, opening.new_id, cwd=cwd), True, None
        return store.open(wanted), True, None
    except OSError as error:
        if wanted is not None:
            raise UserError(f"session `{wanted}` cannot be opened: {error.strerror or error}.") from error
        return None, False, f"History is off: `{store.directory}` cannot be written ({error.strerror or error})."


def _wanted(store: Store, opening: Opening, cwd: str) -> str | None:
    match opening.kind:
        case "new":
            return None
        case "resume":
            if opening.session_id is None:
                return None
            return store.find(opening.session_id)
        case "continue":
            latest = store.latest(cwd)
            if latest is None:
                raise UserError(f"`--continue`: no session was begun in `{cwd}` yet. Start one with `plait`.")
            return latest.session_id


def _key_of(provider: str, environ: Mapping[str, str]) -> str | None:
    """Return a key from the keyring; one in the environment is found by the provider's SDK itself."""
    variable = KEY_VARIABLES.get(provider)
    if variable is None or environ.get(variable):
        return None
    secret = find_secret((variable,), environ)
    return secret.value if secret is not None else None


async def _list_models(name: str, base_url: str | None, environ: Mapping[str, str]) -> tuple[ModelChoice, ...]:
    chosen = ModelChoice(name, "in use", base_url)
    by_key = [ModelChoice(model, f"`{variable}` is set") for variable, model in DEFAULT_MODELS if environ.get(variable)]
    local = await asyncio.to_thread(local_models)
    found = [chosen, *by_key, *local, ModelChoice(SCOUT, "built in: searches, does not reason")]
    return tuple({choice.name: choice for choice in reversed(found)}.values())[::-1]


async def _save_rule(rule: Rule, loaded: Loaded) -> None:
    if rule.scope != "session":
        place = loaded.repository if loaded.inherits and loaded.repository is not None else loaded.project
        await asyncio.to_thread(rule_store.save_rule, rule, loaded.directories, place)


async def _forget_rule(rule: Rule, loaded: Loaded) -> None:
    if rule.scope != "session":
        for place in (loaded.project, loaded.repository):
            if place is not None:
                await asyncio.to_thread(rule_store.forget_rule, rule, loaded.directories, place)


# --- one call, without a model -----------------------------------------------------------------------------------


async def run_tool(
    loaded: Loaded, workspace: Workspace, name: str, args: dict[str, Any], *, allow_all: bool = False
) -> dict[str, Any]:
    """Make one call through the dispatcher, headless, and return the line that `plait tool` prints."""
    events: list[Event] = []
    background = BackgroundCommands(events.append)
    # Not started: what an earlier run has stored is looked at, as without a screen.
    indexes = _indexes(loaded, workspace, events.append)
    sandboxing = sandboxing_of(loaded, workspace)
    shared = machinery(
        loaded,
        workspace,
        events.append,
        background,
        interactive=False,
        allow_all=allow_all,
        sandboxing=sandboxing,
        indexes=indexes,
    )
    if shared.registry.get(name) is None:
        raise UserError(f"`{name}`: no such tool. Tools: {', '.join(shared.registry.names)}.")
    call = Dispatcher(MAIN_AGENT, shared).begin(1, name, args)
    await call.run()
    outcome = call.outcome.result()
    await background.close()
    sandboxing.close()
    await shared.registry.close()
    for index in indexes.values():
        await index.close()
    verdict = "allowed"
    if outcome.status == "denied":
        verdict = "ask" if call.would_ask else "refused"
    return {
        "verdict": verdict,
        "ran": call.has_run,
        "outcome": None if outcome.status == "denied" else outcome.status,
        "result": outcome.text,
        "effects": effects_json(call.effects),
        "reason": call.decision.reason or call.effects.reason,
    }
