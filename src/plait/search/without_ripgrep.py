"""Look at a place without ripgrep: the same answers, slower, within the same deadline. Python's own regexes.

Works in a thread that stops by itself when nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from plait.host.opening import open_regular
from plait.host.walk import Wanted, walk
from plait.protocol.errors import ToolRefused
from plait.search.globs import Globs
from plait.search.place import (
    LARGEST_FILE_BYTES,
    LONGEST_LINE,
    Line,
    Lines,
    Names,
    Pattern,
    Place,
    State,
    without_secrets,
)

T = TypeVar("T")
# Python looks at some 20 MB a second: what is bigger is more often data than source.
LARGEST_BYTES = 1_000_000
BINARY_BYTES = 8192
Stopped = Callable[[], bool]


class WithoutRipgrep:
    """A `Looker`."""

    async def lines(self, place: Place, pattern: Pattern, deadline_s: float) -> Lines:
        flags = re.IGNORECASE if _ignores_case(pattern) else 0
        text = re.escape(pattern.text) if pattern.fixed else pattern.text
        try:
            regex = re.compile(rf"(?<!\w)(?:{text})(?!\w)" if pattern.words else text, flags)
        except (re.error, RecursionError, OverflowError) as error:
            return Lines(problem=str(error)[:120])
        return await _in_thread(lambda stopped: _lines(place, pattern, regex, stopped), deadline_s)

    async def names(self, place: Place, deadline_s: float) -> Names:
        return await _in_thread(lambda stopped: _names(place, stopped), deadline_s)


def _ignores_case(pattern: Pattern) -> bool:
    match pattern.case:
        case "ignore":
            return True
        case "exact":
            return False
        case "smart":
            return not any(sign.isupper() for sign in pattern.text)


async def _in_thread(work: Callable[[Stopped], T], deadline_s: float) -> T:
    end = time.monotonic() + deadline_s
    given_up = False
    try:
        return await asyncio.to_thread(work, lambda: given_up or time.monotonic() > end)
    finally:
        given_up = True


def _names(place: Place, stopped: Stopped) -> Names:
    names: list[str] = []
    state = State.DONE
    for name in _files(place):
        if stopped():
            state = State.DEADLINE
            break
        names.append(name)
    return replace(without_secrets(names, place), state=state)


def _lines(place: Place, pattern: Pattern, regex: re.Pattern[str], stopped: Stopped) -> Lines:
    found: list[Line] = []
    for name in _files(place):
        if stopped():
            return Lines(tuple(found), State.DEADLINE)
        if place.shows(name):
            found += _lines_of(name, _text(place.root / name, place), pattern, regex)
        if len(found) > pattern.most:
            return Lines(tuple(found[: pattern.most]), State.CAPPED)
    return Lines(tuple(found))


def _lines_of(name: str, text: str, pattern: Pattern, regex: re.Pattern[str]) -> Iterator[Line]:
    count = 0
    for number, line in enumerate(text.split("\n") if text else (), 1):
        matches = [match[0] for match in regex.finditer(line)] if pattern.parts else [line] * bool(regex.search(line))
        yield from (Line(name, number, match.rstrip("\r")[:LONGEST_LINE]) for match in matches)
        count += bool(matches)
        if count >= pattern.most_a_file:
            return


def _text(path: Path, place: Place) -> str:
    """Return the file's text; none of a binary, a huge or an unreadable one."""
    try:
        with open(open_regular(path), "rb") as file:
            data = file.read(LARGEST_FILE_BYTES if place.named else LARGEST_BYTES + 1)
    except (OSError, ValueError, ToolRefused):
        return ""
    if b"\0" in data[:BINARY_BYTES] or (len(data) > LARGEST_BYTES and not place.named):
        return ""
    return data.decode("utf-8", "replace")


def _files(place: Place) -> Iterator[str]:
    """Yield the files of the place that pass its globs, relative to its root."""
    globs = Globs(place.globs)
    for below in place.below or ("",):
        start = place.root / below
        if not start.is_dir():
            yield below
            continue
        prefix = f"{below.rstrip('/')}/" if below else ""
        for listing in walk(start, Wanted(hidden=place.hidden)):
            for entry in listing.entries:
                name = f"{prefix}{listing.prefix}{entry.name}"
                if not (entry.is_directory or entry.is_link) and globs.pass_(name):
                    yield name
