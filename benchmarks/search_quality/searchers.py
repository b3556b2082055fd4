"""What is compared: Plait over its index and without one, ripgrep alone, universal-ctags, semble's lexical half.

Each is asked in the corpus's root and answers with places, best first.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

from benchmarks.search_quality.queries import Query
from benchmarks.search_quality.scores import Place

from plait.search import query as words_of

LIMIT = 20


class Searcher(Protocol):
    """Contract: entered once a corpus; `ask` returns None for what the searcher has no answer to by design."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def ask(self, query: Query) -> list[Place] | None: ...


@dataclass(slots=True)
class Lines:
    """A process that answers each line of JSON by one."""

    command: tuple[str, ...]
    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self.command,
            cwd=self.root,
            env={**os.environ, **self.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        self.process.communicate(timeout=60)

    def send(self, asked: dict[str, object]) -> dict[str, list[dict[str, object]]]:
        assert self.process is not None
        sink, source = _pipes(self.process)
        sink.write(json.dumps(asked) + "\n")
        sink.flush()
        answer: dict[str, list[dict[str, object]]] = json.loads(source.readline())
        return answer


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


@dataclass(slots=True)
class Plait(Lines):
    """`hints`: the kind that is wanted is sent along; else the query alone, as one types it."""

    hints: bool = True

    def ask(self, query: Query) -> list[Place] | None:
        asked: dict[str, object] = {"query": query.text if self.hints and query.hint else query.asked, "limit": LIMIT}
        if self.hints and query.hint:
            asked["kind"] = query.hint
        hits = self.send(asked)["hits"]
        return [Place(str(hit["path"]), int(str(hit["line"]))) for hit in hits]


def plait_live(root: Path, *, hints: bool) -> Plait:
    return Plait((sys.executable, "-m", "benchmarks.search_quality.live", str(root)), Path.cwd(), hints=hints)


def plait_indexed(root: Path, cache: Path, *, hints: bool) -> Plait:
    environment = {"XDG_CACHE_HOME": str(cache)}
    plait = (sys.executable, "-m", "plait")
    subprocess.run(
        (*plait, "index", "build"),
        cwd=root,
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=600,
    )
    return Plait((*plait, "search", "--stdio", "--json"), root, environment, hints=hints)


@dataclass(slots=True)
class RipgrepAlone:
    """Files by the number of matches; of a sentence, by how many of its words they hold, then by matches."""

    root: Path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def ask(self, query: Query) -> list[Place] | None:
        if query.kind == "files":
            named = [path for path in self._run("--files") if query.text.lower() in path.lower()]
            return [Place(path, 1) for path in sorted(named, key=lambda path: (len(path), path))[:LIMIT]]
        if query.kind == "prose":
            return self._by_words(words_of.terms(query.text))
        text = words_of.last_name(query.text) if query.kind == "qualified" else query.text
        return self._by_count("-e", text) if query.kind == "regex" else self._by_count("-F", "-e", text)

    def _by_count(self, *pattern: str) -> list[Place]:
        best = self._counts(*pattern).most_common(LIMIT)
        first = {}
        for line in self._run("-n", "-m1", *pattern, "--", *(path for path, _ in best)) if best else ():
            path, number, _ = line.split(":", 2)
            first[path.removeprefix("./")] = int(number)
        return [Place(path, first.get(path, 1)) for path, _ in best]

    def _by_words(self, words: tuple[str, ...]) -> list[Place]:
        held: Counter[str] = Counter()
        matches: Counter[str] = Counter()
        for word in words:
            counts = self._counts("-i", "-F", "-e", word)
            held.update(counts.keys())
            matches.update(counts)
        best = sorted(held, key=lambda path: (-held[path], -matches[path], path))
        return [Place(path) for path in best[:LIMIT]]

    def _counts(self, *pattern: str) -> Counter[str]:
        counts: Counter[str] = Counter()
        for line in self._run("--count-matches", *pattern):
            path, _, number = line.rpartition(":")
            counts[path.removeprefix("./")] = int(number)
        return counts

    def _run(self, *arguments: str) -> list[str]:
        command = ("rg", "--no-heading", "--with-filename", *arguments)
        done = subprocess.run(
            command if "--" in arguments else (*command, "."),
            check=False,
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        return [line.removeprefix("./") for line in done.stdout.split("\n")[:-1]]


@dataclass(slots=True)
class Ctags:
    """Names as universal-ctags lists them: equal ones, then those that hold what is asked for, shorter first."""

    root: Path
    names: dict[str, list[Place]] = field(default_factory=dict)
    scopes: dict[tuple[str, str], list[Place]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        command = ("ctags", "-R", "--links=no", "--output-format=json", "--fields=+nZ", "-f", "-", ".")
        with subprocess.Popen(command, cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            for line in process.stdout:
                tag = json.loads(line.decode("utf-8", "replace"))
                if tag.get("_type") != "tag" or "line" not in tag:
                    continue
                place = Place(tag["path"].removeprefix("./"), tag["line"])
                self.names.setdefault(tag["name"], []).append(place)
                scope = re.split(r"\.|::", tag.get("scope", ""))[-1]
                self.scopes.setdefault((scope, tag["name"]), []).append(place)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def ask(self, query: Query) -> list[Place] | None:
        if query.kind not in ("definition", "qualified", "fuzzy"):
            return None
        if query.kind == "qualified":
            scope, name = words_of.scope_names(query.text)[-1], words_of.last_name(query.text)
            return (self.scopes.get((scope, name), []) + self.names.get(name, []))[:200]
        if query.text in self.names:
            return self.names[query.text][:200]
        wanted = query.text.replace("_", "").lower()
        near = [name for name in self.names if wanted in name.replace("_", "").lower()]
        return [place for name in sorted(near, key=lambda name: (len(name), name)) for place in self.names[name]][:200]


@dataclass(slots=True)
class Semble(Lines):
    """Semble without its model, which it would download: its chunks, BM25 and reranking."""

    def ask(self, query: Query) -> list[Place] | None:
        hits = self.send({"query": query.asked, "limit": LIMIT})["hits"]
        return [Place(str(hit["path"]), int(str(hit["line"]))) for hit in hits]


def semble(root: Path, python: str) -> Semble:
    return Semble((python, str(Path(__file__).with_name("semble_lexical.py")), str(root)), root)
