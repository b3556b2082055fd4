"""Text that was never meant to be read: all of it ends, in bounded time and without an error."""

from __future__ import annotations

import pytest

from plait.index.languages import GRAMMARS
from plait.index.parse import LARGEST_BYTES, parse

DEEP = 100_000
LANGUAGES = sorted(GRAMMARS)


@pytest.mark.parametrize("text", [b"[", b"(", b"{"])
@pytest.mark.parametrize("language", ["python", "c", "typescript", "go", "rust", "java"])
def test_brackets_without_end_are_given_up_early(language: str, text: bytes) -> None:
    parsed = parse(text * DEEP, language)

    assert parsed.problem in ("broken", "costly")
    assert not parsed.symbols


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text",
    [b"", b"\n", b"\0" * 50, b"\xff\xfe" * 50, b"\xef\xbb\xbf", b"(" * 500, b"a<b" * 200, b"\"'`" * 200, b"\r" * 99],
    ids=["empty", "blank", "nul", "not-utf8", "bom", "brackets", "angles", "quotes", "returns"],
)
def test_odd_text_is_read_without_an_error(language: str, text: bytes) -> None:
    parsed = parse(text, language)

    assert all(one.line >= 1 and one.end_line >= one.line for one in parsed.symbols)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_nul_byte_stands_in_still_ends(language: str) -> None:
    assert parse(b"a \0 b\n" * 200, language).problem in ("", "broken", "costly")


def test_a_file_that_is_too_large_is_not_read() -> None:
    assert parse(b"x = 1; " * (LARGEST_BYTES // 7 + 1), "python").problem == "large"


def test_a_long_line_is_read_like_others() -> None:
    parsed = parse(b"x = 1; " * 20_000 + b"\ndef after(): pass\n", "python")

    assert parsed.symbols[-1].name == "after"
    assert parsed.symbols[-1].line == 2


def test_a_tangle_that_takes_memory_by_the_square_is_not_begun() -> None:
    assert parse(b"a<b" * 30_000, "csharp").problem == "costly"


def test_lines_shaped_like_definitions_without_bodies_are_not_searched_forever() -> None:
    parsed = parse(b"f((((((((((((((((((((((((((((((\n" * 3_000, "c")

    assert not parsed.symbols
