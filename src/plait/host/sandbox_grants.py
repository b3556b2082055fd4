"""What an approved command may do in the sandbox beyond what every command may. Pure.

It follows from the effects that the user, or a rule of theirs, approved: the network if they name it, the places
outside the workspace that they name, the secrets that they name, and the keys that a well-known program is there to
use. A command whose effects cannot be told gets what they spell out, and no more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from plait.host.protected import credential, governs
from plait.protocol.effects import CommandPart, Effects, Mode
from plait.protocol.lean import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """What a program signs in with: paths below the home directory, variables (`*` at the end), sockets."""

    paths: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    agent: bool = False


_SSH = Keys((".ssh",), ("SSH_AUTH_SOCK",), agent=True)
_GIT = Keys(
    (".ssh", ".git-credentials", ".config/git/credentials", ".config/gh", ".netrc", ".config/glab-cli"),
    ("SSH_AUTH_SOCK", "GH_TOKEN", "GITHUB_TOKEN", "GITLAB_TOKEN"),
    agent=True,
)
_NODE = Keys((".npmrc", ".yarnrc.yml"), ("NPM_TOKEN", "NODE_AUTH_TOKEN"))
_PYTHON = Keys((".netrc", ".pypirc"), ("UV_INDEX_*", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"))
# Each only for its own program, only with the network, only if nothing else runs in the same command line.
KEYS: dict[str, Keys] = {
    "git": _GIT,
    "ssh": _SSH,
    "scp": _SSH,
    "sftp": _SSH,
    "rsync": _SSH,
    "gh": Keys((".config/gh",), ("GH_TOKEN", "GITHUB_TOKEN")),
    "glab": Keys((".config/glab-cli",), ("GITLAB_TOKEN",)),
    "npm": _NODE,
    "pnpm": _NODE,
    "yarn": _NODE,
    "bun": _NODE,
    "pip": _PYTHON,
    "pip3": _PYTHON,
    "uv": _PYTHON,
    "poetry": _PYTHON,
    "cargo": Keys((".cargo/credentials", ".cargo/credentials.toml"), ("CARGO_REGISTRY_TOKEN", "CARGO_REGISTRIES_*")),
}
# Sub-commands of git whose work is in part to write the repository's own configuration (a remote, what a branch
# follows, a submodule). The hooks and all else that git would run stay as they are.
CONFIGURING = frozenset(
    ("branch", "checkout", "clone", "config", "init", "maintenance", "push", "remote", "sparse-checkout", "submodule",
     "switch", "worktree"),
)  # fmt: skip
# Sub-commands that bring the working tree to another state of the repository.
UPDATING = frozenset(
    ("checkout", "cherry-pick", "merge", "pull", "rebase", "reset", "restore", "revert", "stash", "switch")
)


@dataclass(frozen=True, slots=True)
class Grants:
    """What one command gets beyond the rest. Paths are absolute and resolved.

    writes: outside the workspace, or inside it and otherwise guarded. exact: nothing else is written, so the directory
    of each may be open. reads: secrets, and what lies in `/tmp`. keys: of programs. configures_git: `config` and the
    worktrees' files in the git directory. updates_tree: what is tracked and decides what others run (`.husky`,
    `mise.toml`), which git itself puts there. sees: what it reads outside the workspace besides. home: all of the home
    directory is seen but for secrets, since the user was asked about this very command.
    """

    network: bool = False
    writes: tuple[str, ...] = ()
    exact: bool = False
    reads: tuple[str, ...] = ()
    keys: tuple[Keys, ...] = ()
    configures_git: bool = False
    updates_tree: bool = False
    sees: tuple[str, ...] = ()
    home: bool = False


NOTHING = Grants()


def grants_of(effects: Effects, roots: Sequence[Path], governed: Sequence[str] = (), *, asked: bool = False) -> Grants:
    """Return what approving `effects` gives to a command in a workspace of `roots`.

    governed: places in it that decide what runs though their names do not tell it (`host.governed_places`). asked: the
    user was asked about it; else a rule or the mode let it run, or it only reads.
    """
    writes = tuple(
        dict.fromkeys(
            access.path
            for access in effects.writes
            if os.path.isabs(access.path)
            and (governs(access.path, governed) or not _inside(access.path, roots, tmp=False))
        )
    )
    secrets = (
        *(path for path in effects.credentials if os.path.isabs(path)),
        # The user's own `/tmp` is not the command's, except for what it names.
        *(
            access.path
            for access in effects.accesses
            if access.mode is Mode.READ and (credential(access.path) or access.path.startswith("/tmp/"))
        ),
    )
    programs = _programs(effects.parts)
    keys = [KEYS[name] for name in programs if name in KEYS] if effects.network and set(programs) <= KEYS.keys() else []
    return Grants(
        network=bool(effects.network),
        writes=writes,
        exact=bool(writes) and not effects.unknown,
        reads=tuple(dict.fromkeys(secrets)),
        keys=tuple(dict.fromkeys(keys)),
        configures_git=_is_git(effects.parts, CONFIGURING),
        updates_tree=_is_git(effects.parts, UPDATING) and not any(map(_runs_more, effects.parts)),
        sees=tuple(dict.fromkeys(_seen(effects, roots))),
        home=asked,
    )


def _seen(effects: Effects, roots: Sequence[Path]) -> Iterator[str]:
    home = os.path.realpath(os.path.expanduser("~"))
    for access in effects.accesses:
        if access.mode is not Mode.READ or not os.path.isabs(access.path) or _inside(access.path, roots):
            continue
        # A program that nobody knows does not see all by being started there (`cd ~ && make`).
        if not (effects.unknown and Path(home).is_relative_to(access.path)):
            yield access.path


def _inside(path: str, roots: Sequence[Path], *, tmp: bool = True) -> bool:
    """tmp: the `/tmp` of a workspace that is the whole file system counts as inside, though commands have their own."""
    return any(
        Path(path).is_relative_to(root) for root in roots if tmp or root.parent != root or not path.startswith("/tmp/")
    )


def _programs(parts: Sequence[CommandPart]) -> tuple[str, ...]:
    """The programs of a command line if each is called plainly by its name, else none."""
    plain = all(part.argv and part.literal and not part.env and not part.runs for part in parts)
    return tuple(dict.fromkeys(part.argv[0] for part in parts)) if plain else ()


def _is_git(parts: Sequence[CommandPart], subcommands: frozenset[str]) -> bool:
    """True if all of a command line is git called plainly, and some of it with one of these sub-commands."""
    if _programs(parts) != ("git",):
        return False
    # An option before the sub-command (`-c`, `--git-dir`) could make it another repository, or run something.
    return any(len(part.argv) > 1 and part.argv[1] in subcommands for part in parts)


def _runs_more(part: CommandPart) -> bool:
    """True if an option may make git run a command, or start an editor."""
    return any(re.match(r"-[a-zA-Z]*[xi]|--(?:e|i)", word) for word in part.argv[2:])
