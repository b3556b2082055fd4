"""What a command sees of the file system in the sandbox: which places it may write, which are guarded, which hidden.

Looks at the file system and changes nothing. How a sandbox brings it about is for `sandbox_bwrap` and its like.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Literal

from plait.host.governed_places import governed_places
from plait.host.governing import KINDS, PAIR_FOLDERS, kind_of, kind_of_entry
from plait.host.protected import SECRET_DIRECTORIES, SECRET_HOME, SECRET_SYSTEM, STARTUP_HOME, secret_name
from plait.host.sandbox_git import git_guards
from plait.host.sandbox_grants import Grants
from plait.host.sandbox_stores import read_through, stores
from plait.protocol.lean import dataclass

MountKind = Literal["write", "read", "hide"]
# Programs of the system listen there for everything that the user may do: run containers, unlock keys, start services.
SOCKETS_SYSTEM = (
    "/run/docker.sock", "/run/podman", "/run/containerd", "/run/crio", "/run/dbus", "/run/snapd.socket",
    "/run/lxd.socket", "/run/libvirt", "/run/systemd/private", "/run/user", "/run/screen", "/run/tmux",
)  # fmt: skip
SOCKETS_HOME = (
    ".docker/run",
    ".docker/desktop",
    ".colima",
    ".lima",
    ".rd",
    ".orbstack",
    ".local/share/containers/podman",
)
# More of the home directory that holds secrets and nothing a build needs.
SECRET_HOME_TOO = (
    ".config/git/credentials",
    ".local/share/kwalletd",
    ".config/1Password",
    ".config/sops",
    ".thunderbird",
)
# Of a workspace that is the whole file system: what belongs to the system stays as it is.
SYSTEM = (
    "/bin",
    "/boot",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
)
LISTENING = "/proc/net/unix"
_ACCEPTS_CONNECTIONS = 1 << 16


@dataclass(frozen=True, slots=True)
class Places:
    """What every command of this process has in common. All absolute and resolved.

    own: Plait's configuration, state and cache. private: a directory for what commands of this workspace keep; it has
    `tmp`, which is their `/tmp`, and is outside of all roots, or below `own`.
    """

    roots: tuple[str, ...]
    home: str
    own: tuple[str, ...]
    prefix: str
    private: str
    tmp: str


@dataclass(frozen=True, slots=True)
class Mount:
    """`path` as `source` (another place or itself): writable, read-only, or hidden (a directory is then empty)."""

    kind: MountKind
    path: str
    source: str


@dataclass(frozen=True, slots=True)
class View:
    """The mounts in the order in which they are made; what must be absent after it too, and what the same link.

    watched: directories in which nothing may appear that governs by its name, but for `approved`.
    """

    mounts: tuple[Mount, ...]
    absent: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    watched: tuple[str, ...] = ()
    approved: tuple[str, ...] = ()


def view(places: Places, cwd: str, grants: Grants) -> View:
    """Return what a command that starts in `cwd` sees beyond a file system that is read-only."""
    own_git = git_directories(places, cwd)
    open_places = [path for path in (*places.roots, *_granted(grants, places), *own_git) if _exists(path)]
    mounts = [Mount("write", path, path) for path in open_places]
    mounts += _stores(places, open_places, network=grants.network)
    if not _within("/tmp", [root for root in places.roots if root != "/"]):
        mounts.append(Mount("write", "/tmp", places.tmp))
    present, absent = _guards(places, cwd, grants)
    real = dict.fromkeys(os.path.realpath(path) for path in present)
    held = [path for path in real if _exists(path) and _within(path, open_places)]
    mounts += _anchors(held, open_places)
    mounts += [Mount("read", guard, guard) for guard in held]
    shown = {*grants.reads, *(f"{places.home}/{path}" for keys in grants.keys for path in keys.paths)}
    mounts += [Mount("hide", path, path) for path in _hidden(places, grants) if not _within(path, shown)]
    # What was approved by name is there although what is around it is not.
    mounts += [Mount("read", path, path) for path in shown if _exists(path) and not _within(path, open_places)]
    links = [(path, os.readlink(path)) for path in present if os.path.islink(path) and _within(path, open_places)]
    return View(
        _ordered(mounts),
        tuple(path for path in absent if _within(path, open_places)),
        tuple(links),
        () if grants.updates_tree else tuple(_watched(places, cwd)),
        grants.writes,
    )


def _stores(places: Places, open_places: Iterable[str], *, network: bool) -> Iterator[Mount]:
    replaced = [
        kept for kept in stores(places.home, places.private, network=network) if not _within(kept.path, open_places)
    ]
    yield from (Mount("write", kept.path, kept.source) for kept in replaced)
    for path in read_through(places.home):
        if _within(path, [kept.path for kept in replaced]):
            yield Mount("read", path, path)


def _ordered(mounts: Iterable[Mount]) -> tuple[Mount, ...]:
    """Outer places first, so that the innermost word holds; of several on one place the strictest."""
    strictness = {"write": 0, "read": 1, "hide": 2}
    chosen: dict[str, Mount] = {}
    for mount in mounts:
        before = chosen.get(mount.path)
        if before is None or strictness[mount.kind] > strictness[before.kind]:
            chosen[mount.path] = mount
    ordered = sorted(chosen.values(), key=lambda mount: (mount.path.rstrip("/").count("/"), mount.path))
    return tuple(mount for mount in ordered if mount.kind != "hide" or not _is_hidden_already(mount, chosen))


def _is_hidden_already(mount: Mount, chosen: dict[str, Mount]) -> bool:
    """True if what is around it is hidden: there is nothing left that could be seen."""
    around = next((chosen[str(up)] for up in Path(mount.path).parents if str(up) in chosen), None)
    return around is not None and (around.kind == "hide" or around.source != around.path)


def _anchors(guards: Iterable[str], open_places: Iterable[str]) -> list[Mount]:
    """A mount on every directory between an open place and what is guarded: a mount point cannot be renamed away."""
    found = {
        str(parent)
        for guard in guards
        for parent in Path(guard).parents
        if any(str(parent) != place and _within(str(parent), [place]) for place in open_places)
    }
    return [Mount("write", path, path) for path in found]


def git_directories(places: Places, cwd: str) -> list[str]:
    """The git directories outside the roots that belong to a root, or to `cwd`."""
    found = (git_guards(place).directories for place in dict.fromkeys((*places.roots, cwd)))
    return [path for path in dict.fromkeys(chain.from_iterable(found)) if not _within(path, places.roots)]


def _granted(grants: Grants, places: Places) -> Iterator[str]:
    never = {"/", "/tmp", *map(str, Path(places.home).parents), *places.own}
    for path in grants.writes:
        parent = os.path.dirname(path)
        # To replace or remove a file its directory must be open.
        wanted = parent if grants.exact and not os.path.isdir(path) else path
        place = os.path.realpath(wanted)
        if place not in never and _exists(place):
            yield place


def _guards(places: Places, cwd: str, grants: Grants) -> tuple[list[str], list[str]]:
    """What no command may change that was not approved to: those that are there, and those that must stay absent."""
    present: list[str] = []
    absent: list[str] = []
    below = [str(up) for up in (Path(cwd), *Path(cwd).parents) if _within(str(up), places.roots)]
    for place in dict.fromkeys((*places.roots, *below)):
        names = (".plait",) if grants.updates_tree else (name for name in KINDS if name != ".git")
        for path in (f"{place}/{name}" for name in names):
            (present if os.path.lexists(path) else absent).append(path)
        git = git_guards(place)
        lifted = set(git.configuration) if grants.configures_git else set()
        present += [path for path in git.present if path not in lifted]
        absent += [path for path in git.absent if path not in lifted]
    if not grants.updates_tree:
        present += chain.from_iterable(map(governing_entries, _watched(places, cwd)))
        for path in governed_places([Path(root) for root in places.roots], [f"{place}/x" for place in below]):
            (present if os.path.lexists(path) else absent).append(path)
    present += [path for path in (f"{places.home}/{name}" for name in STARTUP_HOME) if _exists(path)]
    if places.prefix != "/":
        present.append(places.prefix)
    if "/" in places.roots:
        present += [path for path in SYSTEM if _exists(path)]

    return (
        [path for path in dict.fromkeys(present) if not approved(path, grants.writes)],
        [path for path in dict.fromkeys(absent) if not approved(path, grants.writes)],
    )


def approved(path: str, writes: Iterable[str]) -> bool:
    """True if the user approved to `writes`, and with them to the change of a guarded path."""
    return any(_within(wanted, [path]) or _within(path, _named(wanted)) for wanted in writes)


def _watched(places: Places, cwd: str) -> list[str]:
    """The directories in which names govern: the roots, those from there down to `cwd`, and some in each."""
    below = [str(up) for up in (Path(cwd), *Path(cwd).parents) if _within(str(up), places.roots)]
    folders = ("", *(f"/{name}" for name in PAIR_FOLDERS))
    return [place.rstrip("/") + folder for place in dict.fromkeys((*places.roots, *below)) for folder in folders]


def _named(path: str) -> list[str]:
    """A tree that was approved by the name of a guarded place covers what is in it; the workspace as such does not."""
    return [path] if kind_of(path.lower().split("/")) is not None else []


def governing_entries(directory: str) -> list[str]:
    """What lies in a directory and decides, by its name there, what others run; git's own is not among it."""
    folder = os.path.basename(directory).lower()
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    kinds = ((name, kind_of_entry(folder, name.lower())) for name in names)
    return [f"{directory}/{name}" for name, kind in kinds if kind not in (None, "git")]


