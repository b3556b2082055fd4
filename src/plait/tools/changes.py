"""What changed between two texts: counted, cut out for views, and shown to the model with line numbers. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from plait.protocol.calls import DiffDetail
from plait.tools.matching import NEWLINE, Block, split_lines, unchanged_blocks
from plait.tools.output import cut

# Up to here a view gets both texts whole.
WHOLE_CHARACTERS = 40_000
LINES_AROUND = 10
# The most of each side that goes into the log.
MOST_CHARACTERS = 200_000

SNIPPET_AROUND = 2
SNIPPET_LINES = 40
LONGEST_LINE = 300


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines `old_first` up to `old_end` of the old text became `new_first` up to `new_end` of the new, from 0."""

    old_first: int
    old_end: int
    new_first: int
    new_end: int


@dataclass(frozen=True, slots=True)
class Change:
    """A text before and after, by lines with their ends. `before` is None for a new file."""

    before: list[str] | None
    after: list[str]
    hunks: tuple[Hunk, ...]

    @property
    def added(self) -> int:
        return sum(hunk.new_end - hunk.new_first for hunk in self.hunks)

    @property
    def removed(self) -> int:
        return sum(hunk.old_end - hunk.old_first for hunk in self.hunks)


def compare(before: str | None, after: str) -> Change:
    """Return what changed from `before` (None: there was no file) to `after`."""
    old, new = split_lines(before or ""), split_lines(after)
    hunks = []
    done = Block(0, 0, 0)
    for block in unchanged_blocks(old, new):
        hunk = Hunk(done.a + done.size, block.a, done.b + done.size, block.b)
        if hunk.old_end > hunk.old_first or hunk.new_end > hunk.new_first:
            hunks.append(hunk)
        done = block
    return Change(old if before is not None else None, new, tuple(hunks))


def diff_detail(path: str, change: Change) -> DiffDetail:
    """Return the change for views; of a large file only what lies between its first and last change, and around."""
    old, new, first = change.before or [], change.after, 0
    if sum(map(len, old)) + sum(map(len, new)) > WHOLE_CHARACTERS and change.hunks:
        first = max(0, change.hunks[0].new_first - LINES_AROUND)
        old = old[max(0, change.hunks[0].old_first - LINES_AROUND) : change.hunks[-1].old_end + LINES_AROUND]
        new = new[first : change.hunks[-1].new_end + LINES_AROUND]
    before = None if change.before is None else cut("".join(old), MOST_CHARACTERS)
    after = cut("".join(new), MOST_CHARACTERS)
    return DiffDetail(path, before, after, change.added, change.removed, first_line=first + 1)


def snippet(change: Change) -> str:
    """Return the changed places as they read now, numbered as `read` does, `…` between them; bounded."""
    rows: list[str] = []
    shown_to = 0
    for hunk in change.hunks:
        first = max(shown_to, hunk.new_first - SNIPPET_AROUND)
        end = min(len(change.after), max(hunk.new_end, hunk.new_first) + SNIPPET_AROUND)
        if rows and first > shown_to:
            rows.append("    …")
        for number in range(first, end):
            line = NEWLINE.sub("", change.after[number])
            rows.append(f"{number + 1:>5}\t{line[:LONGEST_LINE]}")
        shown_to = max(shown_to, end)
    if len(rows) > SNIPPET_LINES:
        half = SNIPPET_LINES // 2
        rows = [*rows[:half], "    …", *rows[-half:]]
    return "\n".join(rows)


def unified(change: Change, around: int = SNIPPET_AROUND) -> str:
    """Return a change as a unified diff without file names, with `around` lines of context. Lines are not cut."""
    old = change.before or []
    rows: list[str] = []
    for hunk in change.hunks:
        first = max(0, hunk.old_first - around)
        rows.append(f"@@ line {hunk.new_first + 1} @@")
        rows += [f" {_bare(line)}" for line in old[first : hunk.old_first]]
        rows += [f"-{_bare(line)}" for line in old[hunk.old_first : hunk.old_end]]
        rows += [f"+{_bare(line)}" for line in change.after[hunk.new_first : hunk.new_end]]
        rows += [f" {_bare(line)}" for line in old[hunk.old_end : hunk.old_end + around]]
    return "\n".join(rows)


def _bare(line: str) -> str:
    return NEWLINE.sub("", line)
