"""The line at the bottom: model, mode, place, how full the context is, what it cost."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from plait.protocol.commands import PermissionMode
from plait.protocol.display import sanitise_line, sanitise_path
from plait.protocol.events import Usage
from plait.views.tui.palette import Palette
from plait.views.tui.projector import State, cost_in_words
from plait.views.tui.wrapping import cut_middle, with_right

MODE_WORDS: dict[PermissionMode, str] = {
    "default": "ask before writes",
    "acceptEdits": "accept edits",
    "plan": "plan",
    "dontAsk": "deny what would ask",
    "bypassPermissions": "BYPASS PERMISSIONS",
}

LEAST_PLACE = 6
"""Cells for the directory and the branch, whatever else there is to say."""


def status_line(state: State, place: str, branch: str | None, palette: Palette, width: int) -> Text:
    """Return the status line, at most `width` cells: the right part goes first where there is no room."""
    spent = Usage().plus(state.usage).plus(state.turn_usage)
    right: list[tuple[str, object]] = []
    match state.sandbox.partition(" ")[0].rstrip(":,"):
        case "none" | "off":
            right.append(("no sandbox", palette.write))
        case "Landlock":
            right.append(("weak sandbox", palette.write))
        case "bubblewrap" | "sandbox-exec":
            right.append(("sandbox", palette.dim))
    if state.index:
        right.append((sanitise_line(state.index), palette.dim))
    if state.background:
        right.append((f"{state.background} in background", palette.write))
    if state.context_tokens and state.context_window:
        share = state.context_tokens / state.context_window
        right.append((f"ctx {share:.0%}", palette.error if share > 0.8 else palette.dim))
    elif state.context_tokens:
        right.append((f"ctx {state.context_tokens / 1000:.1f}k", palette.dim))
    if state.model != "scout" and (cost := cost_in_words(spent)):
        right.append((cost, palette.dim))
    name = sanitise_path(state.model.split(":", 1)[-1] or "starting…")
    mode_style = {"bypassPermissions": palette.error, "plan": palette.read, "acceptEdits": palette.write}
    head = Text.assemble(
        (name, palette.text),
        (" · ", palette.faint),
        (MODE_WORDS[state.mode], mode_style.get(state.mode, palette.dim)),
        (" · ", palette.faint),
    )
    while right and head.cell_len + LEAST_PLACE + 2 + sum(cell_len(words) + 2 for words, _ in right) - 2 > width:
        right.pop()
    tail = Text("  ").join(Text(words, style=style) for words, style in right)  # type: ignore[arg-type]  # all are Styles
    where = sanitise_path(place) + (f" {sanitise_path(branch)}" if branch else "")
    room = max(LEAST_PLACE, width - head.cell_len - tail.cell_len - 2)
    head.append(cut_middle(where, room), palette.dim)
    return with_right(head, tail, width) if tail.cell_len and width > 30 else head
