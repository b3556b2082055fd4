"""The effective settings: layers read, joined, and each value with where it came from.

In rising precedence: the user's `settings.toml`, the project's `.plait/settings.toml` and `.plait/settings.local.toml`,
`PLAIT_*` variables, `--settings FILE`, flags. Rules of all layers hold together. A project's files come with whatever
was cloned: until the user trusts them (`config.trust`) they may only tighten, what else they say is listed.

The only place that reads the process's environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from plait.config.kinds import FLAGS_ONLY, NEVER_BY_PROJECT, PROJECT_RULE_LISTS, RULE_LISTS, SETTINGS, united
from plait.config.shape import SECTIONS, Directories, Effort, Limits, Loaded, Settings
from plait.config.sources import FlagValue, Layer, Value, environment_layer, flags_layer, read_layer
from plait.config.trust import Grant, inherited, trust_of
from plait.host.worktrees import repository_of
from plait.protocol.commands import Rule, Scope, Verdict
from plait.protocol.errors import UserError
from plait.protocol.queries import SettingValue

__all__ = ["Directories", "Effort", "FlagValue", "Limits", "Loaded", "Settings", "directories", "environment", "load"]

FILE = "settings.toml"
PROJECT_DIRECTORY = ".plait"
PROJECT_FILES = (FILE, "settings.local.toml")

ReadRule = Callable[[str, Verdict, Scope], Rule]


def environment() -> Mapping[str, str]:
    return os.environ


def directories(environ: Mapping[str, str]) -> Directories:
    """Return where Plait keeps its own files: the platform's places, unless `PLAIT_CONFIG_DIR` … say otherwise."""

    def place(name: str) -> Path:
        chosen = environ.get(f"PLAIT_{name.upper()}_DIR")
        if chosen:
            return Path(os.path.abspath(os.path.expanduser(chosen)))
        # Started often, needed only where nothing is chosen.
        import platformdirs

        usual = Path(getattr(platformdirs, f"user_{name}_dir")("plait", appauthor=False))
        # Without a home directory `~` stays as it is; a directory of that name must not appear in the project.
        return usual if usual.is_absolute() else Path(os.path.abspath(os.sep)) / "nonexistent" / "plait"

    return Directories(place("config"), place("state"), place("cache"))


def project_root(cwd: Path) -> Path:
    """Return the nearest directory at or above `cwd` that holds `.git`, else `cwd` itself."""
    for directory in (cwd, *cwd.parents):
        if os.path.lexists(directory / ".git"):
            return directory
    return cwd


def plain_rule(text: str, verdict: Verdict, scope: Scope) -> Rule:
    return Rule(verdict, text, scope)


def load(
    cwd: Path,
    *,
    environ: Mapping[str, str],
    flags: Sequence[FlagValue] = (),
    settings_file: Path | None = None,
    read_rule: ReadRule = plain_rule,
    tool_name: Callable[[str], str] = str,
    trusting: bool = False,
    allows: Callable[[Path, Path], bool] = lambda state, project: False,
) -> Loaded:
    """Read all layers and join them. `read_rule` and `tool_name` check and normalise rules and names of tools.

    trusting: the project is trusted for this once (`--trust`). allows: (state, project) -> whether a rule that allows
    is remembered for a project.

    Raises:
        UserError: A file is malformed, or a value will not do; one line that names the place.
    """
    where = directories(environ)
    root = project_root(cwd)
    layers = [
        read_layer(where.config / FILE, "user"),
        *(read_layer(path, "project") for path in _project_files(root, cwd)),
        environment_layer(environ),
        read_layer(settings_file, "settings file", must_exist=True) if settings_file is not None else None,
        flags_layer(flags),
    ]
    found = [layer for layer in layers if layer is not None]
    repository = repository_of(root)
    grants = _grants(found)
    if repository is not None and (grants or allows(where.state, repository)):
        grants.append(inherited(repository))
    listed = trusting or _is_listed(root, found, cwd)
    trust = trust_of(root, grants, where.state, listed=listed)
    trusted = trust.state == "trusted"
    joined = _join(found, tool_name, trusted)
    if any(grant.inherited for grant in grants) and not trusted:
        joined.warnings.append(
            f"What was allowed in `{repository}` is not in force in this worktree: "
            "this directory is not trusted (see `plait trust`)."
        )
    return Loaded(
        settings=_build(joined.values, cwd, where),
        values=_shown_values(joined.values, found, trusted),
        warnings=tuple(joined.warnings),
        rules=_rules(found, read_rule, trusted),
        directories=where,
        project=root,
        trust=trust,
        repository=repository,
        inherits=repository is not None and (listed or trusted),
    )


