"""What `/permissions` does: show the rules with where they stand, add, change and take away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from plait.protocol.commands import AddRule, RemoveRule, Rule, Verdict
from plait.protocol.ports import SessionHandle
from plait.protocol.queries import GetSettings, ListRules, SettingValue

if TYPE_CHECKING:
    from plait.views.tui.app import PlaitApp

VERDICTS: dict[str, Verdict] = {"allow": "allow", "ask": "ask", "deny": "deny"}
USAGE = "`/permissions`: expected `allow|ask|deny RULE`, `edit N RULE` or `remove N`; N is the number in the list."
HOW = "edit N RULE · remove N · allow|ask|deny RULE"


async def permissions(app: PlaitApp, handle: SessionHandle, argument: str) -> list[tuple[str, ...]]:
    """Carry out `argument`, and return the rows of the rules that are then in force."""
    rules = await handle.query(ListRules())
    settings = await handle.query(GetSettings())
    word, _, rest = argument.strip().partition(" ")
    match word:
        case "":
            pass
        case "remove":
            await _remove(app, rules, settings, rest.strip())
        case "edit":
            await _edit(app, handle, rules, settings, rest.strip())
        case "allow" | "ask" | "deny" if rest.strip():
            app.chat.send(AddRule(Rule(VERDICTS[word], rest.strip())))
        case _:
            app.notify(USAGE, severity="warning")
    rules = await handle.query(ListRules())
    return [
        (str(number), rule.verdict, rule.pattern, source(rule, settings)) for number, rule in enumerate(rules, start=1)
    ]


def source(rule: Rule, settings: Sequence[SettingValue]) -> str:
    """Say where a rule stands, and whether it can be changed from here."""
    origin = _origin(rule, settings)
    match rule.scope:
        case "session":
            return "this session"
        case "project" if origin is None:
            return "this project, remembered outside of it"
        case "project":
            return f"this project · {origin} · changed only there"
        case "user":
            return f"everywhere · {origin or 'your settings.toml'}"
        case "command line":
            return f"this run · {origin or 'a flag'} · changed only there"


def _origin(rule: Rule, settings: Sequence[SettingValue]) -> str | None:
    name, pattern = f"permissions.{rule.verdict}", rule.pattern.partition("(")[2]
    for value in settings:
        # A setting may use another assistant's name of the tool, which the rule in force does not keep.
        if value.name == name and (value.value == rule.pattern or (pattern and value.value.endswith(f"({pattern}"))):
            return value.origin
    return None


def _is_ours(rule: Rule, settings: Sequence[SettingValue]) -> bool:
    return rule.scope in ("session", "user") or (rule.scope == "project" and _origin(rule, settings) is None)


def _named(rules: Sequence[Rule], which: str) -> list[Rule]:
    if which.isdecimal():
        return list(rules[int(which) - 1 : int(which)]) if int(which) > 0 else []
    return [rule for rule in rules if rule.pattern == which]


async def _remove(app: PlaitApp, rules: Sequence[Rule], settings: Sequence[SettingValue], which: str) -> None:
    found = _named(rules, which)
    for rule in found:
        app.chat.send(RemoveRule(rule))
        if not _is_ours(rule, settings):
            app.notify(f"`{rule.pattern}` is gone for this session only: {source(rule, settings)}.")
    if not found:
        app.notify(f"`{which}`: no such rule; /permissions lists them.", severity="warning")


async def _edit(
    app: PlaitApp, handle: SessionHandle, rules: Sequence[Rule], settings: Sequence[SettingValue], rest: str
) -> None:
    which, _, text = rest.partition(" ")
    found = _named(rules, which) if which.isdecimal() else []
    if not found or not text.strip():
        app.notify(
            USAGE if not text.strip() else f"`{which}`: no such rule; /permissions lists them.", severity="warning"
        )
        return
    former = found[0]
    if not _is_ours(former, settings):
        app.notify(f"`{former.pattern}` cannot be changed from here: {source(former, settings)}.", severity="warning")
        return
    wanted = replace(former, pattern=text.strip())
    if wanted == former:
        return
    app.chat.send(AddRule(wanted))
    # What is no rule was not taken, and then the former one stays.
    after = await handle.query(ListRules())
    if wanted in rules or set(after) - set(rules):
        app.chat.send(RemoveRule(former))
