"""Editors that show what a terminal would act on, instead of sending it there; the text itself stays as it is."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Input, TextArea

from plait.protocol.display import sanitise_in_place, sanitise_line
from plait.views.tui.pasted import pasted_text


class SafeTextArea(TextArea):
    """Text may come from a paste, a file's name, an editor or a model."""

    _styled_for: tuple[object, ...] = ()

    def render_lines(self, crop: Region) -> list[Strip]:
        # The base asks the style sheet for a dozen styles at each key, and finds what it found before.
        styled_for = (id(self._theme), self.has_focus, self.mouse_hover, self.app.app_focus)
        if styled_for == self._styled_for:
            return super(TextArea, self).render_lines(crop)
        self._styled_for = styled_for
        return super().render_lines(crop)

    async def _on_paste(self, event: events.Paste) -> None:
        # The base inserts it.
        event.text = pasted_text(event.text)

    def get_line(self, line_index: int) -> Text:
        return Text(sanitise_in_place(self.document.get_line(line_index)), end="", no_wrap=True)


class SafeInput(Input):
    """One line; what is unsafe in it is replaced as it comes in, for nobody needs it in an answer."""

    FOCUS_ON_CLICK = False

    def _on_paste(self, event: events.Paste) -> None:
        # The base takes the first line only.
        event.text = " ".join(pasted_text(event.text).split("\n"))

    def validate_value(self, value: str) -> str:
        return sanitise_line(value)
