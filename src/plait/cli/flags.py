"""The command line's grammar: a table of flags, and how words are read by it. Pure.

`argparse` is not used: it takes words that stand apart as unknown, gives optional values to the wrong flag, ends a
list of rules only at the next flag, and speaks in two lines with exit code 2. The table also makes the help text and
the completions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from plait.protocol.errors import UserError

Takes = Literal["nothing", "value", "optional", "many"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. `names`: all spellings, the one shown in the help first.

    takes: `optional` takes the next word if it belongs to it; `many` takes one word and, as in `--name A B C`, those
    after it that belong to it. setting: the setting that it gives a value; const: the value, if it takes none.
    missing: what stands in the way of a feature that is not there yet. choices: for the help and completions.
    idle: it is of the dialect and means nothing here: it is taken, and told in the debug log.
    """

    names: tuple[str, ...]
    help: str
    takes: Takes = "nothing"
    metavar: str = ""
    group: str = ""
    setting: str = ""
    const: str = ""
    choices: tuple[str, ...] = ()
    missing: str = ""
    idle: bool = False

    @property
    def key(self) -> str:
        """The flag's name in `Parsed`: its longest first spelling, without dashes."""
        return self.names[0].lstrip("-")


@dataclass(slots=True)
class Given:
    """A flag as it was given: how it was spelled, and its values (none, one or many)."""

    flag: Flag
    spelled: str
    values: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Parsed:
    """What the words say. `given`: the flags by key, in order; a flag given twice keeps the last value, or all of many.

    command: the subcommand, if the first word is one; then `words` is what follows it, and flags before it too.
    """

    given: dict[str, Given] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    command: str | None = None

    def has(self, key: str) -> bool:
        return key in self.given

    def value(self, key: str) -> str | None:
        """Return the flag's value, None if it was not given or has none."""
        given = self.given.get(key)
        return given.values[-1] if given is not None and given.values else None

    def values(self, key: str) -> list[str]:
        given = self.given.get(key)
        return given.values if given is not None else []


class Grammar:
    """Reads words by a table of flags.

    belongs: (flag, word) -> whether a word belongs to a flag that need not take it.
    """

    def __init__(
        self,
        flags: Sequence[Flag],
        *,
        commands: Sequence[str] = (),
        belongs: Callable[[Flag, str], bool] = lambda flag, word: True,
        program: str = "plait",
    ) -> None:
        self._flags = {name: flag for flag in flags for name in flag.names}
        self._commands = commands
        self._belongs = belongs
        self._program = program

    def parse(self, arguments: Sequence[str]) -> Parsed:
        """Read the words of a command line, without the program's name.

        Raises:
            UserError: An unknown flag, a missing or superfluous value, or a feature that is not there yet.
        """
        parsed = Parsed()
        rest = list(arguments)
        read: list[str] = []
        while rest:
            word, *_ = ahead = list(rest)
            del rest[0]
            if word == "--":
                parsed.words += rest
                return parsed
            if word == "-" or not word.startswith("-"):
                if word in self._commands and not parsed.words and not parsed.has("print"):
                    parsed.command = word
                    parsed.words = read + rest
                    return parsed
                parsed.words.append(word)
            elif word.startswith("--") or word in self._flags:
                self._take(parsed, word, rest)
                read += ahead[: len(ahead) - len(rest)]
            else:
                self._split_short(word, rest)
        return parsed

    def _take(self, parsed: Parsed, word: str, rest: list[str]) -> None:
        name, equals, value = word.partition("=")
        flag = self._known(name)
        if flag.missing:
            raise UserError(f"`{name}`: {flag.missing}")
        given = parsed.given.setdefault(flag.key, Given(flag, name))
        given.spelled = name
        match flag.takes:
            case "nothing" if equals and flag.key == "print":
                parsed.words.append(value)
            case "nothing":
                if equals:
                    raise UserError(f"`{name}` takes no value; found `{value}`.")
            case "optional":
                if equals:
                    given.values = [value]
                elif rest and not rest[0].startswith("-") and self._belongs(flag, rest[0]):
                    given.values = [rest.pop(0)]
            case "value":
                given.values = [value if equals else self._next(flag, name, rest)]
            case "many":
                given.values.append(value if equals else self._next(flag, name, rest))
                while not equals and rest and not rest[0].startswith("-") and self._belongs(flag, rest[0]):
                    given.values.append(rest.pop(0))

    def _next(self, flag: Flag, name: str, rest: list[str]) -> str:
        # A value may begin with a dash, but it is no other flag: that would be a forgotten value.
        if not rest or rest[0] == "--" or rest[0].partition("=")[0] in self._flags:
            raise UserError(f"`{name}` needs {flag.metavar or 'a value'}.")
        return rest.pop(0)

    def _split_short(self, word: str, rest: list[str]) -> None:
        """Put `-pc` back as `-p -c`, and `-rID` as `-r=ID`."""
        flag = self._known(word[:2])
        tail = word[2:].removeprefix("=")
        if flag.takes == "nothing" and not word[2:].startswith("="):
            rest[:0] = [word[:2], "-" + tail]
        else:
            rest[:0] = [f"{flag.names[0]}={tail}"]

    def _known(self, name: str) -> Flag:
        flag = self._flags.get(name)
        if flag is None:
            # Only a mistake pays for this import.
            import difflib

            begins = [known for known in self._flags if len(name) > 3 and known.startswith(name)]
            near = begins or difflib.get_close_matches(name, list(self._flags), 1, 0.7)
            hint = f"; did you mean `{near[0]}`?" if near else ";"
            raise UserError(f"`{name}` is not a flag of `{self._program}`{hint} see `{self._program} --help`.")
        return flag
