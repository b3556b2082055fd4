"""Rules of the form `tool(pattern)`: parse one, and tell whether it matches a request. Pure.

A rule that allows must cover everything a call does; a rule that denies or asks matches if it fits any part of it,
also behind a wrapper, a path to the program, or a word whose value cannot be told. What a rule's verdict leads to
is `permissions.policy`'s.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from plait.host.protected import credential
from plait.permissions.command_rules import shell_covered, shell_forbidden
from plait.permissions.patterns import path_fits
from plait.protocol.calls import Args
from plait.protocol.commands import Rule, Scope, Verdict
from plait.protocol.effects import Effects, Mode
from plait.protocol.errors import UserError
from plait.protocol.lean import dataclass

ALIASES = {
    "bash": "shell",
    "edit": "edit",
    "write": "edit",
    "multiedit": "edit",
    "read": "read",
    "grep": "search",
    "glob": "glob",
    "ls": "list",
    "webfetch": "web_fetch",
    "websearch": "web_search",
}
PATH_TOOLS = {"read": Mode.READ, "edit": Mode.WRITE, "list": Mode.READ, "glob": Mode.READ, "search": Mode.READ}
GRAMMAR = "write `tool` or `tool(pattern)`, e.g. `shell(pytest tests/*)`, `edit(src/**)`, `web_fetch(domain:HOST)`"


class Call(Protocol):
    """What a rule looks at (`permissions.policy.Request` is one)."""

    @property
    def name(self) -> str: ...
    @property
    def args(self) -> Args: ...
    @property
    def effects(self) -> Effects: ...
    @property
    def roots(self) -> tuple[Path, ...]: ...


@dataclass(frozen=True, slots=True)
class Parsed:
    """A rule's text in two: the tool's name as Plait has it, and the pattern, or None for every call of the tool."""

    tool: str
    pattern: str | None


def canonical_tool(name: str) -> str:
    """Return our name of a tool: case does not matter, other assistants' names are understood."""
    return ALIASES.get(name.lower(), name.lower())


@lru_cache(maxsize=1024)
def parse_text(text: str) -> Parsed:
    """Split `tool(pattern)`.

    Raises:
        UserError: It is not of that form, or the tool takes no such pattern.
    """
    found = re.fullmatch(r"\s*([A-Za-z_][\w.-]*)\s*(?:\((.*)\))?\s*", text, re.DOTALL)
    if found is None:
        raise UserError(f"rule `{text}`: not understood; {GRAMMAR}.")
    tool, pattern = canonical_tool(found[1]), found[2]
    if pattern is None or pattern.strip() in ("", "*"):
        if pattern is not None and not pattern.strip():
            raise UserError(f"rule `{text}`: the pattern is empty; for every call write `{tool}` alone.")
        return Parsed(tool, None)
    if tool == "web_fetch" and not re.fullmatch(r"domain:(\*\.)?[\w.-]+|domain:\*", pattern.strip()):
        raise UserError(f"rule `{text}`: `web_fetch` takes `domain:HOST` or `domain:*.HOST`.")
    if tool not in (*PATH_TOOLS, "shell", "web_fetch"):
        raise UserError(f"rule `{text}`: `{tool}` takes no pattern; write `{tool}` alone.")
    return Parsed(tool, pattern.strip())


def parse_rule(text: str, verdict: Verdict, scope: Scope) -> Rule:
    """Return the rule that `text` spells, with our name of the tool.

    Raises:
        UserError: `text` is not a rule; the message says what one looks like.
    """
    parsed = parse_text(text)
    return Rule(verdict, parsed.tool if parsed.pattern is None else f"{parsed.tool}({parsed.pattern})", scope)


def split_rules(text: str) -> list[str]:
    """Split a list of rules as flags take them: at blanks and commas outside of parentheses."""
    rules, start, depth = [], 0, 0
    for index, char in enumerate(text + " "):
        depth += (char == "(") - (char == ")")
        if depth <= 0 and (char.isspace() or char == ","):
            rules.append(text[start:index].strip())
            start, depth = index + 1, 0
    if depth > 0:
        rules.append(text[start:].strip())
    return [rule for rule in rules if rule]


