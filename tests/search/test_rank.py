from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from plait.protocol.calls import SearchHit
from plait.search.query import Shape
from plait.search.rank import Found, merge, standing


def hit(path: str, line: int = 1, kind: str = "content") -> SearchHit:
    return SearchHit(path, line, line, kind, "x")


def test_a_file_that_several_strategies_find_comes_before_one_that_a_single_one_does() -> None:
    found = [
        Found("content", (hit("a.py"), hit("b.py"))),
        Found("files", (hit("c.py"), hit("b.py"))),
    ]

    assert [one.path for one in merge(found, Shape.IDENTIFIER, 10)] == ["b.py", "a.py", "c.py"]
    assert merge(found, Shape.IDENTIFIER, 10)[0].strategies == ("content", "files")


def test_an_exact_definition_comes_first_and_is_the_span_that_is_shown() -> None:
    found = [
        Found("content", (hit("a.py"), hit("b.py", 3))),
        Found("symbols", (hit("c.py", 1), hit("b.py", 9, "class")), frozenset({("b.py", 9)})),
    ]

    first = merge(found, Shape.IDENTIFIER, 10)[0]

    assert (first.path, first.line, first.kind) == ("b.py", 9, "class")


def test_many_lines_of_a_file_are_one_vote() -> None:
    found = [
        Found("content", (*(hit("a.py", number) for number in range(2, 40)), hit("b.py"))),
        Found("files", (hit("b.py"),)),
    ]

    assert [one.path for one in merge(found, Shape.LITERAL, 10)] == ["b.py", "a.py"]


@pytest.mark.parametrize(
    "beside",
    [
        "tests/a.py",
        "src/test_a.py",
        "pkg/a_test.go",
        "src/a.test.ts",
        "src/CartTest.java",
        "vendor/a.py",
        "node_modules/x/a.js",
        "a.min.js",
        "api_pb2.py",
        "docs/a.py",
        "README.md",
        "CHANGELOG",
        "package-lock.json",
        "a.json",
    ],
)
def test_what_is_no_source_of_the_project_ranks_below_source(beside: str) -> None:
    assert standing(beside) < standing("src/a.py") == 1.0
    assert [one.path for one in merge([Found("content", (hit(beside), hit("src/z.py")))], Shape.IDENTIFIER, 2)] == [
        "src/z.py",
        beside,
    ]


@pytest.mark.parametrize(
    "path", ["go/build/read.go", "src/testing/suite.go", "contest.py", "src/latest/a.py", "attest_a.py"]
)
def test_source_that_is_only_called_like_it_is_source(path: str) -> None:
    assert standing(path) == 1.0


def test_where_a_root_lies_says_nothing_of_its_files() -> None:
    assert standing("/home/me/tests/vendor//src/a.py") == 1.0


def test_further_spans_fill_what_is_left_of_the_limit_if_asked_for() -> None:
    found = [Found("content", (hit("a.py", 1), hit("a.py", 2), hit("b.py", 1)))]

    assert [(one.path, one.line) for one in merge(found, Shape.LITERAL, 3, all_spans=True)] == [
        ("a.py", 1),
        ("b.py", 1),
        ("a.py", 2),
    ]
    assert len(merge(found, Shape.LITERAL, 2, all_spans=True)) == 2


hits = st.builds(hit, st.sampled_from(["a.py", "b.py", "tests/c.py", "d.md"]), st.integers(1, 3))
founds = st.lists(
    st.builds(Found, st.sampled_from(["content", "files", "symbols"]), st.lists(hits, max_size=6).map(tuple)),
    max_size=3,
)


@given(founds, st.sampled_from(list(Shape)), st.integers(1, 6))
def test_the_ranking_is_total_stable_and_one_a_file(found: list[Found], shape: Shape, limit: int) -> None:
    merged = merge(found, shape, limit)

    assert merge(found, shape, limit) == merged
    assert len({one.path for one in merged}) == len(merged) <= limit
    assert [one.score for one in merged] == sorted((one.score for one in merged), reverse=True)
    assert merged == merge(found, shape, 100)[:limit]


def test_of_a_sentence_what_a_file_says_goes_before_how_it_is_called() -> None:
    said = Found("words", (hit("pool/base.py"), hit("other.py")))
    named = Found("files", (hit("idle.py"), hit("pool/idle_connection.py")))
    assert [one.path for one in merge([said, named], Shape.PROSE, 3)][:2] == ["pool/base.py", "other.py"]
