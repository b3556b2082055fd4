"""Cut text for the model to a budget, and say what was cut. Pure."""

from __future__ import annotations

from collections.abc import Sequence

# Room for the note that stands between head and tail.
NOTE_ROOM = 80


def cut(text: str, budget: int) -> str:
    """Return at most `budget` characters of `text`: its head and its tail, with a note of what stood between.

    The cut falls on line ends where there are some near it.
    """
    if len(text) <= budget:
        return text
    room = budget - NOTE_ROOM
    if room <= 0:
        return text[: max(budget, 0)]
    head = _whole_lines_at_start(text[: room // 2])
    tail = _whole_lines_at_end(text[len(text) - (room - room // 2) :])
    gone = text[len(head) : len(text) - len(tail)]
    note = f"[… {len(gone):,} characters, {gone.count(chr(10)):,} line ends cut here …]"
    return f"{head.rstrip(chr(10))}\n{note}\n{tail.lstrip(chr(10))}"


def _whole_lines_at_start(text: str) -> str:
    end = text.rfind("\n") + 1
    return text[:end] if end > len(text) // 2 else text


def _whole_lines_at_end(text: str) -> str:
    start = text.find("\n") + 1
    return text[start:] if 0 < start < len(text) // 2 else text


def shares(wanted: Sequence[int], budget: int) -> list[int]:
    """Divide `budget` among those who want so much each: who wants little gets it all, the rest share equally."""
    given = [0] * len(wanted)
    left = max(budget, 0)
    waiting = sorted(range(len(wanted)), key=lambda place: wanted[place])
    while waiting:
        place = waiting.pop(0)
        given[place] = min(wanted[place], left // (len(waiting) + 1))
        left -= given[place]
    return given


def size_in_words(size_bytes: int) -> str:
    """Return `812 bytes`, `4.1 kB`, `12 MB`; a thousand bytes a kilobyte."""
    if size_bytes < 1000:
        return f"{size_bytes} byte" + ("" if size_bytes == 1 else "s")
    size = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.5:
            return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"
    return f"{size / 1000:.1f} TB"


def printable(name: str) -> str:
    """Return a file name as valid text: bytes that are not UTF-8 become `\\xNN`, line ends and tabs are escaped."""
    try:
        text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # Half of a character, which no name has and a model may write.
        text = name.encode("utf-8", "backslashreplace").decode()
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