def _hidden(places: Places, grants: Grants) -> list[str]:
    home = places.home
    found = [f"{home}/{name}" for name in (*SECRET_DIRECTORIES, *SECRET_HOME, *SECRET_HOME_TOO, *SOCKETS_HOME)]
    with suppress(OSError):
        found += [f"{home}/{name}" for name in os.listdir(home) if secret_name(name)]
    found += [path for path in (*SECRET_SYSTEM, *SOCKETS_SYSTEM) if not path.startswith(("/proc", "/dev"))]
    found += places.own
    if not any(keys.agent for keys in grants.keys):
        found += listening_sockets()
    real = dict.fromkeys(os.path.realpath(path) for path in found if _exists(path))
    # A root that lies in a hidden place is seen all the same; one that is a hidden place would leave nothing to do.
    return [path for path in real if path not in places.roots and path != "/" and not _is_private_tmp(path, places)]


def _is_private_tmp(path: str, places: Places) -> bool:
    """True for what lies in the real `/tmp`: another directory is there in its place."""
    return path.startswith("/tmp/") and not _within(path, [*places.roots])


def listening_sockets() -> list[str]:
    """The sockets in the file system on which anything of this machine listens (proc(5), `/proc/net/unix`)."""
    try:
        with open(LISTENING, encoding="utf-8", errors="surrogateescape") as table:
            rows = [line.rstrip("\n").split(" ", 7) for line in table]
    except OSError:
        return []
    paths = (row[7] for row in rows if len(row) > 7 and row[3].isalnum() and _listens(row[3]))
    return sorted({path for path in paths if path.startswith("/") and _is_socket(path)})


def _listens(flags: str) -> bool:
    try:
        return bool(int(flags, 16) & _ACCEPTS_CONNECTIONS)
    except ValueError:
        return False


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except (OSError, ValueError):
        return False
    return True


def _within(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in places)
