"""What a query looks like decides what is run and how it is weighed."""

import pytest

from plait.search import query
from plait.search.query import Shape, classify


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("PluginLoader", Shape.IDENTIFIER),
        ("_private", Shape.IDENTIFIER),
        ("Foo.bar", Shape.QUALIFIED),
        ("std::vec::Vec", Shape.QUALIFIED),
        ("Foo#bar()", Shape.QUALIFIED),
        ("src/app.py", Shape.PATH),
        ("loader.py", Shape.PATH),
        ("import yaml", Shape.IMPORT),
        ("from os import path", Shape.IMPORT),
        (r"def \w+_retry", Shape.REGEX),
        ("foo|bar", Shape.REGEX),
        ('"exact words"', Shape.LITERAL),
        ("x = foo(1)", Shape.LITERAL),
        ("where are retries handled?", Shape.PROSE),
        ("how does the scheduler avoid deadlocks", Shape.PROSE),
    ],
)
def test_the_shape_of_a_query(text: str, shape: Shape) -> None:
    assert classify(text) is shape


def test_the_words_of_a_sentence_that_carry_its_meaning_are_kept() -> None:
    words = query.terms("Where are the retries of a failedRequest handled?")

    assert "request" in words
    assert not {"where", "are", "the", "of", "a"} & set(words)


def test_names_in_a_sentence_are_found() -> None:
    assert query.names_in("what calls read_file and `f` in HttpClient?") == ("read_file", "f", "HttpClient")
