"""What a command changed among the files that git tracks: a cheap look before it, a comparison after it.

What is as committed can be had from git again, by the name that its index has for it; what differs is put aside before
the command runs. The index is copied to a private place first, so that whatever the command does to the repository's
own (a commit, another branch), both looks compare with the same. Nothing that a repository chose is run, so what git
would convert on the way (filters) is not taken for the file it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from plait.host.contents import LARGEST_BYTES, Contents
from plait.host.git import Git, find_repository
from plait.host.versions import UNKNOWN, keep, version_of
from plait.protocol.errors import ToolRefused
from plait.protocol.file_events import FileChange, FileVersion, KeptFile

DEADLINE_S = 3.0
"""Of one look. A repository that takes longer is not looked at again."""
MOST_DIRTY = 2000
"""Files that differ from the index, each put aside before a command; with more the look is given up."""
REFRESH_FROM = 50
"""With so many the index's own dates may be stale (a copied repository): the copy is brought up to date first."""
MOST_CHANGED = 2000
MOST_BLOB_BYTES = 200_000_000
MOST_NAMED = 5
MOST_UNTRACKED = 20_000
PATHS_A_CALL = 400

Stat = tuple[int, int, int]


@dataclass(slots=True)
class Look:
    """How the tracked files stood before a command. dirty: those that differed from the index, put aside.

    untracked: what git neither tracks nor ignores, by its dates; None if there was too much of it.
    """

    index: Path | None
    dirty: Mapping[str, KeptFile]
    untracked: Mapping[str, Stat] | None


@dataclass(slots=True)
class Found:
    """What a command changed, and what of it cannot be undone, in words."""

    changes: list[FileChange] = field(default_factory=list)
    not_covered: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as the index has it: git's mode and the name of its content; its size on disk when it was looked at."""

    mode: int
    blob: str


