"""What a session keeps beside its log: former contents of files, what it read and wrote, what it left lying about.

All of it lies in the state directory, private and shared between sessions. A session without a log keeps contents in a
temporary directory of its own, for as long as it lasts.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from plait.host.contents import Contents
from plait.host.leftovers import LEFTOVERS, remove_leftovers
from plait.host.lock import FileLock
from plait.host.register import Register
from plait.host.tracked import prune_indexes, repositories
from plait.protocol.events import Notice
from plait.protocol.ports import Emit
from plait.session.checkpoints import Checkpoints
from plait.tools.ledger import FileLedger


@dataclass(slots=True)
class Keeping:
    """Of one session. contents: None if nobody could ever go back. own: the temporary directory, if there is one."""

    contents: Contents | None
    register: Register
    own: Path | None = None
    _close: list[Callable[[], object]] = field(default_factory=list)

    def checkpoints(self, emit: Emit, roots: Sequence[Path]) -> Checkpoints | None:
        """Return the hook around writing calls."""
        if self.contents is None:
            return None
        trees = repositories(roots, self.contents)
        self._close += [tree.close for tree in trees]
        return Checkpoints(self.contents, emit, trees)

    def ledger(self, emit: Emit) -> FileLedger:
        """Return the ledger of what the session's model has seen."""
        return FileLedger(self.register, lambda text: emit(Notice("warning", text)))

    async def close(self) -> None:
        self.register.close()
        await asyncio.to_thread(self._clear)

    def _clear(self) -> None:
        for close in self._close:
            close()
        if self.own is not None:
            shutil.rmtree(self.own, ignore_errors=True)


def open_keeping(state: Path, session_id: str, *, is_logged: bool, may_rewind: bool) -> Keeping:
    """Open what a session keeps. Raises nothing; what cannot be kept is said when it matters.

    may_rewind: somebody may ask this very process to go back, so that contents are worth keeping without a log.
    """
    writing = state / "writing"
    remove_leftovers(writing)
    LEFTOVERS.keep_in(writing)
    register = Register(state / "register.sqlite3", session_id)
    if is_logged:
        contents = Contents(state / "checkpoints", session_id)
        threading.Thread(target=_tidy, args=(contents, state / "sessions"), name="plait-tidy", daemon=True).start()
        return Keeping(contents, register)
    if may_rewind:
        with suppress(OSError):
            own = Path(tempfile.mkdtemp(prefix="plait-"))
            return Keeping(Contents(own, session_id), register, own)
    return Keeping(None, register)


def _tidy(contents: Contents, sessions: Path) -> None:
    contents.prune_if_due(lambda session_id: FileLock(sessions / f"{session_id}.lock").is_held())
    prune_indexes(contents.directory)
