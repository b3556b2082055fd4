"""Every key, once, with its help text, and the user's own keys. The help screen and `docs/keys.md` are made from it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
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
    Key(
        "interrupt",
        ("escape",),
        "Esc",
        "deny the question shown, else interrupt the turn; twice, with nothing running or typed: go back",
    ),
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
    Key("always", ("a", "2"), "a, 2", "always, in this session: the rule that is shown; Enter confirms", "approval"),
    Key("always_project", ("p",), "p", "always, in this project: the rule that is shown; Enter confirms", "approval"),
    Key("edit", ("e", "3"), "e, 3", "edit the arguments first", "approval"),
    Key("no", ("n", "4"), "n, 4", "no, with a reason if you like", "approval"),
    Key("view", ("v",), "v", "the whole of it, full screen", "approval"),
    Key("all_like", ("A",), "A", "yes to all that wait of the same tool; Enter confirms", "approval"),
    Key("all", ("G",), "G", "yes to all that wait, but to what stands apart; Enter confirms", "approval"),
    Key("pick", ("g",), "g", "choose which of those that wait may run", "approval"),
)


BY_ACTION = {key.action: key for key in KEYS}
ANSWER_KEYS = ("up", "down", "left", "right", "tab", "enter")
NO_KEY = "no-key"
"""What Textual is told of an action that has none; nothing on a keyboard is called so."""
MODIFIERS = ("alt", "ctrl", "hyper", "meta", "shift", "super")
OTHER_NAMES = {
    "control": "ctrl", "option": "alt", "opt": "alt", "cmd": "super", "esc": "escape", "return": "enter",
    "pgup": "pageup", "pgdn": "pagedown", "pgdown": "pagedown", "del": "delete", "ins": "insert",
}  # fmt: skip
SHORT_NAMES = {"plus_sign": "plus", "hyphen_minus": "minus", "low_line": "underscore", "solidus": "slash"}
SHOWN = {"escape": "Esc", "pageup": "PgUp", "pagedown": "PgDn"}


@dataclass(frozen=True, slots=True)
class Keyboard:
    """Which keys each action has: the table's, or the user's own. `keys` in Textual's spelling, by action."""

    keys: Mapping[str, tuple[str, ...]]

    def of(self, where: Where) -> dict[str, str]:
        """Return key → action for one place."""
        return {name: key.action for key in KEYS if key.where == where for name in self.keys[key.action]}

    def shown(self, action: str) -> str:
        """Return the keys of an action as people write them."""
        key, own = BY_ACTION[action], self.keys[action]
        return key.shown if own == key.keys else ", ".join(map(_shown, own)) or "no key"

    def first(self, action: str) -> str:
        """Return the first of them, for a hint."""
        return _shown(self.keys[action][0]) if self.keys[action] else "no key"

    def for_textual(self) -> dict[str, str]:
        """Return what `App.set_keymap` wants: the actions whose keys are not the table's."""
        changed = (key.action for key in KEYS if self.keys[key.action] != key.keys)
        return {action: ",".join(self.keys[action]) or NO_KEY for action in changed}


def read_keyboard(own: Mapping[str, str]) -> tuple[Keyboard, list[str]]:
    """Return the keyboard with the user's `own` keys (by action, comma-separated), and a line for all that was wrong.

    A key of the user's is taken away from whatever had it; of two actions given the same key the first in the table
    has it. What cannot be used leaves the table's keys.
    """
    problems: list[str] = []
    if unknown := unknown_actions(own):
        problems.append(f"no such action: {', '.join(unknown)} (F1 names them)")
    wanted = {key.action: tuple(_wanted(key, own[key.action], problems)) if own.get(key.action) else () for key in KEYS}
    given: dict[str, tuple[str, ...]] = {}
    taken: dict[str, list[Key]] = {}
    # The user's own first: the table's give way to them.
    for key in sorted(KEYS, key=lambda key: not wanted[key.action]):
        kept = []
        for name in wanted[key.action] or key.keys:
            other = next((other for other in taken.get(name, ()) if _meet(key, other)), None)
            if other is None:
                taken.setdefault(name, []).append(key)
                kept.append(name)
            else:
                problems.append(f"{_shown(name)} is given to {other.action} and {key.action}; {other.action} has it")
        given[key.action] = tuple(kept)
    return Keyboard(given), [f"keyboard: {'; '.join(problems)}."] if problems else []


def unknown_actions(own: Mapping[str, str]) -> list[str]:
    """Return the actions among the user's that there are not, sorted."""
    return sorted(set(own) - set(BY_ACTION))


