from __future__ import annotations

import pytest

from plait.index.languages import (
    EXTENSIONS,
    GRAMMARS,
    INTERPRETERS,
    NAMES,
    available,
    grammar_versions,
    language_of,
    load,
    query_text,
)
from plait.index.parse import parse


@pytest.mark.parametrize(
    ("path", "head", "language"),
    [
        ("src/a.py", b"", "python"),
        ("A.PY", b"", "python"),
        ("a.d.ts", b"", "typescript"),
        ("view.tsx", b"", "tsx"),
        ("win\\path\\a.go", b"", "go"),
        ("a.C", b"", "cpp"),
        ("a.c", b"", "c"),
        ("Rakefile", b"", "ruby"),
        ("pkg/BUILD", b"", "python"),
        (".bashrc", b"", "bash"),
        ("run", b"#!/usr/bin/env python3.11\n", "python"),
        ("run", b"#!/usr/bin/env -S node --flag\n", "javascript"),
        ("run", b"#! /bin/sh -e\n", "bash"),
        ("run", b"#!/opt/ruby2.7\n", "ruby"),
        ("run", b"#!/usr/bin/env VAR=1 perl\n", None),
        ("run", b"#!\n", None),
        ("notes.txt", b"#!/bin/sh", "bash"),
        ("LICENSE", b"", None),
        (".py", b"", None),
        ("", b"", None),
    ],
)
def test_a_file_has_the_language_of_its_extension_name_or_interpreter(
    path: str, head: bytes, language: str | None
) -> None:
    assert language_of(path, head) == language


@pytest.mark.parametrize("language", sorted({*EXTENSIONS.values(), *NAMES.values(), *INTERPRETERS.values()}))
def test_every_language_that_a_file_may_have_has_a_query(language: str) -> None:
    assert query_text(GRAMMARS[language].query)


@pytest.mark.parametrize("language", sorted(GRAMMARS))
def test_every_query_compiles_with_the_grammar_that_is_installed(language: str) -> None:
    assert available(language)
    assert load(GRAMMARS[language]).abi_version >= 13
    assert parse(b"\n", language).problem == ""


def test_at_least_twenty_languages_are_known() -> None:
    assert len({grammar.query for grammar in GRAMMARS.values()}) >= 20


def test_the_versions_are_short_and_stay() -> None:
    assert grammar_versions() == grammar_versions()
    assert 8 <= len(grammar_versions()) <= 64
