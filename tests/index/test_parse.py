from __future__ import annotations

from pathlib import Path

import pytest

from plait.index.languages import GRAMMARS, available, language_of
from plait.index.parse import Import, Symbol, comment_spans, parse

HERE = Path(__file__).parent
SOURCES = sorted((HERE / "sources").iterdir())


def told(source: bytes, language: str) -> list[str]:
    """One line a definition: its lines, kind, scope (before a bar) and name; then the imports."""
    parsed = parse(source, language)
    assert not parsed.problem
    lines = [
        f"{one.line}-{one.end_line} {one.kind} {one.scope}{'|' if one.scope else ''}{one.name}"
        for one in parsed.symbols
    ]
    return lines + [f"{one.line} import {' '.join(one.modules)}" for one in parsed.imports]


@pytest.mark.parametrize("source", SOURCES, ids=[source.name for source in SOURCES])
def test_a_source_of_each_language_tells_its_definitions_and_imports(source: Path) -> None:
    data = source.read_bytes()
    expected = (HERE / "expected" / f"{source.name}.txt").read_text().splitlines()

    assert told(data, language_of(source.name, data[:256]) or "") == expected


def test_every_language_with_a_grammar_has_a_source() -> None:
    assert {language_of(source.name) for source in SOURCES} >= GRAMMARS.keys()


@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
def test_lines_are_counted_by_line_feeds(ending: bytes) -> None:
    data = ending.join((b"import os", b"def first():", b"    return 1", b"class Second:", b"    pass", b""))

    parsed = parse(data, "python")

    assert [(one.name, one.line, one.end_line) for one in parsed.symbols] == [("first", 2, 3), ("Second", 4, 5)]


def test_a_lone_carriage_return_begins_no_line() -> None:
    assert parse(b"# one\r# two\ndef f(): pass\n", "python").symbols == [Symbol("f", "function", "", 2, 2)]


def test_a_byte_order_mark_hides_nothing() -> None:
    assert parse(b"\xef\xbb\xbfimport os\ndef f(): pass\n", "python").imports == [Import(("os",), 1)]


def test_a_definition_deep_in_others_is_found() -> None:
    data = b"\n".join(b"    " * depth + b"if x:" for depth in range(14)) + b"\n" + b"    " * 14 + b"def deep(): pass\n"

    assert [one.name for one in parse(data, "python").symbols] == ["deep"]


@pytest.mark.parametrize(
    ("language", "source", "name"),
    [
        ("c", b"int f(\nint other(void)\n{\n\treturn 1;\n}\nint ((( x;\n", "other"),
        ("typescript", b"const a = {{{ <<\nexport interface Broken {\n  a: 1\n}\n", "Broken"),
        ("python", b"x = (((\ndef after():\n    pass\n", "after"),
        ("rust", b"fn a( {{\npub struct After;\n", "After"),
        ("java", b"class A { void f( { \npublic interface After {}\n", "After"),
    ],
)
def test_half_written_code_keeps_its_other_definitions(language: str, source: bytes, name: str) -> None:
    assert name in [one.name for one in parse(source, language).symbols]


@pytest.mark.parametrize("source", [b"/* int f(void) {\n} */ int (((\n", b"x(((\n/*\nint f(void)\n{\n}\n*/\n"])
def test_what_a_comment_of_broken_code_says_is_no_definition(source: bytes) -> None:
    assert "f" not in [one.name for one in parse(source, "c").symbols]


def test_a_macro_that_makes_a_function_names_it_by_its_first_argument() -> None:
    data = (
        b"SYSCALL_DEFINE3(write, unsigned int, fd, const char __user *, buf,\n\t\tsize_t, count)\n{\n\treturn 0;\n}\n"
    )

    assert parse(data, "c").symbols == [Symbol("write", "function", "", 1, 5)]


def test_attributes_before_a_function_are_not_its_name() -> None:
    data = (
        b"static __printf(1, 2) void say(const char *format, ...)\n{\n}\n"
        b"asmlinkage __visible void __entry run(void)\n{\n}\n"
    )

    names = [one.name for one in parse(data, "c").symbols]

    assert {"say", "run"} <= set(names)
    assert "void" not in names


def test_variance_and_generic_calls_on_lines_of_their_own_do_not_hide_what_follows() -> None:
    data = (
        b"export interface Effect<out A, in out E = never> {\n  (a: string): <B>(b: B) => Effect<B>\n"
        b"  /** Doc. */\n  <B>(b: B, a: string): Effect<B>\n}\nexport class After {}\n"
    )

    assert [(one.name, one.line) for one in parse(data, "typescript").symbols] == [("Effect", 1), ("After", 6)]


def test_names_are_cut_and_undecodable_bytes_replaced() -> None:
    names = [
        one.name for one in parse(b"def " + b"x" * 5_000 + b"(): pass\ndef caf\xc3\xa9(): pass\n", "python").symbols
    ]

    assert names == ["x" * 200, "café"]
    assert parse(b"# \xff\xfe\ndef f(): pass\n", "python").symbols[-1].name == "f"


def test_a_language_whose_grammar_is_not_here_is_a_problem_and_no_error() -> None:
    assert parse(b"x", "klingon") == ([], [], "language")
    assert not available("klingon")
    assert comment_spans(b"x", "klingon") == []


def test_comments_and_docstrings_have_spans() -> None:
    data = b'"""Doc."""\n# one\ndef f():\n    """Inner."""\n    return "text"  # two\n'

    assert [data[first:last] for first, last in comment_spans(data, "python")] == [
        b'"""Doc."""',
        b"# one",
        b'"""Inner."""',
        b"# two",
    ]
    assert len(comment_spans(b"// a\nint b; /* c */\n", "c")) == 2
    assert len(comment_spans(b"// a\nfn b() {} /* c */\n", "rust")) == 2
