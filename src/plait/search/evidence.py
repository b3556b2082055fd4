"""Look whether hits out of the index still hold, and show the lines they stand on.

A file that is as the index read it makes its hits `fresh`. One that changed is read anew: what is still there is
`live`, what is not is no hit.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from plait.host.opening import bytes_of
from plait.index.freshness import Changed
from plait.index.rows import Stamp
from plait.index.scan import stamp_of
from plait.index.view import View
from plait.protocol.calls import SearchHit
from plait.search.definitions import definition_in
from plait.search.place import LONGEST_LINE
from plait.search.stored import STORED

MOST_READ_BYTES = 2_000_000


class Evidence:
    """For one root and one search. Blocks."""

    def __init__(self, root: Path, view: View) -> None:
        self._root = root
        self._view = view
        self._stamps: dict[str, Stamp | None] = {}
        self._lines: dict[str, list[str]] = {}
        self._changed = Changed(root)

    def settle(self, hit: SearchHit) -> SearchHit | None:
        """Return the hit as it is now, None if it is gone. Hits that were just looked at are passed through."""
        if hit.freshness != STORED:
            return hit
        stamp = self._stamp(hit.path)
        if stamp is None:
            return None
        if self._view.stamp(hit.path) == stamp:
            if hit.kind == "file":
                return replace(hit, freshness="fresh")
            text = self._line(hit.path, hit.line)
            return None if text is None else replace(hit, text=text, freshness="fresh")
        return self._anew(hit, stamp)

    def _anew(self, hit: SearchHit, stamp: Stamp) -> SearchHit | None:
        if hit.kind == "file":
            return replace(hit, freshness="live")
        now = self._changed.now(hit.path, stamp)
        places: list[tuple[int, int, str]]
        if now.unread:
            lines = enumerate(self._text(hit.path), 1)
            defined = ((number, definition_in(line, hit.path)) for number, line in lines if hit.text in line)
            places = [(number, number, found.kind) for number, found in defined if found and found.name == hit.text]
        elif hit.kind == "import":
            places = [(row.line, row.line, "import") for row in now.imports if row.module == hit.text]
        else:
            places = [(row.line, row.end_line, row.kind) for row in now.definitions if row.name == hit.text]
        if not places:
            return None
        line, end_line, kind = min(places, key=lambda place: (place[2] != hit.kind, abs(place[0] - hit.line)))
        text = self._line(hit.path, line)
        return (
            None if text is None else replace(hit, line=line, end_line=end_line, kind=kind, text=text, freshness="live")
        )

    def _stamp(self, path: str) -> Stamp | None:
        if path not in self._stamps:
            self._stamps[path] = stamp_of(self._root / path)
        return self._stamps[path]

    def _line(self, path: str, number: int) -> str | None:
        lines = self._text(path)
        return lines[number - 1].strip()[:LONGEST_LINE] if 0 < number <= len(lines) else None

    def _text(self, path: str) -> list[str]:
        if path not in self._lines:
            self._lines[path] = lines_of(self._root / path)
        return self._lines[path]


def lines_of(path: Path) -> list[str]:
    """Return a file's lines, none if it cannot be read; undecodable bytes become U+FFFD."""
    return (bytes_of(path, MOST_READ_BYTES) or b"").decode("utf-8", "replace").split("\n")
