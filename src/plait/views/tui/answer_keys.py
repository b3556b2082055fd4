"""Tell the keys that answer a question from typed text. Pure: a state machine, every time comes in as an argument.

Text typed at any moment must answer nothing. Therefore an answer key lights its answer first and acts later: after
`QUIET_S` without another key, at once by Enter or the same key again, or by Enter only (see `Confirm`). Any other
printable key meanwhile shows that both were text: the held letter and that key are typed. No key answers before the
question has been painted for `PAINTED_S`, nor within `QUIET_S` of typing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

PAINTED_S = 0.5
"""A question is answered only after it has been painted for so long."""
QUIET_S = 0.4
"""A lit answer acts after so long without another key; a key so soon after typed text is text."""
NEXT_S = 0.5
"""An answer key so soon after an answer is meant for the next question, and waits for it so long."""

NEVER = float("-inf")
NOT_YET = float("inf")


class Confirm(Enum):
    """By what a lit answer acts."""

    QUIET = auto()
    """By `QUIET_S` without another key, by Enter, or by the same key again."""
    ENTER = auto()
    """By Enter only: it grants more than the one call, or the call is dangerous."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One thing that a key can answer."""

    action: str
    confirm: Confirm = Confirm.QUIET


@dataclass(frozen=True, slots=True)
class Lit:
    """The answer of a key that was pressed and has not acted yet.

    letters: the text that is typed if it does not. since_s: when its quiet time began. for_next: it was pressed right
    after an answer, and no question is up that it could be meant for.
    """

    key: str
    letters: str
    answer: Answer
    since_s: float
    pressed_s: float
    for_next: bool = False


