"""What all calls of a conversation share: the tools, the policy, the scheduler, the sandbox; joined from settings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from plait.agent.judgement import Machinery
from plait.agent.permissions import Permissions
from plait.agent.result_cache import ResultCache
from plait.config.settings import Loaded, environment
from plait.effects.shell import command_effects
from plait.host.files import stat_stamp
from plait.host.governed_places import governed_places
from plait.host.http import Web
from plait.host.paths import Workspace
from plait.host.program_copies import keep_out_of
from plait.host.sandbox import Sandboxing
from plait.index.code_index import CodeIndex, TellIndexes
from plait.permissions import store as rule_store
from plait.permissions.approvals import ApprovalQueue, Question
from plait.protocol.calls import CallKey, FileStamp
from plait.protocol.commands import Answer
from plait.protocol.errors import UserError
from plait.protocol.events import ApprovalAnswered, ApprovalAsked
from plait.protocol.ports import Emit
from plait.scheduling.limits import Caps
from plait.scheduling.scheduler import Scheduler
from plait.search.fan_out import NO_INDEX
from plait.session.checkpoints import Checkpoints
from plait.tools.ask import AskUser, ProposePlan
from plait.tools.background import Background, BackgroundCommands
from plait.tools.base import Deadlines
from plait.tools.check import Check
from plait.tools.edit import Edit
from plait.tools.fetch import WebFetch
from plait.tools.ledger import FileLedger
from plait.tools.listing import Glob, List
from plait.tools.outline import Outline
from plait.tools.read import Read
from plait.tools.registry import AnyTool, Registry
from plait.tools.search import Search
from plait.tools.shell import Shell
from plait.tools.todo import Todo
from plait.tools.web_search import WebSearch, endpoint_authority


def tools(
    loaded: Loaded,
    background: BackgroundCommands,
    indexes: Mapping[Path, CodeIndex] = NO_INDEX,
    sandboxing: Sandboxing | None = None,
    ledger: FileLedger | None = None,
) -> list[AnyTool]:
    """Return every tool, in the order in which a model is told of them."""
    ledger = ledger if ledger is not None else FileLedger()
    private = loaded.settings.network.allow_private
    endpoint = loaded.settings.web_search.endpoint
    web = Web(environment(), allow_private=private)
    search_web = Web(environment(), allow_private=(*private, *endpoint_authority(endpoint)))
    return [
        Read(ledger),
        List(),
        Glob(),
        Search(indexes),
        Outline(indexes),
        Edit(ledger),
        Shell(command_effects, background, sandboxing),
        Background(background),
        Check(sandboxing),
        Todo(),
        WebFetch(web),
        WebSearch(search_web, endpoint),
        AskUser(),
        ProposePlan(),
    ]


def machinery(
    loaded: Loaded,
    workspace: Workspace,
    emit: Emit,
    background: BackgroundCommands,
    *,
    interactive: bool,
    allow_all: bool,
    sandboxing: Sandboxing,
    indexes: Mapping[Path, CodeIndex] = NO_INDEX,
    ledger: FileLedger | None = None,
    checkpoints: Checkpoints | None = None,
) -> Machinery:
    settings = loaded.settings
    remembered = rule_store.load_rules(
        loaded.directories.state, loaded.project, loaded.repository, inherits=loaded.inherits
    )
    rules = (*loaded.rules, *remembered)

    def asked(question: Question, position: int, waiting: int) -> None:
        emit(
            ApprovalAsked(
                question.key,
                question.name,
                question.args,
                question.preview,
                question.offers,
                question.danger,
                question.reason,
                position,
                waiting,
                approvals.group,
            )
        )

    def answered(key: CallKey, answer: Answer, by: Any) -> None:
        emit(ApprovalAnswered(key, answer, by))

    approvals = ApprovalQueue(asked, answered)

    return Machinery(
        registry=Registry(tools(loaded, background, indexes, sandboxing, ledger)),
        workspace=workspace,
        permissions=Permissions(
            settings.permission_mode,
            rules,
            workspace.roots,
            interactive=interactive,
            allow_all=allow_all,
            sandbox_holds=lambda: settings.sandbox.auto_allow and sandboxing.holds,
            governed=lambda written: governed_places(workspace.roots, written),
        ),
        approvals=approvals,
        scheduler=Scheduler(),
        caps=Caps(
            {name: getattr(settings.caps, name) for name in ("calls", "files", "commands", "searches", "network")}
        ),
        cache=ResultCache(_stamps_hold, time.monotonic),
        emit=emit,
        before_write=(checkpoints,) if checkpoints is not None else (),
        after_write=(
            *((checkpoints,) if checkpoints is not None else ()),
            *((TellIndexes(indexes),) if indexes else ()),
        ),
        deadlines=Deadlines(settings.deadlines.local_s, settings.deadlines.network_s, settings.deadlines.command_s),
    )


def sandboxing_of(loaded: Loaded, workspace: Workspace) -> Sandboxing:
    """Return the sandbox of a workspace, being tried in the background, and see to the programs that Plait starts.

    Raises:
        UserError: A program that lies in the workspace cannot be copied out of it.
    """
    try:
        keep_out_of(workspace.roots)
    except OSError as error:
        raise UserError(
            f"Plait's programs cannot be copied out of the workspace: {error.strerror or error}."
        ) from error
    where = loaded.directories
    settings = loaded.settings.sandbox
    own = (where.config, where.state, where.cache)
    sandboxing = Sandboxing(settings.mode, workspace.roots, own, where.cache, settings.visible)
    sandboxing.start()
    return sandboxing


async def _stamps_hold(stamps: Sequence[FileStamp]) -> bool:
    now = await asyncio.gather(*(stat_stamp(Path(stamp.path)) for stamp in stamps))
    return tuple(now) == tuple(stamps)
