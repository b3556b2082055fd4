"""What appeared under a guarded name while a command ran: found, taken out of the way, and said. Blocking.

A name that is absent cannot be mounted over without leaving something in the workspace, so what a command puts there is
looked for while it runs and after it. What is taken away is kept, below Plait's cache.
"""

from __future__ import annotations

import os
import shutil
import time
from configparser import ConfigParser, Error as BadConfig
from pathlib import Path

from plait.host.sandbox_view import View, approved, governing_entries

LARGEST_CONFIG_BYTES = 64_000
# What `git init` and `git remote add` write; nothing among it names a program.
HARMLESS_KEYS = frozenset((
    "core.repositoryformatversion", "core.filemode", "core.bare", "core.logallrefupdates", "core.ignorecase",
    "core.precomposeunicode", "core.symlinks", "user.name", "user.email", "remote.url", "remote.fetch",
    "branch.remote", "branch.merge", "extensions.objectformat", "submodule.active",
))  # fmt: skip


class GuardedNames:
    """The names that must stay absent, and the links that must stay the same, for one command."""

    def __init__(self, view: View, kept_in: str) -> None:
        # What was there before the command is not the command's; so is what is not, from here on.
        self._absent = tuple(path for path in view.absent if not os.path.lexists(path))
        self._view = view
        self._present = frozenset(self._governing())
        self._kept_in = kept_in

    def intrusion(self) -> str | None:
        """Return a name in a git directory that has appeared: git would run what it says at once. Quick."""
        for path in self._absent:
            inside_git = "/.git/" in path or path.endswith("/commondir")
            if inside_git and os.path.lexists(path) and not _harmless(Path(path)):
                return path
        return None

    def settle(self) -> tuple[str, ...]:
        """Take away what appeared; return what there is to say of it."""
        new = (path for path in self._governing() if path not in self._present)
        appeared = [path for path in dict.fromkeys((*self._absent, *new)) if os.path.lexists(path)]
        said = [self._take(path) for path in appeared if not _harmless(Path(path))]
        for path, target in self._view.links:
            if not os.path.islink(path) or os.readlink(path) != target:
                said.append(self._restore(path, target))
        return tuple(said)

    def _governing(self) -> list[str]:
        """What governs by its name where nothing of the kind may appear."""
        found = (path for directory in self._view.watched for path in governing_entries(directory))
        return [path for path in found if not approved(path, self._view.approved)]

    def _take(self, path: str) -> str:
        kept = self._keep(path)
        if kept is None:
            return f"`{path}` was made by the command, decides what others run, and could not be taken away: look at it"
        return (
            f"`{path}` was made by the command and taken away, since it decides what other programs run; it is kept as "
            f"`{kept}`. With `outside_sandbox` the user can let it be made"
        )

    def _restore(self, path: str, target: str) -> str:
        if os.path.lexists(path) and self._keep(path) is None:
            return f"`{path}` was replaced by the command and could not be restored: look at it"
        try:
            os.symlink(target, path)
        except OSError:
            return f"`{path}` was removed by the command and could not be restored"
        return f"`{path}` was replaced by the command and is restored, since it decides what other programs run"

    def _keep(self, path: str) -> str | None:
        kept = os.path.join(self._kept_in, f"{time.strftime('%Y%m%d-%H%M%S')}-{os.urandom(3).hex()}")
        try:
            os.makedirs(kept, mode=0o700)
            return str(shutil.move(path, os.path.join(kept, os.path.basename(path))))
        except (OSError, shutil.Error):
            return None


def _harmless(path: Path) -> bool:
    """True for a fresh repository, and for parts of one, that make git run nothing."""
    if path.is_symlink():
        return False
    match path.name:
        case ".git":
            odd = (path / name for name in ("commondir", "config.worktree", "objects/info/alternates"))
            return (
                path.is_dir()
                and not any(map(os.path.lexists, odd))
                and (not os.path.lexists(path / "config") or _harmless_config(path / "config"))
                and _only_samples(path / "hooks")
            )
        case "hooks":
            return _only_samples(path)
        case "info":
            return path.is_dir() and set(os.listdir(path)) <= {"exclude", "refs", "sparse-checkout"}
        case _:
            return False


def _only_samples(directory: Path) -> bool:
    try:
        return not directory.is_symlink() and all(name.endswith(".sample") for name in os.listdir(directory))
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _harmless_config(file: Path) -> bool:
    if file.is_symlink() or not file.is_file():
        return False
    # git's files are close to this format where they are simple; what is not is not taken for harmless.
    parser = ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#", ";"))
    try:
        with file.open("rb") as stream:
            text = stream.read(LARGEST_CONFIG_BYTES + 1)
        if len(text) > LARGEST_CONFIG_BYTES:
            return False
        parser.read_string("\n".join(line.strip() for line in text.decode("utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, BadConfig):
        return False
    found = {f"{name.split(None, 1)[0].lower()}.{key}" for name in parser.sections() for key in parser[name]}
    return found <= HARMLESS_KEYS and not parser.defaults()
