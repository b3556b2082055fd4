"""The most central definitions of a project: those in files that many import, by names that many use. Pure.

Files are weighed by PageRank (Page, Brin, Motwani, Winograd 1999) over who imports whom, definitions by their file and
by how many files speak their name.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from plait.index.rows import Defined, Imported
from plait.index.view import View
from plait.index.words import whole
from plait.search.rank import standing

MOST_DEFINITIONS = 60_000
MOST_EDGES = 300_000
ROUNDS = 12
DAMPING = 0.85
CHARACTERS_A_TOKEN = 4
MOST_OF_A_FILE = 12
# A name of one plain word is also a part of others; how many files speak of it says little.
PLAIN_WORD = 0.25
CAPITAL_WORD = 0.6


def repository_map(view: View, budget_tokens: int, keep: Callable[[str], bool] = lambda path: True) -> str:
    """Return the map as text, at most `budget_tokens` long: files by weight, below each its central definitions.

    keep: which paths are wanted. Raises sqlite3.Error.
    """
    rows = [row for row in view.central(MOST_DEFINITIONS) if keep(row.path) and standing(row.path) >= 0.5]
    names = Counter(row.name for row in rows)
    spoken = view.word_counts(list(dict.fromkeys(whole(name) for name in names)))
    weights = page_rank(view.paths(), view.all_imports())
    scored = sorted(
        ((_score(row, names, spoken, weights), row) for row in rows),
        key=lambda one: (-one[0], one[1].path, one[1].line),
    )
    return _text(scored, budget_tokens * CHARACTERS_A_TOKEN)


def page_rank(paths: Sequence[str], imports: Iterable[Imported]) -> dict[str, float]:
    """Return each file's weight, 1 on average."""
    targets = _Targets(paths)
    edges: dict[str, set[str]] = defaultdict(set)
    count = 0
    for row in imports:
        for target in targets.of(row):
            if target != row.path and target not in edges[row.path]:
                edges[row.path].add(target)
                count += 1
        if count > MOST_EDGES:
            break
    weights = dict.fromkeys(paths, 1.0)
    for _ in range(ROUNDS):
        after = dict.fromkeys(paths, 1.0 - DAMPING)
        for source, reached in edges.items():
            share = DAMPING * weights.get(source, 0.0) / len(reached)
            for target in reached:
                after[target] += share
        weights = after
    return weights


class _Targets:
    """Which files of the project an import means."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._by_end: dict[str, list[str]] = defaultdict(list)
        self._directories: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            parts = path.rpartition(".")[0].split("/") if "." in path.rpartition("/")[2] else path.split("/")
            if parts[-1] in ("__init__", "index", "mod", "lib"):
                parts = parts[:-1]
            for size in (1, 2, 3):
                if len(parts) >= size:
                    self._by_end["/".join(parts[-size:])].append(path)
            directories = path.split("/")[:-1]
            for size in (1, 2):
                if len(directories) >= size and path.endswith((".go", ".java", ".kt")):
                    self._directories["/".join(directories[-size:])].append(path)

    def of(self, row: Imported) -> Sequence[str]:
        parts = row.module.split("/")
        # `a/b/c` is the module `a/b/c`, or the name `c` of the module `a/b`.
        for wanted in (parts, parts[:-1]):
            for size in (3, 2, 1):
                if len(wanted) < size:
                    continue
                found = self._by_end.get("/".join(wanted[-size:]), ())
                # A short end is many files' end: then it is none.
                if found and (len(found) == 1 or size > 1) and len(found) <= 3:
                    return found
        if row.path.endswith((".go", ".java", ".kt")):
            found = self._directories.get("/".join(parts[-2:]), ())
            return found if len(found) <= 40 else ()
        return ()


def _score(row: Defined, names: Mapping[str, int], spoken: Mapping[str, int], weights: Mapping[str, float]) -> float:
    compound = _is_compound(row.name)
    trust = 1.0 if compound else CAPITAL_WORD if row.name[:1].isupper() else PLAIN_WORD
    users = math.log2(1 + spoken.get(whole(row.name), 0)) * trust / names[row.name]
    return users * math.sqrt(weights.get(row.path, 0.15)) * standing(row.path)


def _is_compound(name: str) -> bool:
    bare = name.strip("_")
    return "_" in bare or (bare[1:] != bare[1:].lower() and not bare.isupper())


def _text(scored: Sequence[tuple[float, Defined]], room: int) -> str:
    """Fill the room with the best definitions, then write them by file, the file with the best one first."""
    chosen: dict[str, list[Defined]] = {}
    for _, row in scored:
        known = chosen.get(row.path)
        if known is not None and len(known) >= MOST_OF_A_FILE:
            continue
        room -= len(_line(row)) + 1 + (0 if known is not None else len(row.path) + 1)
        if room < 0:
            break
        chosen.setdefault(row.path, []).append(row)
    lines = []
    for path, rows in chosen.items():
        lines.append(path)
        lines += [_line(row) for row in sorted(rows, key=lambda one: one.line)]
    return "\n".join(lines)


def _line(row: Defined) -> str:
    return f"  {row.line} {row.kind} {row.name}"
