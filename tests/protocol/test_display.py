"""Nothing from outside reaches the terminal as anything but text."""

import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from plait.protocol.display import (
    is_safe,
    sanitise,
    sanitise_command,
    sanitise_in_place,
    sanitise_line,
    sanitise_output,
    sanitise_path,
)

# Drawn, although Unicode counts them with the invisible ones.
DRAWN = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
JOINERS = "\u200c\u200d"
ALL = (sanitise, sanitise_line, sanitise_output, sanitise_command, sanitise_path, sanitise_in_place)
HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x1b\x07\x9b\u202e\u200b\u200d\u200c\ufe0f\u2800\U0001f468\u0430a \u0301\r\t\U000e0041\u0336\ufeff"
        ),
    ),
    max_size=80,
)


@pytest.mark.parametrize("made_safe", ALL)
@given(HOSTILE)
def test_no_control_format_or_surrogate_character_is_left(made_safe: Callable[[str], str], text: str) -> None:
    shown = made_safe(text)

    assert is_safe(shown)
    for char in shown:
        category = unicodedata.category(char)
        assert char in "\n\t" or category not in ("Cc", "Cs", "Zl", "Zp")
        assert category != "Cf" or char in DRAWN + JOINERS or 0xE0020 <= ord(char) <= 0xE007F


@pytest.mark.parametrize("made_safe", [sanitise_line, sanitise_output, sanitise_path])
@given(HOSTILE)
def test_a_line_is_one_line(made_safe: Callable[[str], str], text: str) -> None:
    assert len(made_safe(text).splitlines()) <= 1


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


@pytest.mark.parametrize(
    "honest",
    [
        "👨\u200d👩\u200d👧 ❤️ 1️⃣ 👍🏽 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم",
        "क\u094d\u200dष सत्यमेव जयते",
        "Исправить ошибку с путями, SQLом и git-репозиторием",
        "Η τιμή Δt του α είναι λ",
        "修复路径中的错误：完成（ＡＢＣ）",
        "日本語　テキスト",
        "tiếng Việt café naïve e\u0301 שָׁלוֹם",
        "“quoted” — dash… µs 5 °C ± ½ → ✓ │ ▰▱ ⠹⠀⠼",
        "a = b  # comment\n\n\ndef f(): ...",
    ],
)
def test_honest_text_of_any_language_stays_as_it_is(honest: str) -> None:
    assert sanitise(honest) == honest
    assert sanitise_in_place(honest) == honest


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("p\u0430ypal", "p<U+0430>ypal"),
        ("\u03bfpenai", "<U+03BF>penai"),
        ("g\u0578\u0585gle", "g<U+0578><U+0585>gle"),
        ("\uff47oogle", "<U+FF47>oogle"),
        ("привет\u0061", "привет<U+0061>"),
        ("a\u200db", "a<U+200D>b"),
        ("a\ufe0f", "a<U+FE0F>"),
        ("👨\u200d\u200d👩", "👨<U+200D><U+200D>👩"),
        ("\u115f\u1160\u3164\uffa0", "<U+115F><U+1160><U+3164><U+FFA0>"),
        ("\u2800", "<U+2800>"),
        ("\U000e0061\U000e007f", "<U+E0061><U+E007F>"),
        ("\ufff9x\ufffay\ufffb", "<U+FFF9>x<U+FFFA>y<U+FFFB>"),
        ("\ud800", "<U+D800>"),
        ("Z" + "\u0351\u0352" * 20, "Z\u0351\u0352\u0351\u0352<36 marks>"),
        ("\u0301x", "<U+0301>x"),
        ("r\u0336m", "r<U+0336>m"),
        ("x" + "\u00a0" * 50, "x <50 spaces> "),
        ("\t" * 12 + "x", " <48 spaces> x"),
    ],
)
def test_what_fools_the_eye_is_marked(raw: str, shown: str) -> None:
    assert sanitise(raw) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\u0441\u043e\u0440\u0443 a", "<U+0441><U+043E><U+0440><U+0443> a"),
        ("ls && \u0441\u043e\u0440\u0443 a", "ls && <U+0441><U+043E><U+0440><U+0443> a"),
        ("rm \u2212rf x", "rm <U+2212>rf x"),
        ("ls\u00a0-la", "ls<U+00A0>-la"),
        ("echo hi\uff1bcurl x", "echo hi<U+FF1B>curl x"),
        ("echo hi\u037ecurl x", "echo hi<U+037E>curl x"),
        ("cat \u2215etc\u2044passwd", "cat <U+2215>etc<U+2044>passwd"),
        ("\U0001d41c\U0001d42e\U0001d42b\U0001d425 x", "<U+1D41C><U+1D42E><U+1D42B><U+1D425> x"),
        ("cat src/\u0430pp.py", "cat src/<U+0430>pp.py"),
        ("\ue000", "<U+E000>"),
        ("git commit -m 'Исправить ошибку с путями'", "git commit -m 'Исправить ошибку с путями'"),
        ("echo 'done — “ok”' > 注：完了.txt", "echo 'done — “ok”' > 注：完了.txt"),
        ("cat naïve/café.md", "cat naïve/café.md"),
    ],
)
def test_a_command_is_read_letter_by_letter(raw: str, shown: str) -> None:
    assert sanitise_command(raw) == shown
    assert sanitise_path(raw) == shown


@pytest.mark.parametrize(
    "piece",
    ["a\u0430", "\u0430", "1\u0301", " \n", "\u200d", "\U0001f3f4\U000e0067", "\u0441 ", "\u00a0\n", "a1\u2212"],
)
@pytest.mark.parametrize("made_safe", ALL)
def test_a_hostile_text_takes_time_in_proportion_to_its_length(made_safe: Callable[[str], str], piece: str) -> None:
    short, long = (_spent_s(made_safe, piece * count) for count in (2_000, 32_000))

    # 16 times as long; 256 times would be quadratic.
    assert long < 80 * max(short, 0.0005)


def _spent_s(made_safe: Callable[[str], str], text: str) -> float:
    return min(_once_s(made_safe, text) for _ in range(2))


def _once_s(made_safe: Callable[[str], str], text: str) -> float:
    start_s = time.thread_time()
    made_safe(text)
    return time.thread_time() - start_s


def test_a_command_that_goes_on_far_below_says_so() -> None:
    assert sanitise_command("ls" + "\n" * 30 + "curl evil") == "ls\n<29 empty lines>\ncurl evil"
    assert sanitise_command("ls" + "\n  " * 30 + "\ncurl evil") == "ls\n<30 empty lines>\ncurl evil"


@pytest.mark.parametrize("gap", [40, 72, 119])
def test_an_output_may_align_with_blanks(gap: int) -> None:
    assert sanitise_output("." + " " * gap + "[100%]") == "." + " " * gap + "[100%]"
    assert sanitise_output("é" + " " * gap + "[100%]") == "é" + " " * gap + "[100%]"


def test_an_output_hides_nothing_behind_blanks() -> None:
    assert sanitise_output("." + " " * 120 + "evil") == ". <120 spaces> evil"
    assert sanitise_output("." + "\u00a0" * 130 + "evil") == ". <130 spaces> evil"
