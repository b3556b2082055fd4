"""What a command sees of the file system in the sandbox: which places it may write, which are guarded, which hidden.

Looks at the file system and changes nothing. How a sandbox brings it about is for `sandbox_bwrap` and its like.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal

from plait.host.governed_places import governed_places
from plait.host.governing import KINDS, PAIR_FOLDERS, kind_of, kind_of_entry
from plait.host.protected import STARTUP_HOME
from plait.host.sandbox_git import GitGuards, git_guards
from plait.host.sandbox_grants import Grants
from plait.host.sandbox_hidden import hidden_places
from plait.host.sandbox_home import Shown, shown, shown_programs
from plait.host.sandbox_paths import innermost, within
from plait.host.sandbox_stores import stores
from plait.protocol.lean import dataclass

MountKind = Literal["write", "read", "hide", "link"]
# Each is a mount, or made as a link, and each costs a little. A few dozen are usual.
MAX_SHOWN = 200
MAX_SHOWN_LINKS = 500
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


@dataclass(frozen=True, slots=True)
class Places:
    """What every command of this process has in common. All absolute and resolved.

    own: Plait's configuration, state and cache. private: a directory for what commands of this workspace keep; it has
    `tmp`, which is their `/tmp`, and is outside of all roots, or below `own`. visible: more of the home directory that
    the user lets every command see.
    """

    roots: tuple[str, ...]
    home: str
    own: tuple[str, ...]
    prefix: str
    private: str
    tmp: str
    visible: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mount:
    """`path` as `source` (another place or itself): writable, read-only, or hidden (a directory is then empty).

    A link is made in what is hidden, with `source` as its target.
    """

    kind: MountKind
    path: str
    source: str


@dataclass(frozen=True, slots=True)
class View:
    """The mounts in the order in which they are made; what must be absent after it too, and what the same link.

    watched: directories in which nothing may appear that governs by its name, but for `approved`. closed: hidden places
    where by a mount another place is seen, so that it takes none to hide them. own_tmp: what the command was to write
    below `/tmp` and writes in the one that commands have for themselves.
    """

    mounts: tuple[Mount, ...]
    absent: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    watched: tuple[str, ...] = ()
    approved: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    own_tmp: tuple[str, ...] = ()

    def hides(self, path: str) -> str | None:
        """Return the hidden place in which the absolute `path` lies, links in it not followed, or None."""
        around = [mount for mount in self.mounts if within(path, [mount.path])]
        nearest = max(around, key=lambda mount: len(mount.path), default=None)
        return nearest.path if nearest is not None and nearest.kind == "hide" else None

    def shows_below(self, path: str) -> bool:
        """True if something in the directory `path` is seen."""
        return any(mount.kind != "hide" and within(mount.path, [path]) for mount in self.mounts)


def view(places: Places, cwd: str, grants: Grants, environ: Mapping[str, str]) -> View:
    """Return what a command that starts in `cwd` with `environ` sees beyond a file system that is read-only."""
    narrow = _is_narrow(places, grants)
    above = [str(up) for up in (Path(cwd), *Path(cwd).parents) if within(str(up), places.roots)]
    guards = {place: git_guards(place) for place in dict.fromkeys((*places.roots, cwd, *above))}
    own_git = _git_directories(places, (guards[place] for place in (*places.roots, cwd)), narrow=narrow)
    open_places = [path for path in (*places.roots, *_granted(grants, places), *own_git) if _exists(path)]
    narrow = narrow and not within(places.home, open_places)
    replaced = _stores(places, open_places, network=grants.network)
    mounts = [Mount("write", path, path) for path in open_places] + replaced
    if not within("/tmp", [place for place in open_places if place != "/"]):
        mounts.append(Mount("write", "/tmp", places.tmp))
    present, absent = _guards(places, cwd, {place: guards[place] for place in (*places.roots, *above)}, grants)
    real = dict.fromkeys(os.path.realpath(path) for path in present)
    held = [path for path in real if _exists(path) and within(path, open_places)]
    mounts += _anchors(held, open_places)
    mounts += [Mount("read", guard, guard) for guard in held]
    named = {*grants.reads, *(f"{places.home}/{path}" for keys in grants.keys for path in keys.paths)}
    agent = any(keys.agent for keys in grants.keys)
    found = hidden_places(places.home, places.own, places.roots, open_places, narrow=narrow, agent=agent)
    hidden = [path for path in found if not within(path, named)]
    mounts += [Mount("hide", path, path) for path in hidden]
    # What was approved by name is there although what is around it is not.
    mounts += [Mount("read", path, path) for path in named if _exists(path) and not within(path, open_places)]
    if narrow:
        more = (places.prefix, *places.visible, *grants.sees)
        seen = shown(places.home, places.roots, cwd, environ, guards.values(), more)
    else:
        seen = shown_programs(places.home, places.roots, cwd, environ)
    mounts += _shown(seen, mounts, open_places, replaced, narrow=narrow, home=places.home)
    links = [(path, os.readlink(path)) for path in present if os.path.islink(path) and within(path, open_places)]
    own_tmp = [path for path in grants.writes if path.startswith("/tmp/") and not within(path, open_places)]
    ordered = _ordered(mounts, places.home)
    closed = dict.fromkeys(mount.path for mount in mounts if mount.kind == "hide" and mount not in ordered)
    must_be_absent = tuple(path for path in absent if within(path, open_places))
    return View(
        ordered,
        must_be_absent,
        tuple(links),
        watched=() if grants.updates_tree else tuple(_watched(places, cwd)),
        approved=grants.writes,
        closed=tuple(closed),
        own_tmp=tuple(own_tmp),
    )


def _is_narrow(places: Places, grants: Grants) -> bool:
    """True if of the home directory only a part is to be seen, and there is one that is not all there is."""
    home = places.home
    everything = (*places.roots, *places.visible, *grants.sees)
    # Of a home directory that is none, as `/nonexistent`, there is nothing to hide; `/tmp` is another one anyway.
    is_one = os.path.isdir(home) and home not in ("/", "/tmp", *SYSTEM)
    return is_one and not grants.home and not within(home, everything)


def _shown(
    seen: Shown,
    mounts: Sequence[Mount],
    open_places: Sequence[str],
    replaced: Sequence[Mount],
    *,
    narrow: bool,
    home: str,
) -> list[Mount]:
    """What of the home directory is seen, where it is hidden or a store of the workspace's own is in its place."""
    hidden = {mount.path for mount in mounts if mount.kind == "hide"}
    stores = {mount.path for mount in replaced}
    closed = {*open_places, *hidden}
    kept: set[str] = set()
    for path in sorted(seen.paths, key=lambda path: path.count("/")):
        if path in stores or innermost(path, closed) is not None or len(kept) == MAX_SHOWN:
            continue
        around = innermost(path, kept | stores)
        if (around is None and narrow) or around in stores:
            kept.add(path)
    found = [Mount("read", path, path) for path in kept]
    if narrow:
        visible = {*kept, *stores, *open_places}
        links = [(path, target) for path, target in seen.links if innermost(path, visible) is None]
        found.append(Mount("hide", home, home))
        found += [Mount("link", path, target) for path, target in links[:MAX_SHOWN_LINKS]]
    return found


