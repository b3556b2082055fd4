"""Judge commands by a table of programs (`programs.toml`): which operands they read, which options they may have.

A program stands in the table only if it writes, runs and sends nothing with the options that are let through; without
`only`, no option of it ever does.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from plait.effects.command import Command, Options, OptionSpec, read_options
from plait.effects.finding import Arg, Flow, known
from plait.effects.listings import LISTINGS, names_below, passes_names_on
from plait.effects.on_disk import found_near, secret_matched, secret_that_shows
from plait.host.protected import secret_name

# Programs that leave out names with a leading dot, unless one of the options is given.
SKIPS_HIDDEN = frozenset(("rg", "fd", "fdfind", "ls", "dir", "exa", "eza"))
ONLY_NAMES = ("-l", "-L", "-c", "-q", "--files-with-matches", "--files-without-match", "--count", "--quiet", "--files")
SHOWS_HIDDEN = ("--hidden", "-H", "-u", "-.", "--unrestricted", "-a", "-A", "-f", "--all", "--almost-all")

# Options by which a search is led to files of some names alone.
COMPARES = frozenset(("diff", "sdiff", "zdiff"))
NARROWING = frozenset(("--include", "-g", "--glob", "--iglob"))

# Programs that print the lines of all files below a directory.
GREPS = frozenset(("grep", "egrep", "fgrep"))
SEARCHES = GREPS | {"rg"}

RECURSIVE = ("-r", "-R", "--recursive", "--dereference-recursive")

Operands = Literal["read", "names", "text", "none"]


@dataclass(frozen=True, slots=True)
class Program:
    """One entry of the table; `programs.toml` says what each field means."""

    operands: Operands = "read"
    most: int | None = None
    first: bool = False
    first_by: tuple[str, ...] = ()
    first_not: tuple[str, ...] = ()
    here: bool = False
    tree: bool = False
    recursive: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    values: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    numbers: bool = False
    secret: bool = False
    argument_files: bool = False
    obeys: tuple[str, ...] = ()
    obeys_not: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    decodes: tuple[str, ...] = ()
    sub: Mapping[str, Program] = field(default_factory=dict)

    @property
    def spec(self) -> OptionSpec:
        return OptionSpec(
            flags=frozenset((*(self.only or ()), *self.recursive, *(name for name in self.follows if name))),
            values=frozenset((*self.values, *self.files, *self.first_by)),
            optional=frozenset(self.optional),
            any_other=self.only is None,
            numbers=self.numbers,
        )


class Entries(Mapping[str, Program]):
    """Entries of the table by name, each parsed when it is first asked for: all at once take as long as a command."""

    def __init__(self, lines: Iterable[str], made: Mapping[str, Program] | None = None) -> None:
        self._lines = {name: line for line in lines for name in line.split('"', 2)[1].split()}
        self._made = dict(made or {})

    def __getitem__(self, name: str) -> Program:
        if name not in self._made:
            [entry] = tomllib.loads(self._lines[name]).values()
            self._made[name] = program_of(entry)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._lines, **self._made})

    def __len__(self) -> int:
        return len({**self._lines, **self._made})


@lru_cache(maxsize=1)
def table() -> Mapping[str, Program]:
    """Return the programs by name."""
    git = Program(sub=Entries(_section("[programs.git.sub]")))
    return Entries(_section("[programs]"), {"git": git})


@lru_cache(maxsize=1)
def versions() -> dict[str, frozenset[str]]:
    """For each program that only prints its version when that is all it is asked for: the options that ask."""
    asked: dict[str, set[str]] = {}
    for option, names in tomllib.loads("\n".join(_section("[versions]", whole=True))).items():
        for name in names.split():
            asked.setdefault(name, set()).add(option)
    return {name: frozenset(options) for name, options in asked.items()}


@lru_cache(maxsize=1)
def obeyed_files() -> dict[str, tuple[str, ...]]:
    """For each program whose version may be another's: the files of a project that say so."""
    lines = tomllib.loads("\n".join(_section("[obeys]", whole=True)))
    return {name: tuple(files.split()) for names, files in lines.items() for name in names.split()}


@lru_cache(maxsize=1)
def danger_entries() -> list[dict[str, str]]:
    """The entries of `dangerous.toml`, as they stand in the file."""
    entries: list[dict[str, str]] = tomllib.loads(_text("dangerous.toml"))["dangerous"]
    return entries


def _section(header: str, *, whole: bool = False) -> Iterator[str]:
    """Yield the lines below a header of `programs.toml`: those of entries, each of which is one line, or all."""
    is_inside = False
    for line in _text("programs.toml").splitlines():
        if line.startswith("["):
            is_inside = line == header
        elif is_inside and (whole or line.startswith('"')):
            yield line


