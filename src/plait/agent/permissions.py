"""The permissions of one agent as they stand now: its mode and its rules. The decisions are `permissions.policy`'s."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from plait.permissions.policy import Decision, Request, decide, offers
from plait.permissions.rules import parse_rule
from plait.protocol.calls import Args
from plait.protocol.commands import PermissionMode, Rule
from plait.protocol.effects import Effects


class Permissions:
    """Mode and rules; both may change while calls wait. `version` counts the changes.

    governed: told the paths that a call would write, says which places beside those known by name decide what runs.
    """

    def __init__(
        self,
        mode: PermissionMode,
        rules: Iterable[Rule],
        roots: tuple[Path, ...],
        *,
        interactive: bool,
        allow_all: bool = False,
        sandbox_holds: Callable[[], bool] = lambda: False,
        governed: Callable[[Sequence[str]], tuple[str, ...]] = lambda written: (),
    ) -> None:
        self._mode = mode
        self.version = 0
        self.interactive = interactive
        self._rules = list(rules)
        self._roots = roots
        self._allow_all = allow_all
        self._sandbox_holds = sandbox_holds
        self._governed = governed

    @property
    def mode(self) -> PermissionMode:
        return self._mode

    @mode.setter
    def mode(self, mode: PermissionMode) -> None:
        self._mode = mode
        self.version += 1

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(self._rules)

    def add(self, rule: Rule) -> Rule:
        """Let a rule hold from now on; return it as it is spelled from now on.

        Raises:
            UserError: It is no rule; the message says what one looks like.
        """
        rule = parse_rule(rule.pattern, rule.verdict, rule.scope)
        if rule not in self._rules:
            self._rules.append(rule)
            self.version += 1
        return rule

    def remove(self, rule: Rule) -> bool:
        if rule not in self._rules:
            return False
        self._rules.remove(rule)
        self.version += 1
        return True

    def decide(self, name: str, args: Args, effects: Effects, *, always_asks: bool) -> Decision:
        request = self._request(name, args, effects, always_asks)
        return decide(request, self._mode, self._rules, interactive=self.interactive, allow_all=self._allow_all)

    def _request(self, name: str, args: Args, effects: Effects, always_asks: bool = False) -> Request:
        confined = name == "shell" and self._sandbox_holds()
        written = [access.path for access in effects.writes]
        governed = self._governed(written) if written else ()
        return Request(name, args, effects, self._roots, always_asks, confined, governed)

    def would_ask(self, name: str, args: Args, effects: Effects) -> bool:
        """True if the call would be asked about, were there a user to ask."""
        request = self._request(name, args, effects)
        decided = decide(request, self._mode, self._rules, interactive=True, allow_all=self._allow_all)
        return decided.verdict == "ask"

    def offers(self, name: str, args: Args, effects: Effects) -> tuple[Rule, ...]:
        return offers(self._request(name, args, effects))
