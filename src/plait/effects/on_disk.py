"""Look at the file system for what names alone do not tell: secrets that a pattern takes in, links that lead out.

Bounded: a directory too large to look through counts as one that leads out.
"""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from plait.host.opening import bytes_of
from plait.host.protected import SECRET_NAMES, credential, governs, secret_name

FALLS_APART = re.compile(r"\n|[\s'\"\\](\.\.)?$")
MOST_MATCHES = 1_000
MOST_ENTRIES = 20_000
MOST_LOOKED_AT = 5_000
LARGEST_SECRET_BYTES = 1_000_000


def secret_matched(pattern: str, folders: Iterable[str], *, dots: bool = False) -> str | None:
    """The name of a secret file that the pattern takes in: one that exists in `folders`, or one it is made for.

    dots: a wildcard at its beginning takes in a leading dot too, as for find and unlike in the shell.
    """
    name = pattern.rsplit("/", 1)[-1]
    # Of an extension alone, what is meant is what is there.
    is_extension = re.fullmatch(r"\*\.\w+", name) is not None
    if len(re.sub(r"[*?\[\]]", "", name)) >= 2:
        for secret in SECRET_NAMES:
            example = secret.replace("*", "x")
            if is_extension and not secret.startswith("*."):
                continue
            if fnmatchcase(example, name) and (not example.startswith(".") or name.startswith(".")):
                return pattern
    for folder in folders:
        if is_extension and (dots or re.search(r"[*?\[{].*/", pattern)):
            if (found := _secret_below(folder, name)) is not None:
                return found
            continue
        try:
            entries = os.listdir(folder)
        except OSError:
            continue
        for entry in entries[:MOST_ENTRIES]:
            if (
                secret_name(entry)
                and fnmatchcase(entry, name)
                and (dots or entry.startswith(".") <= name.startswith("."))
            ):
                return entry
    return None


def _secret_below(folder: str, name: str) -> str | None:
    """A secret file at any depth below `folder` that a pattern of a name takes in, or `folder` if it is too large."""
    for seen, entry in enumerate(entries_below(folder)):
        if seen >= MOST_ENTRIES:
            return folder
        if secret_name(entry.name) and fnmatchcase(entry.name.lower(), name.lower()):
            return entry.name
    return None


def secret_that_shows(patterns: Iterable[str | None], folders: Iterable[str], *, hidden: bool) -> str | None:
    """A secret file below `folders` of which a search for one of the patterns may print a line; None is any pattern.

    hidden: names with a leading dot are searched too. A tree too large to look through is taken to hold none, or every
    search of a large project would ask.
    """
    wanted = tuple(patterns)
    for folder in folders:
        for entry in itertools.islice(entries_below(folder), MOST_LOOKED_AT):
            if not hidden and entry.name.startswith("."):
                continue
            if secret_name(entry.name) and (data := bytes_of(Path(entry.path), LARGEST_SECRET_BYTES)) is not None:
                text = data.decode("utf-8", "replace").lower()
                if any(pattern is None or _may_match(pattern, text) for pattern in wanted):
                    return entry.name
    return None


def _may_match(pattern: str, text: str) -> bool:
    """False only if surely no line of `text` (in lower case) matches, whatever kind of expression it is.

    Told by words alone: an expression of a stranger's can take for ever.
    """
    for branch in re.split(r"\\?\|", pattern.lower()):
        if not re.search(r"[][.*^$(){}+?\\]", branch):
            if branch in text:
                return True
            continue
        if "(" in branch:
            return True
        plain = re.sub(r"\\.|\[[^\]]*\]", " ", branch)
        words = re.findall(r"\w{3,}(?![*?{\w])", plain)
        if not words or all(word in text for word in words):
            return True
    return False


def matched_link_out(pattern: str, folder: str, inside: Callable[[str], bool]) -> str | None:
    """A file that the pattern (relative to `folder`, or absolute) takes in and that lies elsewhere, through a link."""
    through_directories = re.search(r"[*?\[].*/", pattern) is not None
    matches = glob.iglob(os.path.join(folder, pattern), include_hidden=False)
    for match in itertools.islice(matches, MOST_MATCHES):
        if (through_directories or os.path.islink(match)) and _leads_out(match, inside):
            return match
    return None


def governing_matched(pattern: str, folder: str) -> list[str]:
    """What the pattern takes in that decides what others run: a rule for a program does not cover it."""
    matches = glob.iglob(os.path.join(folder, pattern), include_hidden=False)
    return [match for match in itertools.islice(matches, MOST_MATCHES) if governs(os.path.realpath(match))]


def governing_in(folder: str) -> list[str]:
    """The names in a directory that decide what others run wherever they lie."""
    try:
        return [name for name in os.listdir(folder)[:MOST_ENTRIES] if governs(f"/{name}")]
    except OSError:
        return []


def link_out_below(folder: str, inside: Callable[[str], bool]) -> str | None:
    """A link below `folder` that leads out, or `folder` itself if it is too large to be sure.

    A name at which its path falls apart counts too: as a line or a word of its own, `a\n/etc/x` is `/etc/x`.
    """
    for seen, entry in enumerate(entries_below(folder)):
        if seen >= MOST_ENTRIES:
            return folder
        if FALLS_APART.search(entry.name):
            return entry.path
        if entry.is_symlink() and _leads_out(entry.path, inside):
            return entry.path
    return None


def folder_out_below(folder: str, name: str, inside: Callable[[str], bool]) -> str | None:
    """A link below `folder` to a directory elsewhere, if the pattern `name` takes in its name."""
    for seen, entry in enumerate(entries_below(folder)):
        if seen >= MOST_ENTRIES:
            return folder
        is_taken = entry.is_symlink() and fnmatchcase(entry.name.lower(), name.lower())
        if is_taken and entry.is_dir() and _leads_out(entry.path, inside):
            return entry.path
    return None


def entries_below(folder: str) -> Iterator[os.DirEntry[str]]:
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    yield entry
                    if entry.is_dir(follow_symlinks=False) and not entry.path.endswith("/.git/objects"):
                        waiting.append(entry.path)
        except OSError:
            continue


def found_near(names: Iterable[str], path: str, *, below: bool) -> str | None:
    """The first file of these names in a directory, or that of the file `path`, or above it; `below`: there too."""
    wanted = frozenset(names)
    for folder in (Path(path), *Path(path).parents):
        for name in wanted:
            if os.path.lexists(folder / name):
                return name
    for seen, entry in enumerate(entries_below(path) if below else ()):
        if entry.name in wanted or seen >= MOST_ENTRIES:
            return entry.name
    return None


def _leads_out(path: str, inside: Callable[[str], bool]) -> bool:
    real = os.path.realpath(path)
    return not inside(real) or credential(real)