@lru_cache(maxsize=2)
def _text(name: str) -> str:
    return files("plait.effects").joinpath(name).read_text(encoding="utf-8")


def program_of(entry: Mapping[str, Any]) -> Program:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    if "sub" in entry:
        fields["sub"] = {name: program_of(inner) for names, inner in entry["sub"].items() for name in names.split()}
    return Program(**fields)


def asks_version(command: Command) -> bool:
    """True for `python --version` and the like: one option and nothing else."""
    if len(command.args) != 1 or command.args[0].literal not in versions().get(command.name, frozenset()):
        return False
    obeyed = obeyed_files().get(command.name, ())
    places = [folder for cwd in command.place.cwds for folder in (cwd, *cwd.parents)]
    return not obeyed or (bool(places) and not any((folder / name).exists() for folder in places for name in obeyed))


def judge_by_table(command: Command) -> None:
    """Judge a program of the table; any other asks."""
    finding = command.finding
    program = table().get(command.name)
    if program is None:
        finding.ask(f"`{command.name}` is not known to be harmless")
        return
    if not program.sub:
        judge_program(command, program, command.args, command.name)
        return
    first = command.args[0].literal if command.args else None
    inner = program.sub.get(first) if first is not None else None
    if inner is None:
        finding.ask(f"`{command.name} {first or ''}`".replace(" `", "`") + " is not known to be harmless")
        return
    judge_program(command, inner, command.args[1:], f"{command.name} {first}")


def judge_program(command: Command, program: Program, args: tuple[Arg, ...], name: str) -> Options:
    """Judge arguments by one entry. Returns the options, for judges that look further."""
    finding = command.finding
    options = read_options(args, program.spec)
    if options.unclear is not None:
        finding.ask(f"`{name}`: {options.unclear}, which may write or run something")
        return options
    if program.argument_files and any(arg.prefix[:1] in ("@", "") for arg in args):
        finding.ask(f"`{name}` may take further options from a file")
    if program.obeys and not options.has(*program.obeys_not):
        _ask_if_led(command, program, options.operands, name)
    if program.secret:
        finding.secret(f"what `{name}` shows")
    tree = program.tree or options.has(*program.recursive) or _recurses(command, options)
    operands = list(options.operands)
    patterns = [value for option, value in options.given if option in ("-e", "--regexp") and value is not None]
    if program.first and operands and not _gives(options, (*program.first_by, *program.first_not)):
        patterns.append(operands[0])
        # Of several words the first is the pattern, and the others are files.
        operands = operands if operands[0].splits else operands[1:]
        if program.files and not patterns[-1].surely_operand and not _ends_options(args, patterns[-1]):
            finding.ask(f"`{name}`: `{patterns[-1].raw}` may be an option that names a file")
    if program.most is not None and len(operands) > program.most:
        finding.ask(f"`{name}` with more than {program.most} operands may write the last one")
        return options
    if program.most is not None and any(operand.splits for operand in operands):
        finding.ask(f"`{name} {operands[0].raw}` may be given a file to write")
        return options
    for arg in args:
        narrowed = re.match(r"--(?:include|i?glob)=(.+)", arg.raw, re.DOTALL)
        if narrowed is not None and _asks_for_secrets(narrowed[1].strip("'\"")):
            finding.secret(arg.raw)
    for option, value in options.given:
        if option == "--files0-from":
            finding.ask(f"`{name} --files0-from` reads the files that another file names")
        if option in NARROWING and value is not None and _asks_for_secrets(value.literal or value.raw):
            finding.secret(value.raw)
        if value is not None and (option in program.files or (program.only is None and "/" in value.prefix)):
            finding.read(value)
    _read_operands(command, program, operands, tree=tree)
    if command.name in SEARCHES and tree:
        _look_for_secrets(command, options, patterns, operands)
    # Of a file and a directory, that of the same name in the directory is compared.
    if options.has(*program.follows) or "" in program.follows or command.name in COMPARES:
        for operand in operands or [known(".")]:
            finding.follow_links(operand)
    _pass_on(command, options, operands)
    if options.has(*program.decodes) or "" in program.decodes:
        finding.gives |= Flow(decoded=True)
    if command.name in LISTINGS and finding.output_names is None:
        finding.output_names = _listed(command, options, operands)
    return options


