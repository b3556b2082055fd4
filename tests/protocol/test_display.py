"""Nothing from outside reaches the terminal as anything but text."""

import unicodedata

import pytest
from hypothesis import given, strategies as st

from plait.protocol.display import sanitise, sanitise_line


@given(st.text())
def test_no_control_format_or_surrogate_character_is_left(text: str) -> None:
    for char in sanitise(text):
        category = unicodedata.category(char)
        assert char == "\n" or category not in ("Cc", "Cs", "Zl", "Zp")
        assert (
            category != "Cf"
            or char in "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
            or 0x13430 <= ord(char) <= 0x1343F
            or 0x1BCA0 <= ord(char) <= 0x1BCA3
        )


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert sanitise(text) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x9b31m", "<U+009B>31m"),
        ("a\u202eb", "a<U+202E>b"),
        ("a\u200bb", "a<U+200B>b"),
        ("over\rwritten", "over␍written"),
        ("one\r\ntwo", "one\ntwo"),
        ("caf\udce9", "caf<E9>"),
        ("a\tb", "a    b"),
        ("x" + " " * 90 + "; curl evil", "x <90 spaces> ; curl evil"),
    ],
)
def test_what_a_terminal_would_act_on_is_shown(raw: str, shown: str) -> None:
    assert sanitise(raw) == shown


def test_a_line_has_no_newline() -> None:
    assert sanitise_line("a\nb") == "a␊b"
