from __future__ import annotations

import re

import pytest

from plait.search import query
from plait.search.query import Shape


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("VariableManager", Shape.IDENTIFIER),
        ("_run_loop", Shape.IDENTIFIER),
        ("Foo.bar", Shape.QUALIFIED),
        ("std::vector::push_back", Shape.QUALIFIED),
        ("Foo#bar", Shape.QUALIFIED),
        ("obj->field()", Shape.QUALIFIED),
        ("src/plait/cli", Shape.PATH),
        ("README.md", Shape.PATH),
        ("./server.ts", Shape.PATH),
        ("import os", Shape.IMPORT),
        ("from a.b import c", Shape.IMPORT),
        ("#include <stdio.h>", Shape.IMPORT),
        ("use std::io", Shape.IMPORT),
        ("use of the cache", Shape.PROSE),
        (r"def \w+_task", Shape.REGEX),
        ("TODO|FIXME", Shape.REGEX),
        ("class .*Error", Shape.REGEX),
        ("def run", Shape.LITERAL),
        ("class Foo(", Shape.LITERAL),
        ('"where are retries"', Shape.LITERAL),
        ("if x == 3:", Shape.LITERAL),
        ("foo(", Shape.LITERAL),
        ("where are retries handled", Shape.PROSE),
        ("how does the scheduler avoid deadlocks?", Shape.PROSE),
        ("Wo werden Wiederholungen behandelt?", Shape.PROSE),
        ("how is `Foo.bar` called?", Shape.PROSE),
    ],
)
def test_a_query_is_taken_for_what_it_looks_like(text: str, shape: Shape) -> None:
    assert query.classify(text) is shape


def test_what_only_makes_a_sentence_is_left_out_of_its_terms() -> None:
    assert query.terms("How does the scheduler avoid deadlocks?") == ("scheduler", "avoid", "deadlocks")
    assert query.terms("where is maxRetries of the HTTPClient handled") == ("max", "retries", "http", "client")


def test_a_sentence_of_common_words_keeps_them() -> None:
    assert query.terms("how are files called") == ("files", "called")


def test_forms_of_one_word_count_once() -> None:
    assert query.terms("retry retries retrying payments payment") == ("retry", "payments")


@pytest.mark.parametrize(
    ("word", "also", "not_"),
    [
        ("retries", ["retry", "retrying", "retried"], ["retrieve"]),
        ("scheduler", ["schedule", "scheduled", "scheduling"], ["school"]),
        ("allocation", ["allocate", "allocator", "alloc"], ["allow"]),
        ("mapping", ["map", "maps", "mapped"], []),
        ("calling", ["call", "calls"], ["cal"]),
        ("caches", ["cache", "caching"], ["catch"]),
        ("lock", ["locks", "locked", "locking", "lock_a"], ["lockstep"]),
        ("sent", ["sent"], ["sentinel"]),
        ("string", ["strings"], ["strange"]),
        ("process", ["processes", "processing"], []),
    ],
)
def test_the_forms_of_a_word_are_found_by_what_they_share(word: str, also: list[str], not_: list[str]) -> None:
    pattern = re.compile(query.variants(word), re.IGNORECASE)

    assert [form for form in (word, *also) if not pattern.match(form)] == []
    assert [form for form in not_ if pattern.match(form)] == []


def test_names_in_a_sentence_are_those_that_can_be_nothing_else() -> None:
    text = 'Why does `close` of HttpClient call retry_all and os.path.join, e.g. in "main"? MAX_SIZE is 3'

    assert query.names_in(text) == ("close", "HttpClient", "retry_all", "os.path.join", "main", "MAX_SIZE")