def matches(rule: Rule, request: Call) -> bool:
    """True if an allowing rule covers all that the request does, or another rule fits any part of it.

    Contract: never raises for a rule that `parse_rule` returned; `effects.danger` is not looked at.
    """
    if rule.verdict == "allow":
        return covering((rule,), request) is not None
    return _forbids(parse_text(rule.pattern), request)


def covering(rules: Sequence[Rule], request: Call) -> Rule | None:
    """Return an allowing rule if `rules` together cover all that the request does, else None.

    Each part of a command, each path and each host may be covered by another rule. Other verdicts are skipped.
    """
    allowing = [(rule, parse_text(rule.pattern)) for rule in rules if rule.verdict == "allow"]
    own = [(rule, parsed.pattern) for rule, parsed in allowing if parsed.tool == request.name]
    for rule, pattern in own:
        if pattern is None:
            return rule
    patterns = tuple(pattern for _, pattern in own if pattern is not None)
    if not patterns or not _patterns_cover(patterns, allowing, request):
        return None
    return own[0][0]


def names_secrets(rule: Rule) -> bool:
    """True if the rule spells the secrets it covers: without any wildcard, not by a directory that holds some."""
    parsed = parse_text(rule.pattern)
    pattern = parsed.pattern
    if pattern is None or set(pattern) & set("*?[") or pattern.endswith("/"):
        return False
    return parsed.tool not in PATH_TOOLS or credential("/" + os.path.expanduser(pattern).lstrip("/"))


def _patterns_cover(patterns: tuple[str, ...], allowing: Sequence[tuple[Rule, Parsed]], call: Call) -> bool:
    effects = call.effects
    if call.name == "shell":
        edits = tuple(parsed.pattern or "**" for _, parsed in allowing if parsed.tool == "edit")
        leads_out = not all(_is_below(access.path, call.roots) for access in effects.accesses)
        return shell_covered(patterns, edits, _command(call), effects.parts, call.roots, leads_out=leads_out)
    if call.name == "web_fetch":
        return bool(effects.network) and all(
            any(_host_fits(pattern, host, forbidding=False) for pattern in patterns) for host in effects.network
        )
    touched = [access for access in effects.accesses if access.mode is PATH_TOOLS[call.name]]
    return (
        bool(touched)
        and not effects.unknown
        and all(
            any(path_fits(pattern, access, call.roots, forbidding=False) for pattern in patterns) for access in touched
        )
    )


def _is_below(path: str, roots: tuple[Path, ...]) -> bool:
    return any(Path(path).is_relative_to(root) for root in roots)


def _command(call: Call) -> str:
    command = call.args.get("command")
    return command.strip() if isinstance(command, str) else ""


def _forbids(parsed: Parsed, call: Call) -> bool:
    if parsed.pattern is None:
        return parsed.tool == call.name
    effects = call.effects
    if parsed.tool == "shell":
        return call.name == "shell" and shell_forbidden(parsed.pattern, _command(call), effects.parts)
    if parsed.tool == "web_fetch":
        return any(_host_fits(parsed.pattern, host, forbidding=True) for host in effects.network)
    # What may not be read or edited may not be read or edited through another tool either.
    if parsed.tool != call.name and parsed.tool not in ("read", "edit"):
        return False
    mode = PATH_TOOLS[parsed.tool]
    return any(
        access.mode is mode and path_fits(parsed.pattern, access, call.roots, forbidding=True)
        for access in effects.accesses
    )


def _host_fits(pattern: str, host: str, *, forbidding: bool) -> bool:
    wanted = pattern.removeprefix("domain:").lower().rstrip(".")
    host = host.lower().rstrip(".")
    if wanted == "*" or host == wanted:
        return True
    if host == "*":
        return forbidding
    if wanted.startswith("*."):
        return host.endswith(wanted[1:])
    return forbidding and host.endswith("." + wanted)
