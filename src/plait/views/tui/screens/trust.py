"""The question that is asked before a directory's own settings count: what they would switch on, and yes or no."""

from __future__ import annotations

import time
from itertools import groupby
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from plait.protocol.display import sanitise_line, sanitise_path
from plait.protocol.ports import TrustQuestion
from plait.views.tui.palette import Palette
from plait.views.tui.screens.pages import WrappedLines

# What is typed into the prompt when the page comes up is no answer.
DEAF_S = 0.5


class TrustPage(Screen[bool | None]):
    """The result is the answer, None if none was given."""

    CSS_PATH = "../styles/pages.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n", "answer(False)", show=False),
        Binding("escape,ctrl+c,ctrl+d", "leave", show=False),
        Binding("pagedown,space", "scroll(1)", show=False, priority=True),
        Binding("pageup,b", "scroll(-1)", show=False, priority=True),
        Binding("end,G", "to_end", show=False, priority=True),
    ]

    def __init__(self, question: TrustQuestion, palette: Palette) -> None:
        super().__init__()
        self._question = question
        self._palette = palette
        self._shown_at = time.monotonic()
        self._seen_to_end = False

    def compose(self) -> ComposeResult:
        title = f"Trust the settings of {sanitise_line(self._question.directory)}?"
        yield Static(Text(title), id="page-title", markup=False)
        yield WrappedLines(question_lines(self._question, self._palette))
        yield OptionList(
            Option("n  No: work here without them", id="no"),
            Option("y  Yes: let them count, until they change", id="yes"),
            id="trust-choices",
        )
        yield Static("", id="page-foot", markup=False)

    def on_mount(self) -> None:
        self._shown_at = time.monotonic()
        self.query_one(OptionList).focus()
        lines = self.query_one(WrappedLines)
        self.watch(lines, "scroll_y", self._look, init=False)
        self.watch(lines, "virtual_size", self._look, init=False)
        self.call_after_refresh(self._look)

    def _look(self) -> None:
        """Note whether all of it has been in sight: only then can it be agreed to."""
        unseen = self.query_one(WrappedLines).unseen
        self._seen_to_end = self._seen_to_end or unseen == 0
        foot = "y or n · arrows and Enter · Esc decides later"
        if not self._seen_to_end:
            foot = f"{unseen:,} more lines below · Space, PgDn, End · then y · n · Esc decides later"
        self.query_one("#page-foot", Static).update(foot)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_answer(event.option.id == "yes")

    def action_answer(self, trusted: bool) -> None:
        if time.monotonic() - self._shown_at < DEAF_S:
            return
        if trusted and not self._seen_to_end:
            self.action_scroll(1)
            return
        self.dismiss(trusted)

    def action_scroll(self, pages: int) -> None:
        lines = self.query_one(WrappedLines)
        lines.scroll_relative(y=pages * max(1, lines.scrollable_content_region.height - 1), animate=False)

    def action_to_end(self) -> None:
        self.query_one(WrappedLines).scroll_end(animate=False)

    def action_leave(self) -> None:
        self.dismiss(None)


def question_lines(question: TrustQuestion, palette: Palette) -> list[Text]:
    """Return what the user has to know to answer. Pure."""
    lines = [
        Text(""),
        Text("Nobody but you can tell whether what lies in this directory is yours.", palette.text),
        Text("Until you say yes, its settings may only make Plait stricter. Yes would switch on:", palette.text),
    ]
    for origin, grants in groupby(question.grants, key=lambda grant: grant[0]):
        lines += [Text(""), Text(f"  {sanitise_line(origin)}", palette.dim)]
        lines += [Text(f"    {sanitise_path(words)}", palette.write) for _, words in grants]
    if question.instructions:
        lines += [Text(""), Text("Not settings, but text that the model is given either way:", palette.text)]
        lines += [Text(f"    {sanitise_line(words)}", palette.dim) for words in question.instructions]
    return lines
