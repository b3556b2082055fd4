"""The question that is asked before a directory's own settings count: what they would switch on, and yes or no."""

from __future__ import annotations

from itertools import groupby
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from plait.protocol.display import sanitise_line, sanitise_path
from plait.protocol.ports import TrustQuestion
from plait.views.tui.answer_keys import Answer, Confirm
from plait.views.tui.palette import Palette
from plait.views.tui.screens.answer_screen import AnswerScreen
from plait.views.tui.screens.pages import WrappedLines

SCROLLS = {"space": "page_down", "b": "page_up", "G": "to_end"}


class TrustPage(AnswerScreen[bool | None]):
    """The result is the answer, None if none was given."""

    CSS_PATH = "../styles/pages.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c,ctrl+d", "leave", show=False),
        Binding("pagedown", "scroll(1)", show=False, priority=True),
        Binding("pageup", "scroll(-1)", show=False, priority=True),
        Binding("end", "to_end", show=False, priority=True),
    ]
    SCROLLS = frozenset(SCROLLS.values())
    ARROWS = frozenset({"up", "down"})

    def __init__(self, question: TrustQuestion, palette: Palette) -> None:
        super().__init__()
        self._question = question
        self._palette = palette
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
        self.query_one(OptionList).focus()
        lines = self.query_one(WrappedLines)
        self.watch(lines, "scroll_y", self._look, init=False)
        self.watch(lines, "virtual_size", self._look, init=False)
        self.call_after_refresh(self._look)

    def _look(self) -> None:
        """Note whether all of it has been in sight: only then can it be agreed to."""
        unseen = self.query_one(WrappedLines).unseen
        self._seen_to_end = self._seen_to_end or unseen == 0
        foot = "y then Enter · n · or arrows and Enter · Esc decides later"
        if self.has_typed:
            foot = "what you type waits in the prompt · arrows and Enter answer · Esc decides later"
        if not self._seen_to_end:
            foot = f"{unseen:,} more lines below · PgDn, End · {foot}"
        self.query_one("#page-foot", Static).update(foot)

    # --- answers -------------------------------------------------------------------------------------------------

    def answers(self) -> dict[str, Answer]:
        scrolls = {key: Answer(action) for key, action in SCROLLS.items()}
        return {"y": Answer("yes", Confirm.ENTER), "n": Answer("no"), **scrolls}

    def lit(self, action: str) -> None:
        match action:
            case "page_down":
                self.action_scroll(1)
            case "page_up":
                self.action_scroll(-1)
            case "to_end":
                self.action_to_end()
            case _:
                choices = self.query_one(OptionList)
                choices.highlighted = choices.get_option_index(action)

    def answer(self, action: str) -> None:
        if action == "yes" and not self._seen_to_end:
            self.action_scroll(1)
            return
        self.dismiss(action == "yes")

    def after_text(self) -> None:
        self.query_one(OptionList).highlighted = 0
        self._look()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if self.can_be_answered:
            self.answer(event.option.id or "no")

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
