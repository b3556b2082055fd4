"""One simple command as the judges of programs see it. Owns reading its options; knows no program."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from plait.effects.finding import LONG_OPTION, Arg, Finding, Place

# Variables that only change how output looks, or tell programs nothing but a taste.
SAFE_ENVIRONMENT = re.compile(
    r"LANG|LANGUAGE|LC_[A-Z]+|TZ|NO_COLOR|FORCE_COLOR|CLICOLOR(_FORCE)?|CI|COLUMNS|LINES|PYTHONUNBUFFERED|"
    r"PYTHONDONTWRITEBYTECODE|PYTHONHASHSEED|RUST_BACKTRACE|RUST_LOG|DEBUG|VERBOSE|LOG_LEVEL|NODE_ENV|RAILS_ENV|"
    r"DEBIAN_FRONTEND"
)

# Variables whose value the C library looks for among its files, and values that are no way out of there.
NAMES_A_FILE = re.compile(r"LANG|LANGUAGE|LC_[A-Z]+|TZ")
PLAIN_PLACE = re.compile(r"(?!.*\.\.)(?:[\w+-][\w.@+:,=-]*(?:/[\w+-]+)*)?")

# Variables that name a program or let one do more, and the values of theirs that are harmless.
PAGERS = re.compile(
    r"(GIT_PAGER|PAGER|MANPAGER|GH_PAGER|SYSTEMD_PAGER|BAT_PAGER)=(cat)?|GIT_(OPTIONAL_LOCKS|TERMINAL_PROMPT)=(0|false)"
)


def is_safe_setting(name: str, value: str | None) -> bool:
    """True if a program may be given this variable without being asked about; `value` is None if it cannot be told."""
    if NAMES_A_FILE.fullmatch(name):
        # A path in it would be opened, whatever lies there.
        return value is not None and PLAIN_PLACE.fullmatch(value) is not None
    return SAFE_ENVIRONMENT.fullmatch(name) is not None or (
        value is not None and PAGERS.fullmatch(f"{name}={value}") is not None
    )


# Judge what a wrapper starts, or a text that is run as a bash script; the effects join those of the wrapper.
Run = Callable[[Sequence[Arg], Place], None]
RunText = Callable[[str, Place], None]


@dataclass(frozen=True, slots=True)
class Command:
    """`name` with its arguments, where it stands, and the finding that its judge fills."""

    name: str
    args: tuple[Arg, ...]
    place: Place
    finding: Finding
    run: Run
    run_text: RunText
    came_from_network: Callable[[str], bool]

    @property
    def words(self) -> list[str]:
        """The arguments as text: their values where they are known, else as written."""
        return [arg.literal if arg.literal is not None else arg.raw for arg in self.args]

    @property
    def all_known(self) -> bool:
        return all(arg.literal is not None for arg in self.args)

    def flags(self) -> set[str]:
        """Every option that is given, long ones without their value, short ones each by itself. For danger only."""
        found: set[str] = set()
        for word in self.words:
            if word == "--":
                break
            if word.startswith("--"):
                found.add(word.partition("=")[0])
            elif word.startswith("-") and len(word) > 1:
                found.add(word)
                found.update(f"-{char}" for char in word[1:])
        return found


Judge = Callable[[Command], None]


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """What options a program has. `flags` take no value, `values` take one; `optional` take one only after `=`.

    Names are written with their dashes. any_other: options that are not named are accepted as flags. numbers: `-5`
    is an option.
    """

    flags: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    any_other: bool = False
    numbers: bool = False


@dataclass(slots=True)
class Options:
    """A command's arguments in order. `unclear` says what could not be told; then nothing else may be relied on."""

    given: list[tuple[str, Arg | None]] = field(default_factory=list)
    operands: list[Arg] = field(default_factory=list)
    unclear: str | None = None

    def has(self, *names: str) -> bool:
        return any(name in names for name, _ in self.given)

    def value(self, *names: str) -> Arg | None:
        return next((value for name, value in reversed(self.given) if name in names), None)


# Texts to look for, and separators: they may begin with a dash.
TAKE_ANY_WORD = frozenset(("-e", "-d", "-F", "-t", "-g", "-v"))