def _ask_if_led(command: Command, program: Program, operands: list[Arg], name: str) -> None:
    """Ask if a file that the program obeys lies in the directory, at what it is given, or above either."""
    looked_at = [(".", False)]
    for operand in operands:
        if operand.folder is not None:
            looked_at.append((operand.folder, True))
        looked_at += [(value, True) for value in operand.values or ()]
    for text, below in looked_at:
        for path in command.place.resolve(text):
            if (obeyed := found_near(program.obeys, path, below=below)) is not None:
                command.finding.ask(f"`{name}` obeys `{obeyed}`, which may lead it to other files")
                return


def _listed(command: Command, options: Options, operands: list[Arg]) -> Arg | None:
    """The names that a listing prints, one a line; None if it may print more than names of the workspace."""
    nul = LISTINGS[command.name].of(option for option, _ in options.given)
    told = [operand.literal if operand.literal is not None else operand.glob for operand in operands]
    if nul is None or not all(text is not None and _stays_below(text) for text in told):
        return None
    hidden = command.name not in SKIPS_HIDDEN or options.has(*SHOWS_HIDDEN)
    only = operands[0] if len(operands) == 1 and command.name in SEARCHES else None
    text = only.literal if only is not None else None
    if text is not None and len(command.place.cwds) == 1 and (command.place.cwds[0] / text).is_dir():
        return names_below(text, hidden=hidden, nul=nul)
    if only is not None and only.glob is not None and not options.has(*RECURSIVE):
        return replace(only, splits=True, loose=True, listed=True, nul=nul)
    return names_below(hidden=hidden, nul=nul)


def _stays_below(text: str) -> bool:
    """True if what is listed there is named by a path below the directory that the command runs in."""
    return not text.startswith(("/", "~")) and ".." not in text.split("/")


def _ends_options(args: tuple[Arg, ...], operand: Arg) -> bool:
    """True if a `--` stands before an operand."""
    return any(arg.literal == "--" for arg in args[: args.index(operand)])


def _recurses(command: Command, options: Options) -> bool:
    """True for `grep -d recurse`."""
    return command.name in GREPS and any(
        option in ("-d", "--directories") and value is not None and value.literal not in ("read", "skip")
        for option, value in options.given
    )


def _look_for_secrets(command: Command, options: Options, patterns: list[Arg], operands: list[Arg]) -> None:
    """A search of all files below a directory prints the lines of secret ones too, if they match."""
    if options.has(*ONLY_NAMES, *NARROWING, "-t", "--type"):
        return
    hidden = command.name not in SKIPS_HIDDEN or options.has("--hidden", "-.", "-u", "--unrestricted")
    texts = [pattern.literal for pattern in patterns]
    if not texts or options.has("-v", "--invert-match", "-f", "--file"):
        texts = [None]
    names = [operand.literal for operand in operands if operand.literal is not None] or ["."]
    folders = [str(cwd / name) for cwd in command.place.cwds for name in names]
    if (secret := secret_that_shows(texts, folders, hidden=hidden)) is not None:
        command.finding.secret(secret)


def _gives(options: Options, names: tuple[str, ...]) -> bool:
    """True if one of these options is given; a long one may be abbreviated."""
    return any(
        given in names or (given.startswith("--") and any(name.startswith(given) for name in names))
        for given, _ in options.given
    )


def _asks_for_secrets(pattern: str) -> bool:
    """True for a pattern that is made for files which hold secrets: `.env*`, `*.pem`."""
    name = pattern.rpartition("/")[2]
    return not pattern.startswith("!") and (
        secret_name(name.replace("*", "x")) or (name.startswith(".") and secret_matched(name, ()) is not None)
    )


def _read_operands(command: Command, program: Program, operands: list[Arg], *, tree: bool) -> None:
    finding = command.finding
    match program.operands:
        case "read":
            for operand in operands:
                finding.read(operand, tree=tree)
        case "names":
            for operand in operands:
                finding.read(operand, tree=tree, contents=False)
        case "none" if operands:
            finding.ask(f"`{command.name}` with operands is not known to be harmless")
        case _:
            pass
    # With its input piped in, a program that would search the directory reads the pipe instead.
    if program.here and not operands and not command.place.piped:
        finding.read_here()


def _pass_on(command: Command, options: Options, operands: list[Arg]) -> None:
    """What a filter prints carries what came in by its input and its words."""
    flow = command.place.input
    for operand in operands:
        flow |= operand.carries
    command.finding.gives |= flow
    if command.name == "cat" and not command.args:
        command.finding.output_text = command.place.input_text
    if passes_names_on(command.name, options.given, len(options.operands)):
        command.finding.output_names = command.place.input_names
