from __future__ import annotations

import importlib

import pytest
from benchmarks.__main__ import MEASURES
from benchmarks.harness.figures import Figure, table


@pytest.mark.parametrize("name", MEASURES)
def test_every_measurement_finds_what_it_measures(name: str) -> None:
    assert callable(importlib.import_module(f"benchmarks.measures.{name}").measure)


def test_a_figure_is_reached_by_its_value_or_by_its_ratio() -> None:
    figures = [
        Figure("start", 0.3, "s", "floor", 0.2, 0.25),
        Figure("start", 0.3, "s", "floor", 0.2, 1.5, "ratio"),
        Figure("start", 0.3, "s"),
    ]

    assert [figure.reached for figure in figures] == [False, True, None]
    assert [line.split("|")[-2].strip() for line in table(figures).splitlines()[2:]] == ["MISSED", "reached", ""]
