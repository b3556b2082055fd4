"""Editors that show what a terminal would act on, instead of sending it there; the text itself stays as it is."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Input, TextArea

from plait.protocol.display import sanitise_in_place, sanitise_line


class SafeTextArea(TextArea):
    """Text may come from a paste, a file's name, an editor or a model."""

    def get_line(self, line_index: int) -> Text:
        return Text(sanitise_in_place(self.document.get_line(line_index)), end="", no_wrap=True)


class SafeInput(Input):
    """One line; what is unsafe in it is replaced as it comes in, for nobody needs it in an answer."""

    def validate_value(self, value: str) -> str:
        return sanitise_line(value)
