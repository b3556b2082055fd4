"""What is said around the transcript, as lines: the welcome, what is going on, what is queued. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from plait.protocol.display import sanitise_line, sanitise_path
from plait.views.tui.call_blocks import SPINNER, duration
from plait.views.tui.palette import Palette
from plait.views.tui.projector import State, Waiting
from plait.views.tui.wrapping import cut, cut_middle

EXAMPLES = ("where is the configuration read?", "what calls this function?", "fix the failing test in …")
MOST_QUEUED = 4
ALIVE_S = 5.0
"""If bytes came so much later than content, the server is there though the model says nothing."""


def activity_line(
    state: State, working_s: float, now_s: float, interrupt_key: str, palette: Palette, *, still: bool
) -> Text:
    """Return what the agent does, for `working_s` seconds by `now_s` (Unix time); empty if it does nothing.

    still: no spinner.
    """
    if not state.working and state.waiting is None:
        return Text("")
    glyph = "●" if still else SPINNER[int(now_s * 10) % len(SPINNER)]
    took = f" · {duration(working_s * 1000)}" if state.working else ""
    if state.asked is not None:
        words, escape = f"waiting for you{took}", "says no"
    elif state.waiting is not None:
        words, escape = waiting_words(state.waiting, now_s), "ends it"
    else:
        words, escape = f"{state.doing}{took}", "interrupts"
    return Text.assemble(
        (f"{glyph} ", palette.write if state.asked is not None else palette.you),
        (f"{sanitise_line(words)} · {interrupt_key} {escape}", palette.dim),
    )


def waiting_words(waiting: Waiting, now_s: float) -> str:
    """Return for what, and for how long, the model is waited for."""
    if waiting.retry_at_s is not None:
        left_s = math.ceil(waiting.retry_at_s - now_s)
        return f"trying again in {left_s // 60}:{left_s % 60:02}" if left_s > 0 else "trying again"
    if waiting.silent_s + ALIVE_S < waiting.waited_s:
        return f"server there, model silent for {waiting.waited_s:.0f} s"
    return f"nothing from the model for {waiting.waited_s:.0f} s of {waiting.limit_s:.0f} s"


def queue_lines(queue: Sequence[str], palette: Palette, width: int, *, can_edit: bool) -> list[Text]:
    """Return what waits to be sent; `can_edit` if a key takes the last one back."""
    lines = [
        Text(cut(f"◇ queued {number}: {sanitise_line(text)}", width - 4), palette.dim)
        for number, text in enumerate(queue, 1)
    ]
    if len(lines) > MOST_QUEUED:
        lines = [*lines[: MOST_QUEUED - 1], Text(f"  … {len(queue) - MOST_QUEUED + 1} more", palette.dim)]
    if lines and can_edit:
        lines[-1].append("   Up edits the last one", palette.faint)
    return lines


def welcome_lines(place: str, branch: str | None, palette: Palette, width: int, *, is_scout: bool) -> list[Text]:
    """Return the first screen; `is_scout` if no language model is configured."""
    lines = [
        Text(""),
        Text.assemble(("  plait", palette.you), ("  a coding assistant whose tools run in parallel", palette.dim)),
        Text.assemble(
            "  ",
            (cut_middle(sanitise_path(place), max(10, width - 24)), palette.text),
            (f"  {sanitise_path(branch)}" if branch else "", palette.dim),
        ),
        Text(""),
        *(Text(f"  {cut(example, width - 4)}", palette.dim) for example in EXAMPLES),
    ]
    if is_scout:
        without = "  No language model is configured: questions are answered by searching the code."
        how = "  Set ANTHROPIC_API_KEY or OPENAI_API_KEY, or type /model to see what is there."
        lines += [Text(""), Text(cut(without, width), palette.write), Text(cut(how, width), palette.dim)]
    return lines
