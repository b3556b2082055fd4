"""A command's output and end, in words for the model. Pure."""

from __future__ import annotations

import re

from plait.host.process import ProcessEnd
from plait.tools.output import cut, size_in_words

# Control sequences and strings of terminals (ECMA-48, 5.4 and 5.6), which mean nothing without one.
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")
# Of so many characters, more than a fifth that are no text make it binary.
SAMPLED = 8192
NAMES_SHOWN = 5


def legible(output: bytes) -> str:
    """Return output as text: terminal controls taken out, of lines written over each other the last, binary named."""
    text = output.decode("utf-8", "replace").replace("\r\n", "\n")
    text = ESCAPES.sub("", text)
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    sample = text[:SAMPLED]
    if len(CONTROL.findall(sample)) * 5 > len(sample):
        return f"(binary output, {size_in_words(len(output))})"
    return CONTROL.sub("\ufffd", text)


def report(output: str, notes: list[str], budget: int) -> str:
    """Return what the model reads: the output within `budget` characters, then each note on a line of its own."""
    tail = "\n".join(f"[{note}]" for note in notes)[: budget // 2]
    body = output.rstrip("\n") or "(no output)"
    return f"{cut(body, budget - len(tail) - 1)}\n{tail}"


def notes_on(end: ProcessEnd) -> list[str]:
    """Return how it ended, and what of it did not end by itself."""
    notes = []
    if end.exit_code is not None:
        notes.append(f"exit code {end.exit_code}")
    elif end.signal is not None:
        notes.append(f"ended by {end.signal}")
    return notes + notes_on_rest(end)


def notes_on_rest(end: ProcessEnd) -> list[str]:
    notes = []
    if end.ended:
        notes.append(
            f"ended with it, since it was left running: {_names(end.ended)}; use `background` for what must go on"
        )
    if end.gone_on:
        notes.append(f"goes on in a session of its own: {_names(end.gone_on)}")
    return notes


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:NAMES_SHOWN])
    return shown + (f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else "")
