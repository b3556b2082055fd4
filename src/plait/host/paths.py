"""The workspace: its roots, and the one way a path given by anybody becomes an absolute, resolved one.

Paths are compared by component, never by string prefix. Symbolic links are resolved once, here; what is
opened later is checked again where it is opened (`host.files`).
"""

from __future__ import annotations

import errno
import os
from dataclasses import field
from pathlib import Path

from plait.host.os_errors import in_words, shortened, why_no_name
from plait.protocol.errors import ToolRefused
from plait.protocol.lean import dataclass


@dataclass(frozen=True, slots=True)
class Workspace:
    """The directories a session works in. `roots[0]` is the first and the default; `cwd` lies in one of them.

    All are absolute and resolved. resolved: where names lead that have been resolved once; None to look each time.
    """

    cwd: Path
    roots: tuple[Path, ...] = field(default=())
    resolved: dict[str, Path] | None = field(default=None, compare=False, repr=False)

    @staticmethod
    def at(cwd: Path, *more: Path) -> Workspace:
        """Return the workspace of a directory and any further roots, resolved.

        Raises:
            OSError: A directory does not exist or cannot be entered.
        """
        first = cwd.resolve(strict=True)
        return Workspace(first, (first, *(path.resolve(strict=True) for path in more)))

    def pinned(self) -> Workspace:
        """Return the same workspace for one call: a name leads where it led when it was first resolved.

        So what a call is judged by is what it opens, whatever becomes of the links on the way meanwhile.
        """
        return Workspace(self.cwd, self.roots, {})

    def resolve(self, path: str) -> Path:
        """Return `path` (relative to `cwd`, or absolute, or `~`) absolute, with links and `..` resolved.

        The path need not exist and may lie outside the roots: that is for the policy to judge.

        Raises:
            ToolRefused: No file can have such a path, or (for one call) its links form a loop.
        """
        if self.resolved is not None and path in self.resolved:
            return self.resolved[path]
        if not path:
            raise ToolRefused(f"`''` is not a path: give a path relative to `{self.cwd}`.")
        expanded = os.path.expanduser(path) if path.startswith("~") else path
        if (why := why_no_name(expanded)) is not None:
            raise ToolRefused(f"`{shortened(path)}` is not a path: {why}.")
        try:
            place = Path(os.path.realpath(self.cwd / expanded, strict=False))
        except (OSError, ValueError) as error:
            raise ToolRefused(f"`{shortened(path)}` cannot be resolved: {in_words(error)}.") from error
        if self.resolved is not None:
            _refuse_loop(path, place)
            self.resolved[path] = place
        return place

    def root_of(self, path: Path) -> Path | None:
        """Return the innermost root that holds the resolved `path`, or None."""
        holding = [root for root in self.roots if path == root or root in path.parents]
        return max(holding, key=lambda root: len(root.parts), default=None)

    def contains(self, path: Path) -> bool:
        return self.root_of(path) is not None

    def show(self, path: Path) -> str:
        """Return `path` as a reader wants it: relative to `cwd` if below it, else absolute; `/`-separated."""
        try:
            return path.relative_to(self.cwd).as_posix()
        except ValueError:
            return path.as_posix()


def _refuse_loop(asked: str, place: Path) -> None:
    """Raise ToolRefused if links on the way lead to each other: then `realpath` returns one of them."""
    try:
        os.stat(place)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ToolRefused(f"`{shortened(asked)}` leads nowhere: {in_words(error)}.") from error
