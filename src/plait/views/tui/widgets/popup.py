"""The list of what the word before the cursor may be completed to, above the prompt."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from plait.protocol.display import sanitise_line, sanitise_path
from plait.views.tui.palette import Palette

MOST = 50


class Popup(OptionList, can_focus=False):
    """`word` is what is completed, `at_start` if it begins the prompt. The keys are the prompt's."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.word = ""
        self.at_start = False
        self._entries: list[str] = []

    def offer(self, word: str, entries: Sequence[tuple[str, str]], palette: Palette, *, at_start: bool) -> bool:
        """Show `entries` (what is put in the place of the word, and a hint); False if there is nothing to choose."""
        self.word, self.at_start = word, at_start
        self._entries = [text for text, _ in entries[:MOST]]
        self.clear_options()
        self.add_options(
            Option(Text.assemble((f"{sanitise_path(text):<24} ", palette.text), (sanitise_line(hint), palette.dim)))
            for text, hint in entries[:MOST]
        )
        self.display = bool(entries) and entries[0][0] != word
        if entries:
            self.highlighted = 0
        return bool(self.display)

    @property
    def chosen(self) -> str | None:
        place = self.highlighted
        return self._entries[place] if place is not None and place < len(self._entries) else None
