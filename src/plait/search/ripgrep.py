"""Look at a place with ripgrep: flags built by ripgrepy, the pattern behind `-e`, the paths behind `--`.

ripgrepy's own runner is not used: it takes a pattern that looks like a flag for one. Output is taken as it comes; at
the cap, at the deadline and on cancellation the process is ended.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from ripgrepy import Ripgrepy

from plait.host.listing import ripgrep_rules
from plait.host.process import start_process
from plait.host.programs import find_program
from plait.search.place import (
    LARGEST_FILE_BYTES,
    LONGEST_LINE,
    BadGlob,
    Line,
    Lines,
    Names,
    Pattern,
    Place,
    State,
    without_secrets,
)

MOST_BYTES = 64_000_000
# `PATH NUL NUMBER : TEXT`, as `--null` prints it. A path may hold anything but NUL, also a line end.
PRINTED = re.compile(rb"([^\0]+)\0(\d+):([^\n]*)\n?")


@cache
def ripgrep() -> str | None:
    """Return the absolute path of ripgrep, or None."""
    return find_program("rg")


@dataclass(frozen=True, slots=True)
class Ripgrep:
    """A `Looker`. `program` is absolute."""

    program: str

    async def lines(self, place: Place, pattern: Pattern, deadline_s: float) -> Lines:
        built = self._built(place).line_number().with_filename().no_heading().max_count(pattern.most_a_file)
        # An overlong line shows its beginning; it is minified or data.
        built = built.max_columns(LONGEST_LINE).max_columns_preview()
        if not place.named:
            built = built.max_filesize(str(LARGEST_FILE_BYTES))
        match pattern.case:
            case "smart":
                built = built.smart_case()
            case "ignore":
                built = built.ignore_case()
            case "exact":
                built = built.case_sensitive()
        built = built.fixed_strings() if pattern.fixed else built.engine("auto")
        built = built.word_regexp() if pattern.words else built
        built = built.only_matching() if pattern.parts else built
        argv = [*built.command, "-e", pattern.text, "--", *(place.below or ("./",))]
        output = await _run(argv, place, deadline_s, most_lines=pattern.most)
        if output.problem:
            return Lines(problem=output.problem)
        found = []
        shown: dict[bytes, str | None] = {}
        for match in PRINTED.finditer(output.data):
            raw = match[1]
            if raw not in shown:
                path = _clean(raw)
                shown[raw] = path if place.shows(path) else None
            known = shown[raw]
            if known is not None:
                text = match[3].rstrip(b"\r").decode("utf-8", "replace")
                found.append(Line(known, int(match[2]), text))
        return Lines(tuple(found[: pattern.most]), output.state)

    async def names(self, place: Place, deadline_s: float) -> Names:
        argv = [*self._built(place).files().command, "--", *(place.below or ("./",))]
        output = await _run(argv, place, deadline_s, most_lines=None)
        names = [_clean(raw) for raw in output.data.split(b"\0") if raw]
        return replace(without_secrets(names, place), state=output.state)

    def _built(self, place: Place) -> Ripgrepy:
        built = Ripgrepy("", "", rg_path=self.program).null()
        # Flags that ripgrepy has no method for.
        built.command += ["--color=never", *ripgrep_rules(place.root)]
        built = built.hidden() if place.hidden else built
        # The last glob decides: git's own directory stays out whatever is asked for.
        for glob in (*place.globs, *(("!.git",) if place.hidden or place.globs else ())):
            built = built.glob(glob)
        return built


def _clean(path: bytes) -> str:
    text = os.fsdecode(path)
    return (text if os.sep == "/" else text.replace(os.sep, "/")).removeprefix("./")


@dataclass(frozen=True, slots=True)
class Output:
    data: bytes
    state: State
    problem: str = ""


async def _run(argv: Sequence[str], place: Place, deadline_s: float, *, most_lines: int | None) -> Output:
    """Run ripgrep until it ends, has said enough, or the time is over. Raises BadGlob."""
    pieces: list[bytes] = []
    lines = size = 0
    enough = asyncio.Event()

    def take(data: bytes) -> None:
        nonlocal lines, size
        if enough.is_set():
            return
        pieces.append(data)
        size += len(data)
        lines += data.count(b"\n")
        if size > MOST_BYTES or (most_lines is not None and lines > most_lines):
            enough.set()

    process = await start_process(argv, cwd=place.root, on_output=take, max_bytes=16_000, merge_stderr=False)
    process.when_over(enough.set)
    state = State.DONE
    try:
        async with asyncio.timeout(deadline_s):
            await enough.wait()
        if process.running or (most_lines is not None and lines > most_lines):
            state = State.CAPPED
    except TimeoutError:
        state = State.DEADLINE
    finally:
        end = await process.kill(grace_s=0)
    said = end.stderr.decode("utf-8", "replace").strip()
    if end.exit_code == 2 and said and not pieces:
        return Output(b"", state, _problem(said, place))
    return Output(b"".join(pieces), state)


def _problem(said: str, place: Place) -> str:
    """Return ripgrep's complaint about a pattern in a few words."""
    if "parsing glob" in said:
        raise BadGlob(f"`glob` is not understood: {said.removeprefix('rg: ')[:200]}.")
    errors = re.findall(r"^(?:rg: )?error: (.*)$", said, re.MULTILINE)
    return str(errors[-1] if errors else said.splitlines()[-1])[:120]
