"""What the user has allowed a call to do, and whether that still holds once it was judged again. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from plait.protocol.calls import WriteIntent
from plait.protocol.effects import Access, Effects, Mode, covers
from plait.protocol.lean import dataclass


@dataclass(frozen=True, slots=True)
class Granted:
    """The effects that the user was told of and, for a tool that plans, what it would write."""

    effects: Effects
    writes: tuple[WriteIntent, ...] | None

    def holds_for(self, effects: Effects, writes: tuple[WriteIntent, ...] | None, *, apart: bool) -> bool:
        """True if the user need not be asked again: it does what they allowed, and nothing beyond it.

        apart: other effects than those that they allowed are asked about by themselves (danger, what is protected).
        """
        told = self.effects
        if self.writes != writes:
            return False
        if effects == told:
            return True
        if apart or effects.danger is not None or (effects.unknown and not told.unknown):
            return False
        stated = (
            (effects.network, told.network),
            (effects.credentials, told.credentials),
            (effects.processes, told.processes),
        )
        if not all(set(now) <= set(before) for now, before in stated):
            return False
        return all(_was_told(access, told.accesses) for access in effects.accesses)


def _was_told(access: Access, told: Sequence[Access]) -> bool:
    """True if one of the accesses told of names the path or a directory that it lies in, and is no weaker."""
    return any(
        covers(Access(before.mode, before.path, tree=True), access)
        and (access.mode is before.mode or before.mode is Mode.WRITE)
        for before in told
    )
