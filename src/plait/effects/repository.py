"""Whether a git repository's own configuration names programs that a reading git command would run.

git obeys `.git/config` of whatever directory it stands in: file system monitors, filters, external diffs, text
conversion. What a clone brings has none of these; a directory from elsewhere may. Only keys that are known to name no
program are let through, for the repository and for its populated submodules. Sources: git-config(1), gitattributes(5),
gitrepository-layout(5), index-format(5).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from plait.effects.listings import is_odd
from plait.host.git_config import expanded, parse
from plait.host.protected import SECRET_NAMES
from plait.host.worktrees import common_directory

# Whole sections without a key that a reading command would take a program from.
HARMLESS_SECTIONS = frozenset((
    "advice", "alias", "am", "apply", "author", "blame", "branch", "checkout", "clean", "color", "column", "commit",
    "committer", "feature", "fetch", "format", "gc", "grep", "gui", "help", "http", "i18n", "index", "init", "lfs",
    "log", "maintenance", "merge", "notes", "pack", "protocol", "pull", "push", "rebase", "receive", "repack",
    "rerere", "stash", "status", "submodule", "tag", "transfer", "url", "user", "versionsort", "worktree", "safe",
    "svn-remote", "github", "gitflow", "gitlab", "hub-fork", "remotes", "credential",
))  # fmt: skip
# Of `core`, as far as known; git's relatives have more that name programs.
HARMLESS_CORE = frozenset((
    "abbrev", "attributesfile", "autocrlf", "bare", "bigfilethreshold", "checkroundtripencoding", "checkstat",
    "commentchar", "commentstring", "commitgraph", "compression", "createobject", "deltabasecachelimit", "eol",
    "excludesfile", "filemode", "filesreflocktimeout", "fscache", "fsync", "fsyncmethod", "fsyncobjectfiles",
    "hidedotfiles", "hookspath", "ignorecase", "ignorestat", "lockfilepid", "logallrefupdates", "longpaths",
    "loosecompression", "maxtreedepth", "multipackindex", "notesref", "packedgitlimit", "packedgitwindowsize",
    "packedrefstimeout", "precomposeunicode", "preferlinks", "prefersymlinkrefs", "preloadindex", "protecthfs",
    "protectntfs", "quotepath", "repositoryformatversion", "restrictinheritedhandles", "safecrlf", "sharedrepository",
    "sparsecheckout", "sparsecheckoutcone", "splitindex", "symlinks", "trustctime", "unsetenvvars", "untrackedcache",
    "usereplacerefs", "warnambiguousrefs", "whitespace",
))  # fmt: skip
SHOWING_SUBMODULES = {"submodule": ("short", "log"), "submodulesummary": ("false", "no", "off", "0", "")}
HARMLESS_EXTENSIONS = frozenset((
    "objectformat", "worktreeconfig", "refstorage", "noop", "noop-v1", "preciousobjects", "relativeworktrees",
    "compatobjectformat",
))  # fmt: skip
HARMLESS_DRIVER_KEYS = frozenset(("binary", "xfuncname", "funcname", "wordregex"))
LFS = frozenset(("git-lfs clean -- %f", "git-lfs smudge -- %f", "git-lfs filter-process", "true"))
BOOLEANS = frozenset(("", "true", "false", "yes", "no", "on", "off", "0", "1"))
SECTION = re.compile(r'\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]\s*(.*)')
KEY = re.compile(r"([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?")
WORK_TREE = re.compile(r"^\s*worktree\s*=\s*\"?([^\"\n]+?)\"?\s*$", re.IGNORECASE | re.MULTILINE)
# Settings whose value is a file that reading commands read, and may show.
FILE_KEYS = frozenset((
    ("core", "excludesfile"), ("core", "attributesfile"), ("blame", "ignorerevsfile"), ("diff", "orderfile"),
    ("mailmap", "file"), ("commit", "template"), ("fsck", "skiplist"), ("fetch", "skiplist"), ("receive", "skiplist"),
))  # fmt: skip
OBJECT_ID_BYTES = (20, 32)
GITLINK_MODE = b"\x00\x00\xe0\x00"
DOTTED_SECRETS = tuple(name for name in SECRET_NAMES if name.startswith("."))
LARGEST_INDEX_BYTES = 64_000_000
LARGEST_CONFIG_BYTES = 1_000_000
LARGEST_POINTER_BYTES = 4096
HEAD = re.compile(rb"(?:ref: refs/[^\x00-\x20]+|[0-9a-f]{40}|[0-9a-f]{64})\n?")


@dataclass(frozen=True, slots=True)
class Repository:
    """Where git would find a repository: its work tree, its own directory, and the one it shares with worktrees."""

    top: Path
    git_dir: Path
    common_dir: Path


class Doubt(Exception):
    """Why a git command in this place is not known to be harmless, in words."""


def doubt_of(cwd: Path) -> str | None:
    """Say why git in `cwd` might run a program that the repository names, or return None."""
    try:
        repository = find(cwd)
        if repository is not None:
            if not _names_back(repository):
                raise Doubt(f"`{repository.top / '.git'}` names a repository that does not name it back")
            _check(repository, depth=0)
    except Doubt as doubt:
        return str(doubt)
    except (OSError, ValueError):
        return "the configuration of the repository cannot be read"
    return None


def find(cwd: Path) -> Repository | None:
    """Return the repository that git would use in `cwd`, or None.

    Raises:
        Doubt: A directory on the way up is itself laid out as a repository.
        OSError: Something on the way cannot be read.
    """
    for top in (cwd, *cwd.parents):
        dot_git = top / ".git"
        if dot_git.is_file():
            return _repository(top, _pointed(dot_git, "gitdir: "))
        if dot_git.is_dir():
            return _repository(top, dot_git)
        if os.path.lexists(dot_git):
            raise Doubt(f"`{dot_git}` is neither a file nor a directory")
        if _is_laid_out(top):
            raise Doubt(f"`{top}` is laid out as a repository, with a configuration of its own")
    return None


def _pointed(file: Path, prefix: str = "") -> Path:
    """Return the path that a file of one line holds, resolved as the system would.

    Raises:
        Doubt: It holds anything by which git might read another path.
    """
    with file.open("rb") as stream:
        text = stream.read(LARGEST_POINTER_BYTES + 1).decode("utf-8").rstrip("\r\n")
    named = text.removeprefix(prefix)
    is_plain = named == named.strip() and named.isprintable() and len(text) <= LARGEST_POINTER_BYTES
    if not text.startswith(prefix) or not named or not is_plain:
        raise Doubt(f"`{file}` is not a file that git writes")
    return Path(os.path.realpath(file.parent / named))


def _is_laid_out(place: Path) -> bool:
    """True if git might take a directory for a git directory (gitrepository-layout(5))."""
    if not os.path.lexists(place / "HEAD"):
        return False
    return os.path.lexists(place / "commondir") or ((place / "objects").is_dir() and (place / "refs").is_dir())


def may_track_secrets(cwd: Path) -> bool:
    """True unless the index surely names no file with a leading dot that holds secrets."""
    try:
        repository = find(cwd)
        if repository is None or (repository.git_dir / "index").stat().st_size > LARGEST_INDEX_BYTES:
            return True
        data = (repository.git_dir / "index").read_bytes().lower()
    except (Doubt, OSError, ValueError):
        return True
    # In newer forms a name may be cut in two.
    is_plain = int.from_bytes(data[4:8], "big") in (2, 3) and not list(repository.git_dir.glob("sharedindex.*"))
    return not is_plain or any(os.fsencode(name.rstrip("*").rstrip(".")) in data for name in DOTTED_SECRETS)


def lists_odd_names(cwd: Path, *, nul: bool = False) -> bool:
    """True unless the index surely names no file whose name is an option, or falls apart into several words.

    nul: names end with NUL bytes, so that none falls apart.

    Source: gitformat-index(5), versions 2 and 3; in others names are not whole.
    """
    try:
        repository = find(cwd)
        # Without a repository git lists nothing.
        if repository is None or not (index := repository.git_dir / "index").exists():
            return False
        if index.stat().st_size > LARGEST_INDEX_BYTES or list(repository.git_dir.glob("sharedindex.*")):
            return True
        data = index.read_bytes()
    except (Doubt, OSError, ValueError):
        return True
    version, count = int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
    if data[:4] != b"DIRC" or version not in (2, 3):
        return True
    at = 12
    for _ in range(count):
        extended = version == 3 and bool(data[at + 60 : at + 61]) and data[at + 60] & 0x40
        start = at + (64 if extended else 62)
        end = data.find(b"\0", start)
        length = int.from_bytes(data[at + 60 : at + 62], "big") & 0xFFF
        # Object ids of another length would put everything elsewhere.
        if end <= start or length != min(end - start, 0xFFF):
            return True
        if data[start : start + 1] in b"-+@":
            return True
        if not nul and any(map(is_odd, os.fsdecode(data[start:end]).split("/"))):
            return True
        at += (end - at + 8) // 8 * 8
    return False


def _repository(top: Path, git_dir: Path) -> Repository:
    shared = git_dir / "commondir"
    common = _pointed(shared) if os.path.lexists(shared) else git_dir
    # What is no git directory git passes by, and looks further up.
    head = git_dir / "HEAD"
    is_plain = head.is_file() and HEAD.fullmatch(head.read_bytes()[:LARGEST_POINTER_BYTES]) is not None
    if not is_plain or not (common / "objects").is_dir() or not (common / "refs").is_dir():
        raise Doubt(f"`{git_dir}` is not a git directory as git makes it")
    return Repository(top, git_dir, common)


def _names_back(repository: Repository) -> bool:
    """True unless a `.git` of this place leads to a repository elsewhere that knows nothing of it, and is another's.

    A repository lists its worktrees, and a submodule's own directory names its place in `core.worktree`.
    """
    own, top = repository.git_dir.resolve(), repository.top.resolve()
    if own.is_relative_to(top):
        return True
    if common_directory(top) is not None:
        return True
    config = own / "config"
    named = WORK_TREE.search(config.read_text(encoding="utf-8")) if config.is_file() else None
    return named is not None and (own / named[1]).resolve() == top


def _names_file_elsewhere(section: str, name: str, value: str, repository: Repository) -> bool:
    """True if git would read a file outside of the repository for this setting."""
    if (section, name) not in FILE_KEYS or value == "":
        return False
    path = Path(os.path.expanduser(value.removeprefix(":(optional)").strip('"')))
    return not (repository.top / path).resolve().is_relative_to(repository.top.resolve())


def _check(repository: Repository, depth: int) -> None:
    if depth > 3:
        raise Doubt("submodules are nested too deeply")
    if (repository.common_dir / "objects" / "info" / "alternates").exists():
        raise Doubt("the repository shows objects of another one (`objects/info/alternates`)")
    hooks = [repository.common_dir / "hooks"]
    for config in (repository.common_dir / "config", repository.git_dir / "config.worktree"):
        if config.is_file():
            hooks.extend(_check_config(config, repository))
    for folder in hooks:
        if (folder / "post-index-change").exists():
            raise Doubt(f"the repository has a hook that reading commands may run (`{folder / 'post-index-change'}`)")
    for path in _submodules(repository):
        if (repository.top / path / ".git").exists():
            inner = find(repository.top / path)
            if inner is not None and inner.top != repository.top:
                _check(inner, depth + 1)


def _check_config(config: Path, repository: Repository) -> list[Path]:
    """Check one file; return the hook directories that it names."""
    if config.stat().st_size > LARGEST_CONFIG_BYTES:
        raise Doubt("the configuration of the repository is too large")
    hooks: list[Path] = []
    text = config.read_bytes().decode("utf-8")
    if not all(map(_is_understood, text.split("\n"))):
        raise Doubt(f"`{config}` holds a line that is not understood")
    for entry in parse(text):
        section, _, rest = entry.name.partition(".")
        sub, dot, name = rest.rpartition(".")
        if section == "core" and not dot and name == "hookspath":
            hooks.append(repository.top / expanded(entry.value))
        elif _names_file_elsewhere(section, name, entry.value, repository):
            raise Doubt(f"the repository's own configuration names a file outside of it (`{section}.{name}`)")
        elif not _is_harmless(section, sub if dot else None, name, entry.value, repository):
            raise Doubt(f"the repository's own configuration may name a program (`{entry.name}`)")
    return hooks


def _is_understood(line: str) -> bool:
    """True for a line that is read as git reads it: a header, a key, a comment, or both of the first."""
    line = line.strip(" \t\r")
    header = SECTION.fullmatch(line)
    rest = header[3].strip(" \t") if header is not None else line
    if not rest or rest[0] in "#;":
        return line.replace("\t", " ").isprintable()
    return KEY.fullmatch(rest) is not None and not rest.endswith("\\") and line.replace("\t", " ").isprintable()


def _is_harmless(section: str, sub: str | None, name: str, value: str, repository: Repository) -> bool:
    match section:
        case "merge" if name == "driver":
            # Merges are shown, too (`--remerge-diff`).
            return value == "true"
        case "diff" | "status" if name in SHOWING_SUBMODULES:
            # Then git runs in directories that the history names, and obeys what lies there.
            return value.lower() in SHOWING_SUBMODULES[name]
        case _ if section in HARMLESS_SECTIONS:
            return True
        case "core" if name == "fsmonitor":
            return value.lower() in BOOLEANS
        case "core" if name == "worktree":
            return os.path.normpath(repository.git_dir / value) == str(repository.top)
        case "core":
            return name in HARMLESS_CORE
        case "remote":
            return name not in ("promisor", "partialclonefilter", "vcs")
        case "extensions":
            return name in HARMLESS_EXTENSIONS
        case "diff":
            return name in HARMLESS_DRIVER_KEYS if sub is not None else name != "external"
        case "filter":
            return name == "required" or (sub == "lfs" and value in LFS)
        case "gpg":
            return name != "program"
        case _:
            return False


def _path_of(data: bytes, start: int, id_bytes: int) -> str | None:
    """The path of the index entry at `start`, if one with an object id of this length is there (gitformat-index(5))."""
    # Times and numbers of 40 bytes stand before the id, flags of 2 after it.
    at = start + 40 + id_bytes
    flags = int.from_bytes(data[at : at + 2], "big")
    first = at + (4 if flags & 0x4000 else 2)
    end = data.find(b"\0", first)
    is_entry = end > first and (flags & 0xFFF) in (end - first, 0xFFF)
    return os.fsdecode(data[first:end]) if is_entry else None


def _submodules(repository: Repository) -> list[str]:
    """Paths of the submodules in the index (git links): reading commands look into those that are populated."""
    index = repository.git_dir / "index"
    if not index.is_file():
        return []
    if index.stat().st_size > LARGEST_INDEX_BYTES:
        raise Doubt("the index of the repository is too large to look for submodules")
    data = index.read_bytes()
    version = int.from_bytes(data[4:8], "big")
    paths: list[str] = []
    at = data.find(GITLINK_MODE)
    while at >= 0:
        start = at - 24
        if start >= 12 and version in (2, 3):
            paths += [path for id_bytes in OBJECT_ID_BYTES if (path := _path_of(data, start, id_bytes))]
        elif version not in (2, 3):
            raise Doubt("the repository may have submodules, in an index of a newer form")
        at = data.find(GITLINK_MODE, at + 1)
    if list(repository.git_dir.glob("sharedindex.*")):
        raise Doubt("the index of the repository is split")
    return paths
