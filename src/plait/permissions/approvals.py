"""One queue of open questions to the user, in the order in which the calls were made.

A call takes its place before anything is awaited, so the order is the model's. One question is shown at a time: that
of the first place in line; if that call has not asked yet, the others wait for it. Each question that was shown is
closed exactly once. One event loop, no threads. What the answers mean is the dispatcher's; what may run without being
asked is `permissions.policy`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from plait.permissions.policy import Decision
from plait.protocol.call_events import Waiting
from plait.protocol.calls import Args, CallKey, Preview
from plait.protocol.commands import Allow, AllowAlways, Answer, Deny, Rule
from plait.protocol.errors import InternalError

AnsweredBy = Literal["user", "rule", "cancel"]


@dataclass(frozen=True, slots=True)
class Question:
    """What the user is asked about one call.

    redecide: the policy's verdict as rules and mode now stand. alone: it is never answered together with others
    (a question of the agent to the user, a change of what is protected); what is dangerous never is either.
    """

    key: CallKey
    name: str
    args: Args
    preview: Preview
    offers: tuple[Rule, ...]
    danger: str | None
    reason: str
    redecide: Callable[[], Decision]
    alone: bool = False


Ask = Callable[[Question, int, int], None]
Answered = Callable[[CallKey, Answer, AnsweredBy], None]


@dataclass(eq=False, slots=True)
class Place:
    """A call's place in line. Leave it in a `finally`: until then later questions wait for it.

    order: whose turn it is, lowest first; among equals, who came first. answered_by: who closed its last question.
    """

    key: CallKey
    number: int
    queue: ApprovalQueue = field(repr=False)
    waiting: Waiting
    order: int = 0
    granted: bool = False
    question: Question | None = None
    reply: asyncio.Future[Answer] | None = None
    answered_by: AnsweredBy | None = None

    async def ask(self, question: Question) -> Answer:
        """Return the answer, and free the place. A call may ask again later and gets its old place in line.

        If the wait is cancelled, the question is closed by `cancel`.

        Raises:
            InternalError: The place already asks.
        """
        if self.question is not None:
            raise InternalError(f"call {self.key} asks twice at once")
        self.question = question
        # Lining up may show the question, and showing it may answer it at once.
        reply: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.reply = reply
        self.queue.line_up(self)
        try:
            return await reply
        finally:
            self.leave()

    def leave(self) -> None:
        """Give the place up; an open question is closed as denied. Calling it again does nothing."""
        if self.question is not None:
            self.queue.settle(self, Deny("cancelled"), "cancel")
        self.queue.drop(self)


class ApprovalQueue:
    """The line of calls that may have to ask.

    `ask(question, position, waiting)` is called when a question becomes the one shown: the `position`-th of
    `waiting` since the line was last empty. `answered` is called exactly once for each question that was shown.

    Contract: both are called on the loop and must not raise; they may call the queue again.
    """

    def __init__(self, ask: Ask, answered: Answered) -> None:
        self._ask = ask
        self._answered = answered
        self._line: dict[int, Place] = {}
        self._shown: Place | None = None
        self._next_number = 1
        self._settled = 0
        self._advancing = False

    def place(self, key: CallKey, waiting: Waiting | None = None, order: int = 0) -> Place:
        """Take a place in line, now. `waiting` says what the call is about before it asks.

        order: the call's place among all calls. One that turns out to ask only later, since the mode or the files
        have changed, still comes before those that may have to wait for it before they ask.

        Raises:
            InternalError: The call stands in line already.
        """
        if any(place.key == key for place in self._line.values()):
            raise InternalError(f"call {key} stands in line twice")
        place = Place(key, self._next_number, self, waiting or Waiting(key, "", apart=True), order)
        self._next_number += 1
        self._line[place.number] = place
        return place

    @property
    def open(self) -> tuple[Question, ...]:
        """The open questions, in the order in which they will be shown."""
        return tuple(place.question for place in self._places() if place.question is not None)

    @property
    def group(self) -> tuple[Waiting, ...]:
        """All that stands in line, in order."""
        return tuple(place.waiting for place in self._places())

    def answer(self, key: CallKey, answer: Answer) -> bool:
        """Close the question of `key`; False if it is not open, as for whoever answers second.

        The rule of an `AllowAlways` must be in force already. A call that has not asked yet may be allowed all the
        same, as it stands: it then asks no more, unless it turns out to be one that is answered by itself alone.

        What is dangerous is allowed this once at most: an answer that would be remembered counts as `Allow`.
        """
        place = next((place for place in self._places() if place.key == key), None)
        if place is not None and place.question is None and answer == Allow() and not place.waiting.apart:
            place.granted = True
            return True
        if place is None or place.question is None:
            return False
        if isinstance(answer, AllowAlways) and place.question.danger is not None:
            answer = Allow()
        self.settle(place, answer, "user")
        # With a new rule the others are decided again before any of them is shown.
        self.reconsider() if isinstance(answer, AllowAlways) else self._advance()
        return True

    def allow_all_like(self, key: CallKey) -> None:
        """Allow the question of `key` and every open one of the same tool, this once; never what is dangerous."""
        first = next((question for question in self.open if question.key == key), None)
        if first is None:
            return
        for question in self.open:
            if question.name == first.name and question.danger is None and not question.alone:
                self.answer(question.key, Allow())

    def reconsider(self) -> None:
        """Decide every open question again after a rule or the mode changed, and close those that need no answer."""
        for place in self._places():
            question = place.question
            if question is None:
                continue
            decision = question.redecide()
            # Deciding again may have closed it: the callbacks may call the queue.
            if place.question is not question:
                continue
            if decision.verdict == "allow":
                self.settle(place, Allow(), "rule")
            elif decision.verdict == "deny":
                self.settle(place, Deny(decision.reason), "rule")
        self._advance()

    def line_up(self, place: Place) -> None:
        """For `Place`: it has a question now, and stands where it first stood."""
        self._line[place.number] = place
        question, granted, place.granted = place.question, place.granted, False
        if question is not None:
            apart = question.alone or question.danger is not None
            place.waiting = replace(place.waiting, name=question.name, apart=apart)
            if granted and not apart:
                self.settle(place, Allow(), "user")
        self._advance()

    def settle(self, place: Place, answer: Answer, by: AnsweredBy) -> None:
        """For `Place`: close its question. The caller lets the next one be shown."""
        reply, place.question, place.reply = place.reply, None, None
        place.answered_by = by
        self._line.pop(place.number, None)
        self._settled += 1
        if reply is not None and not reply.done():
            reply.set_result(answer)
        if self._shown is place:
            self._shown = None
            self._answered(place.key, answer, by)

    def drop(self, place: Place) -> None:
        """For `Place`: it has left the line."""
        self._line.pop(place.number, None)
        self._advance()

    def _places(self) -> list[Place]:
        return sorted(self._line.values(), key=lambda place: (place.order, place.number))

    def _advance(self) -> None:
        # `ask` may answer at once and come back here; the outer loop then shows the next question.
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._shown is None and self._line:
                first = self._places()[0]
                if first.question is None:
                    return
                self._shown = first
                waiting = self._settled + len(self.open)
                self._ask(first.question, self._settled + 1, waiting)
            if not self._line:
                self._settled = 0
        finally:
            self._advancing = False
