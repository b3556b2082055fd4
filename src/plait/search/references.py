"""Search for the uses of a name: as a whole word, in code before comments; what defines or imports it comes last."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from plait.host.opening import bytes_of
from plait.index import languages
from plait.index.import_lines import is_import
from plait.search import query, stored
from plait.search.content import by_place
from plait.search.definitions import definition_in
from plait.search.look import MOST_HITS, Look, hit_of
from plait.search.place import Line, Pattern
from plait.search.rank import Found

# Parsing holds the interpreter: only files of this size are told apart, and of all together so much.
LARGEST_PARSED_BYTES = 100_000
MOST_PARSED_BYTES = 400_000


async def references(look: Look) -> Found:
    """Lines that use the name; those in comments, then definitions and imports, come last."""
    name = query.last_name(query.unquoted(look.text))
    found = await look.tree.lines(Pattern(name, fixed=True, case="exact", words=True))
    ordered = by_place(look, found.found)
    defining = {line for line in ordered if _defines(line, name)}
    if look.tree.view is not None:
        known = {(row.path, row.line) for row in stored.definitions(look.tree.view, look.tree, name)}
        defining |= {line for line in ordered if (line.path, line.number) in known}
    importing = {line for line in ordered if is_import(line.text)}
    using = [line for line in ordered if line not in defining and line not in importing]
    remarks = await asyncio.to_thread(_remarks, look.tree.place.root, using, name)

    def turn(line: Line) -> int:
        return 2 if line in defining or line in importing else 1 if line in remarks else 0

    ordered.sort(key=turn)
    return Found("content", tuple(hit_of(line, "content") for line in ordered[:MOST_HITS]), state=found.state)


def _defines(line: Line, name: str) -> bool:
    definition = definition_in(line.text, line.path)
    return definition is not None and definition.name == name


def _remarks(root: Path, lines: Sequence[Line], name: str) -> set[Line]:
    """Return the lines in which the name stands in comments alone, as far as their files are small enough."""
    by_path: dict[str, list[Line]] = {}
    for line in lines:
        by_path.setdefault(line.path, []).append(line)
    found: set[Line] = set()
    room = MOST_PARSED_BYTES
    for path, of_file in by_path.items():
        data = bytes_of(root / path, LARGEST_PARSED_BYTES) or b""
        language = languages.language_of(path, data[:256])
        if not data or language is None or len(data) > room:
            continue
        room -= len(data)
        found |= _in_comments(data, language, of_file, name.encode())
    return found


def _in_comments(data: bytes, language: str, lines: Sequence[Line], name: bytes) -> set[Line]:
    # Loaded here: the parser, which few searches need.
    from plait.index.parse import comment_spans

    spans = comment_spans(data, language)
    if not spans:
        return set()
    starts = [start for start, _ in spans]
    line_starts = [0]
    for text in data.split(b"\n"):
        line_starts.append(line_starts[-1] + len(text) + 1)

    def commented(at: int) -> bool:
        place = bisect_right(starts, at) - 1
        return place >= 0 and at < spans[place][1]

    found = set()
    for line in lines:
        if line.number >= len(line_starts):
            continue
        start, end = line_starts[line.number - 1], line_starts[line.number]
        at = data.find(name, start, end)
        while at >= 0 and commented(at):
            at = data.find(name, at + len(name), end)
        if at < 0:
            found.add(line)
    return found