@dataclass(frozen=True, slots=True)
class Type:
    """The key is text: it goes to the prompt, after the `letters` that were held."""

    letters: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """The key has lit an answer, or waits for the next question: do nothing with it but show `AnswerKeys.lit`."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """The key does nothing at all."""


@dataclass(frozen=True, slots=True)
class Act:
    """Carry the action out."""

    action: str


@dataclass(frozen=True, slots=True)
class ActOnChoice:
    """Carry out the answer to which the arrows have moved."""


class AnswerKeys:
    """The keys of one question after the other.

    `ask`, `painted` and `close` follow the question; `press`, `enter`, `move` and `drop` take the keys that come while
    the question has the focus, `typed` those that go to the prompt; `due` is asked again and again while `lit`.

    `enter_alone`: Enter answers although no key has moved the choice, as in a list that the user has opened.
    """

    def __init__(self, *, enter_alone: bool = False) -> None:
        self._enter_alone = enter_alone
        self._answers: Mapping[str, Answer] = {}
        self._is_open = False
        self._painted_s = NOT_YET
        self._typed_s = NEVER
        self._answered_s = NEVER
        self._has_moved = False
        self._is_answered = False
        self._lit: Lit | None = None

    # --- the question --------------------------------------------------------------------------------------------

    def ask(self, answers: Mapping[str, Answer]) -> str:
        """Begin a question that these keys answer, not yet painted. Return held letters that are not meant for it."""
        lit, self._lit = self._lit, None
        self._answers, self._is_open, self._is_answered = answers, True, False
        self._painted_s, self._has_moved = NOT_YET, self._enter_alone
        if lit is None:
            return ""
        answer = answers.get(lit.key) if lit.for_next else None
        if answer is None:
            return lit.letters
        self._lit = replace(lit, answer=answer, since_s=NOT_YET, for_next=False)
        return ""

    def painted(self, now_s: float) -> None:
        """Note that the question is on the screen from now on, or again."""
        self._painted_s = now_s
        if self._lit is not None and self._lit.since_s == NOT_YET:
            # As if it had been pressed at the first moment at which that counts.
            self._lit = replace(self._lit, since_s=now_s + PAINTED_S)

    def covered(self) -> str:
        """Note that something else stands before the question. Return the letters that were held."""
        self._painted_s = NOT_YET
        return self.drop()

    def answered(self, now_s: float) -> None:
        """Note that an answer was sent. The question may stay up for a moment."""
        self._answered_s, self._is_answered = now_s, True
        self._lit, self._has_moved = None, self._enter_alone

    def close(self) -> str:
        """End the question; no other is up. Return the held letters that were meant for it."""
        self._is_open, self._is_answered = False, True
        return "" if self._lit is not None and self._lit.for_next else self.drop()

    @property
    def lit(self) -> Lit | None:
        """The answer that is lit in the question."""
        return None if self._lit is None or self._lit.for_next else self._lit

    @property
    def holds(self) -> bool:
        """Whether a key is held, for this question or the next."""
        return self._lit is not None

    @property
    def has_moved(self) -> bool:
        """Whether Enter answers: an arrow has moved the choice."""
        return self._has_moved

    def is_open(self, now_s: float) -> bool:
        """Return whether a key may be an answer now."""
        return self.is_painted(now_s) and self.is_quiet(now_s)

    def is_painted(self, now_s: float) -> bool:
        """Return whether the question has been in sight long enough to be answered."""
        return self._is_open and now_s - self._painted_s >= PAINTED_S

    def is_quiet(self, now_s: float) -> bool:
        """Return whether nothing has been typed for a while."""
        return now_s - self._typed_s >= QUIET_S

    def waits_for_next(self, now_s: float) -> bool:
        """Return whether an answer was sent so little ago that an answer key is meant for the next question."""
        return 0 <= now_s - self._answered_s < NEXT_S

    # --- keys ----------------------------------------------------------------------------------------------------

    def press(self, key: str, character: str, now_s: float) -> Type | Hold | Act:
        """Take a key that is printable (`character`), or answers something without being so (`character` is empty)."""
        lit = self._lit
        if lit is not None:
            if key != lit.key or now_s < lit.since_s or lit.for_next:
                return self._type(now_s)
            if lit.answer.confirm is Confirm.ENTER:
                self._lit = replace(lit, letters=lit.letters + character)
                return Hold()
            self._lit = None
            return Act(lit.answer.action)
        answer = self._answers.get(key)
        if answer is None or not self.is_quiet(now_s):
            return self._type(now_s)
        if self.waits_for_next(now_s):
            next_is_up = self._is_open and not self._is_answered
            since_s = self._painted_s + PAINTED_S if next_is_up else NOT_YET
            self._lit = Lit(key, character, answer, since_s, now_s, for_next=not next_is_up)
        elif self.is_open(now_s):
            self._lit, self._has_moved = Lit(key, character, answer, now_s, now_s), self._enter_alone
        else:
            return self._type(now_s)
        return Hold()

    def enter(self, now_s: float) -> Type | Ignore | Act | ActOnChoice:
        """Take Enter. It answers what is lit, or what the arrows have chosen, and nothing else."""
        lit = self._lit
        if lit is not None:
            if now_s < lit.since_s:
                return Ignore()
            self._lit = None
            return Act(lit.answer.action)
        if self.waits_for_next(now_s):
            return Ignore()
        if not self.is_open(now_s):
            return Type()
        return ActOnChoice() if self._has_moved else Ignore()

    def move(self, now_s: float) -> bool:
        """Take an arrow; False if it is not for the question. A letter that was held has been a choice, not text."""
        if not self.is_open(now_s) or self.waits_for_next(now_s):
            return False
        self._lit, self._has_moved = None, True
        return True

    def only_arrows(self) -> None:
        """Let no letter answer any more: something is being written."""
        self._answers = {}

    def drop(self) -> str:
        """Put out what is lit; return the letters that were held."""
        lit, self._lit = self._lit, None
        return "" if lit is None else lit.letters

    def typed(self, now_s: float) -> None:
        """Note that text was typed or pasted elsewhere."""
        self._type(now_s)

    def due(self, now_s: float) -> Type | Act | None:
        """Return what time alone has brought about."""
        lit = self._lit
        if lit is None:
            return None
        if lit.for_next:
            return Type(self.drop()) if now_s - lit.pressed_s >= NEXT_S else None
        if lit.answer.confirm is Confirm.ENTER or now_s - lit.since_s < QUIET_S:
            return None
        self._lit = None
        return Act(lit.answer.action)

    def _type(self, now_s: float) -> Type:
        self._typed_s, self._has_moved = now_s, False
        return Type(self.drop())
