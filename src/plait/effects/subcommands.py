"""Judge the sub-commands of developers' tools that only read, by `subcommands.toml`; anything else is left to others.

A form counts only if all of the command is known to be harmless: its options, its operands, and the files of the
project that the tool obeys. What does not fit goes to the tool's own judge, which asks.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from plait.effects.command import Command, Options, read_options
from plait.effects.finding import Arg, Place
from plait.effects.on_disk import entries_below
from plait.effects.programs import Program, judge_program, program_of
from plait.host.opening import bytes_of

MAX_FORM_WORDS = 4
MAX_ENTRIES = 20_000
MAX_SETTINGS_BYTES = 1_000_000
# Tools that would write a cache, or ask the network for a newer version of themselves, and what keeps them from it.
TOOLS_ENVIRONMENT: Mapping[str, str] = {
    "RUFF_NO_CACHE": "true",
    "NPM_CONFIG_UPDATE_NOTIFIER": "false",
    "NPM_CONFIG_LOGS_MAX": "0",
    # It makes the directory of its cache before it does anything.
    "NPM_CONFIG_CACHE": "/dev/null",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "GH_NO_UPDATE_NOTIFIER": "1",
    "CHECKPOINT_DISABLE": "1",
    "HOMEBREW_NO_AUTO_UPDATE": "1",
    "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
    "RUSTUP_AUTO_INSTALL": "0",
}


@dataclass(frozen=True, slots=True)
class Form:
    """One way to call a tool; `subcommands.toml` says what the fields mean."""

    program: Program
    needs: frozenset[str] = frozenset()
    among: re.Pattern[str] | None = None
    value: re.Pattern[str] | None = None
    settings: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A section of the file."""

    forms: Mapping[str, Form] = field(default_factory=dict)
    helps: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    obeys: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    configured: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def _sections() -> Mapping[str, str]:
    """The text of each tool's section: parsing all of them takes longer than judging a command."""
    text = files("plait.effects").joinpath("subcommands.toml").read_text(encoding="utf-8")
    _, *parts = re.split(r'^\["([^"]+)"\]$', text, flags=re.MULTILINE)
    return {name: body for names, body in zip(parts[::2], parts[1::2], strict=True) for name in names.split()}


def tool_names() -> tuple[str, ...]:
    return tuple(_sections())


@cache
def tool(name: str) -> Tool:
    """Return the forms of a tool of `tool_names`."""
    entries: dict[str, Any] = tomllib.loads(_sections()[name])
    words = {key: entries.pop(key, "").split() for key in ("helps", "groups", "before", "obeys", "reads", "configured")}
    forms = {form: _form(entry) for key, entry in entries.items() for form in key.split("|")}
    return Tool(
        forms,
        frozenset(words["helps"]),
        frozenset(words["groups"]),
        frozenset(words["before"]),
        tuple(words["obeys"]),
        (*words["reads"], *words["configured"]),
        tuple(words["configured"]),
    )


def _form(entry: Mapping[str, Any]) -> Form:
    fields = dict(entry)
    needs, settings = frozenset(fields.pop("needs", ())), frozenset(fields.pop("settings", ()))
    among, value, suffixes = fields.pop("among", None), fields.pop("value", None), fields.pop("suffixes", ())
    return Form(
        program_of(fields),
        needs,
        re.compile(among) if among is not None else None,
        re.compile(value) if value is not None else None,
        settings,
        tuple(suffixes),
    )


def judge_form(command: Command) -> bool:
    """Judge a command that has a reading form; False, and nothing is judged, if it has none."""
    if command.name not in _sections():
        return False
    known = tool(command.name)
    if any("://" in arg.raw for arg in command.args) or _obeys(command.place, known.obeys):
        return False
    if any(_leads_out(command.place, path) for path in _upwards(command.place, known.reads)):
        return False
    if _asks_help(command, known):
        return True
    for words, form, args in _candidates(command, known):
        options = read_options(args, form.program.spec)
        if _fits(form, options) and _stays_inside(command.place, known, form, options):
            judge_program(command, form.program, args, " ".join([command.name, words]).strip())
            return True
    return False