def _grants(layers: Sequence[Layer]) -> list[Grant]:
    """What the project's files would switch on if they were trusted, in the order of the files."""
    grants = []
    for layer in layers:
        if layer.kind != "project":
            continue
        for name, value in layer.values.items():
            if _is_grant(name, value.value):
                grants += [Grant(name, text, layer.origin) for text in _whole(value.value)]
        for name in RULE_LISTS:
            if name not in PROJECT_RULE_LISTS:
                grants += [Grant(name, rule.value, layer.origin) for rule in layer.rules.get(name, ())]
    return grants


def _whole(value: Any) -> list[str]:
    """A value as the question shows it, of which nothing is left out: a list by its entries, an empty one as `none`."""
    if isinstance(value, tuple):
        return [str(entry) for entry in value] or ["none"]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def _is_grant(name: str, value: Any) -> bool:
    """True for what a project may say only if it is trusted: whatever is not stricter than what holds by default."""
    setting = SETTINGS[name]
    if setting.personal or (name, value) in NEVER_BY_PROJECT:
        return False
    default = _default(name)
    unchanged = value == default if setting.tighten is None else setting.tighten(default, value) == value
    return not unchanged


def _is_listed(root: Path, layers: Sequence[Layer], cwd: Path) -> bool:
    """True if the user named this very directory, and not one above it: what is cloned into that is not trusted."""
    named = [layer.values.get("trusted_directories") for layer in layers if layer.kind != "project"]
    paths = [path for value in named if value is not None for path in value.value]
    return any(os.path.realpath(cwd / os.path.expanduser(path)) == os.path.realpath(root) for path in paths)


def _project_files(root: Path, cwd: Path) -> list[Path]:
    """The files of every directory from the root down to `cwd`: all may tighten."""
    below = [cwd, *cwd.parents]
    chain = reversed(below[: below.index(root) + 1])
    return [directory / PROJECT_DIRECTORY / name for directory in chain for name in PROJECT_FILES]


class _Joined:
    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.warnings: list[str] = []


def _join(layers: Sequence[Layer], tool_name: Callable[[str], str], trusted: bool) -> _Joined:
    joined = _Joined()
    for layer in layers:
        joined.warnings += layer.warnings
        of_project = layer.kind == "project"
        waiting = [name for name in layer.rules if of_project and not trusted and name not in PROJECT_RULE_LISTS]
        ignored = []
        for name, value in layer.values.items():
            is_grant = of_project and _is_grant(name, value.value)
            if name in ("tools", "disallowed_tools"):
                value = Value(tuple(tool_name(tool) for tool in value.value), value.origin, value.line)
            before = joined.values.get(name)
            if of_project and not (trusted and is_grant):
                after = _tightened(name, before, value)
            else:
                after = _replaced(name, before, value)
            if after is not None:
                joined.values[name] = after
            elif is_grant:
                waiting.append(name)
            else:
                ignored.append(name)
        if waiting:
            joined.warnings.append(
                f"`{layer.origin}`: {_listed(waiting)} not in force: this directory is not trusted (see `plait trust`)."
            )
        if ignored:
            joined.warnings.append(
                f"`{layer.origin}`: {_listed(ignored)} ignored: a project's file may only tighten "
                "(ask and deny rules, stricter modes, lower limits), and leaves alone what is the user's."
            )
    return joined


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _replaced(name: str, before: Value | None, value: Value) -> Value:
    setting = SETTINGS.get(name)
    if setting is None or not setting.unites or before is None:
        return value
    return Value(united(before.value, value.value), f"{before.origin}, {value.origin}")


