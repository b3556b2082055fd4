"""One root for the time of one search: at most four looks at it at once, and none of them twice.

What several strategies need, the names of the files and the lines that hold a name, is looked for once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from plait.index.view import View
from plait.search.globs import Globs, at_any_depth
from plait.search.place import Lines, Looker, Names, Pattern, Place


class InFile(Protocol):
    @property
    def path(self) -> str: ...


R = TypeVar("R", bound=InFile)
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

    def __init__(self, place: Place, looker: Looker, budget: Budget, view: View | None = None) -> None:
        """view: what the index knows of the root, None to look at the files for everything."""
        self.place = replace(place, globs=tuple(at_any_depth(glob) for glob in place.globs))
        self.view = view
        self.is_partial = False
        """Only what the view knows for sure is wanted; others look for the rest."""
        self._looker = looker
        self._budget = budget
        self._shared: dict[str, asyncio.Task[Any]] = {}

    def seen_by(self, view: View | None) -> Tree:
        """Return the same tree as a half-built index knows it."""
        tree = Tree(self.place, self._looker, self._budget, view)
        tree.is_partial = True
        return tree

    async def close(self) -> None:
        for task in self._shared.values():
            task.cancel()
        await asyncio.gather(*self._shared.values(), return_exceptions=True)

    def left_s(self) -> float:
        """Return the seconds that are left for this search."""
        return self._budget.left_s()

    async def names(self) -> Names:
        """Return the files that are searched, ignored and secret ones left out."""
        names: Names = await self._once("names", self._names)
        return names

    def within(self, rows: Iterable[R]) -> list[R]:
        """Return the rows of the index whose file lies in the place."""
        if not self.place.below and not self.place.globs:
            return list(rows)
        rows = list(rows)
        kept = frozenset(self.within_paths({row.path for row in rows}))
        return [row for row in rows if row.path in kept]

    def within_paths(self, paths: Iterable[str]) -> list[str]:
        """Return those of the paths that lie in the place."""
        globs = Globs(self.place.globs) if self.place.globs else None
        return [path for path in paths if self._is_below(path) and (globs is None or globs.pass_(path))]

    def _is_below(self, path: str) -> bool:
        return not self.place.below or any(path == top or path.startswith(f"{top}/") for top in self.place.below)

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
        if self.view is not None:
            paths = self.view.paths()
            return Names(tuple(self.within_paths(paths) if self.place.below or self.place.globs else paths))
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
