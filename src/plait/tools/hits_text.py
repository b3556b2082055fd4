"""Hits as the model reads them, and back: a line each, `path:first-last kind [why]: evidence`. Pure.

Why: the strategies that found it.

Who reads the text without understanding it (`agent.scout`) finds the places again with `places_in`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from plait.protocol.calls import HitsDetail, SearchHit
from plait.tools.output import printable

LONGEST_EVIDENCE = 160
# Room for the lines in brackets below the hits.
NOTE_ROOM_BYTES = 110
KINDS = (
    "content|file|import|function|method|class|struct|enum|interface|type|module|macro|constant|variable|field|"
    "declaration|heading|table|selector|property|keyframes|index|commit"
)
# Ends a line to somebody, but is none of ours.
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
HIT = re.compile(rf"(?P<path>\S.*?)(?::(?P<line>\d+)(?:-\d+)?)? (?P<kind>{KINDS})(?: \[[a-z, ]+\])?(?:: (?P<text>.*))?")


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """Somewhere in the code: `line` is 1-based, 0 for a whole file."""

    path: str
    line: int
    kind: str
    text: str


def as_text(detail: HitsDetail, budget_bytes: int) -> str:
    """Return as many hits as fit into `budget_bytes` of UTF-8; below a blank line, in brackets, what must be known."""
    notes = [f"[{note[:200]}]" for note in _notes(detail)]
    if not detail.hits:
        notes.insert(0, f"No hits for `{_one_line(detail.query)[:100]}`. Try fewer or other words.")
        return "\n".join(notes)
    lines: list[str] = []
    room = budget_bytes - sum(_size(note) for note in notes) - NOTE_ROOM_BYTES
    for hit in detail.hits:
        line = _line(hit, detail.query)
        room -= _size(line)
        if room < 0 and lines:
            break
        lines.append(line if room >= 0 else _cut(line, room + _size(line)))
    shown = {hit.path for hit in detail.hits[: len(lines)]}
    if detail.total > len(shown):
        notes.insert(
            0, f"[{detail.total - len(shown):,} more files; raise `limit`, or narrow by `path`, `glob`, `kinds`]"
        )
    elif len(lines) < len(detail.hits):
        notes.insert(0, f"[{len(detail.hits) - len(lines):,} more hits; raise `limit`]")
    return "\n".join([*lines, *(["", *notes] if notes else [])])


def places_in(text: str) -> list[FoundPlace]:
    """Return the places that `as_text` wrote into `text`, in order."""
    matches = (HIT.fullmatch(line) for line in text.partition("\n\n")[0].split("\n"))
    return [
        FoundPlace(match["path"], int(match["line"] or 0), match["kind"], match["text"] or "")
        for match in matches
        if match is not None and (match["line"] or match["kind"] == "file")
    ]


def _notes(detail: HitsDetail) -> list[str]:
    late = [name for name, state in detail.states.items() if state == "deadline"]
    return [*detail.notes, *([f"not finished in time: {', '.join(late)}"] if late else [])]


def _line(hit: SearchHit, query: str) -> str:
    path = printable(hit.path)
    why = f" [{', '.join(hit.strategies)}]" if hit.strategies not in ((), (hit.kind,)) else ""
    if hit.kind == "file":
        return f"{path} file{why}"
    span = f"{hit.line}-{hit.end_line}" if hit.end_line > hit.line else str(hit.line)
    if "\n" in hit.text:
        window = "\n".join(f"  {_one_line(line)}" for line in hit.text.split("\n"))
        return f"{path}:{span} {hit.kind}{why}\n{window}"
    return f"{path}:{span} {hit.kind}{why}: {_evidence(hit.text, query)}"


def _evidence(text: str, query: str) -> str:
    """Return a line, of a long one what stands around the query."""
    text = _one_line(text).strip()
    if len(text) <= LONGEST_EVIDENCE:
        return text
    place = text.lower().find(query.lower().strip("\"'`"))
    start = max(0, min(place - LONGEST_EVIDENCE // 3, len(text) - LONGEST_EVIDENCE)) if place > 0 else 0
    cut = text[start : start + LONGEST_EVIDENCE]
    return f"{'…' if start else ''}{cut}{'…' if start + LONGEST_EVIDENCE < len(text) else ''}"


def _one_line(text: str) -> str:
    # What is no text, such as half of a surrogate pair, must not break the request that carries it.
    return CONTROL.sub(" ", text.encode("utf-8", "replace").decode())


def _size(line: str) -> int:
    return len(line.encode("utf-8", "replace")) + 1


def _cut(line: str, room_bytes: int) -> str:
    return line.encode("utf-8", "replace")[: max(room_bytes - 4, 40)].decode("utf-8", "ignore") + "…"
