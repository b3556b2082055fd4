"""What people read: the answer on standard output, everything else as lines on standard error. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from plait.protocol.calls import CallKey
from plait.protocol.display import sanitise
from plait.protocol.events import CallEnded, CallReserved, Notice, RetryScheduled, Stamped
from plait.views.headless.tally import Tally


def answer_bytes(text: str, *, terminal: bool) -> bytes:
    """Return the answer and a newline as UTF-8; on a terminal without anything that could drive it."""
    shown = sanitise(text) if terminal else text
    try:
        # The bytes of a file name that is not UTF-8 go out as they came.
        return shown.encode("utf-8", "surrogateescape") + b"\n"
    except UnicodeEncodeError:
        return shown.encode("utf-8", "backslashreplace") + b"\n"


class Diagnostics:
    """Lines for standard error; `verbose` adds one a tool call, and what is merely informative."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._names: dict[CallKey, str] = {}

    def on(self, stamped: Stamped) -> list[str]:
        match stamped.event:
            case Notice(level="info", text=text):
                return [text] if self._verbose else []
            case Notice(level=level, text=text):
                return [f"{level}: {text}"]
            case RetryScheduled() as retry:
                return [f"retry {retry.attempt} in {retry.wait_s:.1f} s: {retry.reason}"]
            case CallReserved(key=key, name=name):
                self._names[key] = name
            case CallEnded() as ended if self._verbose:
                return [f"{self._names.get(ended.key, 'call')}: {ended.status} in {ended.run_ms:.0f} ms"]
            case _:
                pass
        return []


def closing_lines(tally: Tally) -> list[str]:
    """Return what must be said after the last event: why there is no answer, what was not allowed."""
    told = [tally.error] if tally.error else []
    return told + denial_lines(tally.denied)


def denial_lines(denied: Sequence[CallReserved]) -> list[str]:
    if not denied:
        return []
    names = list(dict.fromkeys(call.name for call in denied))
    calls = "1 call was" if len(denied) == 1 else f"{len(denied)} calls were"
    return [
        f"{calls} not allowed: {', '.join(f'`{name}`' for name in names)}. "
        "Allow with rules, as in `--allowed-tools 'shell(git *) edit(src/**)'`, or with another `--permission-mode`."
    ]