def _tightened(name: str, before: Value | None, wanted: Value) -> Value | None:
    """Return the value in force after a project's file, or None if what it wants is not stricter."""
    tighten = SETTINGS[name].tighten
    if tighten is None:
        return None
    current = before.value if before is not None else _default(name)
    after = tighten(current, wanted.value)
    if after == current:
        return before if wanted.value == current else None
    origin = wanted.origin if before is None or after == wanted.value else f"{before.origin}, {wanted.origin}"
    return Value(after, origin, wanted.line)


def _default(name: str) -> Any:
    section, _, key = name.rpartition(".")
    return getattr(getattr(_DEFAULTS, section) if section else _DEFAULTS, key)


_DEFAULTS = Settings()


def _rules(layers: Sequence[Layer], read_rule: ReadRule, trusted: bool) -> tuple[Rule, ...]:
    verdicts: tuple[Verdict, ...] = ("deny", "ask", "allow")
    rules: dict[Rule, None] = {}
    for layer in reversed(layers):
        for verdict in verdicts:
            name = f"permissions.{verdict}"
            if layer.kind == "project" and name not in PROJECT_RULE_LISTS and not trusted:
                continue
            for value in layer.rules.get(name, ()):
                try:
                    rules[read_rule(value.value, verdict, layer.scope)] = None
                except UserError as error:
                    raise UserError(f"{value.place}: {error}") from error
    return tuple(rules)


def _build(values: Mapping[str, Value], cwd: Path, where: Directories) -> Settings:
    top: dict[str, Any] = {}
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for name, value in values.items():
        section, _, key = name.rpartition(".")
        (sections[section] if section else top)[key] = value.value
    directories = ((top, "additional_directories"), (top, "trusted_directories"), (sections["sandbox"], "visible"))
    for given, name in directories:
        given[name] = tuple(os.path.abspath(cwd / os.path.expanduser(path)) for path in given.get(name, ()))
    debug = top.get("debug") or None
    if debug is not None:
        top["debug"] = str(where.state / "debug.log" if debug == "true" else cwd / os.path.expanduser(debug))
    else:
        top.pop("debug", None)
    return Settings(**top, **{section: SECTIONS[section](**entries) for section, entries in sections.items()})


def _shown_values(values: Mapping[str, Value], layers: Sequence[Layer], trusted: bool) -> tuple[SettingValue, ...]:
    shown = []
    for name in (*SETTINGS, *FLAGS_ONLY):
        value = values.get(name)
        if value is not None or name not in FLAGS_ONLY:
            actual = value.value if value is not None else (_default(name) if name in SETTINGS else None)
            shown.append(SettingValue(name, _text(name, actual), value.origin if value is not None else "default"))
    for layer in layers:
        for name, rules in layer.rules.items():
            if layer.kind == "project" and name not in PROJECT_RULE_LISTS and not trusted:
                continue
            shown += [SettingValue(name, rule.value, rule.origin) for rule in rules]
    return tuple(shown)


def _text(name: str, value: Any) -> str:
    match value:
        case None:
            return "not set"
        case bool():
            return str(value).lower()
        case tuple():
            return ", ".join(value) or "none"
        case dict():
            return ", ".join(f"{key} = {entry}" for key, entry in value.items()) or "none"
        case str() if name in ("base_url", "web_search.endpoint"):
            return _without_password(value)
        case _:
            return str(value)


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    # What stands before an `@` is a password only within the host's part, which any of these ends.
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    user, at, host = authority.rpartition("@")
    return f"{scheme}{separator}…@{host}{rest[len(authority) :]}" if at and user else url
