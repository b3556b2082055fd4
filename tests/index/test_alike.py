"""Names that are typed from memory."""

from __future__ import annotations

import pytest

from plait.index.alike import distance, likeness, stretches


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("maxretries", "MAX_RETRIES"),
        ("max_retries", "maxRetries"),
        ("max retries", "maxRetries"),
        ("retry_handler", "RetryHandlerFactory"),
        ("RetryHandlr", "RetryHandler"),
        ("RetyrHandler", "RetryHandler"),
        ("RetryHandleer", "RetryHandler"),
        ("ReetryHandelr", "RetryHandler"),
        ("retr_hand", "RetryHandler"),
    ],
)
def test_a_name_typed_from_memory_is_like_the_one_that_is_meant(typed: str, name: str) -> None:
    assert likeness(typed, name) >= 2


@pytest.mark.parametrize(
    ("typed", "name"), [("lock", "look"), ("retry_handler", "handler_retry"), ("ab", "ab_c"), ("parse", "prose")]
)
def test_a_different_name_is_not(typed: str, name: str) -> None:
    assert likeness(typed, name) < 2


def test_the_same_letters_are_more_alike_than_a_part_and_a_part_more_than_a_slip() -> None:
    typed = "retry_handler"
    names = ["retryHandler", "RetryHandlers", "OldRetryHandlerOfTheQueue", "RetryHandlr"]
    assert sorted(names, key=lambda name: -likeness(typed, name)) == names


@pytest.mark.parametrize("wrong", ["retrxhandxer", "ertryhandlre", "retryhanler", "rretryhandlerr", "eretryhandle"])
def test_a_name_with_two_slips_keeps_a_stretch_whole(wrong: str) -> None:
    assert distance(wrong, "retryhandler", 4) <= 4
    assert any(part in "retryhandler" for part in stretches(wrong))
