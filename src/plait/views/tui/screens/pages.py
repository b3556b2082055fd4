"""Full-screen pages: the pager for long text, the help, the session picker, the editor of a call's arguments."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import ModalScreen, Screen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import OptionList, Static, TextArea
from textual.widgets.option_list import Option

from plait.protocol.display import sanitise_line, sanitise_output
from plait.protocol.queries import SessionInfo
from plait.views.tui.edited import BadArguments
from plait.views.tui.keymap import KEYS, Keyboard
from plait.views.tui.palette import Palette
from plait.views.tui.screens.answer_screen import AnswerScreen
from plait.views.tui.slash import COMMANDS
from plait.views.tui.strips import to_strip
from plait.views.tui.widgets.safe_text import SafeTextArea
from plait.views.tui.wrapping import cut, wrap

LONGEST_LINE = 4000


class LinesView(ScrollView, can_focus=True):
    """Lines of text of any number: only those in sight are made into strips."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
        Binding("space", "page_down", show=False),
        Binding("b", "page_up", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]

    def __init__(self, lines: Sequence[str | Text]) -> None:
        super().__init__(id="page")
        self._lines = lines

    def on_mount(self) -> None:
        sample = self._lines[:2000]
        widest = max((min(len(line), LONGEST_LINE) for line in sample), default=0)
        self.virtual_size = Size(widest, len(self._lines))

    def render_line(self, y: int) -> Strip:
        place = y + self.scroll_offset.y
        if place >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        line = self._lines[place]
        text = Text(sanitise_output(line[:LONGEST_LINE])) if isinstance(line, str) else line
        left, width = self.scroll_offset.x, self.size.width
        return to_strip(text, left + width, self.rich_style).crop(left, left + width)


class WrappedLines(LinesView):
    """Lines of which nothing is beyond the edge: what is wider than the page goes on below, indented as it began.

    hang: how far what goes on is indented at least, in cells, where the line itself is indented.
    """

    def __init__(self, lines: Sequence[Text], *, hang: int = 0) -> None:
        super().__init__(lines)
        self._whole = lines
        self._hang = hang

    def on_mount(self) -> None:
        self._wrap()

    def on_resize(self) -> None:
        self._wrap()

    def _wrap(self) -> None:
        width = max(20, self.scrollable_content_region.width)
        self._lines = [piece for line in self._whole for piece in hanging(line, width, self._hang)]
        self.virtual_size = Size(width, len(self._lines))

    @property
    def unseen(self) -> int:
        """How many lines are below what is in sight."""
        return max(0, len(self._lines) - self.scroll_offset.y - self.scrollable_content_region.height)


def hanging(line: Text, width: int, hang: int) -> list[Text]:
    """Return `line` as lines of at most `width` cells, the later ones indented as it is, or by `hang` if more."""
    indent = len(line.plain) - len(line.plain.lstrip(" "))
    indent = min(max(indent, hang) if indent else 0, width // 2)
    first, *others = wrap(line, width)
    if not others or not indent:
        return [first, *others]
    rest = line[len(first.plain) :]
    begin = len(rest.plain) - len(rest.plain.lstrip(" "))
    return [first, *(Text(" " * indent).append_text(piece) for piece in wrap(rest[begin:], width - indent))]


class Page(Screen[None]):
    """A title, lines, a foot; Esc or q closes it."""

    CSS_PATH = "../styles/pages.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,ctrl+o,f1", "app.pop_screen", show=False),
        Binding("ctrl+c,ctrl+d", "app.pop_screen", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[str | Text]) -> None:
        super().__init__()
        self._title = title
        self._content = lines

    def compose(self) -> ComposeResult:
        yield Static(Text(sanitise_line(self._title)), id="page-title", markup=False)
        yield LinesView(self._content)
        count = len(self._content)
        yield Static(f"{count:,} lines · arrows, Space, g G · Esc closes", id="page-foot", markup=False)

    def on_mount(self) -> None:
        self.query_one(LinesView).focus()


class Pager(Page):
    """The whole of an output or a diff."""


class HelpPage(Page):
    """Keys and commands, from their tables."""

    def __init__(self, palette: Palette, keyboard: Keyboard) -> None:
        super().__init__("Help", ())
        self._lines = _help(palette, keyboard)

    def compose(self) -> ComposeResult:
        yield Static("Help", id="page-title", markup=False)
        yield WrappedLines(self._lines, hang=34)
        yield Static("arrows, Space, g G · Esc closes", id="page-foot", markup=False)


