"""How alike a name is to what somebody typed of it: joined otherwise, a part, shortened words, a slip. Pure."""

from __future__ import annotations

import itertools

from plait.index.words import PART

SHORTEST = 3
MEANT = 2.0
"""The least likeness of a name that somebody may well have meant; below are chance finds."""
# One slip in a short name may make another of it.
TWO_SLIPS = 10
ONE_SLIP = 5


def squeezed(name: str) -> str:
    """Return a name without what only divides its words."""
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def pieces(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case: `max`, `retries` of `maxRetries`."""
    return tuple(piece.lower() for piece in PART.findall(name)) or (name.lower(),)


def slips(length: int) -> int:
    """Return how many letters of a name of that length may be wrong."""
    return 2 if length >= TWO_SLIPS else 1 if length >= ONE_SLIP else 0


def stretches(wanted: str) -> tuple[str, ...]:
    """Return parts of a squeezed name of which a name with no more than `slips` wrong letters holds one at least."""
    if not slips(len(wanted)):
        return ()
    # A slip that swaps two letters may fall on a border, and spoils two parts then.
    count = 2 * slips(len(wanted)) + 1
    borders = [round(len(wanted) * at / count) for at in range(count + 1)]
    return tuple(wanted[start:end] for start, end in itertools.pairwise(borders) if end - start > 1)


def likeness(typed: str, name: str) -> float:
    """Return how alike `name` is to what was typed: 4 the same but for case and joints, down to 1; 0 if it is not."""
    wanted, own = squeezed(typed), squeezed(name)
    if len(wanted) < SHORTEST or not own:
        return 0.0
    if own == wanted:
        return 4.0
    if wanted in own:
        return 3.0 + len(wanted) / len(own) / 2
    if _shortened(pieces(typed), name):
        return 2.0 + len(wanted) / max(len(own), len(wanted)) / 2
    allowed = slips(len(wanted))
    if abs(len(own) - len(wanted)) <= allowed and (wrong := distance(wanted, own, allowed)) <= allowed:
        return 3.5 - 0.5 * wrong
    return 1.0 + len(wanted) / len(own) / 2 if _in_order(pieces(typed), own) else 0.0


def _shortened(typed: tuple[str, ...], name: str) -> bool:
    """True if each piece begins a word of the name, in order: `ctx_mgr_init` is no such, `cont_man` is."""
    words = iter(pieces(name))
    return len(typed) > 1 and all(any(word.startswith(piece) for word in words) for piece in typed)


def _in_order(typed: tuple[str, ...], own: str) -> bool:
    at = 0
    for piece in typed:
        at = own.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def distance(one: str, other: str, most: int) -> int:
    """Return how many letters are wrong, missing, too many or swapped with their neighbour; `most` + 1 if more.

    Optimal string alignment (Damerau 1964, Wagner and Fischer 1974).
    """
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        current = [row]
        for column, against in enumerate(other, 1):
            cost = min(above[column] + 1, current[-1] + 1, above[column - 1] + (letter != against))
            swapped = row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == against
            current.append(min(cost, before[column - 2] + 1) if swapped else cost)
        if min(current) > most:
            return most + 1
        before, above = above, current
    return above[-1]
