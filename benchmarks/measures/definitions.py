"""Definitions in the text of `PLAIT_CORPORA` (a folder of repositories): found against universal-ctags, and the cost.

Compared are functions, methods, classes, types and macros, to a line; no locals and no members. What ctags gets wrong
is left out: names that it makes up (`__anon…`), TypeScript's construct signatures, `class extends` and
`import { type X }` as definitions, and macros of C that define a function (the name is their argument, not the macro).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.bench import Bench
from benchmarks.harness.figures import Figure

from plait.index.languages import GRAMMARS, language_of, load
from plait.index.parse import parse

MOST_BYTES = 20_000_000
QUICK_BYTES = 3_000_000
LARGEST_FILE_BYTES = 1_000_000
# Language: its name in ctags, the kinds that are compared, and how many may be missed.
COMPARED = {
    "python": ("Python", "fcm", 0.005),
    "go": ("Go", "fstin", 0.005),
    "rust": ("Rust", "PfsgMtin", 0.005),
    "typescript": ("TypeScript", "fcimgnaG", 0.005),
    "c": ("C", "dfgstue", 0.03),
}
MOST_ADDED = 1.35
NO_NAMES = ("new", "extends", "import", "Readonly")
Place = tuple[str, int]


def measure(bench: Bench) -> Iterator[Figure]:
    corpora = os.environ.get("PLAIT_CORPORA")
    if not corpora:
        raise LookupError("PLAIT_CORPORA names no folder of repositories to read")
    files = _files(Path(corpora), QUICK_BYTES if bench.quick else MOST_BYTES)
    for language, (name, kinds, most) in COMPARED.items():
        if not files[language]:
            continue
        wanted = _by_ctags(files[language], name, kinds)
        missed = total = 0
        for path, tags in wanted.items():
            one_missed, one_total = _missed(path, language, tags)
            missed += one_missed
            total += one_total
        note = f"{total:,} definitions in {len(files[language]):,} files"
        yield Figure(
            f"{language}: definitions of ctags not found", 100 * missed / total, "%", reach=100 * most, note=note
        )
        yield _cost(files[language], language)


def _files(root: Path, most_bytes: int) -> dict[str, list[Path]]:
    """Return some text of each language, a folder here and a folder there."""
    found: dict[str, list[Path]] = defaultdict(list)
    sizes: dict[str, int] = defaultdict(int)
    for path in sorted(root.rglob("*"), key=lambda path: (zlib.crc32(bytes(path.parent)), path)):
        language = language_of(path.name)
        if language not in COMPARED or not path.is_file() or path.is_symlink():
            continue
        size = path.stat().st_size
        if size <= LARGEST_FILE_BYTES and sizes[language] + size <= most_bytes:
            sizes[language] += size
            found[language].append(path)
    return found


def _by_ctags(paths: list[Path], name: str, kinds: str) -> dict[Path, list[Place]]:
    command = ["ctags", "-f", "-", "-L", "-", "--output-format=json", "--fields=+nK"]
    command += [
        f"--languages={name}",
        f"--kinds-{name}={kinds}",
        f"--langmap={name}:+.h" if name == "C" else "--sort=no",
    ]
    names = "\n".join(map(str, paths))
    ran = subprocess.run(command, input=names, capture_output=True, text=True, errors="replace", check=True)
    places: dict[Path, list[Place]] = defaultdict(list)
    for line in ran.stdout.splitlines():
        tag = json.loads(line)
        if tag["_type"] == "tag" and not tag["name"].startswith("__anon"):
            places[Path(tag["path"])].append((tag["name"].strip("\"'"), tag["line"]))
    return places


def _missed(path: Path, language: str, tags: list[Place]) -> tuple[int, int]:
    data = path.read_bytes()
    symbols = parse(data, language).symbols
    found = {(symbol.name, symbol.line + by) for symbol in symbols for by in (-1, 0, 1)}
    starts = {symbol.line for symbol in symbols}
    lines = data.decode("utf-8", "replace").split("\n")
    missed = total = 0
    for name, line in tags:
        if language == "typescript" and not _is_definition(name, lines[line - 1]):
            continue
        if language == "c" and name.isupper() and line in starts:
            continue
        total += 1
        missed += (name[:200], line) not in found
    return missed, total


def _is_definition(name: str, line: str) -> bool:
    imported = re.search(rf"\btype\s+{re.escape(name)}\b", line) and not re.search(
        rf"{re.escape(name)}\s*([<=]|$)", line
    )
    return name not in NO_NAMES and not imported


def _cost(paths: list[Path], language: str) -> Figure:
    # Imported here: whoever has no corpora needs no parser.
    from tree_sitter import Parser

    texts = [path.read_bytes() for path in paths]
    bare = Parser(load(GRAMMARS[language]))
    parse(texts[0], language)
    began = time.process_time()
    for text in texts:
        bare.parse(text)
    bare_s = time.process_time() - began
    began = time.process_time()
    for text in texts:
        parse(text, language)
    whole_s = time.process_time() - began
    return Figure(
        f"{language}: definitions and imports, CPU", whole_s, "s", "bare parsing", bare_s, MOST_ADDED, "ratio"
    )
