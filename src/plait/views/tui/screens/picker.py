"""Choose which of the waiting calls may run: a list with check boxes, by keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from plait.protocol.call_events import Waiting
from plait.protocol.calls import CallKey
from plait.protocol.display import sanitise_path
from plait.views.tui.answer_keys import Answer
from plait.views.tui.groups import answerable, in_words
from plait.views.tui.palette import Palette
from plait.views.tui.screens.answer_screen import AnswerScreen
from plait.views.tui.wrapping import cut

FOOT = "arrows, Space, a all, n none · then Enter allows those ticked · Esc goes back"


class Picker(AnswerScreen[tuple[CallKey, ...]]):
    """The result are the calls that may run; none if nothing was chosen. All are ticked at first but those apart."""

    CSS_PATH = "../styles/pages.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c,ctrl+d", "cancel", show=False)]
    LEAVES_ON_TEXT = True
    MARKS = frozenset({"turn", "all", "none"})

    def __init__(self, group: Sequence[Waiting], palette: Palette) -> None:
        super().__init__()
        self._group = group
        self._palette = palette
        self._ticked = set(answerable(group))

    def compose(self) -> ComposeResult:
        yield Static(Text(f"Which of them may run?  {in_words(self._group)}"), id="page-title", markup=False)
        yield OptionList(
            *(Option(self._line(waiting), disabled=waiting.apart) for waiting in self._group), id="choices"
        )
        yield Static(FOOT, id="page-foot", markup=False)

    def _line(self, waiting: Waiting) -> Text:
        mark = "   " if waiting.apart else "[✓]" if waiting.key in self._ticked else "[ ]"
        note = "asked about by itself: " if waiting.apart else ""
        line = Text.assemble(
            (f"{mark} ", self._palette.you), (f"{sanitise_path(waiting.name):<8} ", self._palette.write)
        )
        room = max(10, self.app.size.width - line.cell_len - 6)
        return line.append(cut(f"{note}{sanitise_path(waiting.subject)}", room), self._palette.text)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def answers(self) -> dict[str, Answer]:
        return {"space": Answer("turn"), "a": Answer("all"), "n": Answer("none")}

    def lit(self, action: str) -> None:
        place = self.query_one(OptionList).highlighted
        match action:
            case "all":
                self._ticked = set(answerable(self._group))
            case "none":
                self._ticked = set()
            case _ if place is not None:
                self._ticked ^= {self._group[place].key}
        self._redraw()

    def _redraw(self) -> None:
        options = self.query_one(OptionList)
        for place, waiting in enumerate(self._group):
            options.replace_option_prompt_at_index(place, self._line(waiting))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter ends the choice; a click too, once it has been in sight."""
        if not self.can_be_answered:
            return
        self.dismiss(tuple(waiting.key for waiting in self._group if waiting.key in self._ticked))

    def action_cancel(self) -> None:
        self.dismiss(())
