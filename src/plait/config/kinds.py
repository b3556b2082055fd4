"""What each setting may be, how it is written as text, and how a project may change it. Pure.

One table, `SETTINGS`: what is not in it is not a setting. A project's file may tighten; what else it says counts once
the user trusts the project, and some settings are none of its business even then.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from plait.protocol.commands import PERMISSION_MODES, PermissionMode, SandboxMode
from plait.protocol.lean import dataclass

Tighten = Callable[[Any, Any], Any]
"""(current, wanted) -> the stricter of the two."""

# A mode gives way to a stricter one only; `plan` and `dontAsk` refuse different things, neither replaces the other.
STRICTNESS: dict[PermissionMode, int] = {
    "bypassPermissions": 0,
    "acceptEdits": 1,
    "default": 2,
    "dontAsk": 3,
    "plan": 3,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """`read` turns a TOML value into the setting's, or raises ValueError; `parse` turns text into a TOML value."""

    expected: str
    read: Callable[[object], Any]
    parse: Callable[[str], object] = str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    unites: values of several layers are joined instead of the highest winning. personal: a project never sets it, not
    even one that is trusted.
    """

    kind: Kind
    tighten: Tighten | None = None
    unites: bool = False
    environment: bool = True
    personal: bool = False


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _parse_boolean(text: str) -> object:
    return {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }.get(text.strip().lower(), text)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**31:
        raise ValueError
    return value


def _positive(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    number = float(value)
    if not math.isfinite(number) or number <= 0:
        raise ValueError
    return number


def _share(value: object) -> float:
    number = _positive(value)
    if number > 1:
        raise ValueError
    return number


def _parse_number(text: str) -> object:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError
    return tuple(_text(entry) for entry in value)


def _parse_texts(text: str) -> object:
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def _text_table(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError
    return {_text(key): _text(entry) for key, entry in value.items()}


def _log_file(value: object) -> str:
    """`true` stands for the log's usual place, `false` for none (the empty text)."""
    if isinstance(value, bool):
        return "true" if value else ""
    return _text(value)


def _choice(*options: str) -> Kind:
    def read(value: object) -> str:
        if value not in options or not isinstance(value, str):
            raise ValueError
        return value

    return Kind("one of " + ", ".join(f"`{option}`" for option in options), read)


TEXT = Kind("a text that is not empty", _text)
BOOLEAN = Kind("`true` or `false`", _boolean, _parse_boolean)
COUNT = Kind("a whole number from 1", _count, _parse_number)
AMOUNT = Kind("a number above 0", _positive, _parse_number)
SECONDS = Kind("a number of seconds above 0", _positive, _parse_number)
SHARE = Kind("a number above 0 and at most 1", _share, _parse_number)
TEXTS = Kind("a list of texts", _texts, _parse_texts)
TEXT_TABLE = Kind("a table of texts", _text_table)
LOG_FILE = Kind("`true`, `false` or a file's path", _log_file, _parse_boolean)


def _lower(current: float | None, wanted: float) -> float:
    return wanted if current is None else min(current, wanted)


def _stricter_mode(current: PermissionMode, wanted: PermissionMode) -> PermissionMode:
    return wanted if STRICTNESS[wanted] > STRICTNESS[current] else current


def _both(current: tuple[str, ...] | None, wanted: tuple[str, ...]) -> tuple[str, ...]:
    return wanted if current is None else tuple(name for name in current if name in wanted)


def united(current: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Return both without repetition, in order."""
    return tuple(dict.fromkeys((*current, *more)))


SANDBOX_STRICTNESS: dict[SandboxMode, int] = {"off": 0, "auto": 1, "require": 2}


def _stricter_sandbox(current: SandboxMode, wanted: SandboxMode) -> SandboxMode:
    return wanted if SANDBOX_STRICTNESS[wanted] > SANDBOX_STRICTNESS[current] else current


def _neither(current: bool, wanted: bool) -> bool:
    return current and wanted


SETTINGS: dict[str, Setting] = {
    "model": Setting(TEXT),
    "base_url": Setting(TEXT),
    "fallback_model": Setting(TEXT),
    "effort": Setting(_choice("low", "medium", "high")),
    "permission_mode": Setting(_choice(*PERMISSION_MODES), _stricter_mode),
    "additional_directories": Setting(TEXTS, unites=True),
    "system_prompt": Setting(TEXT),
    "append_system_prompt": Setting(TEXT),
    "tools": Setting(TEXTS, _both),
    "disallowed_tools": Setting(TEXTS, united, unites=True),
    "trusted_directories": Setting(TEXTS, unites=True, personal=True),
    "theme": Setting(TEXT, personal=True),
    "reduced_motion": Setting(BOOLEAN, personal=True),
    "debug": Setting(LOG_FILE, personal=True),
    "limits.max_turns": Setting(COUNT, _lower),
    "limits.max_budget_usd": Setting(AMOUNT, _lower),
    "limits.max_tokens": Setting(COUNT, _lower),
    "limits.time_limit_s": Setting(SECONDS, _lower),
    "caps.calls": Setting(COUNT, _lower),
    "caps.files": Setting(COUNT, _lower),
    "caps.commands": Setting(COUNT, _lower),
    "caps.searches": Setting(COUNT, _lower),
    "caps.network": Setting(COUNT, _lower),
    "caps.model_requests": Setting(COUNT, _lower),
    "deadlines.local_s": Setting(SECONDS, _lower),
    "deadlines.network_s": Setting(SECONDS, _lower),
    "deadlines.command_s": Setting(SECONDS, _lower),
    "deadlines.first_token_s": Setting(SECONDS, _lower),
    "compaction.threshold": Setting(SHARE),
    "compaction.auto": Setting(BOOLEAN),
    "web_search.endpoint": Setting(TEXT),
    "network.allow_private": Setting(TEXTS),
    "sandbox.mode": Setting(_choice(*SANDBOX_STRICTNESS), _stricter_sandbox, personal=True),
    "sandbox.auto_allow": Setting(BOOLEAN, _neither, personal=True),
    "sandbox.visible": Setting(TEXTS, unites=True, personal=True),
    "keyboard": Setting(TEXT_TABLE, environment=False, personal=True),
}

RULE_LISTS = ("permissions.allow", "permissions.ask", "permissions.deny")
# What a project may say without being trusted: it may forbid and have things asked, not allow.
PROJECT_RULE_LISTS = ("permissions.ask", "permissions.deny")
# No project lifts the questions altogether, whoever trusts it.
NEVER_BY_PROJECT = (("permission_mode", "bypassPermissions"),)
FLAGS_ONLY = {"json_schema": Setting(TEXT, environment=False)}
