"""Hand each key of the chat screen to what it is meant for: the question that is up, or the prompt.

Keys are told apart before Textual forwards them: once a key stands in a widget's queue, it could not be put behind
those that were held and came before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual import events
from textual.timer import Timer

from plait.protocol.calls import QuestionPreview
from plait.protocol.events import ApprovalAsked
from plait.views.tui.answer_keys import Act, ActOnChoice, Answer, Confirm, Hold, Ignore, Type
from plait.views.tui.groups import answerable

if TYPE_CHECKING:
    from plait.views.tui.screens.chat import Chat

POLL_S = 0.05
"""How often it is looked whether a held key acts, only while one is held or the question waits for the focus."""
STEPS = {"up": -1, "left": -1, "down": 1, "right": 1}
GRANTS_MORE = ("always", "always_project", "all_like", "all")


def answers_to(asked: ApprovalAsked, actions: Mapping[str, str]) -> dict[str, Answer]:
    """Return what each key answers to a question; `actions` are the user's keys. A key of no use here is not in it."""
    if isinstance(asked.preview, QuestionPreview):
        return {str(number): Answer(f"option {number}") for number in range(1, min(9, len(asked.preview.options)) + 1)}
    useful = {"yes", "edit", "no", "view"}
    if asked.offers and asked.danger is None:
        useful |= {"always", "always_project"}
    if len(answerable(asked.group)) > 1:
        useful |= {"all", "pick"}
    if asked.danger is None and max(asked.waiting, asked.position - 1 + len(asked.group)) > asked.position:
        useful.add("all_like")
    if asked.name == "propose_plan":
        useful &= {"yes", "edit", "no", "view"}
    return {key: Answer(action, _confirm(action, asked)) for key, action in actions.items() if action in useful}


def _confirm(action: str, asked: ApprovalAsked) -> Confirm:
    grants_more = action in GRANTS_MORE or (action == "yes" and asked.danger is not None)
    return Confirm.ENTER if grants_more else Confirm.QUIET


