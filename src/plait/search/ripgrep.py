"""Run ripgrep: flags built by ripgrepy, the pattern behind `-e`, the paths behind `--`, output streamed and capped.

Without ripgrep on the machine there is a slow search in Python, for small trees.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ripgrepy import Ripgrepy

from plait.host.process import stream_lines
from plait.host.programs import find_program

LONGEST_LINE = 400
LARGEST_FILE = "2M"
# Reading these would be reading credentials, which is asked for; they never answer a search.
SECRET_GLOBS = (
    "!.env", "!.env.*", "!*.pem", "!*.key", "!*.p12", "!*.pfx", "!id_rsa*", "!id_ed25519*", "!id_ecdsa*",
    "!.netrc", "!.npmrc", "!.pypirc", "!.git-credentials",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Match:
    """One matching line: the path (bytes that are not UTF-8 as surrogates), the 1-based line, its text."""

    path: str
    line: int
    text: str


@cache
def ripgrep() -> str | None:
    return find_program("rg")


def _base(rg: str) -> Ripgrepy:
    built = Ripgrepy("", "", rg_path=rg).no_messages().no_config().null()
    # Two flags that ripgrepy has no method for.
    built.command += ["--color=never", "--no-require-git"]
    for glob in SECRET_GLOBS:
        built = built.iglob(glob)
    return built


def _with_globs(built: Ripgrepy, globs: Sequence[str]) -> Ripgrepy:
    for glob in globs:
        built = built.glob(glob)
    return built


async def match_lines(
    pattern: str,
    *,
    root: Path,
    below: Sequence[str] = (),
    fixed: bool = False,
    ignore_case: bool | None = None,
    words: bool = False,
    globs: Sequence[str] = (),
    most_a_file: int = 50,
    most: int = 2000,
    deadline_s: float = 2.0,
) -> AsyncIterator[Match]:
    """Yield matching lines as they are found, at most `most`; ripgrep is ended with the iteration.

    `ignore_case` None is smart case. `below`: paths relative to `root` to look in.
    """
    rg = ripgrep()
    if rg is None:
        for match in _match_in_python(
            pattern, root, below, fixed=fixed, ignore_case=ignore_case is not False, most=most
        ):
            yield match
        return
    built = _base(rg).line_number().with_filename().no_heading().max_columns(4 * LONGEST_LINE)
    built = _with_globs(built.max_count(most_a_file).max_filesize(LARGEST_FILE), globs)
    match ignore_case:
        case None:
            built = built.smart_case()
        case True:
            built = built.ignore_case()
        case False:
            built = built.case_sensitive()
    if fixed:
        built = built.fixed_strings()
    if words:
        built = built.word_regexp()
    argv = [*built.command, "-e", pattern, "--", *(below or ["."])]
    async for raw in stream_lines(argv, cwd=root, deadline_s=deadline_s, max_lines=most):
        found = parse_line(raw)
        if found is not None:
            yield found


async def count_matches(
    pattern: str, *, root: Path, below: Sequence[str] = (), globs: Sequence[str] = (), deadline_s: float = 2.0
) -> dict[str, int]:
    """Return how often `pattern` (any case) matches in each file that it matches in."""
    rg = ripgrep()
    counts: dict[str, int] = {}
    if rg is None:
        for match in _match_in_python(pattern, root, below, fixed=False, ignore_case=True, most=20_000):
            counts[match.path] = counts.get(match.path, 0) + 1
        return counts
    built = _base(rg).count_matches().with_filename().ignore_case().max_filesize(LARGEST_FILE)
    argv = [*_with_globs(built, globs).command, "-e", pattern, "--", *(below or ["."])]
    async for raw in stream_lines(argv, cwd=root, deadline_s=deadline_s, max_lines=200_000):
        path, separator, count = raw.rstrip(b"\n").partition(b"\0")
        if separator and count.isdigit():
            counts[_clean(path)] = int(count)
    return counts


async def file_names(
    *, root: Path, below: Sequence[str] = (), globs: Sequence[str] = (), deadline_s: float = 2.0
) -> list[str]:
    """Return the files that a search looks into, relative to `root`."""
    rg = ripgrep()
    if rg is None:
        return [path for path, _ in _files_in_python(root, below)]
    argv = [*_with_globs(_base(rg).files(), globs).command, "--", *(below or ["."])]
    names: list[str] = []
    async for raw in stream_lines(argv, cwd=root, deadline_s=deadline_s, max_lines=2_000_000):
        names += [_clean(name) for name in raw.split(b"\0") if name.strip(b"\n")]
    return names


def parse_line(raw: bytes) -> Match | None:
    """Parse `path NUL line:text`."""
    path, separator, rest = raw.rstrip(b"\r\n").partition(b"\0")
    number, colon, text = rest.partition(b":")
    if not separator or not colon or not number.isdigit():
        return None
    shown = text[:LONGEST_LINE].decode("utf-8", "replace")
    return Match(_clean(path), int(number), shown)


def _clean(path: bytes) -> str:
    return os.fsdecode(path).removeprefix("./").replace(os.sep, "/")


# --- without ripgrep ---------------------------------------------------------------------------------------------


def _files_in_python(root: Path, below: Sequence[str]) -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    for start in below or ["."]:
        for directory, names, files in os.walk(root / start):
            names[:] = sorted(name for name in names if not name.startswith(".") and name != "node_modules")
            for name in sorted(files):
                path = Path(directory) / name
                if not name.startswith(".") and len(found) < 20_000:
                    found.append((path.relative_to(root).as_posix(), path))
    return found


def _match_in_python(
    pattern: str, root: Path, below: Sequence[str], *, fixed: bool, ignore_case: bool, most: int
) -> list[Match]:
    try:
        regex = re.compile(re.escape(pattern) if fixed else pattern, re.IGNORECASE if ignore_case else 0)
    except re.error:
        regex = re.compile(re.escape(pattern), re.IGNORECASE)
    found: list[Match] = []
    for name, path in _files_in_python(root, below):
        try:
            data = path.read_bytes()
        except OSError:
            continue
        if b"\0" in data[:8192] or len(data) > 2_000_000:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            if regex.search(line):
                found.append(Match(name, number, line[:LONGEST_LINE]))
                if len(found) >= most:
                    return found
    return found
