"""Decide whether a call runs, asks or is denied, from its effects, the mode and the rules. Pure.

The order is fixed: deny rules, then what no rule may cover (danger, protected places), then ask rules, allow rules,
and last what the mode says. `docs/permissions.md` has the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from plait.host.protected import credential, holds_git, of_system, protected
from plait.host.sandbox_grants import NOTHING, grants_of
from plait.permissions.offers import narrow_patterns
from plait.permissions.rules import covering, matches, names_secrets
from plait.protocol.calls import Args
from plait.protocol.commands import PermissionMode, Rule, Verdict
from plait.protocol.effects import Access, Effects, Mode, covers
from plait.protocol.lean import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """A call to be decided. `roots` are the workspace's; `always_asks`: the tool is a question to the user.

    confined: it runs in a sandbox that holds, and the user wants what can do no harm there to run unasked.
    governed: places that decide what runs though their names do not tell it (`host.governed_places`).
    """

    name: str
    args: Args
    effects: Effects
    roots: tuple[Path, ...]
    always_asks: bool = False
    confined: bool = False
    governed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, why in words (for the user who is asked, the model that is denied), and the rule that settled it.

    apart: what is asked is never answered together with other questions.
    """

    verdict: Verdict
    reason: str
    rule: Rule | None = None
    apart: bool = False


def decide(
    request: Request, mode: PermissionMode, rules: Sequence[Rule], *, interactive: bool, allow_all: bool = False
) -> Decision:
    """Return what becomes of a call.

    interactive: there is a user to ask; without one what would ask is denied. allow_all: `--dangerously-allow-all`,
    which deny rules alone withstand.
    """
    decision = _judge(request, mode, rules, allow_all)
    if decision.verdict != "ask":
        return decision
    if mode == "dontAsk":
        return Decision("deny", f"permission mode `dontAsk` denies what would ask: {decision.reason}", decision.rule)
    if not interactive:
        return Decision("deny", _headless_reason(request, decision), decision.rule)
    return decision


def offers(request: Request) -> tuple[Rule, ...]:
    """Return the allowing rules that "always" could mean, narrowest first; none for what no rule may cover."""
    effects = request.effects
    if request.always_asks or effects.danger is not None or _protected_write(request) is not None:
        return ()
    patterns = narrow_patterns(request.name, request.args, effects, request.roots)
    rules = tuple(Rule("allow", pattern) for pattern in patterns)
    return tuple(rule for rule in rules if _allowed_by((rule,), request) is not None)


def _judge(request: Request, mode: PermissionMode, rules: Sequence[Rule], allow_all: bool) -> Decision:
    effects = request.effects
    for rule in rules:
        if rule.verdict == "deny" and matches(rule, request):
            return Decision("deny", f"the rule `deny {rule.pattern}` ({rule.scope}) forbids it{_doubt(request)}", rule)
    if request.always_asks:
        return Decision("ask", effects.reason or "it is a question to you", apart=True)
    if allow_all:
        return Decision("allow", "`--dangerously-allow-all`")
    if (own := _written_in_git(request)) is not None:
        return Decision("deny", f"`{own}` belongs to git itself and is not edited: use `git` commands")
    changes = effects.kind in ("write", "unknown")
    if mode == "plan" and (changes or effects.danger is not None):
        return Decision("deny", f"plan mode: nothing is changed yet, and this {_what(effects)}. Propose a plan first")
    if effects.danger is not None:
        return Decision("ask", f"dangerous: {effects.danger}", apart=True)
    if (place := _protected_write(request)) is not None:
        return Decision("ask", place, apart=True)
    for rule in rules:
        if rule.verdict == "ask" and matches(rule, request):
            return Decision("ask", f"the rule `ask {rule.pattern}` ({rule.scope})", rule)
    if (allowing := _allowed_by(rules, request)) is not None:
        return Decision("allow", f"the rule `allow {allowing.pattern}` ({allowing.scope})", allowing)
    if mode == "bypassPermissions":
        return Decision("allow", "permission mode `bypassPermissions`")
    return _by_mode(request, mode)


