"""The query set: what is asked of which corpus, and the places that answer it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

KINDS = (
    "definition", "qualified", "fuzzy", "content", "regex", "imports", "files", "references", "prose",
)  # fmt: skip
QUERIES = Path(__file__).with_name("queries.jsonl")


@dataclass(frozen=True, slots=True)
class Answer:
    """A right place. grade: 2 what is looked for, 1 acceptable; line: 1-based."""

    path: str
    line: int
    grade: int


@dataclass(frozen=True, slots=True)
class Query:
    """hint: the `kind` that a caller who knows what he wants sends along; `asked`: how one asks without it."""

    repo: str
    kind: str
    text: str
    hint: str | None
    asked: str
    answers: tuple[Answer, ...]

    @property
    def half(self) -> str:
        """`tune` or `held`, by the query alone, so that it stays where it is as the set grows."""
        digest = hashlib.sha256(f"{self.repo} {self.kind} {self.text}".encode()).digest()
        return "tune" if digest[0] % 2 else "held"

    def grades(self) -> dict[str, int]:
        """Return the best grade of each right file."""
        best: dict[str, int] = {}
        for answer in self.answers:
            best[answer.path] = max(answer.grade, best.get(answer.path, 0))
        return best


def read_queries(path: Path = QUERIES) -> list[Query]:
    queries = []
    for line in path.read_text("utf-8").splitlines():
        one = json.loads(line)
        answers = tuple(Answer(a["path"], a["line"], a["grade"]) for a in one["answers"])
        text = one["query"]
        queries.append(Query(one["repo"], one["kind"], text, one.get("hint"), one.get("asked", text), answers))
    return queries
