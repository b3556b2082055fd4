"""What a list shows of a session, found at the two ends of its log without decoding what lies between."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from plait.protocol.events import SessionStarted, TitleChanged, TurnStarted
from plait.session.codec import decode
from plait.session.log import open_log

HEAD_BYTES = 16 * 1024
CHUNK_BYTES = 256 * 1024
TITLE_CHARACTERS = 60
UNTITLED = "untitled"
TITLE_LINE = b'\n{"type":"TitleChanged",'
TURN_LINE = b'\n{"type":"TurnStarted",'


@dataclass(frozen=True, slots=True)
class Glance:
    """A session at first sight."""

    started: SessionStarted
    title: str
    turns: int
    size_bytes: int
    mtime_ns: int


def glance(path: Path, cwd: str | None = None) -> Glance | None:
    """Look at a log; None if it is none, cannot be read, or was begun in another directory than `cwd`."""
    try:
        with open_log(path) as file:
            stat = os.fstat(file.fileno())
            started = _event(file.read(HEAD_BYTES), 0)
            if not isinstance(started, SessionStarted) or cwd not in (None, started.cwd):
                return None
            title, turn = _last_of(file, stat.st_size)
    except OSError:
        return None
    return Glance(
        started,
        title.title if title is not None else title_of(turn.prompt) if turn is not None else UNTITLED,
        turn.turn if turn is not None else 0,
        stat.st_size,
        stat.st_mtime_ns,
    )


def title_of(prompt: str) -> str:
    """Return the first line of a prompt, cut to 60 characters; empty if it has none."""
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), "")
    return line if len(line) <= TITLE_CHARACTERS else line[: TITLE_CHARACTERS - 1] + "…"


def _last_of(file: BinaryIO, size: int) -> tuple[TitleChanged | None, TurnStarted | None]:
    """Return the last change of the title, and the last turn."""
    title: TitleChanged | None = None
    turn: TurnStarted | None = None
    for text in _backwards(file, size):
        if turn is None and isinstance(found := _last_in(text, TURN_LINE), TurnStarted):
            turn = found
        if title is None and isinstance(found := _last_in(text, TITLE_LINE), TitleChanged):
            title = found
        if title is not None and turn is not None:
            break
    return title, turn


def _backwards(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield pieces of whole lines, each with the line end before it, from the last to the first."""
    end, open_line = size, b""
    while end > 0:
        start = max(0, end - CHUNK_BYTES)
        file.seek(start)
        piece = file.read(end - start) + open_line
        end = start
        cut = piece.find(b"\n") if start else 0
        if cut < 0:
            open_line = piece
            continue
        open_line, whole = piece[:cut], piece[cut:]
        yield whole


def _last_in(text: bytes, beginning: bytes) -> object:
    """Return the last readable event whose line begins so: the very last may be torn."""
    start = text.rfind(beginning)
    while start >= 0:
        event = _event(text, start + 1)
        if event is not None:
            return event
        start = text.rfind(beginning, 0, start)
    return None


def _event(text: bytes, start: int) -> object:
    """Return the event of the line that begins at `start`, if it is one."""
    end = text.find(b"\n", start)
    try:
        return decode(text[start : end if end >= 0 else None]).event
    except ValueError:
        return None