class QuestionKeys:
    """The chat screen's: `take` gets every key and paste first; the rest tells it what else has happened."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._panel, self._prompt = chat.approval, chat.prompt
        self._keys = self._panel.keys
        self._clock = chat.plait.clock
        self._actions = chat.plait.keyboard.of("approval")
        self._everywhere = chat.plait.keyboard.of("everywhere")
        self._timer: Timer | None = None
        self._polled_s = 0.0
        self._was_chosen = False
        self._had_draft = False

    # --- the question --------------------------------------------------------------------------------------------

    def asked(self, asked: ApprovalAsked) -> None:
        """A question is shown now. It takes the focus, unless something is being written or the transcript walked."""
        focused = self._chat.focused
        self._rescue_reason()
        self._panel.show(asked)
        self._give(self._keys.ask(answers_to(asked, self._actions)))
        self._had_draft = bool(self._prompt.text)
        self._was_chosen = False
        if focused is not self._chat.transcript:
            self._chat.set_focus(self._prompt if self._had_draft else self._panel)
        self._panel.show_lit()
        self.shown()

    def shown(self) -> None:
        """The question is painted soon, for the first time or after another screen."""
        self._panel.call_after_refresh(self._painted, self._panel.asked)
        self._watch()

    def _painted(self, asked: ApprovalAsked | None) -> None:
        if asked is not None and asked is self._panel.asked:
            self._keys.painted(self._clock.now())
            self.edited()

    def closed(self) -> None:
        """No question is up any more."""
        focused = self._chat.focused
        self._rescue_reason()
        self._give(self._keys.close())
        self._panel.hide()
        if focused is None or self._panel in (focused, *focused.ancestors):
            self._chat.set_focus(self._prompt)
        self._watch()

    def covered(self) -> None:
        """Another screen stands before the question."""
        self._give(self._keys.covered())

    def edited(self) -> None:
        """The prompt has changed. With a draft in it, it has the focus, unless the user left it for the question."""
        if self._prompt.text and not self._was_chosen and self._chat.focused is self._panel:
            self._chat.set_focus(self._prompt)
        self._watch()

    def _rescue_reason(self) -> None:
        """What was being written as an answer to a question that is gone is text like any other."""
        if self._chat.focused is self._panel.reason and self._panel.reason.value:
            self._give(self._panel.reason.value)
            self._chat.set_focus(self._prompt)

    # --- keys ----------------------------------------------------------------------------------------------------

    def take(self, event: events.Key | events.Paste) -> bool:
        """Return whether the key has been dealt with; else it goes on to what has the focus."""
        now_s, focused = self._clock.of(event), self._chat.focused
        if isinstance(event, events.Paste):
            if focused is not self._panel.reason:
                self._give(self._keys.drop())
                self._chat.set_focus(self._prompt)
            self._keys.typed(now_s)
            return False
        if event.key == "tab" and not self._prompt.popup_is_open:
            self._tab(now_s)
            return True
        if focused is self._panel:
            return self._for_question(event, now_s)
        if focused is self._prompt:
            return self._for_prompt(event, now_s)
        return False

    def _for_question(self, event: events.Key, now_s: float) -> bool:
        key = event.key
        if key == "enter":
            return self._do(self._keys.enter(now_s))
        if key in STEPS:
            if self._keys.move(now_s):
                self._panel.move(STEPS[key])
                return True
            return self._do(Type(self._keys.drop()))
        if key == "backspace" and self._keys.holds:
            self._keys.drop()
            self._panel.show_lit()
            return True
        if event.is_printable or key in self._actions:
            return self._do(self._keys.press(key, _character(event), now_s))
        if key in self._everywhere:
            held = self._keys.drop()
            # Esc answers the question: what was lit has been an answer too.
            self._give("" if key == "escape" else held)
            self._panel.show_lit()
            return False
        return self._do(Type(self._keys.drop()))

    def _for_prompt(self, event: events.Key, now_s: float) -> bool:
        is_answer = self._keys.waits_for_next(now_s) and not self._prompt.text
        if not (is_answer or self._keys.holds):
            if event.is_printable:
                self._keys.typed(now_s)
            return False
        if event.key == "enter":
            return self._do(self._keys.enter(now_s))
        if event.is_printable or event.key in self._actions:
            return self._do(self._keys.press(event.key, _character(event), now_s))
        self._give(self._keys.drop())
        return False

    def _tab(self, now_s: float) -> None:
        """Tab goes from the prompt to the question, and there to what else it offers."""
        asked, focused = self._panel.asked, self._chat.focused
        if focused is self._chat.transcript or asked is None:
            self._chat.set_focus(self._prompt)
        elif focused is not self._panel and not self._takes_words(asked, focused):
            self._was_chosen = True
            self._chat.set_focus(self._panel)
        elif not self._keys.is_painted(now_s):
            self._chat.plait.bell()
        elif isinstance(asked.preview, QuestionPreview):
            self._keys.drop()
            # Words that were typed since it was asked were meant for it.
            self._panel.write("" if self._had_draft else self._prompt.take_text())
        elif len(asked.offers) > 1 and asked.danger is None:
            self._panel.other_offer()

    def _takes_words(self, asked: ApprovalAsked, focused: object) -> bool:
        return isinstance(asked.preview, QuestionPreview) and focused is self._prompt

    def _do(self, step: Type | Hold | Ignore | Act | ActOnChoice) -> bool:
        match step:
            case Type(letters=letters):
                self._was_chosen = False
                self._chat.set_focus(self._prompt)
                self._give(letters)
            case Hold():
                pass
            case Ignore():
                self._chat.plait.bell()
            case Act(action=action):
                self._panel.act(action)
            case ActOnChoice():
                self._panel.act_on_choice()
        self._panel.show_lit()
        self._watch()
        return not isinstance(step, Type)

    def _give(self, letters: str) -> None:
        if letters:
            self._prompt.insert(letters)

    # --- what time brings about ----------------------------------------------------------------------------------

    @property
    def _waits_for_focus(self) -> bool:
        """Whether the question gets the focus back once the prompt, which is empty, has been left alone."""
        is_up = self._panel.asked is not None
        return is_up and self._chat.focused is self._prompt and not self._prompt.text

    def _watch(self) -> None:
        if self._timer is None and (self._keys.holds or self._waits_for_focus):
            self._polled_s = self._clock.now()
            self._timer = self._panel.set_interval(POLL_S, self.poll)

    def poll(self) -> None:
        """Let act what is due."""
        now_s, before_s = self._clock.now(), self._polled_s
        self._polled_s = now_s
        if now_s - before_s > 3 * POLL_S:
            # Nothing has had its turn for a while: keys that came meanwhile go first.
            return
        step = self._keys.due(now_s)
        if step is not None:
            self._do(step)
        if self._waits_for_focus and self._keys.is_quiet(now_s):
            self._chat.set_focus(self._panel)
        if self._timer is not None and not self._keys.holds and not self._waits_for_focus:
            self._timer.stop()
            self._timer = None


def _character(event: events.Key) -> str:
    return event.character if event.character is not None and event.is_printable else ""
