"""Every key, once, with its help text. The footer, the help screen and `docs/keys.md` are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Where = Literal["everywhere", "prompt", "transcript", "approval"]


@dataclass(frozen=True, slots=True)
class Key:
    """`keys` in Textual's spelling; `shown` as people write them."""

    action: str
    keys: tuple[str, ...]
    shown: str
    help: str
    where: Where = "everywhere"


KEYS: tuple[Key, ...] = (
    Key("send", ("enter",), "Enter", "send; while the agent works, queue", "prompt"),
    Key("newline", ("shift+enter", "ctrl+j", "alt+enter"), "Shift+Enter, Ctrl+J, \\+Enter", "new line", "prompt"),
    Key("steer", ("ctrl+s",), "Ctrl+S", "say it to the agent now, while it works", "prompt"),
    Key("history_back", ("up",), "Up", "earlier prompt (on the first line)", "prompt"),
    Key("history_forward", ("down",), "Down", "later prompt (on the last line)", "prompt"),
    Key("history_search", ("ctrl+r",), "Ctrl+R", "search earlier prompts for what is typed", "prompt"),
    Key("interrupt", ("escape",), "Esc", "deny the question shown, else interrupt the turn"),
    Key("cycle_mode", ("shift+tab",), "Shift+Tab", "next permission mode: ask, accept edits, plan"),
    Key("expand", ("ctrl+o",), "Ctrl+O", "open the last output, or the one selected, in the pager"),
    Key("todo", ("ctrl+t",), "Ctrl+T", "show or hide the agent's list of work"),
    Key("editor", ("ctrl+g",), "Ctrl+G", "write the prompt in $EDITOR"),
    Key("background", ("ctrl+b",), "Ctrl+B", "move the running command to the background (in tmux press it twice)"),
    Key("focus_transcript", ("ctrl+up",), "Ctrl+Up", "walk the transcript; Esc comes back"),
    Key("help", ("f1",), "F1", "this help"),
    Key("quit", ("ctrl+d",), "Ctrl+D, Ctrl+C twice", "quit"),
    Key("copy_or_quit", ("ctrl+c",), "Ctrl+C", "copy the selection, else clear the prompt, else (twice) quit"),
    Key("previous", ("up", "k"), "Up, k", "block above", "transcript"),
    Key("next", ("down", "j"), "Down, j", "block below", "transcript"),
    Key("toggle", ("enter", "space"), "Enter, Space", "open or fold the block", "transcript"),
    Key("cancel_call", ("x",), "x", "cancel the selected call alone", "transcript"),
    Key("copy_block", ("y",), "y", "copy the selected block", "transcript"),
    Key("yes", ("y", "1"), "y, 1", "yes, this once", "approval"),
    Key("always", ("a", "2"), "a, 2", "always: the rule that is shown", "approval"),
    Key("edit", ("e", "3"), "e, 3", "edit the arguments first", "approval"),
    Key("no", ("n", "4"), "n, 4", "no, with a reason if you like", "approval"),
    Key("view", ("v",), "v", "the whole of it, full screen", "approval"),
    Key("all_like", ("A",), "A", "yes to all that wait of the same tool", "approval"),
)


def keys_of(where: Where, overrides: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return key → action for one place; `overrides` maps actions to keys of the user's own (comma-separated)."""
    overrides = overrides or {}
    found: dict[str, str] = {}
    for key in KEYS:
        if key.where != where:
            continue
        own = overrides.get(key.action)
        for name in own.split(",") if own else key.keys:
            found[name.strip()] = key.action
    return found


def as_markdown() -> str:
    """Return `docs/keys.md`."""
    titles = {"everywhere": "Everywhere", "prompt": "In the prompt", "transcript": "In the transcript"}
    titles["approval"] = "When a question is up"
    lines = ["# Keys", "", "Made from `views/tui/keymap.py`. The `keyboard` setting gives an action another key."]
    for where, title in titles.items():
        lines += ["", f"## {title}", "", "| key | action | what it does |", "|---|---|---|"]
        lines += [f"| {key.shown} | `{key.action}` | {key.help} |" for key in KEYS if key.where == where]
    return "\n".join(lines) + "\n"
