"""Shorten the model's view of a conversation: a summary of the older part, then the newest part as it was.

The cut falls before a reply, so that a call and its result stay together. What was dropped stays in the log.
This file knows messages only as a list of things with a size and a kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

KEEP_SHARE = 0.25
"""The newest messages that stay word for word, as a share of the whole."""

SUMMARY_INSTRUCTION = """\
Summarise our work so far for yourself: you will go on from this summary alone, without the messages above.
State, in this order: what the user wants (with their exact words where they matter) and what they ruled out; \
decisions and facts found, with file paths, line numbers, names and commands; what has been changed on disk; \
what failed and why; what is left to do, next step first. No preamble, no advice, at most 800 words."""


class Sized(Protocol):
    """A message: `kind` is `request` or `response`."""

    @property
    def kind(self) -> str: ...


M = TypeVar("M", bound=Sized)


def cut_at(messages: Sequence[M], sizes: Sequence[int], keep_share: float = KEEP_SHARE) -> int:
    """Return the index of the first message to keep: a reply, with about `keep_share` of the size from there on.

    0 means that there is nothing worth dropping.
    """
    budget = sum(sizes) * keep_share
    kept = 0
    best = len(messages)
    for index in range(len(messages) - 1, 0, -1):
        kept += sizes[index]
        if messages[index].kind == "response":
            if kept > budget and best < len(messages):
                break
            best = index
    return best if 1 < best < len(messages) else 0


def instruction(focus: str) -> str:
    """Return what the model is asked, with what the user wants kept."""
    return f"{SUMMARY_INSTRUCTION}\nKeep above all: {focus}" if focus else SUMMARY_INSTRUCTION


def opening(summary: str) -> str:
    """Return the first message of the shortened conversation."""
    return f"[The earlier part of this conversation was summarised to save room.]\n\n{summary}"
