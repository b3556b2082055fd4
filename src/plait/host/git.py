"""Ask git about a repository without running anything that the repository chose.

A repository may name programs in its configuration and attributes: a file system monitor, hooks, filters,
external diffs, text conversions, a pager, a signature checker, transports. All of them are switched off here, by
name where git has no switch. The branch is read from `.git/HEAD` without any process.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from plait.host.process import ProcessEnd, run_process
from plait.host.programs import find_program
from plait.protocol.errors import ToolRefused
from plait.protocol.lean import dataclass

DEADLINE_S = 10.0
MOST_BYTES = 8_000_000
LARGEST_HEAD_BYTES = 4096
# Filters and conversions that a repository may configure before it is not asked at all.
MOST_NAMED = 200
NOTHING_MORE: Mapping[str, str] = MappingProxyType({})

# What the repository's own configuration says of these does not count.
SWITCHED_OFF: tuple[tuple[str, str], ...] = (
    ("core.fsmonitor", "false"),
    ("core.hooksPath", os.devnull),
    ("core.pager", "cat"),
    ("core.attributesFile", os.devnull),
    ("core.untrackedCache", "false"),
    ("core.sshCommand", "false"),
    ("core.askPass", "false"),
    ("core.alternateRefsCommand", "false"),
    ("credential.helper", ""),
    ("diff.external", ""),
    ("diff.trustExitCode", "false"),
    ("log.showSignature", "false"),
    ("submodule.recurse", "false"),
    ("status.submoduleSummary", "false"),
    ("safe.bareRepository", "explicit"),
    ("maintenance.auto", "false"),
    ("gc.auto", "0"),
)
# Keys under names that the repository makes up, each of which may hold a command line.
_COMMAND_KEY = re.compile(r"filter\..*\.(clean|smudge|process|required)|diff\..*\.(command|textconv)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A path that differs from the last commit, relative to the root; `state` is git's two letters (`M `, `??`)."""

    path: str
    state: str

    @property
    def deleted(self) -> bool:
        return "D" in self.state


@dataclass(frozen=True, slots=True)
class Repository:
    """A working tree and its git directory (a linked worktree has one of its own)."""

    root: Path
    git_dir: Path


def find_repository(start: Path) -> Repository | None:
    """Return the repository that holds `start`, found without git. Reads small regular files only; never raises."""
    for directory in (start, *start.parents):
        dot_git = directory / ".git"
        try:
            status = dot_git.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode) or stat.S_ISLNK(status.st_mode):
            if os.path.exists(dot_git / "HEAD"):
                return Repository(directory, dot_git)
            continue
        # A linked worktree or a submodule: `gitdir: PATH` (gitrepository-layout(5)).
        text = _read_small(dot_git)
        if text is not None and text.startswith("gitdir:"):
            return Repository(directory, directory / text.removeprefix("gitdir:").strip())
    return None


def branch(start: Path) -> str | None:
    """Return the branch checked out at `start`, the first letters of a detached commit, or None outside a repository.

    No process, no lock: two small files are read, so a status line may ask often.
    """
    repository = find_repository(start)
    if repository is None:
        return None
    head = _read_small(repository.git_dir / "HEAD")
    if head is None:
        return None
    head = head.strip()
    if head.startswith("ref: refs/heads/"):
        name = head.removeprefix("ref: refs/heads/")
        # A repository that keeps its refs in a table (reftable) has this placeholder.
        return None if name == ".invalid" else name
    return head[:8] if re.fullmatch(r"[0-9a-f]{40,64}", head) else None