def read_options(args: Sequence[Arg], spec: OptionSpec, *, stop_at_operand: bool = False) -> Options:
    """Read options as GNU programs do: bundled short ones, `--long=value`, `--` ends them.

    A long name must be spelled out: an abbreviation is not recognised. stop_at_operand: what follows the first
    operand is operands (`timeout 5 ls -l`).
    """
    out = Options()
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        text = arg.literal
        if text is None and not arg.any_words and LONG_OPTION.match(arg.prefix) is not None:
            name, _, start = arg.prefix.partition("=")
            if name in spec.values | spec.optional or spec.any_other:
                glob = arg.glob[len(name) + 1 :] if arg.glob is not None else None
                out.given.append((name, replace(arg, prefix=start, glob=glob)))
                continue
        if text is None or text == "-" or not text.startswith("-"):
            if not arg.surely_operand and not spec.any_other:
                out.unclear = out.unclear or f"`{arg.raw}` may be an option"
            out.operands.append(arg)
            if stop_at_operand:
                out.operands.extend(rest)
                return out
        elif text == "--":
            out.operands.extend(rest)
            return out
        elif text.startswith("--"):
            _read_long(text, arg, rest, spec, out)
        else:
            _read_short(text, arg, rest, spec, out)
    return out


def _read_long(text: str, arg: Arg, rest: list[Arg], spec: OptionSpec, out: Options) -> None:
    name, equals, value = text.partition("=")
    name = _in_full(name, spec)
    attached = Arg(value, (value,), prefix=value, carries=arg.carries) if equals else None
    if name in spec.values:
        if attached is None and _is_option(rest, spec):
            out.unclear = out.unclear or f"`{name}` before an option"
        if attached is None and not rest:
            out.unclear = out.unclear or f"`{name}` without its value"
            return
        out.given.append((name, attached or _take_value(name, rest, out)))
    elif name in spec.optional or (name in spec.flags and attached is None) or spec.any_other:
        out.given.append((name, attached))
    else:
        out.unclear = out.unclear or f"the option `{name}`"


def _take_value(name: str, rest: list[Arg], out: Options) -> Arg:
    """Take the next word as the value of an option; one that may become several words leaves nothing clear."""
    value = rest.pop(0)
    if value.splits:
        out.unclear = out.unclear or f"`{name} {value.raw}`, which may become several words"
    return value


def _in_full(name: str, spec: OptionSpec) -> str:
    """The option that an abbreviation stands for, where options that are not named are accepted too.

    Of one with a value that were taken for one without, the value would be taken for an operand.
    """
    if not spec.any_other or name in spec.values | spec.optional | spec.flags:
        return name
    meant = [option for options in (spec.values, spec.flags) for option in sorted(options) if option.startswith(name)]
    return meant[0] if meant else name


def _is_option(rest: Sequence[Arg], spec: OptionSpec) -> bool:
    """True if what should be a value looks like an option: with some programs the value may be left out."""
    word = rest[0].literal if rest and not spec.any_other else None
    return word is not None and re.fullmatch(r"--?[A-Za-z].*", word, re.DOTALL) is not None


def _read_short(text: str, arg: Arg, rest: list[Arg], spec: OptionSpec, out: Options) -> None:
    # A whole word first: `-name` of find, `-5` of head.
    if text in spec.flags or (spec.numbers and text[1:].isascii() and text[1:].isdigit()):
        out.given.append((text, None))
        return
    if text in spec.values and len(text) > 2:
        if not rest:
            out.unclear = out.unclear or f"`{text}` without its value"
            return
        out.given.append((text, _take_value(text, rest, out)))
        return
    for index, char in enumerate(text[1:], start=1):
        name, remaining = f"-{char}", text[index + 1 :]
        if name in spec.values:
            if remaining:
                out.given.append((name, Arg(remaining, (remaining,), prefix=remaining, carries=arg.carries)))
            elif rest:
                if _is_option(rest, spec) and name not in TAKE_ANY_WORD:
                    out.unclear = out.unclear or f"`{name}` before an option"
                out.given.append((name, _take_value(name, rest, out)))
            else:
                out.unclear = out.unclear or f"`{name}` without its value"
            return
        if name in spec.optional:
            out.given.append((name, Arg(remaining, (remaining,), prefix=remaining) if remaining else None))
            return
        if name in spec.flags or spec.any_other or (spec.numbers and char.isascii() and char.isdigit()):
            out.given.append((name, None))
        else:
            out.unclear = out.unclear or f"the option `{name}`"
