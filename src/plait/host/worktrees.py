"""Which repository a linked worktree belongs to, by the word of both: without running git, and never by one side alone.

What lies in a directory can say whatever it likes of itself (`.git`, `commondir`). The repository's own list of its
worktrees cannot be written by it, so that is what counts (gitrepository-layout(5)).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from plait.host.sandbox_git import pointer


def repository_of(place: Path, user: int | None = None) -> Path | None:
    """Return the place of the repository that lists `place`, a resolved directory, as a worktree of its own, or None.

    That is the main worktree, or the git directory itself where there is none. All on the way must belong to `user`,
    by default to who runs this process. Reads small files; never raises.
    """
    common = common_directory(place, user)
    if common is None:
        return None
    return common.parent if common.name == ".git" else common


def common_directory(place: Path, user: int | None = None) -> Path | None:
    """Return the git directory, resolved, that lists `place` as one of its linked worktrees, or None. As above."""
    dot_git = place / ".git"
    # A link could be another worktree's file, and then the repository would name that one.
    if not _is_plain_file(dot_git):
        return None
    target = pointer(dot_git, "gitdir:")
    if target is None:
        return None
    own = Path(os.path.realpath(place / target))
    named, back = pointer(own / "commondir", ""), pointer(own / "gitdir", "")
    if named is None or back is None:
        return None
    common = Path(os.path.realpath(own / named))
    is_repository = os.path.isfile(common / "HEAD") and os.path.isdir(common / "objects")
    if own.parent != common / "worktrees" or not is_repository:
        return None
    # The directory is resolved and the name in it is not: no link stands for the place, at either end.
    listed = own / back
    if listed.name != ".git" or os.path.realpath(listed.parent) != os.path.realpath(place):
        return None
    owned = (place, dot_git, own, own / "commondir", own / "gitdir", common, common / "worktrees")
    return common if all(_belongs(path, user) for path in owned) else None


def _is_plain_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _belongs(path: Path, user: int | None) -> bool:
    if os.name != "posix":
        return True
    try:
        return os.lstat(path).st_uid == (os.geteuid() if user is None else user)
    except OSError:
        return False