@cache
def _named() -> frozenset[str]:
    """Return what Textual calls keys that have names."""
    # Without a screen only the actions are looked at, and this takes 0.2 s.
    from textual.keys import Keys

    return frozenset(key.value.rpartition("+")[2] for key in Keys)


def _wanted(key: Key, names: str, problems: list[str]) -> Iterator[str]:
    for written in names.split(","):
        name = _spelled(written.strip())
        if name is None:
            problems.append(f"no such key: {written.strip()!r} for {key.action}")
        elif key.where == "approval" and name in ANSWER_KEYS:
            problems.append(f"{written.strip()!r} moves between the answers, it cannot be {key.action}")
        elif key.where in ("everywhere", "prompt") and _is_letter(name):
            problems.append(f"{written.strip()!r} for {key.action} would be missed when typing")
        else:
            yield name


def _spelled(written: str) -> str | None:
    """Return a key as Textual spells it; None if there is no such key."""
    *before, last = [written] if len(written) == 1 else written.replace("++", "+plus").split("+")
    modifiers = {OTHER_NAMES.get(word.strip().lower(), word.strip().lower()) for word in before}
    if not modifiers <= set(MODIFIERS):
        return None
    last = last.strip()
    if len(last) > 1:
        last = OTHER_NAMES.get(last.lower(), last.lower())
        char = _char(last)
        if last not in _named() and not char:
            return None
    elif last and not last.isalnum():
        last = unicodedata.name(last, "").lower().replace(" ", "_").replace("-", "_")
        last = SHORT_NAMES.get(last, last)
    elif modifiers == {"shift"}:
        return last.upper() or None
    elif modifiers:
        last = last.lower()
    return "+".join([*sorted(modifiers), last]) if last else None


def _char(name: str) -> str:
    """Return the character that a key's name stands for, if it stands for one that is seen."""
    try:
        char = unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        char = name if name in SHORT_NAMES.values() else ""
    return char if char.isprintable() else ""


def _is_letter(name: str) -> bool:
    return "+" not in name and (len(name) == 1 or bool(_char(name)))


def _meet(key: Key, other: Key) -> bool:
    """Return whether two actions cannot have the same key; what works everywhere comes before all else."""
    return key.where == other.where or "everywhere" in (key.where, other.where)


def _shown(name: str) -> str:
    if len(name) == 1:
        return name
    return "+".join(SHOWN.get(word, word.capitalize()) for word in name.split("+"))


ABOUT = """\
Made from `views/tui/keymap.py`. The `keyboard` setting gives an action other keys, instead of those of the table:

```toml
[keyboard]
todo = "f7"
newline = "alt+enter, ctrl+n"
yes = "ctrl+y"
```

A key is written as people do (`Ctrl+T`, `PgUp`, `F7`, `?`); several are separated by commas, and a comma is `comma`.
It is taken away from whatever had it at the same place; keys for everywhere go before all others. An action or a key
that does not exist, a key that two actions want, or a bare letter that would be missed when typing is one warning when
the screen opens, and the rest is used. Help (F1), hints and questions name the keys you have."""


QUESTIONS = """\
What is typed is never an answer. An answer key lights its answer; `y`, `n`, `e`, `v`, `g` and the numbers act after
0.4 s in which no other key came, or at once by Enter or the same key again. What grants more than this call (`a`, `p`,
`A`, `G`), and yes to what is dangerous, acts by Enter only. Any other key meanwhile sends the held letter and itself to
the prompt, which has the focus from then on; so does a key that answers nothing. Arrows move between the answers, and
Enter gives the one they chose; Enter alone gives none.

No key answers before the question has been on the screen for 0.5 s, nor within 0.4 s of other typing; an answer key
within 0.5 s of an answer is held for the next question. A draft that is there when the question comes keeps the focus:
Tab goes to the question, and from a question in words to the line for an answer of your own. With an empty prompt the
question has the focus. A click never moves it. Lists and pages that ask (trust, going back, choosing what may run)
follow the same rule."""


def as_markdown() -> str:
    """Return `docs/keys.md`."""
    titles = {"everywhere": "Everywhere", "prompt": "In the prompt", "transcript": "In the transcript"}
    titles["approval"] = "When a question is up"
    lines = ["# Keys", "", *ABOUT.splitlines()]
    for where, title in titles.items():
        lines += ["", f"## {title}"]
        lines += ["", *QUESTIONS.splitlines()] if where == "approval" else []
        lines += ["", "| key | action | what it does |", "|---|---|---|"]
        lines += [f"| {key.shown} | `{key.action}` | {key.help} |" for key in KEYS if key.where == where]
    return "\n".join(lines) + "\n"
