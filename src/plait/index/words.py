"""The words of a file: what a question in plain words can match. Pure.

A word is an identifier in lower case without its underscores, and each of its parts: `maxRetries` and `max_retries`
are `max`, `retries` and `maxretries`. Questions are put in the same terms by `search.query`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

# Letters, digits, `_` and all beyond ASCII stay, anything else divides words. Scripts differ in what ends one.
DIVIDED = bytes(code if code >= 128 or code == 95 or chr(code).isalnum() else 32 for code in range(256))
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\x00-\x7f]+")
LONGEST_WORD_BYTES = 64
MOST_WORDS = 20_000
"""Different identifiers of one file that count: beyond are tables of data."""
OFTEN = 3
MOST_REMEMBERED = 60_000


class Words(NamedTuple):
    """Texts for the word index, tokens divided by spaces: all words, and those of identifiers that occur `OFTEN`.

    total: identifiers, repeated ones too.
    """

    every: str
    often: str
    total: int


class Splitter(dict[bytes, str]):
    """Splits identifiers and remembers what it has split, since the files of a project use the same ones."""

    def __missing__(self, identifier: bytes) -> str:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        tokens = self[identifier] = " ".join(split(identifier))
        return tokens

    def words(self, data: bytes) -> Words:
        """Return the words of a file's bytes."""
        counts = Counter(data.translate(DIVIDED).split())
        chosen = counts.items() if len(counts) <= MOST_WORDS else counts.most_common(MOST_WORDS)
        every = " ".join([self[word] for word, _ in chosen])
        often = " ".join([self[word] for word, times in chosen if times >= OFTEN])
        return Words(every, often, counts.total())


def split(identifier: bytes) -> tuple[str, ...]:
    """Return an identifier's parts in lower case, and the whole without underscores if it has more than one."""
    if not 2 <= len(identifier) <= LONGEST_WORD_BYTES:
        return ()
    text = identifier.decode("utf-8", "replace")
    parts = [part.lower() for part in PART.findall(text) if len(part) > 1 and not part.isdigit()]
    if not parts or parts == [whole(text)]:
        return tuple(parts)
    return (*dict.fromkeys(parts), whole(text))


def whole(identifier: str) -> str:
    """Return the token that stands for all of an identifier."""
    return identifier.replace("_", "").lower()
