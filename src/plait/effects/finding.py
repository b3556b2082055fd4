"""What is found out about one command: gathered step by step, then turned into `Effects`.

Owns how a path that is read or written is judged: ordinary, outside, public, secret, or part of the system. Which
arguments of which program are paths is not known here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from plait.effects.on_disk import folder_out_below, governing_matched, link_out_below, matched_link_out, secret_matched
from plait.effects.syntax import Script
from plait.host.paths import Workspace
from plait.host.protected import credential, governs, of_system, protected, steers_git
from plait.protocol.effects import Access, Mode
from plait.protocol.errors import ToolRefused

# Readable by everyone, written by the system alone, and nothing secret: reading them is no reason to ask.
PUBLIC_TREES = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/System/Library", "/Library/Developer")
PUBLIC_FILES = frozenset((
    "/etc/os-release", "/etc/lsb-release", "/etc/debian_version", "/etc/hostname", "/etc/hosts", "/etc/issue",
    "/etc/timezone", "/etc/localtime", "/etc/shells", "/etc/redhat-release", "/etc/alpine-release", "/etc/services",
    "/etc/resolv.conf", "/proc/cpuinfo", "/proc/meminfo", "/proc/version", "/proc/loadavg", "/proc/uptime",
    "/proc/stat", "/proc/filesystems", "/proc/mounts", "/proc/self/status", "/proc/sys/kernel/osrelease",
    "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/stdin", "/dev/tty",
))  # fmt: skip
FREE_WRITES = frozenset(("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/full"))
# Parts of a `.git` directory that decide what git runs or where it finds things.
REMOVERS = frozenset(("rm", "rmdir", "unlink"))
# Some programs fetch what they are given as a file.
ADDRESS = re.compile(r"(?:https?|ftps?|sftp|s3|gs|smb|rtsp|rtmp|tcp|udp)://(?:[^/@\s]*@)?([^/:\s]*)", re.IGNORECASE)
DESCRIPTOR = re.compile(r"/dev/fd/\d+")
LONG_OPTION = re.compile(r"--[A-Za-z][\w-]*=")


@dataclass(frozen=True, slots=True)
class Flow:
    """What a text may carry: bytes from the network, file contents, secrets, or decoded (hidden) text."""

    fetched: bool = False
    contents: bool = False
    secret: bool = False
    decoded: bool = False

    def __or__(self, other: Flow) -> Flow:
        return Flow(
            self.fetched or other.fetched,
            self.contents or other.contents,
            self.secret or other.secret,
            self.decoded or other.decoded,
        )


NOTHING = Flow()


@dataclass(frozen=True, slots=True)
class Arg:
    """A word after expansion, as far as it can be told.

    values: all that it may be, each one word; None if that cannot be told. glob: the pattern, if a file name pattern
    is what stands in the way. prefix: what it surely begins with. splits: it may become no word or several; loose:
    these may be cut out of the middle of its value. hidden: its pattern takes in names with a leading dot; links:
    it stands for all such names below a directory. listed: it stands for names that a program listed; nul: each of
    them ends with a NUL byte. number: an integer. token: its words are made of digits and small letters (ids of
    commits). carries: what came from elsewhere into it.
    """

    raw: str
    values: tuple[str, ...] | None = None
    glob: str | None = None
    prefix: str = ""
    splits: bool = False
    loose: bool = False
    hidden: bool = False
    links: bool = False
    listed: bool = False
    nul: bool = False
    number: bool = False
    token: bool = False
    carries: Flow = NOTHING

    @property
    def literal(self) -> str | None:
        return self.values[0] if self.values is not None and len(self.values) == 1 else None

    @property
    def any_words(self) -> bool:
        """True if it may become any number of words nothing of which is known, options among them.

        A pattern stands for names: they are known as far as it surely begins with something that no option does. All
        words that `--name=*` becomes are that one option.
        """
        if self.values is not None or self.number or self.token or not self.splits:
            return False
        if self.glob is None or self.loose:
            return True
        return self.prefix[:1] in ("", "-", "+") and LONG_OPTION.match(self.prefix) is None

    @property
    def folder(self) -> str | None:
        """The directory before the first wildcard, for a pattern."""
        if self.glob is None:
            return None
        fixed = re.split(r"[*?\[{]", self.glob, maxsplit=1)[0]
        return fixed.rpartition("/")[0] or ("/" if fixed.startswith("/") else ".")

    @property
    def surely_operand(self) -> bool:
        """True if it is one or more words none of which can be an option."""
        if self.values is not None:
            return not any(value.startswith("-") and value != "-" for value in self.values)
        if self.number:
            return not self.splits
        if self.token:
            return True
        if self.loose or (self.splits and self.glob is None):
            return False
        return self.prefix != "" and self.prefix[0] not in "-+"


def known(text: str) -> Arg:
    return Arg(text, (text,), prefix=text)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command stands: the directories it may run in (none: cannot be told), and the variables set before it.

    functions: those that are surely defined. moved: a `cd` came before. input: what its standard input carries;
    input_text: that text itself, if it is known; input_names: the files that it names, one a line.
    """

    workspace: Workspace
    cwds: tuple[Path, ...]
    variables: dict[str, Arg] = field(default_factory=dict)
    moved: bool = False
    input: Flow = NOTHING
    input_text: str | None = None
    input_names: Arg | None = None
    piped: bool = False
    functions: Mapping[str, Script] = field(default_factory=dict)

    def resolve(self, text: str) -> list[str]:
        """Every absolute path that `text` may name; none if it cannot be told."""
        paths: list[str] = []
        for cwd in self.cwds:
            try:
                paths.append(Workspace(cwd, self.workspace.roots).resolve(_untilded(text)).as_posix())
            except ToolRefused:
                return []
        if not self.cwds and text.startswith("/"):
            paths.append(os.path.realpath(text))
        return list(dict.fromkeys(paths))

    def with_input(self, flow: Flow, text: str | None = None, names: Arg | None = None) -> Place:
        return replace(self, input=flow, input_text=text, input_names=names, piped=True)

    def with_input_of(self, other: Place) -> Place:
        return replace(
            self, input=other.input, input_text=other.input_text, input_names=other.input_names, piped=other.piped
        )


