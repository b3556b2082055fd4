"""Where settings are written: TOML files, `PLAIT_*` variables, flags. Each becomes a `Layer` of checked values.

A value that is wrong is an error that names the place, the line and what was expected; a name that is not known is a
warning that names the nearest. How layers are joined is `settings`'.
"""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from plait.config.kinds import FLAGS_ONLY, RULE_LISTS, SETTINGS, TEXTS, Kind
from plait.protocol.commands import Scope
from plait.protocol.errors import UserError
from plait.protocol.lean import dataclass

MOST_FILE_BYTES = 1_000_000
DIRECTORY_VARIABLES = ("PLAIT_CONFIG_DIR", "PLAIT_STATE_DIR", "PLAIT_CACHE_DIR")

LayerKind = Literal["user", "project", "environment", "settings file", "flags"]


@dataclass(frozen=True, slots=True)
class Value:
    """A checked value, and where it was found (`PATH`, a variable, a flag); `line` is 1-based, 0 if not known."""

    value: Any
    origin: str
    line: int = 0

    @property
    def place(self) -> str:
        return f"`{self.origin}`, line {self.line}" if self.line else f"`{self.origin}`"


@dataclass(frozen=True, slots=True)
class Layer:
    """All that one place says, by dotted name; the lists of rules are in `rules`."""

    kind: LayerKind
    origin: str
    values: dict[str, Value] = field(default_factory=dict)
    rules: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def scope(self) -> Scope:
        match self.kind:
            case "user" | "environment":
                return "user"
            case "project":
                return "project"
            case "settings file" | "flags":
                return "command line"


@dataclass(frozen=True, slots=True)
class FlagValue:
    """What a flag says about a setting: text as it was typed, or a list of texts."""

    name: str
    value: str | Sequence[str]
    flag: str


def read_layer(path: Path, kind: LayerKind, *, must_exist: bool = False) -> Layer | None:
    """Return what a settings file says, or None if there is none.

    Raises:
        UserError: It cannot be read, is not TOML, or a value is not what its setting takes.
    """
    text = _read_text(path, must_exist=must_exist)
    if text is None:
        return None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"`{path}` is not TOML: {error}.") from error
    except RecursionError as error:
        raise UserError(f"`{path}` is not TOML that a settings file needs: it is nested too deeply.") from error
    layer = Layer(kind, str(path))
    for name, raw in _leaves(document):
        _take(layer, name, raw, str(path), _line_of(text, name))
    return layer


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """Return what `PLAIT_*` variables say: `PLAIT_MODEL`, `PLAIT_LIMITS_MAX_TURNS` … Empty ones count as not set."""
    names = {
        "PLAIT_" + name.replace(".", "_").upper(): name for name in (*SETTINGS, *RULE_LISTS) if _in_environment(name)
    }
    layer = Layer("environment", "environment")
    for variable in sorted(environ):
        if not variable.startswith("PLAIT_") or variable in DIRECTORY_VARIABLES or not environ[variable]:
            continue
        name = names.get(variable)
        if name is None:
            layer.warnings.append(f"`{variable}` is not a setting{_nearest(variable, names)}; it is ignored.")
            continue
        _take(layer, name, _kind(name).parse(environ[variable]), variable, 0)
    return layer


def flags_layer(flags: Sequence[FlagValue]) -> Layer:
    """Return what the command line says. Raises UserError for a value that will not do."""
    layer = Layer("flags", "command line")
    for flag in flags:
        raw = _kind(flag.name).parse(flag.value) if isinstance(flag.value, str) else flag.value
        _take(layer, flag.name, raw, flag.flag, 0)
    return layer


def _read_text(path: Path, *, must_exist: bool) -> str | None:
    try:
        status = path.stat()
        # A FIFO or a device in its place would block or never end.
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"`{path}` is not a file: settings cannot be read from it.")
        if status.st_size > MOST_FILE_BYTES:
            raise UserError(f"`{path}` is larger than {MOST_FILE_BYTES:,} bytes: that is no settings file.")
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (FileNotFoundError, NotADirectoryError) as error:
        if must_exist:
            raise UserError(f"`{path}`: there is no such settings file.") from error
        return None
    except UnicodeDecodeError as error:
        raise UserError(f"`{path}` is not UTF-8 text (byte {error.start}): save it as UTF-8.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"`{path}` cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def _leaves(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    sections = {name.split(".")[0] for name in (*SETTINGS, *RULE_LISTS) if "." in name}
    for key, value in document.items():
        if not prefix and key in sections and isinstance(value, dict):
            yield from _leaves(value, f"{key}.")
        else:
            yield prefix + key, value


def _take(layer: Layer, name: str, raw: object, origin: str, line: int) -> None:
    where = Value(None, origin, line)
    known = {**SETTINGS, **(FLAGS_ONLY if layer.kind == "flags" else {})}
    if name not in known and name not in RULE_LISTS:
        if any(other.startswith(f"{name}.") for other in (*known, *RULE_LISTS)):
            raise UserError(f"{where.place}: `{name}` must be a table, written `[{name}]`; found {_shown(raw)}.")
        layer.warnings.append(
            f"{where.place}: `{name}` is not a setting{_nearest(name, (*known, *RULE_LISTS))}; it is ignored."
        )
        return
    kind = _kind(name)
    try:
        value = kind.read(raw)
    except (ValueError, OverflowError) as error:
        raise UserError(f"{where.place}: `{name}` must be {kind.expected}; found {_shown(raw)}.") from error
    if name in RULE_LISTS:
        layer.rules[name] = (*layer.rules.get(name, ()), *(Value(text, origin, line) for text in value))
    elif name in layer.values and known[name].unites:
        layer.values[name] = Value((*layer.values[name].value, *value), origin, line)
    else:
        layer.values[name] = Value(value, origin, line)


def _kind(name: str) -> Kind:
    setting = SETTINGS.get(name) or FLAGS_ONLY.get(name)
    return TEXTS if setting is None else setting.kind


def _in_environment(name: str) -> bool:
    return name in RULE_LISTS or SETTINGS[name].environment


def _shown(raw: object) -> str:
    text = repr(raw) if not isinstance(raw, str) else raw
    return f"`{text if len(text) <= 60 else text[:59] + '…'}`"


def _nearest(name: str, known: Sequence[str] | Mapping[str, str]) -> str:
    # Only a mistake pays for this import.
    import difflib

    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean `{near[0]}`?" if near else ""


def _line_of(text: str, name: str) -> int:
    """Return the 1-based line on which `name` (or the table that holds it) is written, 0 if it cannot be told."""
    table, _, key = name.rpartition(".")
    inside, table_line = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped.strip("[]# \t").replace('"', "").replace("'", "").replace(" ", "")
            if inside in (table, name):
                table_line = number
            continue
        left = stripped.split("=", 1)[0].replace('"', "").replace("'", "").replace(" ", "").replace("\t", "")
        full = f"{inside}.{left}" if inside else left
        if "=" in stripped and name in (full, f"{inside}.{key}" if left == key and inside == table else full):
            return number
        if "=" in stripped and full == table:
            table_line = number
    return table_line