def _by_mode(request: Request, mode: PermissionMode) -> Decision:
    effects = request.effects
    if effects.read_only:
        secret = _credentials(effects)
        if secret:
            return Decision("ask", f"reads credentials: `{secret[0]}`")
        outside = [access for access in effects.accesses if not _inside(access, request.roots)]
        if outside:
            return Decision("ask", f"reads `{outside[0].path}`, outside of the workspace")
        return Decision("allow", "it only reads")
    if effects.credentials:
        return Decision("ask", f"reads credentials: `{effects.credentials[0]}`")
    if request.confined and _stays_inside(request):
        return Decision("allow", "the sandbox keeps it to the workspace (`sandbox.auto_allow`)")
    if mode == "acceptEdits" and request.name == "edit" and not effects.unknown and not effects.network:
        outside = [access for access in effects.accesses if not _inside(access, request.roots)]
        if not outside:
            return Decision("allow", "permission mode `acceptEdits`")
        return Decision("ask", f"changes `{outside[0].path}`, outside of the workspace")
    return Decision("ask", _what(effects))


def _stays_inside(request: Request) -> bool:
    """True if nothing it states lies outside the workspace, and it gets no more in the sandbox than every command."""
    named = all(_inside(access, request.roots) for access in request.effects.accesses)
    return named and not request.effects.network and grants_of(request.effects, request.roots) == NOTHING


def _allowed_by(rules: Sequence[Rule], request: Request) -> Rule | None:
    """Return the rule that allows a request; credentials are covered only by a rule that spells out what it covers."""
    if _credentials(request.effects):
        rules = [rule for rule in rules if names_secrets(rule)]
    return covering(rules, request)


def _credentials(effects: Effects) -> tuple[str, ...]:
    """What secrets a call reads: those it states, and any path by whose name they can be told."""
    named = (access.path for access in effects.accesses if access.mode is Mode.READ and credential(access.path))
    return (*effects.credentials, *named)


def _inside(access: Access, roots: Sequence[Path]) -> bool:
    return any(covers(Access(access.mode, root.as_posix(), tree=True), access) for root in roots)


def _protected_write(request: Request) -> str | None:
    for access in request.effects.writes:
        what = protected(access.path, request.governed)
        if what is not None:
            return f"changes `{access.path}`: {what}"
        # Where all of the file system is the workspace, the system in it is still the system.
        if of_system(access.path) and not any(
            _inside(access, (root,)) for root in request.roots if root.parent != root
        ):
            return f"changes `{access.path}`, which belongs to the system"
    return None


def _written_in_git(request: Request) -> str | None:
    """What of git's own a tool for files would write; commands are asked about, or dangerous."""
    if request.name == "shell":
        return None
    return next((access.path for access in request.effects.writes if holds_git(access.path)), None)


def _what(effects: Effects) -> str:
    if effects.reason:
        return effects.reason
    if effects.unknown:
        return "does what cannot be told in advance"
    if effects.writes:
        return f"changes `{effects.writes[0].path}`"
    if effects.network:
        return f"contacts `{effects.network[0]}`"
    return "is not known to be harmless"


def _doubt(request: Request) -> str:
    if request.name == "shell" and not request.effects.parts:
        return ", or might: the command cannot be taken apart; write it more plainly"
    return ""


def _headless_reason(request: Request, decision: Decision) -> str:
    """Tell the model why nothing asks, and the user who reads the log what would let it run."""
    if request.always_asks:
        return "there is no user to ask in this run; decide by yourself and say so in the answer"
    if request.effects.danger is not None:
        return f"{decision.reason}. It is refused without a user to confirm it, and no rule can allow it"
    ways = [f"`--allowed-tools '{rule.pattern}'`" for rule in offers(request)[:1]]
    if request.name == "edit" and not _protected_write(request):
        ways.append("`--permission-mode acceptEdits`")
    hint = f" The user could allow it with {' or '.join(ways)}." if ways and decision.rule is None else ""
    return f"it would have to ask ({decision.reason}), and this run has no user to ask.{hint}"
