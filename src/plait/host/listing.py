"""Which files a project has: by ripgrep where there is one, else by walking. Ignored ones and hidden ones stay out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from plait.host.environment import quiet
from plait.host.ignore import OWN_IGNORE_FILE, rules_for
from plait.host.programs import find_program
from plait.host.protected import SECRET_NAMES, credential, secret_name
from plait.host.walk import Wanted, walk


def ripgrep_rules(root: Path) -> tuple[str, ...]:
    """Return the flags by which ripgrep leaves out what `host.ignore` leaves out of the resolved `root`."""
    flags = ["--no-config", "--no-messages", "--no-require-git"]
    if not in_repository(root):
        # What lies above is not the same project; a `.gitignore` of `*` in the home directory is no rarity.
        flags.append("--no-ignore-parent")
    own = root / OWN_IGNORE_FILE
    if os.path.isfile(own):
        flags += ["--ignore-file", str(own)]
    return tuple(flags)


def in_repository(root: Path) -> bool:
    return any(os.path.exists(directory / ".git") for directory in (root, *root.parents))


def list_files(root: Path, deadline_s: float | None = None) -> list[str]:
    """Return the files of the resolved `root`, relative to it, in no order. Blocks.

    Files that hold secrets are among them: see `without_secrets`.

    Raises:
        TimeoutError: It took longer than `deadline_s`.
        OSError: ripgrep could not be run.
    """
    program = find_program("rg")
    if program is None:
        return [
            f"{listing.prefix}{entry.name}"
            for listing in walk(root, Wanted())
            for entry in listing.entries
            if not entry.is_directory and not entry.is_link
        ]
    argv = [program, "--files", "--null", "--color=never", *ripgrep_rules(root), "--", "./"]
    try:
        # No shell, an absolute program, nothing of the user's configuration: see `programs`.
        done = subprocess.run(
            argv,
            cwd=root,
            env=quiet(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=deadline_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"listing the files took more than {deadline_s:g} s") from error
    return [_clean(raw) for raw in done.stdout.split(b"\0") if raw]


def _clean(path: bytes) -> str:
    text = os.fsdecode(path)
    return (text if os.sep == "/" else text.replace(os.sep, "/")).removeprefix("./")


def is_listed(root: Path, path: str) -> bool:
    """Say whether `list_files` would return `path`, if that were a file. Reads the ignore files on the way to it."""
    rules = rules_for(root)
    *directories, name = path.split("/")
    directory = root
    for part in directories:
        if part.startswith(".") or rules.ignores(part, directory=True):
            return False
        directory = directory / part
        if directory.is_symlink():
            return False
        rules = rules.below(part, directory)
    return not name.startswith(".") and not rules.ignores(name, directory=False)


_BEGINNINGS = tuple({head for name in SECRET_NAMES if (head := name.partition("*")[0])})
_ENDS = tuple({name.rpartition("*")[2] for name in SECRET_NAMES if name.startswith("*") and not name.endswith("*")})
_INSIDE = tuple({name.strip("*") for name in SECRET_NAMES if name.startswith("*") and name.endswith("*")})


def without_secrets(names: Iterable[str], root: Path) -> list[str]:
    """Leave out the files that hold secrets. Nearly all names are passed by a look at their first and last letters."""
    top = root.as_posix()
    kept = []
    for name in names:
        base = name.rpartition("/")[2].lower()
        suspect = not base.isascii() or base.startswith(_BEGINNINGS) or base.endswith(_ENDS)
        suspect = suspect or any(part in base for part in _INSIDE) or "/." in f"/{name}"
        if not (suspect and (secret_name(base) or credential(f"{top}/{name}"))):
            kept.append(name)
    return kept
