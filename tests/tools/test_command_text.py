"""What a command printed, as the model and the user read it: nothing that is text is lost."""

from __future__ import annotations

import random

import pytest

from plait.tools.command_text import legible

BELL, ST = b"\x07", b"\x1b\\"
INTRODUCERS = (b"\x1b]0;", b"\x1b]8;;", b"\x1b]52;c;", b"\x1bP1$r", b"\x1b_G", b"\x1b^", b"\x1bX")


@pytest.mark.parametrize("introducer", INTRODUCERS)
@pytest.mark.parametrize("end", [b"", b"\x1b[0m", BELL, ST, b"\x1b\n", b"\x18"])
def test_a_control_string_hides_no_other_line(introducer: bytes, end: bytes) -> None:
    output = b"before\n" + introducer + b"title\nAssertionError: 1 != 2\nmore\n" + end + b"after\n"

    said = legible(output)

    assert "AssertionError: 1 != 2\nmore\n" in said
    assert said.startswith("before\n")
    assert said.endswith("after\n")
    assert "\x1b" not in said


@pytest.mark.parametrize("introducer", INTRODUCERS)
def test_a_control_string_that_does_not_end_hides_nothing_of_its_line(introducer: bytes) -> None:
    assert "no closing parenthesis" in legible(b"x " + introducer + b"no closing parenthesis")
    assert "no closing parenthesis" in legible(b"x " + introducer + b"no closing parenthesis \x1b[31mred\n")


@pytest.mark.parametrize("introducer", INTRODUCERS)
@pytest.mark.parametrize("end", [BELL, ST])
def test_a_control_string_that_ends_on_its_line_is_taken_out(introducer: bytes, end: bytes) -> None:
    assert legible(b"a" + introducer + b"title" + end + b"b\n") == "ab\n"


def test_a_long_control_string_is_mentioned() -> None:
    assert legible(b"a\x1b]1337;" + b"x" * 5_000 + b"\x07b") == ("a(control string for a terminal, 5,005 characters)b")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (b"ok\xff\n", "ok\ufffd\n"),
        (b"\x01\x02id\x03\n", "\ufffd\ufffdid\ufffd\n"),
        (b"\x00", "(binary output, 1 byte)"),
        (b"a\0bb\0c\0" * 60, "a\ufffdbb\ufffdc\ufffd" * 60),
        (b"N\x08NA\x08AM\x08ME\x08E  _\x08f_\x08i_\x08l_\x08e\n", "NAME  file\n"),
        ("Ошибка: нет файла\n".encode("utf-16"), "Ошибка: нет файла\n"),
        (("Déjà vu: " * 3 + "é" * 400).encode("latin-1"), "Déjà vu: " * 3 + "é" * 400),
    ],
)
def test_short_or_oddly_encoded_output_is_shown(output: bytes, said: str) -> None:
    assert legible(output) == said


def test_of_binary_output_the_text_is_shown() -> None:
    noise = bytes(b for b in random.Random(7).randbytes(20_000) if b < 0x20 or b >= 0x7F)
    output = noise + b"\nerror: disk quota exceeded\n" + noise

    said = legible(output)

    assert said.startswith("(binary output, ")
    assert "\nerror: disk quota exceeded" in said
    assert len(said) < 200
