"""The prompt: an editor of a few lines with history, pasted text as chips, and what is being completed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from plait.views.tui.keymap import Keyboard
from plait.views.tui.pasted import line_count, pasted_text
from plait.views.tui.widgets.safe_text import SafeTextArea

MOST_LINES = 10
CHIP_LINES, CHIP_BYTES = 10, 2000
CHIP = re.compile(r"\[pasted (\d+) lines? · (\d+)\]")


class Prompt(SafeTextArea):
    """Text is sent by `Submitted`; `Changed` tells what might be completed."""

    FOCUS_ON_CLICK = False

    class Submitted(Message):
        def __init__(self, text: str, *, steer: bool) -> None:
            super().__init__()
            self.text = text
            self.steer = steer

    class Edited(Message):
        """The text has changed: `word` is the one before the cursor, `at_start` if it begins the prompt."""

        def __init__(self, word: str, *, at_start: bool) -> None:
            super().__init__()
            self.word = word
            self.at_start = at_start

    class PopupKey(Message):
        """A key for the list of completions, which is open."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, keyboard: Keyboard, *, id: str | None = None) -> None:
        super().__init__(id=id, soft_wrap=True, tab_behavior="focus", show_line_numbers=False, compact=True)
        self.cursor_blink = False
        self.prompts: list[str] = []
        self.popup_is_open = False
        self._place: int | None = None
        self._draft = ""
        self._pasted: dict[int, str] = {}
        self._height = 1
        self._actions = keyboard.of("prompt")

    # --- text ----------------------------------------------------------------------------------------------------

    def set_text(self, text: str) -> None:
        # One CR LF would make all line ends of the document such.
        self.load_text(pasted_text(text))
        self.move_cursor(self.document.end)
        self._fit()

    @property
    def whole_text(self) -> str:
        """What was written, chips expanded."""
        return CHIP.sub(lambda match: self._pasted.get(int(match[2]), match[0]), self.text)

    def take_text(self) -> str:
        """Return what was written, chips expanded, and empty the prompt."""
        text = self.whole_text
        self._pasted.clear()
        self._place = None
        self.set_text("")
        return text

    def remember(self, text: str) -> None:
        if text.strip() and (not self.prompts or self.prompts[-1] != text):
            self.prompts.append(text)

    def set_history(self, prompts: Sequence[str]) -> None:
        self.prompts = [*prompts, *self.prompts]

    def _fit(self) -> None:
        """Grow with the text up to ten lines; the layout is touched only when the number of lines changes."""
        height = max(1, min(MOST_LINES, self.wrapped_document.height))
        if height != self._height:
            self._height = height
            self.styles.height = height

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._fit()
        row, column = self.cursor_location
        before = self.document.get_line(row)[:column]
        match = re.search(r"(\S*)$", before)
        word = match[1] if match else ""
        self.post_message(self.Edited(word, at_start=row == 0 and before == word))

    def replace_word(self, word: str, text: str) -> None:
        """Put `text` in the place of the word before the cursor."""
        row, column = self.cursor_location
        self.replace(text, (row, column - len(word)), (row, column))

    # --- keys ----------------------------------------------------------------------------------------------------

    async def _on_key(self, event: events.Key) -> None:
        if self.popup_is_open and event.key in ("up", "down", "tab", "enter"):
            event.stop()
            event.prevent_default()
            self.post_message(self.PopupKey(event.key))
            return
        action = self._actions.get(event.key)
        if action is not None and self._act(action):
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)

    def _act(self, action: str) -> bool:
        match action:
            case "send" | "steer":
                if action == "send" and self._continues():
                    return True
                text = self.take_text() if self.text.strip() else ""
                if text.strip():
                    self.post_message(self.Submitted(text, steer=action == "steer"))
                return True
            case "newline":
                self.insert("\n")
                return True
            case "history_back":
                return self.cursor_location[0] == 0 and self._recall(-1)
            case "history_forward":
                return self.cursor_location[0] == self.document.line_count - 1 and self._recall(1)
            case "history_search":
                self._search_history()
                return True
            case _:
                return False

    def _continues(self) -> bool:
        """A backslash at the end of the line before Enter is a new line."""
        row, column = self.cursor_location
        if column == 0 or self.document.get_line(row)[column - 1 : column] != "\\":
            return False
        self.replace("\n", (row, column - 1), (row, column))
        return True

    def _recall(self, step: int) -> bool:
        if not self.prompts:
            return False
        if self._place is None:
            if step > 0:
                return False
            self._draft, self._place = self.text, len(self.prompts)
        place = self._place + step
        if place < 0:
            return True
        if place >= len(self.prompts):
            self._place = None
            self.set_text(self._draft)
            return True
        self._place = place
        self.set_text(self.prompts[place])
        return True

    def _search_history(self) -> None:
        """Go to the next earlier prompt that holds what was typed before the first Ctrl+R."""
        if self._place is None:
            self._draft, self._place = self.text, len(self.prompts)
        for place in range(self._place - 1, -1, -1):
            if self._draft.lower() in self.prompts[place].lower():
                self._place = place
                self.set_text(self.prompts[place])
                return

    async def _on_paste(self, event: events.Paste) -> None:
        text = pasted_text(event.text)
        if text.count("\n") >= CHIP_LINES or len(text) > CHIP_BYTES:
            number = len(self._pasted) + 1
            self._pasted[number] = text
            lines = line_count(text)
            text = f"[pasted {lines} line{'' if lines == 1 else 's'} · {number}]"
        event.prevent_default()
        event.stop()
        self.insert(text)
