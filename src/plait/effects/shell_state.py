"""What the shell itself keeps from one command to the next: its directory, its variables, its options."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from plait.effects.command import NAMES_A_FILE, SAFE_ENVIRONMENT, is_safe_setting
from plait.effects.finding import NOTHING, Arg, Finding, Place, known
from plait.effects.listings import plain_names

# Names that a script makes up for itself. Any other capital name may be one that programs obey.
OWN_VARIABLE = re.compile(
    r"[a-z_][a-z0-9_]*|[A-Z]|(FILE|DIR|NAME|COUNT|OUT|SRC|DST|FOO|BAR|BAZ|MSG|VAR|VALUE|NUM|RESULT|LINE|TOTAL|ROOT|VERSION|BRANCH|TAG|COMMIT|"
    r"SHA|HASH|REPO|TOP|DATE|START|END|SIZE|PATTERN|QUERY|WORD|TEXT|PKG|INPUT|OUTPUT|CURRENT|LAST|FIRST|OLD|NEW)S?"
)
OBEYED_LOWER_CASE = frozenset(("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy", "histchars"))
MOST_DIRECTORIES = 6
# With its value attached, or with the value (for `-a` the name of the array) as the next word.
READ_OPTION = re.compile(r"-[rse]*(?:a|[dnNpt](?P<value>.*))?", re.DOTALL)
SETTABLE = re.compile(r"(?:[-+](?:[euxv]+|[euxv]*o (?:pipefail|errexit|nounset|xtrace)) )+(?:[-+]o )?")


def is_own(name: str) -> bool:
    """True for a variable that a script makes up for itself."""
    return OWN_VARIABLE.fullmatch(name) is not None and name not in OBEYED_LOWER_CASE


def refuse_name(name: str, finding: Finding) -> None:
    """Ask if a variable of this name may change what programs do."""
    if not is_own(name) and (not SAFE_ENVIRONMENT.fullmatch(name) or NAMES_A_FILE.fullmatch(name)):
        finding.ask(f"sets `{name}`, which may change what programs do")


def change_directory(name: str, args: Sequence[Arg], place: Place, finding: Finding) -> Place:
    """Judge cd, pushd and popd; return the place after it, if it succeeds."""
    operands = [arg for arg in args if arg.literal not in ("-P", "-L", "--")]
    if name == "popd" or len(operands) != 1:
        if name == "cd" and not operands:
            operands = [known(os.path.expanduser("~"))]
        else:
            finding.ask("changes to a directory that cannot be told")
            return replace(place, cwds=(), moved=True)
    values = operands[0].values
    if values is None or any(value.startswith(("-", "+")) or not value for value in values):
        finding.ask("changes to a directory that cannot be told")
        return replace(place, cwds=(), moved=True)
    paths: list[str] = []
    for value in values:
        paths.extend(place.resolve(value))
    finding.read(operands[0], contents=False)
    cwds = tuple(dict.fromkeys(Path(path) for path in paths))
    return replace(place, cwds=cwds if len(cwds) <= MOST_DIRECTORIES else (), moved=True)


def change_state(name: str, args: Sequence[Arg], inner: Place, place: Place, finding: Finding) -> Place:
    """Judge read, export, readonly, unset, set and shift; return the place after it."""
    words = [arg.literal for arg in args]
    variables = dict(place.variables)
    if name == "set":
        if not words or not _only_sets_options(words):
            finding.ask("changes how the shell works")
        return place
    if name == "shift":
        return replace(place, variables={key: value for key, value in variables.items() if not key[0].isdigit()})
    if name in ("local", "declare", "typeset", "readonly") and words:
        return _declare(name, args, place, finding)
    if name in ("export", "declare", "typeset") and (not words or words == ["-p"]):
        finding.secret("environment variables")
        return place
    if name in ("mapfile", "readarray"):
        if len(words) == 2 and words[0] == "-t":
            words = words[1:]
        if len(words) != 1 or (words[0] or "-").startswith("-"):
            finding.ask(f"`{name}` with options may run something")
            return place
    told = _read_names(words, inner) if name == "read" else None
    skip_value = False
    for word in words:
        if skip_value:
            skip_value = False
        elif word is not None and name == "read" and (option := READ_OPTION.fullmatch(word)):
            skip_value = option["value"] == ""
        elif word is not None and name == "export" and is_safe_setting(*word.partition("=")[::2]):
            variables[word.partition("=")[0]] = Arg(f"${word.partition('=')[0]}")
        elif word is not None and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", word):
            variables.pop(f"{word}[@]", None)
            if name in ("read", "unset", "mapfile", "readarray"):
                refuse_name(word, finding)
                value = told if told is not None else Arg("")
                variables[word] = replace(value, raw=f"${word}", carries=inner.input)
            elif not is_own(word) or name == "export":
                finding.ask(f"`{name} {word}` may change what programs do")
        else:
            finding.ask(f"`{name}` with what cannot be told")
    # Where no variable has the name, it is a function that `unset` removes.
    functions = {key: body for key, body in place.functions.items() if name != "unset" or key not in words}
    return replace(place, variables=variables, functions=functions)


def _only_sets_options(words: Sequence[str | None]) -> bool:
    """True if no word is left that would become `$1`: a name of an option belongs to an `-o` before it."""
    return SETTABLE.fullmatch("".join(f"{word} " for word in words)) is not None or words in (["-o"], ["+o"])


def _read_names(words: Sequence[str | None], inner: Place) -> Arg | None:
    """The names that `read` puts into its variable, if it takes whole lines of a listing into one.

    With `-t` it may read nothing, and leave the variable as it was.
    """
    rest = ["-" if word is None else word for word in words]
    nul = False
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in ("-d", "-rd") and rest[:1] == [""]:
            nul = True
            rest.pop(0)
        elif option in ("-p", "-rp") and rest:
            rest.pop(0)
        elif re.fullmatch(r"-[rs]+", option) is None:
            return None
    return plain_names(inner.input_names, inner, nul=nul) if len(rest) == 1 else None


def _declare(name: str, args: Sequence[Arg], place: Place, finding: Finding) -> Place:
    """Judge `local NAME=value` and its like; options other than `-r` may evaluate the value, or show variables."""
    variables = dict(place.variables)
    if name == "readonly":
        finding.ask("`readonly` lets a later assignment fail, so that values cannot be told")
    for arg in args:
        text = arg.literal if arg.literal is not None else arg.prefix
        found = re.match(r"([A-Za-z_][A-Za-z0-9_]*)(=|$)", text)
        if text == "-r" and arg.literal is not None:
            finding.ask(f"`{name} -r` lets a later assignment fail, so that values cannot be told")
            continue
        if found is None or (not found[2] and arg.literal is None):
            finding.ask(f"`{name} {arg.raw}` may evaluate something")
            continue
        refuse_name(found[1], finding)
        value = known(text[found.end() :]) if arg.literal is not None and found[2] else Arg("")
        variables.pop(f"{found[1]}[@]", None)
        variables[found[1]] = replace(value, raw=f"${found[1]}", carries=arg.carries)
    return replace(place, variables=variables)


def either(a: Place, b: Place) -> Place:
    """The place after something that may or may not have happened."""
    if a == b:
        return a
    variables: dict[str, Arg] = {}
    for name in {*a.variables, *b.variables}:
        left, right = a.variables.get(name), b.variables.get(name)
        if left == right and left is not None:
            variables[name] = left
        else:
            carries = (left.carries if left else NOTHING) | (right.carries if right else NOTHING)
            variables[name] = Arg(f"${name}", carries=carries)
    functions = {name: body for name, body in a.functions.items() if b.functions.get(name) == body}
    return replace(a, cwds=union(a.cwds, b.cwds), variables=variables, moved=a.moved or b.moved, functions=functions)


def union(a: tuple[Path, ...], b: tuple[Path, ...]) -> tuple[Path, ...]:
    """All directories of both; none, for those that cannot be told, if they are too many or one side has none."""
    both = tuple(dict.fromkeys((*a, *b))) if a and b else ()
    return both if len(both) <= MOST_DIRECTORIES else ()