class TrackedFiles:
    """The tracked files of one working tree, looked at before and after commands. On the engine's loop.

    Contract: `look` raises OSError if what differs cannot be put aside because the disk is full, and nothing else.
    why_not: why this tree is not looked at (any more), in words; empty while it is.
    """

    def __init__(self, root: Path, contents: Contents) -> None:
        self.root = root
        self.why_not = ""
        self._contents = contents
        self._git = Git(root)
        self._copy: tuple[Stat, Path] | None = None
        self._used: dict[Path, int] = {}

    async def look(self) -> Look | None:
        """Look before a command; None if that cannot be done, and `why_not` says why."""
        if self.why_not:
            return None
        index: Path | None = None
        try:
            async with asyncio.timeout(DEADLINE_S):
                index = await asyncio.to_thread(self._copied_index)
                self._used[index] = self._used.get(index, 0) + 1
                named = await self._git.named_commands()
                raw, untracked = await asyncio.gather(self._differing(index, named), self._untracked(index, named))
                if len(raw) > REFRESH_FROM:
                    await self._git.run(["update-index", "-q", "--refresh"], index=index, named=named)
                    raw = await self._differing(index, named)
                if len(raw) > MOST_DIRTY:
                    raise ToolRefused(f"more than {MOST_DIRTY:,} of its files differ from what git has")
                dirty = await asyncio.to_thread(self._put_aside, raw)
                return Look(index, dirty, untracked)
        except TimeoutError:
            self.why_not = f"looking at its tracked files takes more than {DEADLINE_S:g} s"
        except ToolRefused as error:
            self.why_not = str(error).rstrip(".")
        except OSError:
            if index is not None:
                self._release(index)
            raise
        if index is not None:
            self._release(index)
        return None

    async def changed(self, look: Look, elsewhere: Mapping[str, str | None]) -> Found:
        """Compare after a command. elsewhere: what other calls have made of files meanwhile, by absolute path."""
        found = Found()
        try:
            async with asyncio.timeout(2 * DEADLINE_S):
                await self._compare(look, elsewhere, found)
        except TimeoutError:
            found.not_covered.append(f"What it changed in `{self.root}` could not be looked at in time.")
        except (ToolRefused, OSError) as error:
            found.not_covered.append(f"What it changed in `{self.root}` could not be looked at: {error}")
        finally:
            if look.index is not None:
                self._release(look.index)
        return found

    def close(self) -> None:
        for path in {*self._used, *((self._copy[1],) if self._copy else ())}:
            with suppress(OSError):
                path.unlink()

    # --- the index -----------------------------------------------------------------------------------------------

    def _copied_index(self) -> Path:
        """Return a private copy of the index as it is now. Raises ToolRefused."""
        repository = find_repository(self.root)
        if repository is None or repository.root != self.root:
            raise ToolRefused("it is no longer a git repository")
        source = repository.git_dir / "index"
        try:
            status = source.stat()
            if not stat.S_ISREG(status.st_mode):
                raise ToolRefused("its index is no regular file")
            seen = _stat(status)
            if self._copy is not None and self._copy[0] == seen and self._copy[1].exists():
                return self._copy[1]
            directory = self._contents.directory / "indexes"
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            copy = directory / f"{self._contents.session_id}-{secrets.token_hex(4)}"
            shutil.copyfile(source, copy)
            copy.chmod(0o600)
            # Its date says which entries git must not trust the dates of.
            os.utime(copy, ns=(status.st_mtime_ns, status.st_mtime_ns))
        except FileNotFoundError:
            raise ToolRefused("git tracks no files there yet") from None
        former, self._copy = self._copy, (seen, copy)
        if former is not None and not self._used.get(former[1]):
            with suppress(OSError):
                former[1].unlink()
        return copy

    def _release(self, index: Path) -> None:
        left = self._used.get(index, 0) - 1
        if left > 0:
            self._used[index] = left
            return
        self._used.pop(index, None)
        if self._copy is None or self._copy[1] != index:
            with suppress(OSError):
                index.unlink()

    # --- asking git ----------------------------------------------------------------------------------------------

    async def _differing(self, index: Path, named: Sequence[tuple[str, str]]) -> dict[str, Entry]:
        """Return what differs from the index by its dates, by path, as the index has it."""
        arguments = ["-c", "core.trustctime=true", "-c", "core.checkStat=default", "diff-files", "-z", "--raw"]
        output = await self._output([*arguments, "--no-abbrev", "--ignore-submodules=all"], index, named)
        words = output.split(b"\0")
        found: dict[str, Entry] = {}
        for about, name in zip(words[0::2], words[1::2], strict=False):
            mode, _, blob, _, _ = about.lstrip(b":").split(b" ", 4)
            # A file that is being merged comes twice, once without a mode.
            path = os.fsdecode(name)
            if int(mode, 8) or path not in found:
                found[path] = Entry(int(mode, 8), blob.decode("ascii"))
        return found

    async def _untracked(self, index: Path, named: Sequence[tuple[str, str]]) -> dict[str, Stat] | None:
        output = await self._output(["ls-files", "-z", "--others", "--exclude-standard"], index, named)
        names = [os.fsdecode(name) for name in output.split(b"\0") if name]
        if len(names) > MOST_UNTRACKED:
            return None
        return await asyncio.to_thread(self._stats, names)

    def _stats(self, names: Iterable[str]) -> dict[str, Stat]:
        found = {}
        for name in names:
            with suppress(OSError):
                found[name] = _stat(os.lstat(self.root / name))
        return found

    async def _output(
        self,
        arguments: Sequence[str],
        index: Path,
        named: Sequence[tuple[str, str]],
        stdin: bytes | None = None,
        max_bytes: int = 32_000_000,
    ) -> bytes:
        end = await self._git.run(
            arguments, index=index, named=named, stdin=stdin, max_bytes=max_bytes, deadline_s=2 * DEADLINE_S
        )
        if end.exit_code != 0:
            said = end.stderr.decode("utf-8", "replace").strip().splitlines()
            raise ToolRefused(f"git cannot say what differs: {said[-1] if said else 'it was stopped'}")
        if end.total_bytes > max_bytes:
            raise ToolRefused("git says more of it than can be kept")
        return end.stdout

    def _put_aside(self, names: Iterable[str]) -> dict[str, KeptFile]:
        return {name: keep(self.root / name, self._contents, durable=False) for name in names}

    # --- comparing -----------------------------------------------------------------------------------------------

    async def _compare(self, look: Look, elsewhere: Mapping[str, str | None], found: Found) -> None:
        assert look.index is not None
        named = await self._git.named_commands()
        raw, untracked = await asyncio.gather(self._differing(look.index, named), self._untracked(look.index, named))
        _tell_untracked(look.untracked, untracked, found)
        fresh = {name: entry for name, entry in raw.items() if name not in look.dirty}
        if len(fresh) > MOST_CHANGED:
            found.not_covered.append(f"It changed {len(fresh):,} tracked files: too many to be kept.")
            fresh = {}
        now = await asyncio.to_thread(self._versions, [*look.dirty, *fresh])
        for name, kept in look.dirty.items():
            if kept.version != now[name] or UNKNOWN in (kept.version.sha256, now[name].sha256):
                self._add(name, kept.version, now[name], elsewhere, found, kept=kept.kept)
        regular = {name: entry for name, entry in fresh.items() if entry.mode in (0o100644, 0o100755, 0o120000)}
        blobs = await self._blobs(look.index, named, regular)
        for name, entry in regular.items():
            version = await asyncio.to_thread(self._former, entry, blobs.get(name), now[name])
            if version != now[name]:
                self._add(name, version, now[name], elsewhere, found, kept=version.sha256 != UNKNOWN)

    def _versions(self, names: Iterable[str]) -> dict[str, FileVersion]:
        return {name: version_of(self.root / name) for name in names}

    def _former(self, entry: Entry, data: bytes | None, now: FileVersion) -> FileVersion:
        """Return what a file was that was as the index has it, and put it aside if it is another now."""
        link = entry.mode == 0o120000
        executable = bool(entry.mode & 0o111)
        # git knows no other permissions; what the file has is what it had, as far as that goes.
        mode = (
            now.mode
            if now.sha256 is not None and bool(now.mode & 0o111) == executable
            else 0o755
            if executable
            else 0o644
        )
        if link:
            mode = 0o777
        if data is None:
            return FileVersion(UNKNOWN, mode, link)
        version = FileVersion(hashlib.sha256(data).hexdigest(), mode, link)
        if version != now:
            self._contents.put(data, durable=False)
        return version

    def _add(
        self,
        name: str,
        before: FileVersion,
        after: FileVersion,
        elsewhere: Mapping[str, str | None],
        found: Found,
        *,
        kept: bool,
    ) -> None:
        path = str(self.root / name)
        if path in elsewhere and elsewhere[path] == after.sha256:
            # Another call did it, beside this one, and says so itself.
            return
        found.changes.append(FileChange(path, before, after, kept))
        if not kept:
            found.not_covered.append(f"`{name}` was changed, and what it was could not be kept.")

    async def _blobs(
        self, index: Path, named: Sequence[tuple[str, str]], entries: Mapping[str, Entry]
    ) -> dict[str, bytes]:
        """Return what the files were, by git's own copies; without those that git would have converted."""
        if not entries:
            return {}
        sizes = await self._sizes(index, named, list(entries))
        filtered = await self._filtered(index, named, list(entries))
        asked = [name for name in entries if name in sizes and name not in filtered and sizes[name] <= LARGEST_BYTES]
        total, within = 0, []
        for name in asked:
            total += sizes[name]
            if total <= MOST_BLOB_BYTES:
                within.append(name)
        stdin = "".join(f"{entries[name].blob}\n" for name in within).encode()
        output = await self._output(["cat-file", "--batch"], index, named, stdin, 3 * MOST_BLOB_BYTES)
        found: dict[str, bytes] = {}
        place = 0
        for name in within:
            head, _, _ = output[place : place + 200].partition(b"\n")
            place += len(head) + 1
            words = head.split()
            if len(words) != 3 or words[1] != b"blob":
                continue
            size = int(words[2])
            data = _as_on_disk(output[place : place + size], sizes[name])
            if data is not None:
                found[name] = data
            place += size + 1
        return found

    async def _sizes(self, index: Path, named: Sequence[tuple[str, str]], names: Sequence[str]) -> dict[str, int]:
        """Return how many bytes each file had on disk when git last looked at it."""
        found: dict[str, int] = {}
        for first in range(0, len(names), PATHS_A_CALL):
            some = names[first : first + PATHS_A_CALL]
            output = await self._output(["ls-files", "-z", "--debug", "--", *some], index, named)
            # NAME NUL "  ctime: …" LF … "  size: N\tflags: 0" LF NAME NUL …
            name, *rest = output.split(b"\0")
            for part in rest:
                about, _, following = part.rpartition(b"\n")
                size = about.rpartition(b"size: ")[2].split(b"\t")[0]
                if size.isdigit():
                    found[os.fsdecode(name)] = int(size)
                name = following
        return found

    async def _filtered(self, index: Path, named: Sequence[tuple[str, str]], names: Sequence[str]) -> set[str]:
        """Return those that a filter may stand before, on their way between git and the disk."""
        if not any(key.lower().startswith("filter.") for key, _ in named):
            return set()
        if any(name.rpartition("/")[2] == ".gitattributes" for name in names):
            return set(names)
        stdin = b"".join(os.fsencode(name) + b"\0" for name in names)
        output = await self._output(["check-attr", "-z", "--stdin", "filter"], index, named, stdin)
        words = output.split(b"\0")
        return {
            os.fsdecode(name)
            for name, value in zip(words[0::3], words[2::3], strict=False)
            if value not in (b"unspecified", b"unset")
        }


