"""Text as people type it around a question, made at random; no key of it is an answer by the rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from plait.views.tui.answer_keys import QUIET_S

WORDS = """
and then yes no y n a p e v g A G 1 2 3 4 yet nay all also always allow please pick edit view explain
Go ahead, run it any way! Yes, but not now. 2 of them a? n-1 yay year never plan patch 42 é 日本 (x) b c f j k x
"""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key, and how long after the one before it comes."""

    character: str
    pause_s: float


def messages(random: Random) -> list[str]:
    """Return a few messages; the first two letters of each differ, so that the second cannot confirm the first."""
    found = []
    while len(found) < random.randint(1, 3):
        text = " ".join(random.choice(WORDS.split()) for _ in range(random.randint(1, 5)))
        if len(text) > 1 and text[0] != text[1]:
            found.append(text)
    return found


def strokes(random: Random, text: str) -> Iterator[Stroke]:
    """Yield the keys of a message. A letter alone in the prompt could be an answer: the second one comes soon."""
    soon_s = QUIET_S * 0.95
    for place, character in enumerate(text):
        thinks = place > 1 and random.random() < 0.15
        pause_s = random.uniform(QUIET_S, 5.0) if thinks or place == 0 else random.uniform(0.0, soon_s)
        yield Stroke(character, random.choice((0.0, pause_s)) if place == 0 else pause_s)