def _help(palette: Palette, keyboard: Keyboard) -> list[Text]:
    titles = {"prompt": "In the prompt", "everywhere": "Everywhere", "approval": "When a question is up"}
    titles["transcript"] = "In the transcript"
    lines: list[Text] = []
    for where, title in titles.items():
        lines += [Text(""), Text(title, palette.you)]
        for key in KEYS:
            if key.where == where:
                keys = f"  {keyboard.shown(key.action):<32}"
                lines.append(Text.assemble((keys, palette.read), (key.help, palette.text)))
    lines += [Text(""), Text("Commands", palette.you)]
    for command in COMMANDS:
        name = f"/{command.name} {command.argument}".strip()
        lines.append(Text.assemble((f"  {cut(name, 31):<32}", palette.read), (command.help, palette.text)))
    lines += [
        Text(""),
        Text(
            "In the prompt `@` completes files and `!` runs a command of your own, which is not asked about.",
            palette.dim,
        ),
        Text("Shift+Enter needs a terminal that tells it from Enter; in tmux: set -s extended-keys on.", palette.dim),
    ]
    return lines


class Chooser(AnswerScreen[str | None]):
    """Choose one of several; the result is its id, None if none was chosen. Enter after typed text chooses nothing."""

    ENTER_ALONE = True

    CSS_PATH = "../styles/pages.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c,ctrl+d", "cancel", show=False)]

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], foot: str = "Enter chooses") -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._foot = foot

    def compose(self) -> ComposeResult:
        yield Static(Text(sanitise_line(self._title)), id="page-title", markup=False)
        yield OptionList(
            *(Option(Text(sanitise_line(words)), id=identity) for identity, words in self._choices), id="choices"
        )
        yield Static(f"{self._foot} · Esc goes back", id="page-foot", markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if self.can_be_answered:
            self.dismiss(event.option.id)

    def after_text(self) -> None:
        self.query_one("#page-foot", Static).update(
            "what you type waits in the prompt · arrows and Enter · Esc goes back"
        )

    def action_cancel(self) -> None:
        self.dismiss(None)


class SessionPicker(Chooser):
    """Choose an earlier session; the result is its id."""

    ENTER_AT_ONCE = True

    def __init__(self, sessions: Sequence[SessionInfo]) -> None:
        lines = [(info.session_id, _session_line(info)) for info in sessions]
        super().__init__("Sessions of this directory, newest first", lines, "Enter resumes")


def _session_line(info: SessionInfo) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(info.updated_at / 1000))
    turns = "1 turn" if info.turns == 1 else f"{info.turns} turns"
    in_use = " · in use" if info.in_use else ""
    # What differs in width comes last: to fill it up with spaces would be to make them visible.
    return f"{when}  {turns}{in_use} · {cut(sanitise_line(info.title), 60)} · {sanitise_line(info.model)}"


class ArgumentEditor(ModalScreen[bool]):
    """Edit what a call would do; the result is whether that is to run. `text` is what was written, in either case.

    slip: why the text cannot be taken as it is.
    """

    CSS_PATH = "../styles/pages.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "cancel", show=False),
        Binding("ctrl+s,f2", "save", show=False, priority=True),
    ]

    def __init__(self, title: str, text: str, slip: BadArguments | None = None) -> None:
        super().__init__()
        self._title = title
        self.text = text
        self._slip = slip

    def compose(self) -> ComposeResult:
        with Vertical(id="editor-box"):
            yield SafeTextArea(self.text, id="editor-text", soft_wrap=True)
            if self._slip is not None:
                yield Static(Text(f"Not run: {sanitise_line(str(self._slip))}"), id="editor-slip", markup=False)
            yield Static("Ctrl+S runs it as edited · Esc goes back, and keeps it", id="editor-foot", markup=False)

    def on_mount(self) -> None:
        self.query_one("#editor-box").border_title = Text(sanitise_line(self._title))
        editor = self.query_one(TextArea)
        editor.focus()
        if self._slip is not None:
            editor.move_cursor(self._slip.at)

    def action_save(self) -> None:
        self._close(runs=True)

    def action_cancel(self) -> None:
        self._close(runs=False)

    def _close(self, *, runs: bool) -> None:
        self.text = self.query_one(TextArea).text
        self.dismiss(runs)


def table(rows: Sequence[tuple[str, ...]], palette: Palette, width: int) -> list[Text]:
    """Return rows of words in columns, the first in the colour of names, the last wrapped."""
    if not rows:
        return []
    columns = max(len(row) for row in rows)
    widths = [min(34, max((len(row[c]) for row in rows if c < len(row)), default=0)) for c in range(columns - 1)]
    lines: list[Text] = []
    for row in rows:
        head = Text("  ")
        for c, word in enumerate(row[:-1]):
            head.append(
                f"{cut(sanitise_line(word), widths[c]):<{widths[c]}}  ", palette.read if c == 0 else palette.text
            )
        rest = wrap(Text(sanitise_line(row[-1]), palette.dim), max(20, width - head.cell_len))
        lines += [Text.assemble(head if n == 0 else " " * head.cell_len, piece) for n, piece in enumerate(rest)]
    return lines
