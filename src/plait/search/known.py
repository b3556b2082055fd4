"""What the index knows of the places that are searched, and how it is joined with what was looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from plait.host.paths import Workspace
from plait.index.code_index import CodeIndex
from plait.index.view import View
from plait.protocol.calls import SearchHit
from plait.search.evidence import Evidence
from plait.search.place import Place
from plait.search.rank import Found


@dataclass(frozen=True, slots=True)
class Known:
    """What the index knows of one place. `partial`: of some of its files, while it is being built. `words`: how far."""

    view: View | None = None
    partial: View | None = None
    words: str = ""


async def known_of(place: Place, indexes: Mapping[Path, CodeIndex]) -> Known:
    """Ask the index of a place; it leaves out hidden files and named secrets."""
    index = indexes.get(place.root)
    if index is None:
        return Known()
    if place.hidden or place.named:
        return Known(words=index.status().words)
    view = await index.view()
    partial = index.partial() if view is None else None
    return Known(view, partial, "ready" if view is not None else index.status().words)


def with_early(result: Found, early: Found | None) -> Found:
    """Join what was looked up with what a half-built index knew, which is the more exact."""
    if early is None or not early.hits:
        return result
    places = {(hit.path, hit.line) for hit in early.hits}
    exact = early.exact | result.exact
    hits = [*early.hits, *(hit for hit in result.hits if (hit.path, hit.line) not in places)]
    hits.sort(key=lambda hit: (hit.path, hit.line) not in exact)
    return replace(result, hits=tuple(hits), exact=exact)


def index_words(known: Sequence[Known]) -> str:
    """Say how far the index is on which the answer rests: of several roots, the least far."""
    words = [one.words for one in known if one.words]
    return next((word for word in words if word != "ready"), words[0]) if words else "off (not started)"


def settled(
    hits: Sequence[SearchHit], places: Sequence[Place], views: Sequence[View | None], workspace: Workspace
) -> list[SearchHit]:
    """Look whether the hits hold. Blocks."""
    evidence = {
        "" if place.root == workspace.roots[0] else f"{place.root.as_posix().rstrip('/')}//": Evidence(place.root, view)
        for place, view in zip(places, views, strict=True)
        if view is not None
    }
    standing = []
    for hit in hits:
        top, divider, path = hit.path.rpartition("//")
        known = evidence.get(top + divider)
        if known is None:
            standing.append(hit)
        elif (now := known.settle(replace(hit, path=path))) is not None:
            standing.append(replace(now, path=hit.path))
    return standing
