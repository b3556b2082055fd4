"""What a call means and whether it may run: its tool, its typed arguments, its effects, the policy's verdict.

And what all calls of one agent share. No waiting, no running: that is `agent.call`'s.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from plait.agent.permissions import Permissions
from plait.agent.result_cache import ResultCache
from plait.host.os_errors import in_one_line
from plait.host.paths import Workspace
from plait.permissions.approvals import ApprovalQueue
from plait.permissions.policy import Decision
from plait.protocol.call_events import Waiting
from plait.protocol.calls import CallKey, OutcomeStatus, ToolCall, ToolOutcome
from plait.protocol.effects import Effects, Mode
from plait.protocol.errors import ToolRefused
from plait.protocol.ports import AfterWrite, BeforeWrite, Emit
from plait.scheduling.limits import Caps, Lanes
from plait.scheduling.scheduler import Scheduler
from plait.tools.base import Deadlines, ToolArgs
from plait.tools.registry import AnyTool, Registry

LOG = logging.getLogger("plait.dispatch")
SOON_S = 0.005
"""A call that waited for no other one and runs so soon after it was judged is not judged again."""
MAX_CHANGES = 3
"""How often a call's effects may turn out to be others when it is about to run."""


@dataclass(frozen=True, slots=True)
class Machinery:
    """What all calls of one agent share. The scheduler and the caps may be shared by several agents."""

    registry: Registry
    workspace: Workspace
    permissions: Permissions
    approvals: ApprovalQueue
    scheduler: Scheduler[CallKey]
    caps: Caps
    cache: ResultCache
    emit: Emit
    before_write: tuple[BeforeWrite, ...] = ()
    after_write: tuple[AfterWrite, ...] = ()
    lanes: Lanes = field(default_factory=Lanes)
    clock: Callable[[], float] = time.monotonic
    deadlines: Deadlines = field(default_factory=Deadlines)


class Refusal(Exception):
    """The call ends before it runs, with this outcome.

    of_the_moment: it rests on the files as they are now, and may not hold once an earlier call has run.
    """

    def __init__(self, status: OutcomeStatus, text: str, *, of_the_moment: bool = False) -> None:
        super().__init__(text)
        self.outcome = ToolOutcome(status, text)
        self.of_the_moment = of_the_moment


class Judgement:
    """Of one call. `understand` comes first; `decide` again whenever mode or rules may have changed."""

    def __init__(self, call: ToolCall, machinery: Machinery, *, by_user: bool) -> None:
        self.args = call.args
        self.tool: AnyTool | None = None
        self.typed: ToolArgs = ToolArgs()
        self.effects = Effects()
        self.decision = Decision("deny", "")
        self.workspace = machinery.workspace.pinned()
        self._call = call
        self._m = machinery
        self.by_user = by_user
        self._decided_at = -1
        self._judged_at = 0.0
        self._changes = 0

    def understand(self, args: dict[str, Any]) -> None:
        """Find the tool, type its arguments, ask for its effects. Raises Refusal."""
        self.args, self._decided_at, self._judged_at = args, -1, self._m.clock()
        self.workspace = self._m.workspace.pinned()
        registry = self._m.registry
        tool = registry.get(self._call.name)
        if tool is None:
            raise Refusal("failed", f"There is no tool `{self._call.name}`. Tools: {', '.join(registry.names)}.")
        if self._call.malformed is not None:
            raise Refusal("failed", "The arguments were not a complete JSON object; nothing was run. Send them again.")
        self.tool = tool
        try:
            self.typed = msgspec.convert(tool.understood(args), tool.args, strict=False)
            self.effects = tool.effects(self.typed, self.workspace)
        except msgspec.ValidationError as error:
            raise Refusal("failed", f"`{tool.name}` cannot take these arguments: {error}.") from error
        except ToolRefused as error:
            raise Refusal("failed", str(error), of_the_moment=True) from error
        except OSError as error:
            raise Refusal("failed", in_one_line(tool.name, error), of_the_moment=True) from error
        except Exception as error:  # A tool's bug must end its call, not the turn.
            LOG.exception("effects of %s", self._call.name)
            raise Refusal("failed", f"`{tool.name}` could not be prepared: {error}", of_the_moment=True) from error

    @property
    def is_recent(self) -> bool:
        return self._m.clock() - self._judged_at < SOON_S

    def renew(self) -> bool:
        """Judge by the files as they are now; True if the effects are others than before.

        Raises:
            Refusal: What the call touches can no longer be told, or it changes time and again.
        """
        before, decided_at = self.effects, self._decided_at
        self.understand(self.args)
        if self.effects == before:
            self._decided_at = decided_at
            return False
        self._changes += 1
        if self._changes > MAX_CHANGES:
            raise Refusal("failed", "What this call touches keeps changing; nothing was run. Look again.")
        return True

    def decide(self) -> Decision:
        assert self.tool is not None
        if self.by_user:
            self.decision = Decision("allow", "the user's own command")
            return self.decision
        if self._decided_at == self._m.permissions.version:
            return self.decision
        self._decided_at = self._m.permissions.version
        self.decision = self._m.permissions.decide(
            self.tool.name, self.args, self.effects, always_asks=self.tool.always_asks
        )
        if LOG.isEnabledFor(logging.INFO):
            LOG.info(
                "decided",
                extra={"call": str(self._call.key), "tool": self.tool.name, "effect": self.effects.kind}
                | {"verdict": self.decision.verdict, "why": self.decision.reason},
            )
        return self.decision

    def waiting(self) -> Waiting:
        """What the call is about, for those who look at the whole line of questions."""
        command = self.args.get("command")
        accesses = (*self.effects.writes, *self.effects.accesses)
        paths = [self._m.workspace.show(Path(access.path)) for access in accesses[:1]]
        subject = command if isinstance(command, str) else next(iter((*paths, *self.effects.network)), "")
        name = self.tool.name if self.tool is not None else self._call.name
        return Waiting(self._call.key, name, subject, apart=self.decision.apart)

    @property
    def would_ask(self) -> bool:
        """True if it was denied only because nobody is there to ask."""
        return self.tool is not None and self._m.permissions.would_ask(self.tool.name, self.args, self.effects)

    @property
    def may_tell_what_it_writes(self) -> bool:
        """True if what it would write may be read unasked, so that a refusal may say what stands there."""
        if self.decision.verdict == "allow":
            return True
        reads = tuple(replace(access, mode=Mode.READ) for access in self.effects.accesses)
        effects = Effects(reads, credentials=self.effects.credentials)
        return self._m.permissions.decide("read", {}, effects, always_asks=False).verdict == "allow"

    @property
    def only_reads(self) -> bool:
        """True if it only reads and needs no approval, so it need not wait for the rest of the reply.

        So does a command that touches no file; a tool without effects may change what is Plait's own (the to-do list).
        """
        effects = self.effects
        reads = effects.read_only and (effects.kind == "read" or effects.spawns)
        return reads and self.decision.verdict == "allow"
