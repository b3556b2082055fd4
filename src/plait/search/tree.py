"""One root for the time of one search: at most four looks at it at once, and none of them twice.

What several strategies need, the names of the files and the lines that hold a name, is looked for once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from plait.search.globs import Globs, at_any_depth
from plait.search.place import Lines, Looker, Names, Pattern, Place

T = TypeVar("T")
LOOKS_AT_ONCE = 4
# Lines that hold a name, to be told apart afterwards; a name with more needs a narrower look.
NAMING = 4000


@dataclass(frozen=True, slots=True)
class Budget:
    """What the trees of one search share: the loop's time at which all must be done, and places for looks."""

    ends_at: float
    looks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKS_AT_ONCE))

    def left_s(self) -> float:
        return max(0.01, self.ends_at - asyncio.get_running_loop().time())


class Tree:
    """Whoever makes one closes it: what is shared is awaited by many and belongs to none of them."""

    def __init__(self, place: Place, looker: Looker, budget: Budget) -> None:
        self.place = replace(place, globs=tuple(at_any_depth(glob) for glob in place.globs))
        self._looker = looker
        self._budget = budget
        self._shared: dict[str, asyncio.Task[Any]] = {}

    async def close(self) -> None:
        for task in self._shared.values():
            task.cancel()
        await asyncio.gather(*self._shared.values(), return_exceptions=True)

    async def names(self) -> Names:
        """Return the files that are searched, ignored and secret ones left out."""
        names: Names = await self._once("names", self._names)
        return names

    async def naming(self, name: str) -> Lines:
        """Return the lines that hold `name`, in any case if it has no capitals."""
        pattern = Pattern(name, fixed=True, most=NAMING)
        lines: Lines = await self._once(f"naming {name}", lambda: self.lines(pattern))
        return lines

    async def lines(self, pattern: Pattern, below: tuple[str, ...] | None = None) -> Lines:
        """Return the matching lines, of the files `below` alone if they are given."""
        place = self.place if below is None else replace(self.place, below=below, globs=())
        async with self._budget.looks:
            found = await self._looker.lines(place, pattern, self._budget.left_s())
        if not place.globs:
            return found
        # A glob makes ripgrep take ignored files too; the listing knows better.
        kept = frozenset((await self.names()).found)
        return replace(found, found=tuple(line for line in found.found if line.path in kept))

    async def _names(self) -> Names:
        async with self._budget.looks:
            names = await self._looker.names(replace(self.place, globs=()), self._budget.left_s())
        if not self.place.globs:
            return names
        globs = Globs(self.place.globs)
        return replace(names, found=tuple(name for name in names.found if globs.pass_(name)))

    async def _once(self, key: str, make: Any) -> Any:
        if key not in self._shared:
            work: Coroutine[Any, Any, Any] = make()
            self._shared[key] = asyncio.create_task(work, name=f"search {key[:40]}")
        return await asyncio.shield(self._shared[key])
