from __future__ import annotations

import pytest

from plait.index.words import LONGEST_WORD_BYTES, MOST_WORDS, OFTEN, Splitter, split


@pytest.mark.parametrize(
    ("identifier", "tokens"),
    [
        ("maxRetries", ("max", "retries", "maxretries")),
        ("max_retries", ("max", "retries", "maxretries")),
        ("HTTPServer", ("http", "server", "httpserver")),
        ("parse", ("parse",)),
        ("__init__", ("init",)),
        ("MAX_SIZE", ("max", "size", "maxsize")),
        ("x", ()),
        ("__", ()),
        ("123", ()),
        ("größe", ("gr", "öß", "größe")),
        ("検索", ("検索",)),
    ],
)
def test_an_identifier_is_its_parts_and_itself(identifier: str, tokens: tuple[str, ...]) -> None:
    assert split(identifier.encode()) == tokens


def test_what_is_too_long_to_be_asked_for_is_left_out() -> None:
    assert split(b"a" * (LONGEST_WORD_BYTES + 1)) == ()


def test_words_that_occur_often_are_told_apart() -> None:
    words = Splitter().words(b"retry " * OFTEN + b"backoff()")

    assert words.every.split() == ["retry", "backoff"]
    assert words.often.split() == ["retry"]
    assert words.total == OFTEN + 1


def test_a_table_of_data_does_not_fill_the_index() -> None:
    table = b" ".join(b"w%d" % number for number in range(2 * MOST_WORDS))

    assert len(Splitter().words(b"parse parse " + table).every.split()) <= 2 * MOST_WORDS
    assert "parse" in Splitter().words(b"parse parse " + table).every.split()[:2]
