"""What waits for the running turn to end: prompts, and whatever else must not happen while one runs. In order."""

from __future__ import annotations

from collections import deque
from typing import assert_never

from plait.protocol.commands import Clear, Compact, Prompt, Rewind, RunShell

Entry = Prompt | RunShell | Compact | Clear | Rewind


class Queue:
    """The entries, first to be done first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def texts(self) -> tuple[str, ...]:
        """The entries as they were typed."""
        return tuple(map(typed, self._entries))

    def append(self, entry: Entry) -> None:
        self._entries.append(entry)

    def pop(self) -> Entry:
        return self._entries.popleft()

    def clear(self) -> None:
        self._entries.clear()

    def edit(self, index: int, text: str) -> bool:
        """Replace an entry by another of its kind; an empty text removes it. False if there is none at `index`."""
        if not 0 <= index < len(self._entries):
            return False
        if text.strip():
            self._entries[index] = _edited(self._entries[index], text)
        else:
            del self._entries[index]
        return True


def typed(entry: Entry) -> str:
    """Return an entry as the user would type it."""
    match entry:
        case Prompt(text):
            return text
        case RunShell(command):
            return f"! {command}"
        case Compact(focus):
            return f"/compact {focus}".rstrip()
        case Clear():
            return "/clear"
        case Rewind():
            return "/rewind"
        case _:
            assert_never(entry)


def _edited(entry: Entry, text: str) -> Entry:
    """Return the entry that `text` makes of one: what was a prompt never becomes a command that runs."""
    stripped = text.strip()
    match entry:
        case RunShell() if stripped.startswith("!") and stripped[1:].strip():
            return RunShell(stripped[1:].strip())
        case Compact() if stripped == "/compact" or stripped.startswith("/compact "):
            return Compact(stripped.removeprefix("/compact").strip())
        case Clear() if stripped == "/clear":
            return entry
        case Rewind() if stripped == "/rewind":
            return entry
        case _:
            return Prompt(text)
