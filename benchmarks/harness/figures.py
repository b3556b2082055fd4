"""A figure: what was measured, what it is compared with in the same run, and what it should reach."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FORMATS = {"s": ".3f", "ms": ".2f", "us": ".1f", "MB": ".0f", "%": ".2f", "tokens": ",.0f", "count": ",.0f"}


@dataclass(frozen=True, slots=True)
class Figure:
    """`reach` bounds the value itself or its ratio to the baseline, as `reach_of` says; None: nothing to reach."""

    name: str
    value: float
    unit: Literal["s", "ms", "us", "MB", "%", "tokens", "count"]
    baseline: str = ""
    baseline_value: float | None = None
    reach: float | None = None
    reach_of: Literal["value", "ratio"] = "value"
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.baseline_value if self.baseline_value else None

    @property
    def reached(self) -> bool | None:
        compared = self.value if self.reach_of == "value" else self.ratio
        return None if self.reach is None or compared is None else compared <= self.reach


def typical(samples: Sequence[float]) -> float:
    """Return the median: on a shared machine a mean says more about the others."""
    return statistics.median(samples)


HEAD = ("figure", "value", "baseline of this run", "its value", "ratio", "reach", "")


def table(figures: Sequence[Figure]) -> str:
    """Return a Markdown table."""
    rows = [HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    def show(value: float | None) -> str:
        return "" if value is None else f"{value:{FORMATS[figure.unit]}} {figure.unit}"

    reach = ""
    if figure.reach is not None:
        reach = f"≤ {show(figure.reach)}" if figure.reach_of == "value" else f"≤ {figure.reach:g} ×"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} ×"
    verdict = {True: "reached", False: "MISSED", None: ""}[figure.reached]
    said = f"{verdict} ({figure.note})" if figure.note and verdict else verdict or figure.note
    return figure.name, show(figure.value), figure.baseline, show(figure.baseline_value), ratio, reach, said