def repositories(roots: Iterable[Path], contents: Contents) -> tuple[TrackedFiles, ...]:
    """Return the repositories that hold the roots."""
    found = {repository.root for root in roots if (repository := find_repository(root)) is not None}
    return tuple(TrackedFiles(root, contents) for root in sorted(found))


def prune_indexes(directory: Path) -> None:
    """Remove copies of indexes that a dead session left behind."""
    with suppress(OSError):
        for entry in list((directory / "indexes").iterdir()):
            if time.time() - entry.stat().st_atime > 7 * 86_400:
                entry.unlink()


def _as_on_disk(blob: bytes, size: int) -> bytes | None:
    """Return a file's bytes from git's copy, if its size says how they came about; None if it does not."""
    if len(blob) == size:
        return blob
    # Line ends are the one conversion that can be told for sure: each became one byte longer.
    if b"\r\n" not in blob and len(blob) + blob.count(b"\n") == size:
        return blob.replace(b"\n", b"\r\n")
    return None


def _stat(status: os.stat_result) -> Stat:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _tell_untracked(before: Mapping[str, Stat] | None, after: Mapping[str, Stat] | None, found: Found) -> None:
    if before is None or after is None:
        found.not_covered.append(f"More than {MOST_UNTRACKED:,} files are not tracked by git: they were not looked at.")
        return
    for words, names in (
        ("created", [name for name in after if name not in before]),
        ("changed", [name for name, seen in before.items() if name in after and after[name] != seen]),
        ("removed", [name for name in before if name not in after]),
    ):
        if names:
            shown = ", ".join(f"`{name}`" for name in sorted(names)[:MOST_NAMED])
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            found.not_covered.append(f"It {words} files that git does not track: {shown}{more}.")
