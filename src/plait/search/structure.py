"""Search by structure: code that has the shape of a pattern, `retry($CALL, $$$REST)`, whatever its layout.

ast-grep parses (https://ast-grep.github.io/guide/pattern-syntax.html); ripgrep first leaves it only the files that hold
the longest name of the pattern. It reads no configuration of the repository, which may name libraries to load.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence

from plait.host.process import run_process
from plait.host.programs import find_program
from plait.index.languages import language_of
from plait.protocol.calls import SearchHit
from plait.protocol.errors import ToolRefused
from plait.search import query
from plait.search.look import MOST_HITS, Look
from plait.search.place import LONGEST_LINE, Pattern, State
from plait.search.rank import Found, penalty

# What ast-grep and the index call by the same name.
LANGUAGES = frozenset((
    "bash", "c", "cpp", "csharp", "elixir", "go", "haskell", "java", "javascript", "kotlin", "lua", "php", "python",
    "ruby", "rust", "scala", "solidity", "swift", "tsx", "typescript",
))  # fmt: skip
MOST_FILES = 2_000
# Command lines have a length.
FILES_A_RUN = 400
MOST_BYTES = 8_000_000


async def structure(look: Look) -> Found:
    """Places whose syntax has the shape of the query, source first."""
    program = find_program("ast-grep")
    if program is None:
        raise ToolRefused("ast-grep is not installed: `pip install ast-grep-cli` beside Plait.")
    pattern = query.unquoted(look.text)
    by_language, state = await _candidates(look, pattern)
    hits: list[SearchHit] = []
    for language, paths in by_language.items():
        for start in range(0, len(paths), FILES_A_RUN):
            found, cut = await _run(look, program, pattern, language, paths[start : start + FILES_A_RUN])
            hits += found
            state = State.CAPPED if cut else state
        if len(hits) >= MOST_HITS:
            state = State.CAPPED
            break
    hits.sort(key=lambda hit: (-penalty(hit.path, look.shape), hit.path, hit.line))
    return Found("ast", tuple(hits[:MOST_HITS]), state=state)


async def _candidates(look: Look, pattern: str) -> tuple[dict[str, list[str]], State]:
    """Return the files worth parsing, by language, the language with most of them first."""
    words = re.findall(r"[^\W\d]\w+", query.META.sub(" ", pattern))
    state = State.DONE
    if words:
        longest = Pattern(max(words, key=len), fixed=True, case="exact", words=True, most_a_file=1, most=MOST_FILES)
        lines = await look.tree.lines(longest)
        paths: Sequence[str] = sorted({line.path for line in lines.found})
        state = lines.state
    else:
        names = await look.tree.names()
        paths, state = names.found[:MOST_FILES], State.CAPPED if len(names.found) > MOST_FILES else names.state
    grouped: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        language = "solidity" if path.endswith(".sol") else language_of(path)
        if language in LANGUAGES:
            grouped[language].append(path)
    return dict(sorted(grouped.items(), key=lambda item: (-len(item[1]), item[0]))), state


async def _run(
    look: Look, program: str, pattern: str, language: str, paths: Sequence[str]
) -> tuple[list[SearchHit], bool]:
    """Return the matches in files of one language, and whether there was more."""
    root = look.tree.place.root
    argv = [program, "run", f"--pattern={pattern}", "--lang", language, "--json=stream", "--custom-languages", "ignore"]
    argv += ["--threads", "2", "--", *(f"{root.as_posix().rstrip('/')}/{path}" for path in paths)]
    # Started above every project: it looks for configuration in the working directory and upwards.
    end = await run_process(
        argv, cwd=type(root)(root.anchor), deadline_s=look.tree.left_s(), max_bytes=MOST_BYTES, merge_stderr=False
    )
    if end.exit_code not in (0, 1, None) and not end.stdout:
        said = end.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ToolRefused(f"ast-grep does not take the pattern: {said[0][:160] if said else 'no reason given'}")
    hits = []
    for line in end.stdout.splitlines():
        try:
            hits.append(_hit(json.loads(line), root.as_posix()))
        except (ValueError, KeyError, TypeError):
            # The last line, cut at the cap.
            break
    return hits, end.timed_out or end.total_bytes > MOST_BYTES


def _hit(match: dict[str, object], root: str) -> SearchHit:
    path, lines, place = match["file"], match["lines"], match["range"]
    if not (isinstance(path, str) and isinstance(lines, str) and isinstance(place, dict)):
        raise TypeError("no match")
    first = lines.strip().split("\n")[0].strip()[:LONGEST_LINE]
    relative = path.removeprefix(root.rstrip("/") + "/")
    return SearchHit(relative, place["start"]["line"] + 1, place["end"]["line"] + 1, "content", first)
