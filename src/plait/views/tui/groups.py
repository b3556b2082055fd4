"""What stands in line beside the question that is shown, in a few words: `5 edits under src/, 1 command`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from os.path import commonpath

from plait.protocol.call_events import Waiting
from plait.protocol.calls import CallKey
from plait.protocol.display import sanitise_path

KINDS = {
    "edit": ("edit", "edits"),
    "shell": ("command", "commands"),
    "web_fetch": ("fetch", "fetches"),
    "web_search": ("search of the web", "searches of the web"),
    "read": ("read", "reads"),
    "list": ("read", "reads"),
    "glob": ("read", "reads"),
    "search": ("read", "reads"),
}


def in_words(group: Sequence[Waiting]) -> str:
    """Return how many calls of each kind wait, edits with the directory they share."""
    kinds: dict[tuple[str, str], list[Waiting]] = {}
    for waiting in group:
        if not waiting.apart:
            kinds.setdefault(KINDS.get(waiting.name, ("other call", "other calls")), []).append(waiting)
    words = [_counted(kind, members) for kind, members in kinds.items()]
    apart = sum(waiting.apart for waiting in group)
    return ", ".join([*words, *([f"{apart} apart"] if apart else [])])


def answerable(group: Sequence[Waiting]) -> tuple[CallKey, ...]:
    """Return the calls that may be allowed together, in their order."""
    return tuple(waiting.key for waiting in group if not waiting.apart)


def _counted(kind: tuple[str, str], members: Sequence[Waiting]) -> str:
    count = f"1 {kind[0]}" if len(members) == 1 else f"{len(members)} {kind[1]}"
    if kind[0] != "edit" or not all(member.subject for member in members):
        return count
    subjects = {member.subject for member in members}
    if len(subjects) == 1:
        return f"{count} of {sanitise_path(members[0].subject)}"
    absolute = {subject.startswith("/") for subject in subjects}
    shared = commonpath([subject.rpartition("/")[0] or "." for subject in subjects]) if len(absolute) == 1 else ""
    return f"{count} under {sanitise_path(shared)}/" if shared not in ("", ".", "/") else count
