"""The settings as the rest of Plait sees them: frozen, typed, complete. Where they come from is for `settings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from plait.config.trust import Trust
from plait.protocol.commands import PermissionMode, Rule, SandboxMode
from plait.protocol.lean import dataclass
from plait.protocol.queries import SettingValue

Effort = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class Limits:
    """When a turn stops; None is no limit. `max_turns` counts the model's replies within one turn."""

    max_turns: int | None = None
    max_budget_usd: float | None = None
    max_tokens: int | None = None
    time_limit_s: float | None = None


@dataclass(frozen=True, slots=True)
class Caps:
    """How many calls of a kind run at once, and how many requests a provider gets at once."""

    calls: int = 32
    files: int = 16
    commands: int = 8
    searches: int = 4
    network: int = 10
    model_requests: int = 8


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that a call of a kind may run.

    `first_token_s`: that a model may send nothing before it begins to speak; None: as long as its address suggests.
    """

    local_s: float = 10.0
    network_s: float = 60.0
    command_s: float = 120.0
    first_token_s: float | None = None


@dataclass(frozen=True, slots=True)
class Compaction:
    """`auto`: shorten the history by itself once it fills the share `threshold` of the context window."""

    threshold: float = 0.8
    auto: bool = True


@dataclass(frozen=True, slots=True)
class WebSearch:
    """A search service for models whose provider has none of its own."""

    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """Hosts and address blocks in private networks that may be fetched all the same."""

    allow_private: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """`mode`: whether commands run in a sandbox; `auto_allow`: unasked, if what they may do in it is harmless.

    visible: absolute; more of the home directory that those see which run unasked.
    """

    mode: SandboxMode = "auto"
    auto_allow: bool = False
    visible: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its effective value. Rules are not here but in `Loaded.rules`.

    tools: the only tools offered (None: all). disallowed_tools: never offered. additional_directories: absolute.
    trusted_directories: absolute; projects whose files are trusted whatever they say.
    debug: absolute path of the debug log. json_schema: text that the last answer must meet; the command line's only.
    keyboard: action to key.
    """

    model: str | None = None
    base_url: str | None = None
    fallback_model: str | None = None
    effort: Effort | None = None
    permission_mode: PermissionMode = "default"
    additional_directories: tuple[str, ...] = ()
    system_prompt: str | None = None
    append_system_prompt: str | None = None
    tools: tuple[str, ...] | None = None
    disallowed_tools: tuple[str, ...] = ()
    trusted_directories: tuple[str, ...] = ()
    theme: str | None = None
    reduced_motion: bool = False
    debug: str | None = None
    json_schema: str | None = None
    limits: Limits = field(default_factory=Limits)
    caps: Caps = field(default_factory=Caps)
    deadlines: Deadlines = field(default_factory=Deadlines)
    compaction: Compaction = field(default_factory=Compaction)
    web_search: WebSearch = field(default_factory=WebSearch)
    network: Network = field(default_factory=Network)
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    keyboard: Mapping[str, str] = field(default_factory=dict)

    @property
    def may_search_by_provider(self) -> bool:
        """True if there is no endpoint for searches of ours, and the user has not taken the tool away."""
        is_offered = self.tools is None or "web_search" in self.tools
        return self.web_search.endpoint is None and is_offered and "web_search" not in self.disallowed_tools


SECTIONS: dict[str, type[Any]] = {
    "limits": Limits,
    "caps": Caps,
    "deadlines": Deadlines,
    "compaction": Compaction,
    "web_search": WebSearch,
    "network": Network,
    "sandbox": SandboxSettings,
}


@dataclass(frozen=True, slots=True)
class Directories:
    """Where Plait keeps its own files; absolute, not necessarily there yet."""

    config: Path
    state: Path
    cache: Path

    @property
    def sessions(self) -> Path:
        return self.state / "sessions"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `settings.load` found: the settings, each value with where it came from, and what was set aside.

    rules: from all layers, strongest layer first. warnings: one line each. project: the root that `.plait` was
    looked for in, resolved. trust: what its files would switch on, and whether they do. repository: that of a linked
    worktree, whose remembered rules that ask or deny hold here too; inherits: those that allow as well.
    """

    settings: Settings
    values: tuple[SettingValue, ...]
    warnings: tuple[str, ...]
    rules: tuple[Rule, ...]
    directories: Directories
    project: Path
    trust: Trust
    repository: Path | None = None
    inherits: bool = False
