"""The blocks of calls: lanes of reads, and one card for each call that does more. No widget, no event.

The clock is handed in; a block that shows it is drawn again as time passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from rich.text import Text

from plait.protocol.calls import (
    CallKey,
    CommandDetail,
    Detail,
    DiffDetail,
    DiffsDetail,
    HitsDetail,
    TextDetail,
    TodoDetail,
    TodoItem,
)
from plait.protocol.display import sanitise, sanitise_line, sanitise_output, sanitise_path
from plait.views.tui.blocks import Block
from plait.views.tui.diff import diff_lines
from plait.views.tui.palette import Palette
from plait.views.tui.wrapping import cut, cut_middle, with_right, wrap

GLYPHS = {
    "queued": "◇", "asking": "◆", "running": "⠹", "ok": "✓", "failed": "✗", "timeout": "✗", "denied": "⊘",
    "cancelled": "↷",
}  # fmt: skip
WORDS = {"timeout": "timed out", "denied": "denied", "cancelled": "cancelled", "failed": "failed", "queued": "queued"}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
READS = frozenset({"read", "list", "glob", "search", "web_fetch", "web_search"})
MOST_DIFF_LINES = 24
HEAD_LINES, TAIL_LINES = 4, 6


@dataclass(slots=True)
class CallRow:
    """A call as the transcript knows it. Times in milliseconds; `started_s` on the clock of the view."""

    key: CallKey
    name: str
    args: dict[str, Any]
    effect: str
    state: str = "queued"
    waits_for: tuple[str, ...] = ()
    progress: str = ""
    queued_ms: float = 0.0
    run_ms: float = 0.0
    started_s: float | None = None
    ended_s: float | None = None
    text: str = ""
    detail: Detail | None = None
    output: list[str] = field(default_factory=list)
    output_size: int = 0
    edited: bool = False
    reused: bool = False

    @property
    def is_over(self) -> bool:
        return self.state in ("ok", "failed", "timeout", "denied", "cancelled")

    @property
    def subject(self) -> str:
        """What it is about, in one line."""
        args = self.args
        files = args.get("files")
        if self.name == "read" and isinstance(files, list):
            names = [str(entry.get("path", "?")) if isinstance(entry, dict) else str(entry) for entry in files]
            return ", ".join(names)
        for name in ("command", "path", "query", "pattern", "url", "question", "id"):
            if isinstance(args.get(name), str):
                where = f"  in {args['path']}" if name != "path" and isinstance(args.get("path"), str) else ""
                return f"{args[name]}{where}"
        if isinstance(args.get("urls"), list):
            return ", ".join(map(str, args["urls"]))
        if isinstance(args.get("pattern"), str):
            return str(args["pattern"])
        return ""

    def output_text(self) -> str:
        return "".join(self.output)


def duration(milliseconds: float) -> str:
    if milliseconds < 1:
        return "<1ms"
    return f"{milliseconds:.0f}ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f}s"


def summary(row: CallRow) -> str:
    """Return a few words about what came of it, for the right edge."""
    if row.state in ("failed", "timeout", "denied", "cancelled"):
        return WORDS[row.state]
    match row.detail:
        case None:
            return row.progress
        case TextDetail(summary=text):
            return text
        case HitsDetail(hits=hits, timings_ms=timings):
            count = "1 hit" if len(hits) == 1 else f"{len(hits)} hits"
            return f"{count} · {len(timings)} strategies"
        case CommandDetail(exit_code=code, signal=signal, background_id=background):
            if background is not None:
                return f"in the background as {background}"
            return f"exit {code}" if code is not None else str(signal or "ended")
        case DiffDetail(added=added, removed=removed):
            return f"+{added} -{removed}"
        case DiffsDetail(files=files):
            return f"{len(files)} files"
        case TodoDetail(items=items):
            return f"{sum(item.state == 'done' for item in items)} of {len(items)} done"
        case _:
            assert_never(row.detail)


def row_style(row: CallRow, palette: Palette) -> Any:
    if row.state in ("failed", "timeout"):
        return palette.error
    if row.state in ("denied", "cancelled", "queued"):
        return palette.dim
    return palette.read if row.effect in ("none", "read") else palette.write


def row_line(row: CallRow, width: int, palette: Palette, now_s: float, *, rail: str = "", name_width: int = 6) -> Text:
    """Return one lane: glyph, name, subject; at the right edge what came of it and how long it took."""
    glyph = GLYPHS[row.state]
    if row.state == "running":
        glyph = SPINNER[int(now_s * 10) % len(SPINNER)]
    elif row.state == "ok" and isinstance(row.detail, CommandDetail) and row.detail.exit_code not in (0, None):
        # It ran, so the call is done; but no tick for what says that it did not succeed.
        glyph = "!"
    left = Text.assemble(
        (rail, palette.faint),
        (f"{glyph} ", row_style(row, palette)),
        (f"{row.name:<{name_width}} ", palette.text if row.state != "queued" else palette.dim),
    )
    if row.state == "queued" and row.waits_for:
        what = f"waits for {', '.join(row.waits_for)}"
    elif row.state == "asking":
        what = "waiting for you"
    else:
        what = summary(row)
    elapsed = ""
    if row.state == "running" and row.started_s is not None:
        elapsed = duration((now_s - row.started_s) * 1000)
    elif row.is_over and row.run_ms:
        elapsed = duration(row.run_ms)
    right = Text.assemble((sanitise_line(what), palette.dim), (f"{elapsed:>7}" if elapsed else "", palette.dim))
    room = max(6, width - left.cell_len - right.cell_len - 2)
    shorten = cut if row.name == "shell" else cut_middle
    left.append(shorten(sanitise_path(row.subject), room), palette.text if row.is_over else palette.dim)
    return with_right(left, right, width)


class CallGroup(Block):
    """Reads of one reply, side by side: a lane each while they run, one line when all are done."""

    packs = True

    def __init__(self, now_s: Callable[[], float]) -> None:
        super().__init__()
        self.rows: list[CallRow] = []
        self._now_s = now_s

    @property
    def is_live(self) -> bool:
        return any(not row.is_over for row in self.rows)

    @property
    def can_open(self) -> bool:
        return not self.is_live

    def lines(self, width: int, palette: Palette) -> list[Text]:
        now = self._now_s()
        if self.is_live:
            return self._lanes(width, palette, now)
        if len(self.rows) == 1 and not self.is_open:
            return [row_line(self.rows[0], width, palette, now, name_width=len(self.rows[0].name))]
        head = self._folded(width, palette)
        if not self.is_open:
            return [head]
        name_width = max(len(row.name) for row in self.rows)
        rows = [row_line(row, width, palette, now, rail="  ", name_width=name_width) for row in self.rows]
        return [head, *rows]

    def _lanes(self, width: int, palette: Palette, now_s: float) -> list[Text]:
        done = sum(row.is_over for row in self.rows)
        running = sum(row.state == "running" for row in self.rows)
        starts = [row.started_s for row in self.rows if row.started_s is not None]
        elapsed = f"{now_s - min(starts):.1f}s" if starts else ""
        total = len(self.rows)
        filled = round(min(total, 8) * done / total)
        bar = "▰" * filled + "▱" * (min(total, 8) - filled)
        title = f"reading · {running} in parallel" if running > 1 else "reading"
        head = with_right(
            Text.assemble(("┌ ", palette.faint), (title, palette.read)),
            Text(f"{elapsed}  {bar} {done}/{total}", palette.dim),
            width,
        )
        name_width = max(len(row.name) for row in self.rows)
        rows = [row_line(row, width, palette, now_s, rail="│ ", name_width=name_width) for row in self.rows]
        return [head, *rows, Text("└", palette.faint)]

    def _folded(self, width: int, palette: Palette) -> Text:
        counts: dict[str, int] = {}
        for row in self.rows:
            counts[row.name] = counts.get(row.name, 0) + 1
        names = ", ".join(name if count == 1 else f"{name} {count}" for name, count in counts.items())
        bad = sum(row.state != "ok" for row in self.rows)
        spans = [(row.started_s, row.ended_s) for row in self.rows if row.started_s is not None and row.ended_s]
        wall_ms = (max(end for _, end in spans) - min(start for start, _ in spans)) * 1000 if spans else 0.0
        serial_ms = sum(row.run_ms for row in self.rows)
        # The clock of events counts whole milliseconds.
        wall_ms = max(wall_ms, *(row.run_ms for row in self.rows), 0.0)
        saved = f" (one after another: {duration(serial_ms)})" if serial_ms > 1.2 * wall_ms and serial_ms > 50 else ""
        right = Text(f"{duration(wall_ms)}{saved} {'▾' if self.is_open else '▸'}", palette.dim)
        failed = f" · {bad} failed" if bad else ""
        left = Text.assemble(("● ", palette.error if bad else palette.read), (f"{names}", palette.text))
        left.append(failed, palette.error)
        subjects = list(dict.fromkeys(sanitise_path(row.subject) for row in self.rows if row.subject))
        room = width - left.cell_len - right.cell_len - 4
        shown: list[str] = []
        for subject in subjects:
            if len(", ".join([*shown, subject])) + 5 > room and shown:
                break
            shown.append(cut_middle(subject, max(8, room - len(", ".join(shown)) - 5)))
        more = f", +{len(subjects) - len(shown)}" if len(subjects) > len(shown) else ""
        left.append(f" · {', '.join(shown)}{more}" if shown else "", palette.dim)
        return with_right(left, right, width)

    def plain(self) -> str:
        return "\n".join(f"{row.name} {row.subject}" for row in self.rows)

    def full_text(self) -> str | None:
        return "\n\n".join(f"── {row.name} {row.subject} ──\n{row.text}" for row in self.rows if row.text) or None


class CallCard(Block):
    """One call that does more than read: its line, and its diff, output or text."""

    packs = True

    def __init__(self, row: CallRow, now_s: Callable[[], float], expand_key: str = "Ctrl+O") -> None:
        super().__init__()
        self.row = row
        self._now_s = now_s
        self._expand_key = expand_key

    @property
    def is_live(self) -> bool:
        return not self.row.is_over

    @property
    def can_open(self) -> bool:
        return True

    def lines(self, width: int, palette: Palette) -> list[Text]:
        row = self.row
        head = row_line(row, width, palette, self._now_s(), name_width=len(row.name))
        return [head, *(Text.assemble("  ", line) for line in self._body(width - 2, palette))]

    def _body(self, width: int, palette: Palette) -> list[Text]:
        row = self.row
        match row.detail:
            case DiffDetail() as diff if row.state == "ok":
                return diff_lines(diff, width, palette, most=None if self.is_open else MOST_DIFF_LINES)
            case DiffsDetail(files=files) if row.state == "ok":
                return [line for diff in files for line in diff_lines(diff, width, palette, most=MOST_DIFF_LINES)]
            case CommandDetail(output=output, note=note):
                noted = wrap(Text(sanitise(note), palette.dim), width) if note else []
                return [*self._output(output, width, palette), *noted]
            case TodoDetail(items=items):
                return todo_lines(items, palette)
            case TextDetail(text=text) if text:
                return self._output(text, width, palette)
            case _:
                pass
        if row.output:
            return self._output(row.output_text(), width, palette)
        if row.state in ("failed", "timeout", "denied"):
            most = 12 if self.is_open else 3
            lines = wrap(Text(sanitise(row.text).strip(), palette.dim), width)
            return lines[:most] + ([Text("…", palette.dim)] if len(lines) > most else [])
        return []

    def _output(self, output: str, width: int, palette: Palette) -> list[Text]:
        # Only the ends are looked at: output may be megabytes.
        if len(output) > 20_000:
            ends = [*output[:8000].splitlines()[:HEAD_LINES], *output[-8000:].splitlines()[-TAIL_LINES:]]
            count = output.count("\n")
        else:
            ends = output.rstrip("\n").splitlines()
            count = len(ends)
        most = 40 if self.is_open else HEAD_LINES + TAIL_LINES
        if len(ends) > most or count > most:
            head, tail = (20, 20) if self.is_open and len(ends) >= 40 else (HEAD_LINES, TAIL_LINES)
            gap = Text(f"  … {count - head - tail} lines · {self._expand_key} shows all", palette.dim)
            return [
                *(self._line(line, width, palette) for line in ends[:head]),
                gap,
                *(self._line(line, width, palette) for line in ends[-tail:]),
            ]
        return [self._line(line, width, palette) for line in ends]

    @staticmethod
    def _line(line: str, width: int, palette: Palette) -> Text:
        return Text(cut(sanitise_output(line[:2000]), width), palette.dim)

    def plain(self) -> str:
        match self.row.detail:
            case CommandDetail(command=command, output=output, note=note):
                return f"$ {command}\n{output}" + (f"\n{note}" if note else "")
            case _:
                return self.row.text or f"{self.row.name} {self.row.subject}"

    def full_text(self) -> str | None:
        match self.row.detail:
            case CommandDetail(output=output):
                return output
            case DiffDetail(after=after, before=before):
                return after if after is not None else before
            case _:
                return self.row.output_text() or self.row.text or None


def todo_lines(items: Sequence[TodoItem], palette: Palette) -> list[Text]:
    marks = {"open": ("◇", palette.dim), "doing": ("◆", palette.write), "done": ("✓", palette.ok)}
    lines = []
    for item in items:
        mark, style = marks[item.state]
        text_style = palette.dim if item.state == "done" else palette.text
        lines.append(Text.assemble((f"{mark} ", style), (sanitise_line(item.text), text_style)))
    return lines
