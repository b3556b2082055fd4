"""Contents of files, put aside by their SHA-256: in a private directory, shared by all sessions, and pruned.

    objects/ab/abcdef…   the bytes themselves
    refs/SESSION         the hashes that a session needs, a line each

What is read back is checked against its name, so a torn or altered object counts as none. Methods block, for a thread.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from plait.host.opening import BINARY, CLOEXEC, NOFOLLOW, bytes_of
from plait.protocol.lean import dataclass

LARGEST_BYTES = 50_000_000
"""Of one content. What is larger is not kept, and whoever wanted it kept says so."""
KEEP_DAYS = 30.0
MOST_BYTES = 1 << 30
"""Of all contents together, but for those that an open session needs."""
FRESH_S = 3600.0
"""So long nothing is removed that was put aside, or asked for again."""
PRUNE_EVERY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many contents were removed, and how many bytes are left."""

    removed: int
    left_bytes: int


class Contents:
    """The contents below `directory` that one session puts aside and needs.

    Contract: `put` and `get` from any thread. `put` raises OSError; then nothing was kept.
    """

    def __init__(self, directory: Path, session_id: str) -> None:
        self.directory = directory
        self.session_id = session_id
        self._needed: set[str] = set()

    def put(self, data: bytes, *, durable: bool = True) -> str:
        """Keep `data`; return its SHA-256 (hex). durable: it outlasts a power cut once this returns."""
        digest = hashlib.sha256(data).hexdigest()
        place = self._place(digest)
        if not self._is_there(place, len(data)):
            _make_private(self.directory / "objects")
            _make_private(place.parent)
            self._write(place, data, durable=durable)
        self.refer((digest,))
        return digest

    def get(self, digest: str) -> bytes | None:
        """Return what was kept under this hash; None if it is no longer there, or not what it was."""
        data = bytes_of(self._place(digest), LARGEST_BYTES) if len(digest) == 64 else None
        if data is None or hashlib.sha256(data).hexdigest() != digest:
            return None
        return data

    def has(self, digest: str) -> bool:
        return len(digest) == 64 and self._place(digest).is_file()

    def refer(self, digests: Iterable[str]) -> None:
        """Note that this session needs these, so that none of them is pruned while it is open. Raises OSError."""
        new = [digest for digest in dict.fromkeys(digests) if digest not in self._needed]
        if not new:
            return
        refs = self.directory / "refs"
        _make_private(refs)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | NOFOLLOW | CLOEXEC | BINARY
        descriptor = os.open(refs / self.session_id, flags, 0o600)
        try:
            os.write(descriptor, "".join(f"{digest}\n" for digest in new).encode())
        finally:
            os.close(descriptor)
        self._needed.update(new)

    def _place(self, digest: str) -> Path:
        return self.directory / "objects" / digest[:2] / digest

    def _is_there(self, place: Path, size: int) -> bool:
        try:
            status = place.lstat()
            if not stat.S_ISREG(status.st_mode) or status.st_size != size:
                return False
            if time.time() - status.st_mtime > FRESH_S / 2:
                os.utime(place)
        except OSError:
            # None, or pruned this moment: it is written anew.
            return False
        return True

    def _write(self, place: Path, data: bytes, *, durable: bool) -> None:
        temporary = self.directory / "objects" / f"tmp-{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | CLOEXEC | BINARY
        descriptor = os.open(temporary, flags, 0o600)
        try:
            try:
                left = memoryview(data)
                while left:
                    left = left[os.write(descriptor, left) :]
                if durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, place)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        if durable:
            _flush_directory(place.parent)

    # --- pruning -------------------------------------------------------------------------------------------------

    def prune_if_due(self, is_open: Callable[[str], bool]) -> Pruned | None:
        """Prune, unless it was done within a day. Raises nothing; what cannot be removed stays."""
        marker = self.directory / "pruned"
        try:
            if abs(time.time() - marker.stat().st_mtime) < PRUNE_EVERY_S:
                return None
        except OSError:
            pass
        try:
            _make_private(self.directory)
            marker.touch(mode=0o600)
            os.utime(marker)
        except OSError:
            return None
        return self.prune(is_open)

    def prune(
        self, is_open: Callable[[str], bool], *, keep_days: float = KEEP_DAYS, most_bytes: int = MOST_BYTES
    ) -> Pruned:
        """Remove what was not asked for in `keep_days`, then the oldest until all is within `most_bytes`.

        is_open: whether the session of an id is; nothing that such a one needs is removed, nor what is fresh.
        """
        needed = self._needed_by_open(is_open)
        now = time.time()
        found = sorted(self._objects(now), key=lambda entry: entry[1])
        total = sum(size for _, _, size in found)
        removed = 0
        for place, mtime, size in found:
            age_s = now - mtime
            too_old = age_s > keep_days * 86_400
            if not too_old and total <= most_bytes:
                break
            if age_s < FRESH_S or place.name in needed:
                continue
            if _remove_unless_wanted(place, mtime):
                removed += 1
                total -= size
        return Pruned(removed, total)

    def _needed_by_open(self, is_open: Callable[[str], bool]) -> set[str]:
        needed = set(self._needed)
        for refs in _entries(self.directory / "refs"):
            if refs.name == self.session_id or is_open(refs.name):
                with suppress(OSError):
                    needed.update(refs.read_text("ascii", "replace").split())
            else:
                with suppress(OSError):
                    if time.time() - refs.stat().st_mtime > KEEP_DAYS * 86_400:
                        refs.unlink()
        return needed

    def _objects(self, now: float) -> Iterator[tuple[Path, float, int]]:
        for entry in _entries(self.directory / "objects"):
            if entry.name.startswith("tmp-"):
                # Of a process that died while it wrote.
                with suppress(OSError):
                    if now - entry.stat().st_mtime > FRESH_S:
                        entry.unlink()
                continue
            for place in _entries(entry):
                with suppress(OSError):
                    status = place.lstat()
                    yield place, status.st_mtime, status.st_size


def _remove_unless_wanted(place: Path, mtime: float) -> bool:
    """Remove an object, unless somebody has asked for it since `mtime`."""
    aside = place.parent.parent / f"tmp-{secrets.token_hex(8)}"
    try:
        # Taken out of sight first: who asks for it from now on writes it anew.
        os.rename(place, aside)
        if aside.lstat().st_mtime != mtime:
            os.replace(aside, place)
            return False
        aside.unlink()
    except OSError:
        return False
    return True


def _entries(directory: Path) -> list[Path]:
    try:
        with os.scandir(directory) as entries:
            return [directory / entry.name for entry in entries]
    except OSError:
        return []


def _make_private(directory: Path) -> None:
    """Make a directory that only its owner may enter; tighten one that is wider. Raises OSError."""
    try:
        mode = directory.lstat().st_mode
    except FileNotFoundError:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    if not stat.S_ISDIR(mode):
        raise NotADirectoryError(20, "not a directory", str(directory))
    if mode & 0o077:
        with suppress(OSError):
            directory.chmod(0o700)


def _flush_directory(directory: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
