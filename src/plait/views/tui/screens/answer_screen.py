"""Screens that ask something of their own: they keep the keys that answer apart from typed text, as questions do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import events
from textual.screen import Screen
from textual.timer import Timer

from plait.views.tui.answer_keys import Act, ActOnChoice, Answer, AnswerKeys, Hold, Ignore, Type
from plait.views.tui.question_keys import POLL_S

if TYPE_CHECKING:
    from plait.views.tui.app import PlaitApp

Result = TypeVar("Result")


class AnswerScreen(Screen[Result]):
    """Text that is typed goes to the prompt, which the screen covers; see `AnswerKeys` for the keys that answer.

    LEAVES_ON_TEXT: the user goes back to the prompt by typing. Else the page stays, and only arrows and Enter answer
    from then on. ENTER_ALONE: no key has to move the choice before Enter. ENTER_AT_ONCE: nor has the page to be in
    sight for a while, for the user opened it. MARKS are actions that are done as soon as they are lit, before Enter
    answers; SCROLLS too, but they choose nothing.
    """

    LEAVES_ON_TEXT: ClassVar[bool] = False
    ENTER_ALONE: ClassVar[bool] = False
    ENTER_AT_ONCE: ClassVar[bool] = False
    MARKS: ClassVar[frozenset[str]] = frozenset()
    SCROLLS: ClassVar[frozenset[str]] = frozenset()
    ARROWS: ClassVar[frozenset[str]] = frozenset({"up", "down", "pageup", "pagedown", "home", "end"})

    def __init__(self) -> None:
        super().__init__()
        self.answer_keys = AnswerKeys(enter_alone=self.ENTER_ALONE)
        self.has_typed = False
        self._key_timer: Timer | None = None
        self._polled_s = 0.0

    # --- for those that inherit ----------------------------------------------------------------------------------

    def answers(self) -> dict[str, Answer]:
        """Return the keys that answer, by Textual's names."""
        return {}

    def lit(self, action: str) -> None:
        """A key has lit an answer, which acts later: show it. Marks and scrolls are done here."""

    def answer(self, action: str) -> None:
        """Carry an answer out."""

    def after_text(self) -> None:
        """Say that what is typed waits in the prompt."""

    # --- keys ----------------------------------------------------------------------------------------------------

    @property
    def plait(self) -> PlaitApp:
        return cast("PlaitApp", self.app)

    @property
    def can_be_answered(self) -> bool:
        """Whether the page has been in sight for long enough, for a click too."""
        return self.ENTER_AT_ONCE or self.answer_keys.is_painted(self.plait.clock.now())

    def on_screen_resume(self) -> None:
        self._type(self.answer_keys.ask(self.answers()))
        self.call_after_refresh(lambda: self.answer_keys.painted(self.plait.clock.now()))

    def take_key(self, event: events.Key | events.Paste) -> bool:
        """Return whether the key has been dealt with; else it goes on to what has the focus."""
        keys, now_s = self.answer_keys, self.plait.clock.of(event)
        if isinstance(event, events.Paste):
            keys.typed(now_s)
            self._type("", event)
            return True
        if event.key == "enter" and not (self.ENTER_AT_ONCE and keys.has_moved):
            return self._enter(keys.enter(now_s))
        if event.key in self.ARROWS:
            # An arrow that comes too early moves the list too, but then Enter does not answer yet.
            keys.move(now_s)
            return False
        if not (event.is_printable and event.character):
            return False
        match keys.press(event.key, event.character, now_s):
            case Type(letters=letters):
                self._type(letters + event.character)
            case Hold():
                if keys.lit is not None:
                    self.lit(keys.lit.answer.action)
                    self._watch()
            case Act(action=action):
                self._act(action, now_s, again=True)
        return True

    def _enter(self, step: Type | Ignore | Act | ActOnChoice) -> bool:
        """Return False if Enter is for the list."""
        match step:
            case ActOnChoice():
                return False
            case Act(action=action) if action in self.MARKS:
                return False
            case Act(action=action) if action not in self.SCROLLS:
                self.answer(action)
            case _:
                self.plait.bell()
        return True

    def _act(self, action: str, now_s: float, *, again: bool) -> None:
        if action not in self.MARKS | self.SCROLLS:
            self.answer(action)
            return
        if again:
            self.lit(action)
        if action in self.MARKS:
            self.answer_keys.move(now_s)

    def _type(self, text: str, paste: events.Paste | None = None) -> None:
        """Put text, or what is pasted, into the prompt."""
        if not text and paste is None:
            return
        # By its queue: there keys and pastes keep their order.
        prompt = self.plait.chat.prompt
        for character in text:
            prompt.post_message(events.Key(character, character))
        if paste is not None:
            prompt.post_message(events.Paste(paste.text))
        # The question behind this page is not answered by what follows.
        self.plait.chat.approval.keys.typed(self.plait.clock.now())
        if self.LEAVES_ON_TEXT:
            self.dismiss(None)
            return
        self.answer_keys.only_arrows()
        self.has_typed = True
        if self.is_mounted:
            self.after_text()

    def _watch(self) -> None:
        if self._key_timer is None:
            self._polled_s = self.plait.clock.now()
            self._key_timer = self.set_interval(POLL_S, self.poll)

    def poll(self) -> None:
        """Let act what is due."""
        now_s, before_s = self.plait.clock.now(), self._polled_s
        self._polled_s = now_s
        if now_s - before_s > 3 * POLL_S:
            # Nothing has had its turn for a while: keys that came meanwhile go first.
            return
        step = self.answer_keys.due(now_s)
        if isinstance(step, Act):
            self._act(step.action, now_s, again=False)
        if self._key_timer is not None and not self.answer_keys.holds:
            self._key_timer.stop()
            self._key_timer = None
