"""What this session last saw of each file, so that an edit can tell whether it changed behind the model's back.

If another Plait session changed it, the model is shown what changed, and can go on from there at once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from plait.host.files import FileState, NotText, decode, sha256
from plait.host.register import Register, Writer
from plait.tools.changes import compare, unified
from plait.tools.output import printable

MOST_KEPT_BYTES = 16_000_000
LARGEST_KEPT_BYTES = 1_000_000
LONGEST_DIFF = 12_000
SHORT_ID = 8


class FileLedger:
    """The SHA-256 (hex) of each file as it was last read or written in this session, by resolved path.

    register: what other sessions did; None if nobody shares anything. tell: says something to the user.
    """

    def __init__(self, register: Register | None = None, tell: Callable[[str], None] = lambda _: None) -> None:
        self._hashes: dict[Path, str] = {}
        self._register = register
        self._tell = tell
        self._bytes: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0

    def saw(self, path: Path, sha256: str, data: bytes | None = None) -> None:
        """The model knows these bytes now: it read them, or was told how they differ from what it knew."""
        if self._register is not None and self._hashes.get(path) != sha256:
            self._register.saw(path, sha256)
        self._hashes[path] = sha256
        self._remember(sha256, data)

    async def wrote(self, path: Path, sha256: str, data: bytes) -> None:
        """The model knows these bytes now: it wrote them. Other sessions can know it once this returns."""
        self._hashes[path] = sha256
        self._remember(sha256, data)
        if self._register is not None:
            await self._register.wrote(path, sha256)

    def hash_of(self, path: Path) -> str | None:
        """Return what it last saw, or None if it never did."""
        return self._hashes.get(path)

    def forget(self) -> None:
        """The model no longer knows what it has seen: the conversation went back."""
        self._hashes.clear()

    def _remember(self, digest: str, data: bytes | None) -> None:
        if self._register is None or data is None or len(data) > LARGEST_KEPT_BYTES:
            return
        self._kept_bytes += 0 if digest in self._bytes else len(data)
        self._bytes[digest] = data
        self._bytes.move_to_end(digest)
        while self._kept_bytes > MOST_KEPT_BYTES:
            self._kept_bytes -= len(self._bytes.popitem(last=False)[1])

    async def changed_by_session(self, path: Path, name: str, now: FileState, known: bytes | None = None) -> str | None:
        """Return what the model is told of a file that another session has changed since; None if none has.

        known: what the file was to this session, if that is at hand.
        """
        seen = self._hashes.get(path)
        writer = await self._register.last_writer(path) if self._register is not None else None
        # What it wrote before this session read it is not what changed.
        if writer is None or writer.sha256 == (sha256(known) if known is not None else seen):
            return None
        who = f"another Plait session (`{printable(writer.session_id)[:SHORT_ID]}`)"
        self._tell(f"`{name}` was changed by {who} after this one read it: the edit was refused.")
        former = known if known is not None else self._bytes.get(seen or "")
        diff = await asyncio.to_thread(_diff, former, now.data)
        said = f"`{name}` was changed by {who}{_when(writer, now)} after it was read here; nothing was written."
        if diff is None:
            return f"{said} Read it again, then edit it."
        self.saw(path, now.sha256, now.data)
        return f"{said} What changed, you need not read it again:\n{diff}"


def _when(writer: Writer, now: FileState) -> str:
    ago = f"{writer.ago_s:.0f} s" if writer.ago_s < 120 else f"{writer.ago_s / 60:.0f} min"
    others = "" if writer.sha256 == now.sha256 else ", and then by somebody else,"
    return f" {ago} ago{others}"


def _diff(before: bytes | None, after: bytes) -> str | None:
    """Return the change as a unified diff; None if it cannot be shown whole."""
    if before is None or len(before) + len(after) > 2 * LARGEST_KEPT_BYTES:
        return None
    try:
        text = unified(compare(decode(before).text, decode(after).text))
    except NotText:
        return None
    return text if text and len(text) <= LONGEST_DIFF else None
