"""What programs can be told: the options of the table, and those that their own help names."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache

from plait.effects.programs import Program, table

LONG = re.compile(r"(?<![\w-])(--[a-z][a-z0-9-]+)(\[?=|\s+(?=[<A-Z]))?")
SHORT = re.compile(r"(?:^|[\s,\[|(])(-[A-Za-z0-9])(?=[\s,\]|=)<\[]|$)(\s*[<A-Z=])?", re.MULTILINE)
BUILTINS = frozenset((
    ":", "times", "type", "exit", "return", "break", "continue", "wait", "jobs", "dirs", "umask", "help", "hash",
    "alias", "ulimit", "cd", "read", "printf", "test", "[", "echo", "true", "false", "pwd", "export", "declare",
    "local", "set", "shift", "unset", "mapfile", "command", "builtin", "trap", "shopt", "readonly", "typeset", "let",
    "eval", "source", ".", "exec", "time", "kill", "history",
))  # fmt: skip
# Programs whose judges may find them harmless though they stand in no table.
JUDGED = (
    "find", "printf", "test", "[", "sed", "awk", "gawk", "mawk", "tar", "unzip", "gzip", "gunzip", "bzip2", "xz", "zip",
    "7z", "cpio", "ar", "man", "shopt", "printenv", "timeout", "nice", "nohup", "time", "stdbuf", "setsid", "ionice",
    "taskset", "chrt", "chronic", "unbuffer", "busybox", "env", "command", "builtin", "xargs", "sh", "bash", "trap",
    "read", "cd", "set", "export", "declare", "mapfile", "unset", "kill", "mount", "sysctl", "ip", "ifconfig", "route",
    "sqlite3", "psql", "docker", "kubectl", "openssl", "history", "tee", "dd", "curl", "ping", "dig", "host", "python3",
    "node", "npm", "cargo", "go", "gofmt", "ruff", "uv", "gh", "make", "gcc", "patch", "split", "ssh", "wget", "local",
    "let", "eval", "source", "exec", "perl", "ruby",
)  # fmt: skip
OTHER_NAMES = {
    "fd": "fdfind", "bat": "batcat", "gsed": "sed", "gxargs": "xargs", "gtimeout": "timeout", "gzcat": "zcat",
    "md5": "md5sum", "nawk": "gawk", "eza": "exa", "jsonlint": "jsonlint-py",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spec:
    """A program as the generator sees it. words: its name, and that of its sub-command.

    group: the name under which its runs are counted, if it is not its own: a tool has many forms.
    """

    words: tuple[str, ...]
    operands: str = "read"
    first: bool = False
    flags: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    of_table: bool = True
    group: str = ""

    @property
    def name(self) -> str:
        return " ".join(self.words)

    @property
    def counted(self) -> str:
        return self.group or self.name

    @property
    def is_here(self) -> bool:
        return is_here(self.words[0])


@cache
def is_here(name: str) -> bool:
    return name in BUILTINS or shutil.which(name) is not None


def specs() -> dict[str, Spec]:
    """Every program of the table, each sub-command by itself, and the programs of the judges."""
    found: dict[str, Spec] = {}
    for name in table():
        for spec in _of(table()[name], (name,)):
            found[spec.name] = spec
    for spec in _of_tools():
        found.setdefault(spec.name, spec)
    for name in JUDGED:
        if name not in found:
            found[name] = Spec((name,), of_table=False)
    return found


def _of(program: Program, words: tuple[str, ...]) -> Iterator[Spec]:
    if program.sub:
        for name, inner in program.sub.items():
            yield from _of(inner, words if name == "-" else (*words, name))
    if not program.sub:
        valued = (*program.values, *program.files, *program.first_by)
        yield Spec(
            words,
            program.operands,
            program.first,
            tuple(name for name in _options(program) if name not in {*valued, *program.optional}),
            valued,
            program.optional,
        )


def _of_tools() -> Iterator[Spec]:
    """The reading forms of developers' tools; an older Plait has none."""
    try:
        subcommands = importlib.import_module("plait.effects.subcommands")
    except ModuleNotFoundError:
        return
    for name in subcommands.tool_names():
        known = subcommands.tool(name)
        for words, form in known.forms.items():
            for spec in _of(form.program, (name, *words.split())):
                yield replace(spec, flags=(*form.needs, *spec.flags), group=name)
        for words in known.helps:
            yield Spec((name, *words.split(), "--help"), operands="none", group=name)


def _options(program: Program) -> dict[str, None]:
    """Every option that an entry names, in whatever field."""
    values = (getattr(program, one.name) for one in fields(program))
    lists = (value for value in values if isinstance(value, tuple))
    return dict.fromkeys(name for value in lists for name in value if name.startswith("-") and len(name) > 1)


@cache
def helped(words: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    """Options that the program's own help names, each with whether it seems to take a value."""
    if words[0] in BUILTINS or not is_here(words[0]):
        return ()
    argument = "-h" if words[0] == "git" else "--help"
    try:
        said = subprocess.run(
            [*words, argument], capture_output=True, stdin=subprocess.DEVNULL, timeout=3, check=False, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    text = (said.stdout + said.stderr).decode("utf-8", "replace")[:60_000]
    found: dict[str, bool] = {}
    for match in (*LONG.finditer(text), *SHORT.finditer(text)):
        found[match[1]] = found.get(match[1], False) or bool(match[2])
    return tuple(found.items())
