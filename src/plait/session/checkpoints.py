"""Put aside what files hold before calls change them, and say afterwards what each call changed.

A hook around writing calls (`protocol.ports.BeforeWrite`, `AfterWrite`). Files that a call names are kept themselves;
around a command whose effects are not all known, the files that git tracks are looked at (`host.tracked`). What cannot
be kept is said, once or with the call; only a full disk stops a call, since then nothing at all would be kept.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from plait.host.contents import LARGEST_BYTES, Contents
from plait.host.finishing import finish
from plait.host.os_errors import in_words
from plait.host.tracked import Found, Look, TrackedFiles
from plait.host.versions import FULL, UNKNOWN, keep, version_of
from plait.protocol.calls import CallKey
from plait.protocol.errors import ToolRefused
from plait.protocol.events import FilesChanged, FilesKept, Notice
from plait.protocol.file_events import FileChange, KeptFile
from plait.protocol.ports import Emit, Writing

MOST_FILES = 500
"""Named by one call; a command that names more is looked at by what git tracks."""


@dataclass(slots=True)
class Open:
    """A call that is writing. meanwhile: what others have made of files since it began, by path."""

    kept: Sequence[KeptFile]
    looks: Sequence[tuple[TrackedFiles, Look]]
    not_covered: list[str]
    is_command: bool
    meanwhile: dict[str, str | None] = field(default_factory=dict)


class Checkpoints:
    """Of one session. On the engine's loop; files are read in threads.

    trees: the repositories of the workspace. A user's own commands are not looked at: what they change is the user's.
    """

    def __init__(self, contents: Contents, emit: Emit, trees: Sequence[TrackedFiles]) -> None:
        self._contents = contents
        self._emit = emit
        self._trees = trees
        self._open: dict[CallKey, Open] = {}
        self._said: set[str] = set()

    async def before_write(self, writing: Writing) -> None:
        """See `protocol.ports.BeforeWrite`. Raises ToolRefused if the disk is full."""
        if writing.by_user:
            return
        effects = writing.effects
        named = () if len(writing.paths) > MOST_FILES else writing.paths
        try:
            kept = await finish(asyncio.ensure_future(asyncio.to_thread(self._keep, named)))
            looks, not_covered = await self._look() if self._is_vague(writing) else ([], [])
        except OSError as error:
            if error.errno in FULL:
                raise ToolRefused(
                    "Nothing was run: what the files hold now could not be put aside, the disk is full. "
                    f"Make room on the disk of `{self._contents.directory}`."
                ) from error
            self._say_off(error)
            return
        if kept:
            self._emit(FilesKept(writing.key, tuple(kept)))
        for file in kept:
            if not file.kept:
                not_covered.append(
                    f"What `{file.path}` held was not kept: it cannot be read, is no plain file, "
                    f"or holds more than {LARGEST_BYTES // 1_000_000} MB."
                )
        if not effects.spawns and not_covered:
            self._emit(Notice("warning", f"{not_covered[0]} A rewind will leave it as it is."))
        self._open[writing.key] = Open(kept, looks, not_covered, effects.spawns or effects.unknown)

    async def after_write(self, writing: Writing) -> None:
        """See `protocol.ports.AfterWrite`."""
        call = self._open.pop(writing.key, None)
        if call is None:
            return
        found = Found(not_covered=call.not_covered)
        now = await asyncio.to_thread(lambda: [version_of(Path(file.path)) for file in call.kept])
        for file, version in zip(call.kept, now, strict=True):
            if version != file.version or UNKNOWN in (version.sha256, file.version.sha256):
                found.changes.append(FileChange(file.path, file.version, version, file.kept))
        named = {file.path for file in call.kept}
        for tree, look in call.looks:
            seen = await tree.changed(look, call.meanwhile)
            found.changes += [change for change in seen.changes if change.path not in named]
            found.not_covered += seen.not_covered
        for other in self._open.values():
            other.meanwhile |= {change.path: change.after.sha256 for change in found.changes}
        if call.is_command or found.changes or found.not_covered:
            self._emit(FilesChanged(writing.key, tuple(found.changes), tuple(found.not_covered)))

    def _is_vague(self, writing: Writing) -> bool:
        """Return whether a call may change files that it does not name."""
        effects = writing.effects
        if not (effects.spawns or effects.unknown):
            return False
        trees = any(access.tree or os.path.isdir(access.path) for access in effects.writes)
        return effects.unknown or trees or len(writing.paths) > MOST_FILES

    def _keep(self, paths: Sequence[Path]) -> list[KeptFile]:
        return [keep(path, self._contents) for path in dict.fromkeys(paths) if not os.path.isdir(path)]

    async def _look(self) -> tuple[list[tuple[TrackedFiles, Look]], list[str]]:
        if not self._trees:
            return [], ["There is no git repository: what a command changes is not kept."]
        looks = await asyncio.gather(*(tree.look() for tree in self._trees))
        pairs = [(tree, look) for tree, look in zip(self._trees, looks, strict=True) if look is not None]
        off = [
            f"What commands change in `{tree.root}` is not kept: {tree.why_not}."
            for tree in self._trees
            if tree.why_not
        ]
        for words in off:
            self._say_once(words)
        return pairs, off

    def _say_off(self, error: OSError) -> None:
        self._say_once(
            f"Changes cannot be rewound: `{self._contents.directory}` cannot be written ({in_words(error)})."
        )

    def _say_once(self, words: str) -> None:
        if words not in self._said:
            self._said.add(words)
            self._emit(Notice("warning", words))
