"""An edit's preview shows what it changes, however small the screen is."""

from __future__ import annotations

import pytest
from tests.tui.fake_session import key
from tests.tui.test_app import ask, staged

from plait.protocol.calls import DiffDetail, DiffsDetail
from plait.protocol.events import ApprovalAsked
from plait.views.tui.diff import diff_lines
from plait.views.tui.palette import Palette

PALETTE = Palette.of({}, dark=True)
CONTEXT = "".join(f"context {n}\n" for n in range(9))


def replaced(count: int, lead: str = CONTEXT) -> DiffDetail:
    old = "".join(f"old {n}\n" for n in range(count))
    new = "".join(f"new {n}\n" for n in range(count))
    return DiffDetail("src/app.py", f"{lead}{old}{CONTEXT}", f"{lead}{new}{CONTEXT}", count, count)


ONE = replaced(1)
MANY = replaced(60)
TWO_FILES = DiffsDetail((ONE, DiffDetail("b.py", None, "new 0\n", 1, 0)))
SIZES = [(60, 15), (80, 24), (40, 12), (120, 40), (60, 10), (30, 15)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("preview", [ONE, MANY, replaced(2, ""), TWO_FILES], ids=["one", "many", "at the top", "two"])
@pytest.mark.parametrize("danger", [None, "writes what git runs: " + ".git/hooks/pre-commit " * 6])
async def test_a_preview_shows_a_line_removed_and_one_added(
    size: tuple[int, int], preview: DiffDetail | DiffsDetail, danger: str | None
) -> None:
    async with staged(size) as stage:
        await ask(stage, ApprovalAsked(key(1), "edit", {"path": "src/app.py"}, preview, (), danger))

        assert "- old 0" in stage.screen
        if size[1] >= 12:
            assert "+ new 0" in stage.screen


@pytest.mark.parametrize("most", range(1, 30))
@pytest.mark.parametrize("diff", [ONE, MANY, replaced(3), replaced(2, "")])
def test_changed_lines_come_first_in_any_room(diff: DiffDetail, most: int) -> None:
    lines = [line.plain for line in diff_lines(diff, 60, PALETTE, most=most)]

    assert len(lines) <= most
    marks = [line.split()[1] for line in lines if line.split()[0].isdigit()]
    assert "-" in marks
    if most > 2:
        assert abs(marks.count("-") - marks.count("+")) <= 1
    if " more line" in lines[-1] and "context" in " ".join(lines):
        assert marks.count("-") == diff.removed


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "a\n"), ("a\n", ""), ("a\nb\nc\n" * 40, "a\nb\n" * 40), ("x\n" * 50 + "old\n", "x\n" * 50)],
)
def test_only_added_or_removed_lines_are_shown_in_any_room(before: str, after: str) -> None:
    for most in range(1, 12):
        lines = [line.plain for line in diff_lines(DiffDetail("a", before, after, 0, 0), 60, PALETTE, most=most)]
        assert any(f" {mark} " in line for line in lines for mark in "+-"), lines


@pytest.mark.parametrize("width", [30, 60, 100])
def test_of_a_long_line_the_part_is_shown_that_changes(width: int) -> None:
    diff = DiffDetail("a", "x = f(" + "a, " * 100 + "1)\n", "x = f(" + "a, " * 100 + "2)\n", 1, 1)

    removed, added = (line.plain for line in diff_lines(diff, width, PALETTE, most=5))

    assert "1)" in removed
    assert "2)" in added
    assert len(removed) <= width


def test_the_whole_of_a_long_line_can_be_seen() -> None:
    diff = DiffDetail("a", None, "start " + "x" * 200 + " end\n", 1, 0)

    lines = [line.plain for line in diff_lines(diff, 60, PALETTE)]

    assert all(len(line) <= 60 for line in lines)
    assert "".join(line[4:].rstrip() for line in lines).replace(" ", "") == "start" + "x" * 200 + "end"
