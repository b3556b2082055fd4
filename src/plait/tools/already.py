"""Tell whether a replacement that finds no place was made before. Pure.

That the new text occurs somewhere says nothing: it may be a line that stands in many files. It was made if the text
stands as whole lines in one place, and what the old text had around the change names that place alone.
"""

from __future__ import annotations

from plait.tools.matching import NEWLINE, PlainLines, Span, find


def made_already(text: str, old: str, new: str) -> Span | None:
    """Return where `new` stands in the place in which `old` was expected; None if that cannot be told."""
    before, after, old_part, new_part = _around(NEWLINE.sub("\n", old), NEWLINE.sub("\n", new))
    places = find(text, new)
    is_replaced = bool(old_part and new_part)
    # What was only added or removed shows by what meets on both sides of it.
    if len(places) != 1 or not (is_replaced or (before.strip() and after.strip())):
        return None
    place = places[0]
    if not _is_whole_lines(text, place):
        return None
    plain = PlainLines(text).text
    # What follows counts from the next line on: the rest of a line may follow anything.
    anchors = (before, after.partition("\n")[2])
    if any(anchor.strip() and plain.count(anchor) == 1 for anchor in anchors):
        return place
    return None


def _around(old: str, new: str) -> tuple[str, str, str, str]:
    """Return what both have before the change and after it, and what each has between."""
    head = _common_length(old, new)
    old_rest, new_rest = old[head:], new[head:]
    tail = _common_length(old_rest[::-1], new_rest[::-1])
    end = len(old_rest) - tail
    return old[:head], old_rest[end:], old_rest[:end], new_rest[: len(new_rest) - tail]


def _common_length(one: str, other: str) -> int:
    """Return how many characters both begin with."""
    differing = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differing, min(len(one), len(other)))


def _is_whole_lines(text: str, place: Span) -> bool:
    """True if nothing but white space stands before and after it on its first and last line."""
    piece = text[place.start : place.end]
    head = NEWLINE.split(text[: place.start])[-1]
    tail = NEWLINE.split(text[place.end :], maxsplit=1)[0]
    starts = not head.strip() or piece[:1] in ("\n", "\r")
    ends = not tail.strip() or piece[-1:] in ("\n", "\r")
    return starts and ends