def _candidates(command: Command, known: Tool) -> Iterator[tuple[str, Form, tuple[Arg, ...]]]:
    """The forms that the command begins with, the longest first, each with the arguments that are left."""
    args = command.args
    skipped = 0
    while skipped < len(args) and args[skipped].literal in known.before:
        skipped += 1
    rest = args[skipped:]
    for count in range(min(MAX_FORM_WORDS, len(rest)), -1, -1):
        literals = [arg.literal for arg in rest[:count]]
        words = " ".join(word for word in literals if word is not None)
        if None not in literals and (form := known.forms.get(words)) is not None:
            yield words, form, (*args[:skipped], *rest[count:])


def _fits(form: Form, options: Options) -> bool:
    program = form.program
    if options.unclear is not None or (form.needs and not options.has(*form.needs)):
        return False
    if program.operands == "none" and options.operands:
        return False
    if program.most is not None and len(options.operands) > program.most:
        return False
    values = [value for name, value in options.given if value is not None and name not in program.files]
    return _all_are(form.among, options.operands) and _all_are(form.value, values)


def _all_are(expected: re.Pattern[str] | None, args: list[Arg]) -> bool:
    return expected is None or all(arg.literal is not None and expected.fullmatch(arg.literal) for arg in args)


def _asks_help(command: Command, known: Tool) -> bool:
    match [arg.literal for arg in command.args]:
        case [str() as name, "--help"]:
            return name in known.helps
        case [str() as group, str() as name, "--help"]:
            return group in known.groups and re.fullmatch(r"[a-z][a-z-]*", name) is not None
        case _:
            return False


def _upwards(place: Place, names: tuple[str, ...]) -> list[Path]:
    """The files of these names that lie in the directory where the command runs, or above it."""
    folders = [folder for cwd in place.cwds for folder in (cwd, *cwd.parents)]
    return [path for folder in folders for name in names if os.path.lexists(path := folder / name)]


def _obeys(place: Place, names: tuple[str, ...]) -> bool:
    """True if the tool may obey one of these files of the project, or it cannot be told in which directory it runs."""
    if not place.cwds:
        return True
    # The home directory is the user's own, not a project's.
    home = Path.home()
    return any(path != home / name for name in names for path in _upwards(place, (name,)))


def _leads_out(place: Place, path: Path) -> bool:
    """True for what stands in the workspace, and is somewhere else."""
    return place.workspace.contains(path) and not place.workspace.contains(Path(os.path.realpath(path)))


def _stays_inside(place: Place, known: Tool, form: Form, options: Options) -> bool:
    """True if neither settings nor links make the form write, or read out of the workspace."""
    found = _upwards(place, known.configured)
    if form.suffixes:
        starts = [path for arg in options.operands for path in place.resolve(arg.literal or ".")]
        for start in starts or [cwd.as_posix() for cwd in place.cwds]:
            for seen, entry in enumerate(entries_below(start)):
                if seen >= MAX_ENTRIES:
                    return False
                if entry.is_symlink() and (entry.name.endswith(form.suffixes) or entry.is_dir()):
                    if _leads_out(place, Path(entry.path)):
                        return False
                elif entry.name in known.configured:
                    found.append(Path(entry.path))
    return not form.settings or not any(_sets(path, form.settings) for path in found)


def _sets(path: Path, keys: frozenset[str]) -> bool:
    data = bytes_of(path, MAX_SETTINGS_BYTES)
    try:
        return data is None or _holds(tomllib.loads(data.decode()), keys)
    except ValueError:
        return True


def _holds(table: Mapping[str, Any], keys: frozenset[str]) -> bool:
    return any(key in keys or (isinstance(value, dict) and _holds(value, keys)) for key, value in table.items())
