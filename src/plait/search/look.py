"""What every strategy is given, and how a line becomes a hit. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plait.protocol.calls import SearchHit
from plait.search.place import Line, Lines, Pattern
from plait.search.query import Shape
from plait.search.tree import Tree

MOST_HITS = 300
MOST_NAMES = 3
"""Names of a sentence that are searched for, each by itself."""


@dataclass(frozen=True, slots=True)
class Look:
    """One query in one tree. case: as of `place.Pattern`."""

    text: str
    shape: Shape
    tree: Tree
    case: Literal["smart", "ignore", "exact"] = "smart"
    own: bool = False
    """Of a file, what it imports itself is wanted."""

    async def naming(self, name: str) -> Lines:
        """Return the lines that hold `name`: a look that strategies share, unless case is to be taken otherwise."""
        if self.case == "smart":
            return await self.tree.naming(name)
        return await self.tree.lines(Pattern(name, fixed=True, case=self.case))


def hit_of(line: Line, kind: str) -> SearchHit:
    """Return a line as a hit, its evidence without indentation. All is looked at as it is now."""
    return SearchHit(line.path, line.number, line.number, kind, line.text.strip(), freshness="live")
