"""Which files of a repository decide what git runs and where it looks, and where its git directory lies.

A `.git` that is a file may point anywhere: it is followed only where the other end says the same. Never runs git.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path

from plait.host.git_config import read_configuration
from plait.host.sandbox_paths import small_text
from plait.protocol.lean import dataclass

# In a git directory (gitrepository-layout(5)).
CONFIGURATION = ("config", "config.worktree")
GUARDED = (*CONFIGURATION, "hooks", "info", "commondir", "gitdir", "objects/info/alternates")
# A worktree's own directory has these from the start.
OF_WORKTREE = ("commondir", "gitdir", "config.worktree")
LARGEST_POINTER_BYTES = 4096
MOST_MODULES = 200
MAX_WORKTREES = 50
MAX_ALTERNATES = 20


@dataclass(frozen=True, slots=True)
class GitGuards:
    """Of the repository at or around a place: its git directories, and what in them is guarded.

    configuration: of those, what git itself writes when it is told to. tree: the working tree around the place.
    """

    directories: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    configuration: tuple[str, ...] = field(default=())
    tree: str | None = None


def git_guards(place: str) -> GitGuards:
    """Return what is guarded for a workspace directory. Reads small files; never raises."""
    start = Path(place)
    dot_git = start / ".git"
    if not os.path.lexists(dot_git):
        outer = next((up for up in start.parents if _is_git_directory(up / ".git") and _leads_within(up)), None)
        inside = [start] if _is_git_directory(start) else []
        is_part = outer is not None and not inside
        directories = [*inside, *([outer / ".git"] if outer is not None and is_part else [])]
        found = _of(directories)
        tree = str(outer) if is_part else None
        return GitGuards(found.directories, found.present, (*found.absent, str(dot_git)), found.configuration, tree)
    if dot_git.is_dir() and _leads_within(start):
        return _of([Path(os.path.realpath(dot_git))])
    found = _of([] if dot_git.is_symlink() else _linked(dot_git))
    return GitGuards(found.directories, (str(dot_git), *found.present), found.absent, found.configuration)


def _of(directories: list[Path]) -> GitGuards:
    present: list[str] = []
    absent: list[str] = []
    configuration: list[str] = []
    for directory in directories:
        for inner in (directory, *modules_of(directory)):
            names = [str(inner / name) for name in GUARDED]
            # Put there by `git worktree`, which may also take it away.
            trees = [str(tree / name) for tree in _entries(inner / "worktrees") for name in OF_WORKTREE]
            present += [path for path in (*names, *trees) if os.path.lexists(path)]
            absent += [path for path in names if not os.path.lexists(path)]
            configuration += [*(str(inner / name) for name in CONFIGURATION), *trees]
            if inner != directory:
                configuration += names
    return GitGuards(tuple(map(str, directories)), tuple(present), tuple(absent), tuple(configuration))


def _linked(dot_git: Path) -> list[Path]:
    """The git directories that a `.git` file leads to: of a worktree that it knows, or of a submodule."""
    target = pointer(dot_git, "gitdir:")
    if target is None:
        return []
    own = Path(os.path.realpath(dot_git.parent / target))
    common = pointer(own / "commondir", "")
    if common is not None:
        back = pointer(own / "gitdir", "")
        shared = Path(os.path.realpath(own / common))
        # The other end must name this very file: else anything could be made writable by a file in a repository.
        if back is None or not _is_at(own / back, dot_git):
            return []
        if own.parent != shared / "worktrees" or not _is_git_directory(shared):
            return []
        return [shared]
    above = (up / ".git" / "modules" for up in dot_git.parent.parents)
    if not any(own.is_relative_to(os.path.realpath(modules)) for modules in above):
        return []
    return [own] if any(_is_at(own / tree / ".git", dot_git) for tree in _work_trees(own)) else []


def _leads_within(place: Path) -> bool:
    """True if the `.git` of a directory lies in it: a link to another repository opens nothing of that."""
    return Path(os.path.realpath(place / ".git")).is_relative_to(os.path.realpath(place))


def _is_at(named: Path, dot_git: Path) -> bool:
    """True if a path names this very `.git`: its directory is resolved, and the name is no link's at the other end."""
    return named.name == ".git" and os.path.realpath(named.parent) == os.path.realpath(dot_git.parent)


def _work_trees(git_dir: Path) -> Iterator[str]:
    entries = read_configuration([git_dir / "config"]).entries
    yield from (entry.value for entry in entries if entry.name == "core.worktree")


def linked_worktrees(directory: str) -> Iterator[str]:
    """The `.git` files of a repository's worktrees: git forgets a worktree whose file it does not see."""
    for entry in _entries(Path(directory, "worktrees"))[:MAX_WORKTREES]:
        file = pointer(entry / "gitdir", "")
        if file is not None and os.path.basename(file) == ".git" and os.path.isfile(entry / file):
            yield str(entry / file)


def borrowed_objects(directory: str) -> Iterator[str]:
    """The directories of objects that a repository borrows from others, those from which these borrow included."""
    waiting, seen = [Path(directory, "objects")], 0
    while waiting and seen < MAX_ALTERNATES:
        objects = waiting.pop()
        for line in small_text(objects / "info" / "alternates", LARGEST_POINTER_BYTES).splitlines():
            borrowed = Path(os.path.normpath(objects / line))
            seen += 1
            if borrowed.name == "objects" and _is_git_directory(borrowed.parent):
                yield str(borrowed)
                waiting.append(borrowed)


def modules_of(directory: Path) -> Iterator[Path]:
    """The git directories of submodules, nested ones too."""
    waiting, seen = [directory / "modules"], 0
    while waiting and seen < MOST_MODULES:
        for entry in _entries(waiting.pop()):
            seen += 1
            if _is_git_directory(entry):
                yield entry
                waiting.append(entry / "modules")
            else:
                waiting.append(entry)


def _entries(directory: Path) -> list[Path]:
    try:
        with os.scandir(directory) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _is_git_directory(path: Path) -> bool:
    return os.path.isfile(path / "HEAD") and os.path.isdir(path / "objects")


def pointer(file: Path, prefix: str) -> str | None:
    """The path that a small file of one line holds, None if there is no such file."""
    text = small_text(file, LARGEST_POINTER_BYTES)
    text = text.removeprefix(prefix).strip("\n") if text.startswith(prefix) else ""
    return None if "\0" in text else text.strip() or None