def _untilded(text: str) -> str:
    # A tilde was expanded with the word; one that is left is a plain character.
    return "./" + text if text.startswith("~") else text


def under(path: str, trees: Iterable[str]) -> bool:
    return any(path == tree or path.startswith(tree + "/") for tree in trees)


@dataclass(slots=True)
class Finding:
    """What one command does. Methods add to it; `reasons` say in words why it would ask, first the first found."""

    place: Place
    accesses: dict[Access, None] = field(default_factory=dict)
    network: dict[str, None] = field(default_factory=dict)
    credentials: dict[str, None] = field(default_factory=dict)
    processes: dict[str, None] = field(default_factory=dict)
    unknown: bool = False
    # What is unknown of it stays within `accesses`, unless something else of it does not.
    unbounded: bool = False
    dangers: dict[str, None] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    # What its output carries, that text itself if it is known, and the files that it names one a line.
    gives: Flow = NOTHING
    output_text: str | None = None
    output_names: Arg | None = None
    # It puts files into the directory whose names cannot be told.
    unpacks: bool = False

    # --- what is found -------------------------------------------------------------------------------------------

    def ask(self, reason: str) -> None:
        """It does something that cannot be told precisely."""
        self.unknown = self.unbounded = True
        self.reasons.append(reason)

    @property
    def danger(self) -> str | None:
        return next(iter(self.dangers), None)

    def dangerous(self, reason: str) -> None:
        self.dangers[reason] = None
        self.unknown = self.unbounded = True
        self.reasons.append(reason)

    def confine(self, accesses: Iterable[Access], reason: str) -> None:
        """It does something that cannot be told precisely, and touches nothing but `accesses`."""
        self.unknown = True
        self.accesses.update(dict.fromkeys(accesses))
        self.reasons.append(reason)

    def ends(self, process: str) -> None:
        """It ends or signals a process, named by its id or in words."""
        self.processes[process] = None

    def contact(self, host: str, how: str) -> None:
        self.network[host] = None
        self.reasons.append(
            f"contacts `{host}` through `{how}`" if host != "*" else f"uses the network through `{how}`"
        )

    def secret(self, what: str) -> None:
        self.credentials[what] = None
        self.gives |= Flow(contents=True, secret=True)
        self.reasons.append(f"reads credentials: `{what}`")

    def merge(self, other: Finding) -> None:
        """Take over what another command does, not how data flows through it."""
        self.accesses |= other.accesses
        self.network |= other.network
        self.credentials |= other.credentials
        self.processes |= other.processes
        self.unknown = self.unknown or other.unknown
        self.unbounded = self.unbounded or other.unbounded
        self.dangers |= other.dangers
        self.reasons.extend(other.reasons)

    @property
    def reads_outside(self) -> str | None:
        for access in self.accesses:
            if access.mode is Mode.READ and not self._inside(access.path):
                return access.path
        return None

    @property
    def harmless(self) -> bool:
        """True if it may run without being asked about."""
        return not (
            self.unknown
            or self.danger
            or self.network
            or self.credentials
            or self.processes
            or any(access.mode is Mode.WRITE for access in self.accesses)
            or self.reads_outside
        )

    def _inside(self, path: str) -> bool:
        return self.place.workspace.contains(Path(path))

    # --- paths ---------------------------------------------------------------------------------------------------

    def read(self, arg: Arg, *, tree: bool = False, contents: bool = True) -> None:
        """The command reads what `arg` names. Without `contents` it reads names and sizes only."""
        if contents:
            self.gives |= Flow(contents=True)
        if arg.number:
            return
        if arg.values is not None:
            for value in arg.values:
                self._read_path(value, arg.raw, tree=tree, contents=contents)
            return
        if arg.glob is not None:
            self._read_glob(arg, contents=contents)
            return
        if re.fullmatch(r"[<]\(.*\)", arg.raw, re.DOTALL):
            return
        self.ask(f"reads a file whose name cannot be told (`{arg.raw}`)")

    def read_here(self) -> None:
        """The command reads the tree of the directory it runs in."""
        if not self.place.cwds:
            self.ask("reads a directory that cannot be told")
        for cwd in self.place.cwds:
            self.accesses[Access(Mode.READ, cwd.as_posix(), tree=True)] = None
        self.gives |= Flow(contents=True)

    def _read_path(self, text: str, raw: str, *, tree: bool, contents: bool) -> None:
        if text in ("", "-"):
            return
        if text.startswith(("/dev/tcp/", "/dev/udp/")):
            self.contact(text.split("/")[3] or "*", raw)
            self.gives |= Flow(fetched=True)
            return
        if (address := ADDRESS.match(text)) is not None and contents:
            self.contact(address[1] or "*", raw)
            self.gives |= Flow(fetched=True)
        if DESCRIPTOR.fullmatch(text):
            return
        paths = self.place.resolve(text)
        if not paths:
            self.ask(f"reads `{raw}`, from a directory that cannot be told")
        for path in paths:
            if contents and credential(path):
                self.secret(self.shown(path))
            if path in PUBLIC_FILES or (under(path, PUBLIC_TREES) and not self._inside(path)):
                continue
            if path.startswith("/dev/"):
                self.ask(f"reads the device `{path}`")
            self.accesses[Access(Mode.READ, path, tree)] = None
            if not self._inside(path):
                self.reasons.append(f"reads `{path}`, outside of the workspace")

    def look_for(self, arg: Arg) -> str:
        """The names that a pattern takes in are looked for; return the directory before its first wildcard."""
        assert arg.glob is not None
        folder = arg.folder or "."
        fixed = re.split(r"[*?\[{]", arg.glob, maxsplit=1)[0]
        parts = arg.glob[fixed.rfind("/") + 1 :].split("/")
        # Before version 5.2 of bash, a wildcard after a dot takes in `..` too.
        if any(part == ".." or (part[:1] == "." and fnmatchcase("..", part)) for part in parts):
            self.ask(f"reads files that cannot be told (`{arg.raw}`)")
        self._read_path(folder, arg.raw, tree=True, contents=False)
        self._enter(arg.glob.rpartition("/")[0], arg.raw)
        return folder

    def _enter(self, pattern: str, raw: str) -> None:
        """What lies in the directories that a pattern takes in is listed."""
        for cwd in self.place.cwds if re.search(r"[*?\[]", pattern) else ():
            if (link := matched_link_out(f"{pattern}/", cwd.as_posix(), self._inside)) is not None:
                self.ask(f"looks through the link `{self.shown(link)}`, which leads out of the workspace (`{raw}`)")

    def _read_glob(self, arg: Arg, *, contents: bool) -> None:
        """A pattern reads below the directory before its first wildcard; secrets are looked for by name."""
        assert arg.glob is not None
        folder = self.look_for(arg)
        if not contents:
            self._enter(arg.glob.rstrip("/"), arg.raw)
            for path in self.place.resolve(folder) if arg.listed or arg.links else ():
                if (out := folder_out_below(path, arg.glob.rpartition("/")[2], self._inside)) is not None:
                    self.ask(f"looks through the link `{self.shown(out)}`, which leads out of the workspace")
            return
        for glob in (arg.glob, f"{folder}/.*") if arg.hidden else (arg.glob,):
            if (name := secret_matched(glob, self.place.resolve(folder), dots=arg.links)) is not None:
                self.secret(name)
        if arg.listed or arg.links:
            self.follow_links(known(folder))
        for cwd in self.place.cwds:
            if (link := matched_link_out(arg.glob, cwd.as_posix(), self._inside)) is not None:
                self.ask(f"reads through the link `{self.shown(link)}`, which leads out of the workspace")

    def follow_links(self, arg: Arg) -> None:
        """The command reads what links below `arg` point to."""
        for value in arg.values or ((arg.folder,) if arg.folder is not None else ()):
            for path in self.place.resolve(value):
                if (link := link_out_below(path, self._inside)) is not None:
                    self.ask(f"follows links, and `{self.shown(link)}` may lead out of the workspace")

    def write(self, arg: Arg, how: str, *, tree: bool = False) -> None:
        """The command writes what `arg` names; `how` is the program and option, for the reason."""
        if arg.values is not None:
            for value in arg.values:
                self._write_path(value, how, tree=tree)
            return
        fixed = re.split(r"[*?\[{]", arg.glob, maxsplit=1)[0] if arg.glob is not None else arg.prefix
        folder = fixed.rpartition("/")[0] or ("/" if fixed.startswith("/") else "")
        if folder and (danger := self._dangerous_place(folder)) is not None:
            self.dangerous(danger)
        if arg.glob is None or ".." in arg.glob.split("/"):
            self.ask(f"writes a file whose name cannot be told (`{arg.raw}`) through `{how}`")
            return
        self._write_path(folder or ".", how, tree=True, whole=False)
        for match in (match for cwd in self.place.cwds for match in governing_matched(arg.glob, cwd.as_posix())):
            self._write_path(match, how, tree=tree)

    def _write_path(self, text: str, how: str, *, tree: bool, whole: bool = True) -> None:
        """`whole`: all of the tree may be written; else only some of what lies in it."""
        if text.startswith(("/dev/tcp/", "/dev/udp/")):
            self.contact(text.split("/")[3] or "*", how)
            self.dangerous(f"opens a connection to another machine (`{text}`)")
            return
        paths = self.place.resolve(text)
        if not paths:
            self.ask(f"writes `{text}` in a directory that cannot be told")
        for path in paths:
            if text in FREE_WRITES or path in FREE_WRITES or DESCRIPTOR.fullmatch(text):
                continue
            self.accesses[Access(Mode.WRITE, path, tree)] = None
            verb = "removes" if how in REMOVERS else "writes"
            self.reasons.append(f"{verb} `{self.shown(path)}` through `{how}`")
            if (danger := self.place_danger(path, tree=tree and whole)) is not None:
                self.dangerous(danger)

    def _dangerous_place(self, text: str) -> str | None:
        for path in self.place.resolve(text):
            if (danger := self.place_danger(path, tree=False)) is not None:
                return danger
        return None

    def place_danger(self, path: str, *, tree: bool) -> str | None:
        """Why a write to an absolute path would be dangerous, or None."""
        shown = self.shown(path)
        if steers_git(path):
            return f"changes `{shown}`, which decides what git runs"
        if governs(path) in ("start-up", "plait"):
            return f"changes `{shown}`, {protected(path)}"
        root = self.place.workspace.root_of(Path(path))
        if root is not None and root.parent != root:
            return None
        if tree and any(under(root.as_posix(), (path,)) or path == "/" for root in self.place.workspace.roots):
            return f"writes into `{shown}`, which holds the workspace"
        if of_system(path):
            return f"changes the system: `{shown}`"
        return None

    def shown(self, path: str) -> str:
        return self.place.workspace.show(Path(path))