def _read_small(path: Path) -> str | None:
    """Return a small regular file as text; None for anything else. A pipe in its place is not waited for."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError):
        return None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        return os.read(handle, LARGEST_HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(handle)


class Git:
    """git in one repository, asked safely. Every method raises ToolRefused if git is absent or says no."""

    def __init__(self, root: Path) -> None:
        self.root = root

    async def status(self) -> tuple[ChangedFile, ...]:
        """Return what differs from the last commit, untracked files included, ignored ones and submodules not."""
        arguments = ["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"]
        output = await self._output([*arguments, "--ignore-submodules=all"])
        entries = [entry for entry in output.split(b"\0") if len(entry) > 3]
        return tuple(ChangedFile(os.fsdecode(entry[3:]), entry[:2].decode("ascii")) for entry in entries)

    async def changed_lines(self, paths: Sequence[Path]) -> Mapping[str, frozenset[int]]:
        """Return the 1-based lines of each of `paths` (below the root) that the last commit does not have, by path.

        The answer's paths are relative to the root. One that git does not know is not in it: all of it is new.
        """
        if not paths or not await self._has_commit():
            return {}
        shown = [path.relative_to(self.root).as_posix() for path in paths]
        known = set((await self._output(["ls-files", "-z", "--", *shown])).split(b"\0"))
        changed = {name: frozenset[int]() for name in shown if os.fsencode(name) in known}
        arguments = ["diff", "-U0", "--no-color", "--no-renames", "--no-ext-diff", "--no-textconv"]
        arguments += ["--ignore-submodules=all", "--src-prefix=a/", "--dst-prefix=b/", "HEAD", "--", *changed]
        diff = await self._output(arguments) if changed else b""
        return {**changed, **parse_changed_lines(diff)}

    async def _has_commit(self) -> bool:
        end = await self.run(["rev-parse", "--verify", "--quiet", "HEAD"])
        return end.exit_code == 0

    async def _output(self, arguments: Sequence[str]) -> bytes:
        end = await self.run(arguments)
        if end.exit_code != 0:
            said = end.stderr.decode("utf-8", "replace").strip().splitlines()
            raise ToolRefused(f"`git {arguments[0]}` failed: {said[-1] if said else 'it was stopped'}.")
        if end.total_bytes > MOST_BYTES:
            raise ToolRefused(f"`git {arguments[0]}` says more than {MOST_BYTES:,} bytes: name the files yourself.")
        return end.stdout

    async def run(
        self,
        arguments: Sequence[str],
        *,
        deadline_s: float = DEADLINE_S,
        index: Path | None = None,
        stdin: bytes | None = None,
        max_bytes: int = MOST_BYTES,
        named: Sequence[tuple[str, str]] | None = None,
    ) -> ProcessEnd:
        """Run one git command that only reads; its exit code and output as they are. Raises ToolRefused without git.

        A diff is asked for with `--no-ext-diff --no-textconv`: a conversion can be emptied here, and then fails.
        index: a file to be taken for the repository's index. named: what `named_commands` said a moment ago.
        """
        program = _git()
        settings = [*SWITCHED_OFF, *(named if named is not None else await self.named_commands())]
        more = {} if index is None else {"GIT_INDEX_FILE": str(index)}
        return await self._call([program, *arguments], settings, deadline_s, more, stdin, max_bytes)

    async def named_commands(self) -> list[tuple[str, str]]:
        """Return the repository's filters and conversions, each switched off. Reading settings runs nothing.

        Asked every time: the file may have changed since.
        """
        program = _git()
        end = await self._call([program, "config", "--list", "--name-only", "-z"], SWITCHED_OFF, DEADLINE_S)
        if end.exit_code != 0:
            said = end.stderr.decode("utf-8", "replace").strip().splitlines()
            raise ToolRefused(f"git cannot read its settings here: {said[-1] if said else 'it was stopped'}.")
        names = dict.fromkeys(os.fsdecode(name) for name in end.stdout.split(b"\0"))
        found = [name for name in names if _COMMAND_KEY.fullmatch(name)]
        if len(found) > MOST_NAMED or any("=" in name for name in found):
            # `-c` cannot say such a name, and what cannot be switched off must not be asked.
            raise ToolRefused(
                "This repository configures filters that cannot be switched off: name the files yourself."
            )
        return [(name, "false" if name.endswith(".required") else "") for name in found]

    async def _call(
        self,
        argv: Sequence[str],
        settings: Sequence[tuple[str, str]],
        deadline_s: float,
        more: Mapping[str, str] = NOTHING_MORE,
        stdin: bytes | None = None,
        max_bytes: int = MOST_BYTES,
    ) -> ProcessEnd:
        switches = [word for name, value in settings for word in ("-c", f"{name}={value}")]
        repository = find_repository(self.root)
        # Else `core.worktree` could have git look at any other directory.
        more = {**more, **({"GIT_WORK_TREE": str(repository.root)} if repository is not None else {})}
        return await run_process(
            [argv[0], "--no-pager", "--no-optional-locks", "--literal-pathspecs", *switches, *argv[1:]],
            cwd=self.root,
            deadline_s=deadline_s,
            env={**safe_environment(os.environ), **more},
            max_bytes=max_bytes,
            merge_stderr=False,
            stdin=stdin,
        )


def _git() -> str:
    program = find_program("git")
    if program is None:
        raise ToolRefused("git was not found on this machine: name the files yourself.")
    return program


def safe_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for git: nobody's `GIT_*`, no transport, no prompt, no editor, English."""
    return {
        **{name: value for name, value in environ.items() if not name.upper().startswith("GIT_")},
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ASKPASS": "false",
        "GIT_EDITOR": "false",
        "GIT_PAGER": "cat",
        "LC_ALL": "C",
    }


def parse_changed_lines(diff: bytes) -> dict[str, frozenset[int]]:
    """Return the new lines that a `git diff -U0` names, by path."""
    found: dict[str, set[int]] = {}
    path: str | None = None
    in_header = False
    for line in diff.split(b"\n"):
        if line.startswith(b"diff --git "):
            path, in_header = None, True
        elif in_header and line.startswith(b"+++ "):
            name = _unquote(line[4:].rstrip(b"\t"))
            path = name.removeprefix("b/") if name.startswith("b/") else None
        elif line.startswith(b"@@ ") and path is not None:
            in_header = False
            hunk = re.match(rb"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line)
            if hunk is not None:
                first, count = int(hunk[1]), int(hunk[2] or 1)
                found.setdefault(path, set()).update(range(first, first + count))
    return {path: frozenset(lines) for path, lines in found.items()}


def _unquote(name: bytes) -> str:
    """Return a path of a diff; git puts unusual ones in quotes with C escapes."""
    if not (name.startswith(b'"') and name.endswith(b'"')):
        return os.fsdecode(name)
    simple = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}

    def plain(match: re.Match[bytes]) -> bytes:
        escape = match[1]
        return bytes([int(escape, 8)]) if escape.isdigit() else simple.get(escape, escape)

    return os.fsdecode(re.sub(rb"\\([0-7]{3}|.)", plain, name[1:-1]))
