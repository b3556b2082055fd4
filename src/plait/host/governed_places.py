"""Which files of a workspace decide what runs though their names do not tell it: git or a link leads to them.

These are the hooks that `core.hooksPath` names, the files that git's configuration includes or runs, and the targets
of links under names that govern (`.envrc -> tools/env`, `.git/hooks/pre-commit -> ../../scripts/check`). Reads a
bounded number of names and small files, runs nothing, never raises. Where a repository would be asked for less than
it says (`includeIf`, a broken line), it is taken to mean all of it: what is found here only makes a write ask.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from plait.host.git_config import (
    Entry,
    entries_of_environment,
    expanded,
    read_configuration,
    user_files,
)
from plait.host.protected import governs, holds_git
from plait.host.sandbox_git import modules_of, pointer

MAX_ENTRIES = 3_000
MAX_DEPTH = 3
MAX_LINKS = 40
MAX_WORDS = 10_000
# Of these there are many, and none names a file.
_NAMES_NO_FILE = ("branch.", "remote.", "submodule.", "user.")
# Where the directory of hooks is the workspace itself, only these files are hooks (githooks(5)).
HOOK_NAMES = (
    "applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit", "prepare-commit-msg",
    "commit-msg", "post-commit", "pre-rebase", "post-checkout", "post-merge", "pre-push", "pre-receive", "update",
    "proc-receive", "post-receive", "post-update", "reference-transaction", "push-to-checkout", "pre-auto-gc",
    "post-rewrite", "sendemail-validate", "fsmonitor-watchman", "p4-changelist", "p4-prepare-changelist",
    "p4-post-changelist", "p4-pre-submit", "post-index-change",
)  # fmt: skip
# A directory that holds these is a git directory, whatever its name (gitrepository-layout(5)).
BARE = ("HEAD", "objects", "refs")
IN_BARE = ("config", "config.worktree", "hooks", "info", "commondir")
_WORD = re.compile(r"""[^!\s"'|&;<>()`$]+""")


def governed_places(
    roots: Sequence[Path], written: Sequence[str], environ: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Return the files and directories, resolved, that govern beside those that `governs` knows by name.

    written: the paths that a call would write: the repositories around them are looked at too. environ: this
    process's own if it is not given.
    """
    environ = os.environ if environ is None else environ
    above = [up for path in written for up in Path(path).parents]
    tops = dict.fromkeys(up for start in roots for up in (start, *start.parents))
    tops |= dict.fromkeys(above)
    found: dict[str, None] = {}
    for entry in _survey([*roots, *(up for up in above if any(up.is_relative_to(root) for root in roots))]):
        if entry.name == ".git":
            tops[Path(entry.path).parent] = None
        elif entry.is_symlink() and governs(entry.path):
            found |= dict.fromkeys(_targets(entry.path))
    user = read_configuration(user_files(environ))
    own = (*user.entries, *entries_of_environment(environ))
    if not user.complete:
        found |= dict.fromkeys(map(str, roots))
    for directory in dict.fromkeys((*roots, *above)):
        found |= dict.fromkeys(_of_bare(directory))
    for top in tops:
        for git_dir, work_tree in _git_directories(top):
            found |= dict.fromkeys(_of_repository(git_dir, work_tree, own, roots))
    found |= dict.fromkeys(path for path in user.files if _inside(path, roots))
    return tuple(path for path in found if _inside(path, roots) and not holds_git(path))


def _survey(starts: Iterable[Path]) -> Iterator[os.DirEntry[str]]:
    """Entries of the places and of the directories in them, the outer ones first; all of those that govern by name."""
    waiting = [(str(start), 0) for start in dict.fromkeys(starts)]
    seen = 0
    for directory, depth in waiting:
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    seen += 1
                    if seen > MAX_ENTRIES:
                        return
                    yield entry
                    deeper = depth < MAX_DEPTH and entry.name not in (".git", "node_modules")
                    if deeper and entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
        except OSError:
            continue


def _targets(link: str) -> Iterator[str]:
    """Where a link leads, and every link on the way: each of them decides it."""
    path = link
    for _ in range(MAX_LINKS):
        try:
            target = os.readlink(path)
        except OSError:
            break
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))
        yield os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    yield os.path.realpath(link)


def _git_directories(top: Path) -> Iterator[tuple[Path, Path]]:
    """The git directory at `top` with its work tree, and those of its submodules."""
    dot_git = top / ".git"
    if not os.path.lexists(dot_git):
        return
    if not os.path.isdir(dot_git):
        named = pointer(dot_git, "gitdir:")
        if named is None:
            return
        dot_git = top / named
    yield dot_git, top
    for inner in modules_of(dot_git):
        told = [
            entry.value for entry in read_configuration([inner / "config"]).entries if entry.name == "core.worktree"
        ]
        yield from ((inner, Path(os.path.normpath(inner / path))) for path in told)


def _of_repository(git_dir: Path, top: Path, own: Sequence[Entry], roots: Sequence[Path]) -> Iterator[str]:
    common = git_dir / (pointer(git_dir / "commondir", "") or ".")
    local = read_configuration([common / "config", git_dir / "config", git_dir / "config.worktree"])
    entries = (*own, *local.entries)
    yield from local.files
    words = list(_words(entries))
    if not local.complete or len(words) > MAX_WORDS:
        # It cannot be told what git would run.
        yield os.path.realpath(top)
        return
    hooks = [top / expanded(entry.value) for entry in entries if entry.name == "core.hookspath"]
    for directory in (common / "hooks", git_dir / "hooks", *hooks):
        yield from _hooks(directory, roots)
    for word in words:
        # What git runs, and what it reads for more of that.
        path = os.path.join(top, expanded(word))
        if _is_file(path):
            yield os.path.realpath(path)


def _hooks(directory: Path, roots: Sequence[Path]) -> Iterator[str]:
    real = os.path.realpath(directory)
    if any(root.is_relative_to(real) for root in roots):
        names: Sequence[str] = HOOK_NAMES
        yield from (os.path.join(real, name) for name in names)
    else:
        yield from _targets(str(directory))
        names = _listed(real)
    for name in names:
        if os.path.islink(path := os.path.join(real, name)):
            yield from _targets(path)


def _words(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        if not entry.name.startswith(_NAMES_NO_FILE):
            yield entry.value
            yield from (word for word in _WORD.findall(entry.value) if word != entry.value)


def _of_bare(directory: Path) -> Iterator[str]:
    """What would govern in a directory that is nearly laid out as a git directory, or is one."""
    if sum(os.path.lexists(directory / name) for name in BARE) >= len(BARE) - 1:
        yield from (os.path.realpath(directory / name) for name in (*BARE, *IN_BARE))


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)[:MAX_ENTRIES]
    except OSError:
        return []


def _is_file(path: str) -> bool:
    try:
        return os.path.isfile(path)
    except ValueError:
        return False


def _inside(path: str, roots: Sequence[Path]) -> bool:
    return any(Path(path).is_relative_to(root) for root in roots)
