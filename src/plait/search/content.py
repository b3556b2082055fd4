"""Search the text of files: letter for letter, or by regex."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from plait.search import query
from plait.search.look import MOST_HITS, MOST_NAMES, Look, hit_of
from plait.search.place import Line, Lines, Pattern
from plait.search.query import Shape
from plait.search.rank import Found, penalty

# A sentence that stands word for word in the code stands in few places.
MOST_QUOTED = 500


async def content(look: Look) -> Found:
    """Lines that hold the text: as a regex if it looks like one, else letter for letter."""
    text = query.unquoted(look.text)
    match look.shape:
        case Shape.PROSE:
            names = query.names_in(look.text)[:MOST_NAMES]
            if query.may_be_quoted(text):
                quoted = await look.tree.lines(Pattern(text, fixed=True, case=look.case, most=MOST_QUOTED))
                if quoted.found:
                    found = _content(look, quoted, re.escape(text))
                    return replace(found, exact=frozenset((hit.path, hit.line) for hit in found.hits))
            if not names:
                return Found("content")
            lines = await look.tree.lines(Pattern("|".join(map(re.escape, names)), case=look.case))
            return _content(look, lines, "|".join(map(re.escape, names)))
        case Shape.IDENTIFIER:
            lines = await look.naming(text)
            return _content(look, lines, re.escape(text))
        case Shape.QUALIFIED:
            text = text.removesuffix("()")
            lines = await look.tree.lines(Pattern(text, fixed=True, case=look.case))
            if lines.found:
                return _content(look, lines, re.escape(text))
            name = query.last_name(text)
            return _content(look, await look.naming(name), re.escape(name))
        case Shape.REGEX:
            return await _regex(look, text)
        case _:
            return await _literal(look, text)


def by_place(look: Look, lines: Sequence[Line]) -> list[Line]:
    """Order lines that are all alike: source first, files with more of them first; ties by place."""
    return _ordered(look, lines, None)


async def _regex(look: Look, text: str) -> Found:
    lines = await look.tree.lines(Pattern(text, case=look.case))
    if lines.problem or not lines.found:
        literally = await look.tree.lines(Pattern(_one_line(text), fixed=True, case=look.case))
        if lines.problem:
            note = f"`{text[:60]}` is not a regex ({lines.problem}); it was searched letter for letter"
            return _content(look, literally, None, note)
        if literally.found:
            return _content(look, literally, None, "nothing matches the regex; these lines hold it letter for letter")
    return _content(look, lines, None)


async def _literal(look: Look, text: str) -> Found:
    line = _one_line(text)
    lines = await look.tree.lines(Pattern(line, fixed=True, case=look.case))
    if not lines.found and line == text and re.escape(text) != text:
        as_regex = await look.tree.lines(Pattern(text, case=look.case))
        if as_regex.found:
            return _content(look, as_regex, None, "nothing holds it letter for letter; these lines match it as a regex")
    note = "" if line == text else "only the longest line of the text was searched"
    return _content(look, lines, re.escape(line), note)


def _one_line(text: str) -> str:
    return max((line.strip() for line in text.split("\n")), key=len) if "\n" in text else text


def _content(look: Look, lines: Lines, wanted: str | None, note: str = "") -> Found:
    ordered = _ordered(look, lines.found, wanted)
    return Found(
        "content", tuple(hit_of(line, "content") for line in ordered[:MOST_HITS]), state=lines.state, note=note
    )


def _ordered(look: Look, lines: Sequence[Line], wanted: str | None) -> list[Line]:
    """Order matching lines: source first, whole words first, then files with more of them; ties by place."""
    counts = Counter(line.path for line in lines)
    whole = re.compile(rf"(?<!\w)(?:{wanted})(?!\w)", re.IGNORECASE) if wanted else None

    def order(line: Line) -> tuple[float, str, int]:
        value = 2.0 * (whole is None or whole.search(line.text) is not None) + 0.25 * min(counts[line.path], 8)
        return (-value * penalty(line.path, look.shape), line.path, line.number)

    return sorted(lines, key=order)
