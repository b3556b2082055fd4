"""To which moments a session can go back, and what that asks of its files and of the model's history. Pure.

A moment is the number of an event: things as they were just before it. Files change for good, whatever is later taken
back of the conversation, so for them every event counts; of the conversation only what is still live (`session.live`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from plait.protocol.calls import CallKey, TodoItem
from plait.protocol.events import (
    BackgroundStarted,
    CallReserved,
    CallStarted,
    Event,
    FilesChanged,
    FilesKept,
    HistoryReplaced,
    MessagesRecorded,
    Rewound,
    Stamped,
    TodoChanged,
    TurnStarted,
)
from plait.protocol.file_events import FileChange, FileVersion
from plait.protocol.queries import RewindPoint
from plait.session.glance import title_of
from plait.session.live import Live, backs

POINTS = frozenset(kind.__name__ for kind in (FilesChanged, FilesKept, Rewound, TurnStarted))
LOOKED_AT = POINTS | {kind.__name__ for kind in (BackgroundStarted, CallReserved, CallStarted, TodoChanged)}
HISTORY = frozenset(kind.__name__ for kind in (MessagesRecorded, HistoryReplaced, Rewound))
MOST_NOTES = 12
COMMAND_CHARACTERS = 60


@dataclass(slots=True)
class Wanted:
    """A file that calls have changed since a moment: what it was then, and what it may be if nobody else changed it.

    is_mixed: somebody else changed it between two changes of ours, which going back would undo too.
    """

    path: str
    target: FileVersion
    kept: bool
    ours: set[str | None] = field(default_factory=set)
    by_command: bool = False
    is_mixed: bool = False


def points(events: Sequence[Stamped]) -> tuple[RewindPoint, ...]:
    """Return the moments to go back to, newest last: the begin of each turn that still counts, and each rewind."""
    live = Live(backs(events), 1 + max((stamped.seq for stamped in events), default=0))
    changed: set[str] = set()
    found: list[RewindPoint] = []
    for stamped in reversed(events):
        match stamped.event:
            case FilesKept(files=files):
                changed.update(file.path for file in files)
            case FilesChanged(changes=changes):
                changed.update(change.path for change in changes)
            case Rewound(turn=turn, prompt=prompt) as rewound:
                changed.update(change.path for change in rewound.changes)
                if stamped.seq in live:
                    words = title_of(prompt) or f"turn {turn}"
                    found.append(
                        RewindPoint(stamped.seq, stamped.at, turn, f"undo going back to “{words}”", len(changed), True)
                    )
            case TurnStarted(turn=turn, prompt=prompt) if stamped.seq in live:
                found.append(RewindPoint(stamped.seq, stamped.at, turn, title_of(prompt), len(changed)))
            case _:
                pass
    return tuple(found[::-1])


def wanted(events: Iterable[Stamped], to_seq: int) -> tuple[Wanted, ...]:
    """Return the files that calls have changed since, in the order of their first change."""
    files: dict[str, Wanted] = {}
    commands: set[CallKey] = set()
    for stamped in events:
        if stamped.seq < to_seq:
            continue
        match stamped.event:
            case FilesKept(files=kept):
                for file in kept:
                    _first(files, file.path, file.version, kept=file.kept)
            case CallStarted(key=key, cap=cap, writes=writes):
                if cap == "commands":
                    commands.add(key)
                for write in writes:
                    if (one := files.get(write.path)) is not None:
                        one.ours.add(write.after)
            case FilesChanged(key=key, changes=changes):
                _changed(files, changes, by_command=key in commands)
            case Rewound(changes=changes):
                _changed(files, changes, by_command=False)
            case _:
                pass
    return tuple(files.values())


def _first(files: dict[str, Wanted], path: str, version: FileVersion, *, kept: bool) -> Wanted:
    one = files.get(path)
    if one is None:
        one = files[path] = Wanted(path, version, kept, {version.sha256})
    elif version.sha256 not in one.ours:
        one.is_mixed = True
    return one


def _changed(files: dict[str, Wanted], changes: Iterable[FileChange], *, by_command: bool) -> None:
    for change in changes:
        one = _first(files, change.path, change.before, kept=change.kept)
        one.ours = {change.after.sha256}
        one.by_command |= by_command


def notes(events: Iterable[Stamped], to_seq: int) -> tuple[str, ...]:
    """Return in words what commands since then may have changed that going back does not undo."""
    said: dict[str, None] = {}
    open_commands: dict[CallKey, CallReserved] = {}
    by_user = ""
    for stamped in events:
        if stamped.seq < to_seq:
            continue
        match stamped.event:
            case TurnStarted(prompt=prompt):
                by_user = f"You ran {_short(prompt)}: what it changed is yours, and stays." if _is_shell(prompt) else ""
            case CallReserved(key=key, effect="write" | "unknown", cap="commands") as reserved:
                open_commands[key] = reserved
            case CallStarted(key=key) if key in open_commands and by_user:
                said[by_user] = None
                del open_commands[key]
            case FilesChanged(key=key, not_covered=not_covered):
                open_commands.pop(key, None)
                said.update(dict.fromkeys(not_covered))
            case BackgroundStarted(background_id=name, command=command):
                said[f"{_short(command)} went on in the background as {name}: what it changed then stays."] = None
            case _:
                pass
    started = {
        stamped.event.key for stamped in events if isinstance(stamped.event, CallStarted) and stamped.seq >= to_seq
    }
    for key, reserved in open_commands.items():
        if key in started:
            command = _short(str(reserved.args.get("command", reserved.name)))
            what = "was cut off, or could not be looked at: what it changed is not known, see `git diff`."
            said[f"{command} {what}"] = None
    left_out = len(said) - MOST_NOTES
    more = (f"and {left_out} more like these",) if left_out > 0 else ()
    return (*list(said)[:MOST_NOTES], *more)


def _is_shell(prompt: str) -> bool:
    return prompt.startswith("! ")


def _short(command: str) -> str:
    line = " ".join(command.split())
    return f"`{line if len(line) <= COMMAND_CHARACTERS else line[: COMMAND_CHARACTERS - 1] + '…'}`"


def history(events: Sequence[Stamped], to_seq: int) -> tuple[str, ...]:
    """Return the payloads of the model's messages as they stood, of events of the kinds in `HISTORY`."""
    live = Live(backs(events), to_seq)
    payloads: list[str] = []
    for stamped in events:
        if stamped.seq >= to_seq or stamped.seq not in live:
            continue
        match stamped.event:
            case MessagesRecorded(payload=payload):
                payloads.append(payload)
            case HistoryReplaced(payload=payload):
                payloads = [payload]
            case Rewound(payload=str(payload)):
                payloads = [payload]
            case _:
                pass
    return tuple(payloads)


def todo(events: Sequence[Stamped], to_seq: int) -> tuple[TodoItem, ...]:
    """Return the agent's list of work as it stood."""
    live = Live(backs(events), to_seq)
    items: tuple[TodoItem, ...] = ()
    for stamped in events:
        if stamped.seq < to_seq and stamped.seq in live and isinstance(stamped.event, TodoChanged):
            items = stamped.event.items
    return items


def digests_of(event: Event) -> Iterator[str]:
    """Yield the hashes of what an event says was put aside."""
    match event:
        case FilesKept(files=files):
            kept = [file.version for file in files if file.kept]
        case FilesChanged(changes=changes) | Rewound(changes=changes):
            kept = [change.before for change in changes if change.kept]
        case _:
            kept = []
    yield from (version.sha256 for version in kept if version.sha256)
