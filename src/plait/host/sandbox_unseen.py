"""What a command did not find since the sandbox hides it: taken from its output, and told with a way to allow it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence

from plait.host.sandbox_home import ENVIRONMENTS
from plait.host.sandbox_paths import MAX_LINKS, small_text, within
from plait.host.sandbox_toolchains import editable_sources
from plait.host.sandbox_view import Places, View

# What programs say of a path that is not there (ENOENT) or closed (EACCES).
FAILED = re.compile(
    r"no such (?:file|directory|path)|ENOENT|EACCES|permission denied|not found|could not find|cannot find|can't find|"
    r"does(?: not|n't) exist|os error (?:2|13)\b|errno (?:2|13)\b|no rule to make target|not a git repository|"
    r"(?:can(?:no|')t|could not|couldn't|unable to|failed to) (?:open|read|access|stat|load|find|locate|change)|"
    r"FileNotFound|NoSuchFile|ModuleNotFound|no module named|unresolved import|is not in std",
    re.IGNORECASE,
)
IMPORT = re.compile(r"ModuleNotFound|ImportError|no module named", re.IGNORECASE)
INTERPRETER = re.compile(r"required file not found|bad interpreter|no such file or directory", re.IGNORECASE)
SHEBANG = re.compile(r"#!\s*(/\S+)")
# Each kind for itself: one may stand in another.
QUOTED = tuple(
    re.compile(text) for text in (r"'([^'\n]+)'", r'"([^"\n]+)"', r"`([^`'\n]+)[`']", "\u2018([^\u2019\n]+)\u2019")
)
BETWEEN_WORDS = re.compile(r"""[\s'"`\u2018\u2019:;,()<>|=&]+""")
SEARCHED_CHARACTERS = 64_000
LINES_AROUND = 2
MAX_CANDIDATES = 400
MAX_NAMED = 3


def may_be_told(output: str, *, failed: bool) -> bool:
    """True if it is worth looking: something was not found, or it failed without a word."""
    return FAILED.search(output) is not None or (failed and not output.strip())


def unseen(view: View, places: Places, cwd: str, command: str, output: str, *, failed: bool) -> tuple[str, ...]:
    """Return the hidden places that a command wanted, as it says, or as follows from its words. Blocking.

    failed: it ended with an error; else only a line that says what was not found counts, for in a pipe or a list of
    commands the first may have failed. Whether something is in a hidden place is not looked at.
    """
    text = (
        output
        if len(output) <= 2 * SEARCHED_CHARACTERS
        else output[:SEARCHED_CHARACTERS] + output[-SEARCHED_CHARACTERS:]
    )
    lines = text.splitlines()
    hits = [number for number, line in enumerate(lines) if FAILED.search(line)]
    around = LINES_AROUND if failed else 0
    near = sorted({at for hit in hits for at in range(max(0, hit - around), min(len(lines), hit + around + 1))})
    candidates = (
        *_candidates(lines[number] for number in near),
        *_interpreters(cwd, (lines[hit] for hit in hits)),
    )
    if failed and (hits or not text.strip()):
        candidates = (*candidates, *_candidates([command]))
    found = (_hidden(view, places, cwd, word) for word in list(dict.fromkeys(candidates))[:MAX_CANDIDATES])
    named = [path for path in dict.fromkeys(found) if path is not None]
    if failed and IMPORT.search(text):
        named += _hidden_sources(view, places, cwd)
    # Of `a` and `a/b` the first is enough.
    return tuple(path for path in named if not any(path != other and within(path, [other]) for other in named))


def in_words(named: Sequence[str], view: View, places: Places) -> tuple[str, ...]:
    """Return the line that says which places are hidden and how they are allowed; none if there are none."""
    if not named:
        return ()
    shown = ", ".join(f"`{_short(path, places.home)}`" for path in named[:MAX_NAMED])
    more = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
    if all(view.hides(path) == places.home for path in named):
        return (
            f"the sandbox hides {shown}{more} from a command that runs without a question: the user can show it by "
            "`sandbox.visible` in the settings or by `--add-dir`; `outside_sandbox` asks to run this once without",
        )
    return (f"the sandbox hides {shown}{more}: `outside_sandbox` asks the user to let this run once without",)


def of_own_tmp(written: Sequence[str]) -> tuple[str, ...]:
    """Return the line that says that what was to be written below `/tmp` lies in the sandbox's own."""
    if not written:
        return ()
    shown = ", ".join(f"`{path}`" for path in written[:MAX_NAMED])
    return (
        f"{shown} was written in the sandbox's own `/tmp`, which only commands of this session see and which ends with "
        "it; `outside_sandbox` asks the user to let a command write in the real one",
    )


def _short(path: str, home: str) -> str:
    return "~" + path[len(home) :] if within(path, [home]) else path


def _candidates(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for line in lines for word in _words(line))


def _interpreters(cwd: str, lines: Iterable[str]) -> tuple[str, ...]:
    """What interprets the scripts that lines name, where it is the interpreter that was not found."""
    scripts = _candidates(line for line in lines if INTERPRETER.search(line))
    found = (SHEBANG.match(small_text(os.path.join(cwd, script), 1024)) for script in scripts[:MAX_NAMED])
    return tuple(match[1] for match in found if match is not None)


def _words(line: str) -> Iterator[str]:
    line = line[:2000]
    quoted = [text for kind in QUOTED for text in kind.findall(line)]
    yield from quoted
    # What is not the beginning of a name with a blank in it.
    words = (word for word in BETWEEN_WORDS.split(line) if "/" in word or "~" in word)
    yield from (word for word in words if not any(whole.startswith(f"{word} ") for whole in quoted))
    # `cat: a name: No such file or directory`
    yield from (piece.strip() for piece in line.split(": ")[:-1])


def _hidden(view: View, places: Places, cwd: str, word: str) -> str | None:
    """The hidden place that a word names, where it was written or where links in what is seen lead."""
    spelled = os.path.expanduser("~")
    word = re.sub(r"^(?:~(?=/|$)|\$HOME\b|\$\{HOME\})", lambda _: spelled, word.rstrip("/.,") or "/")
    if "\0" in word or len(word) > 4000:
        return None
    waiting = os.path.join(cwd, word).split("/")[::-1]
    real, hops = "/", 0
    while waiting:
        name = waiting.pop()
        if name in ("", "."):
            continue
        place = os.path.dirname(real) if name == ".." else os.path.join(real, name)
        # Nothing is looked at in what is hidden: the answer must not say what is there.
        if view.hides(place) is not None and not view.shows_below(place):
            return os.path.normpath(os.path.join(place, *waiting[::-1]))
        try:
            target = os.readlink(place) if name != ".." else None
        except OSError:
            target = None
        if target is None:
            real = place
            continue
        hops += 1
        if hops > MAX_LINKS:
            return None
        real = "/" if target.startswith("/") else real
        waiting += target.split("/")[::-1]
    return None


def _hidden_sources(view: View, places: Places, cwd: str) -> list[str]:
    """What the workspace's environments of Python import from and do not see."""
    above = [place for place in (cwd, *places.roots) if within(place, places.roots)]
    sources = (
        os.path.normpath(source)
        for place in dict.fromkeys(above)
        for name in ENVIRONMENTS
        for source in editable_sources(f"{place}/{name}")
    )
    return [source for source in dict.fromkeys(sources) if view.hides(source) is not None]