def _stores(places: Places, open_places: Iterable[str], *, network: bool) -> list[Mount]:
    found = stores(places.home, places.private, network=network)
    return [Mount("write", kept.path, kept.source) for kept in found if not within(kept.path, open_places)]


def _ordered(mounts: Iterable[Mount], home: str) -> tuple[Mount, ...]:
    """Outer places first, so that the innermost word holds; of several on one place the strictest."""
    strictness = {"link": 0, "write": 1, "read": 2, "hide": 3}
    chosen: dict[str, Mount] = {}
    for mount in mounts:
        before = chosen.get(mount.path)
        if before is None or strictness[mount.kind] > strictness[before.kind]:
            chosen[mount.path] = mount
    ordered = sorted(chosen.values(), key=lambda mount: (mount.path.rstrip("/").count("/"), mount.path))
    # A home directory in `/tmp` is hidden in the commands' own one too: some of it is shown there.
    return tuple(
        mount
        for mount in ordered
        if mount.kind != "hide" or mount.path == home or not _is_hidden_already(mount, chosen)
    )


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
        if any(str(parent) != place and within(str(parent), [place]) for place in open_places)
    }
    return [Mount("write", path, path) for path in found]


def _git_directories(places: Places, found: Iterable[GitGuards], *, narrow: bool) -> list[str]:
    """The git directories outside the roots that belong to a root, or to where the command starts.

    narrow: without the one of a repository that the home directory is, or is in: git would take what is hidden for
    removed.
    """
    used = [
        guards.directories
        for guards in found
        if not (narrow and guards.tree is not None and within(places.home, [guards.tree]))
    ]
    return [path for path in dict.fromkeys(chain.from_iterable(used)) if not within(path, places.roots)]


def _granted(grants: Grants, places: Places) -> Iterator[str]:
    never = {"/", "/tmp", *map(str, Path(places.home).parents), *places.own}
    in_tmp = _opens_tmp(grants, places)
    if in_tmp:
        yield "/tmp"
    for path in grants.writes:
        if in_tmp and path.startswith("/tmp/"):
            continue
        parent = os.path.dirname(path)
        # To replace or remove a file its directory must be open.
        wanted = parent if grants.exact and not os.path.isdir(path) else path
        place = os.path.realpath(wanted)
        if place not in never and _exists(place):
            yield place


def _opens_tmp(grants: Grants, places: Places) -> bool:
    """True if what is to be written lies in the real `/tmp` itself, and nothing named lies in the commands' own."""
    named = [path for path in (*grants.writes, *grants.reads, *grants.sees) if path.startswith("/tmp/")]
    if not grants.exact or os.path.realpath("/tmp") != "/tmp":
        return False
    if any(os.path.lexists(places.tmp + path[4:]) and not os.path.lexists(path) for path in named):
        return False
    written = (path for path in named if path in grants.writes)
    return any(next(str(up) for up in Path(path).parents if os.path.isdir(up)) == "/tmp" for path in written)


def _guards(places: Places, cwd: str, found: Mapping[str, GitGuards], grants: Grants) -> tuple[list[str], list[str]]:
    """What no command may change that was not approved to: those that are there, and those that must stay absent."""
    present: list[str] = []
    absent: list[str] = []
    for place, git in found.items():
        names = (".plait",) if grants.updates_tree else (name for name in KINDS if name != ".git")
        for path in (f"{place}/{name}" for name in names):
            (present if os.path.lexists(path) else absent).append(path)
        lifted = set(git.configuration) if grants.configures_git else set()
        present += [path for path in git.present if path not in lifted]
        absent += [path for path in git.absent if path not in lifted]
    if not grants.updates_tree:
        present += chain.from_iterable(map(governing_entries, _watched(places, cwd)))
        for path in governed_places([Path(root) for root in places.roots], [f"{place}/x" for place in found]):
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
    return any(within(wanted, [path]) or within(path, _named(wanted)) for wanted in writes)


def _watched(places: Places, cwd: str) -> list[str]:
    """The directories in which names govern: the roots, those from there down to `cwd`, and some in each."""
    below = [str(up) for up in (Path(cwd), *Path(cwd).parents) if within(str(up), places.roots)]
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


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except (OSError, ValueError):
        return False
    return True
