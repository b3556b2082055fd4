from hypothesis import given, strategies as st

from plait.tools.output import cut, printable, shares, size_in_words


def test_text_within_the_budget_is_left_alone() -> None:
    assert cut("a\nb\n", 4) == "a\nb\n"


def test_head_and_tail_stay_and_what_is_gone_is_counted() -> None:
    text = "\n".join(f"line {number}" for number in range(1000))

    shown = cut(text, 500)

    assert shown.startswith("line 0\nline 1\n")
    assert shown.endswith("line 998\nline 999")
    assert "characters" in shown
    lines = shown.split("\n")
    assert all(line.startswith(("line ", "[…")) for line in lines)


@given(st.text(max_size=400), st.integers(-5, 300))
def test_no_text_exceeds_its_budget(text: str, budget: int) -> None:
    assert len(cut(text, budget)) <= max(budget, 0)


@given(st.lists(st.integers(0, 1000), max_size=12), st.integers(-10, 4000))
def test_shares_never_exceed_budget_or_wish_and_leave_nothing_that_is_wanted(wanted: list[int], budget: int) -> None:
    given_out = shares(wanted, budget)

    assert all(0 <= got <= wish for got, wish in zip(given_out, wanted, strict=True))
    assert sum(given_out) <= max(budget, 0)
    assert sum(given_out) >= min(sum(wanted), max(budget, 0)) - len(wanted)


def test_who_wants_little_gets_it_all() -> None:
    assert shares([10, 1000, 1000], 210) == [10, 100, 100]


def test_sizes_are_said_in_words() -> None:
    said = [size_in_words(size) for size in (0, 1, 999, 1000, 12_345, 999_700, 5_000_000_000)]

    assert said == ["0 bytes", "1 byte", "999 bytes", "1.0 kB", "12 kB", "1.0 MB", "5.0 GB"]


def test_a_name_that_is_not_utf8_becomes_valid_text() -> None:
    assert printable("caf\udce9\n.txt") == "caf\\xe9\\n.txt"
