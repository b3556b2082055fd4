"""The linters and type checkers that a project has configured: which there are, how they are run, what they say.

Nothing is installed. A program is taken from the project's own environment or from a fixed path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from plait.host.programs import find_program
from plait.tools.syntax import Finding

# Where a project keeps its own programs, below itself or below a directory that holds it.
PYTHON_BINS = (".venv/bin", "venv/bin", ".venv/Scripts", "venv/Scripts")
NODE_BINS = ("node_modules/.bin",)
# Where toolchains are installed that are on no system path.
TOOLCHAIN_BINS = ("/usr/local/go/bin", "/usr/lib/go/bin", "~/go/bin", "~/.cargo/bin", "~/.local/bin")
MOST_FILES = 300
LARGEST_CONFIG_BYTES = 1_000_000

Parse = Callable[[str], list[Finding]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A checker we know. `configured` tells from a directory whether the project there uses it.

    `takes`: it is given the files that changed, their directories, or nothing (it checks the whole project).
    """

    name: str
    arguments: tuple[str, ...]
    suffixes: tuple[str, ...]
    bins: tuple[str, ...]
    configured: Callable[[Path], bool]
    parse: Parse
    takes: str = "files"


@dataclass(frozen=True, slots=True)
class Checker:
    """A checker as it will be run in `directory`; `argv` is empty if its program was not found."""

    kind: Kind
    directory: Path
    argv: tuple[str, ...]


def find_checkers(paths: Sequence[Path], root: Path) -> list[Checker]:
    """Return the checkers configured for the files or directories `paths`, the nearest configuration of each.

    Looks upward from each path to `root`. Reads a few small files.
    """
    found: dict[tuple[str, Path], list[Path]] = {}
    for kind in KINDS:
        for path in paths:
            if path.suffix and path.suffix.lower() not in kind.suffixes and not path.is_dir():
                continue
            directory = next((above for above in _upward(path, root) if kind.configured(above)), None)
            if directory is not None:
                found.setdefault((kind.name, directory), []).append(path)
    by_name = {kind.name: kind for kind in KINDS}
    checkers = []
    for (name, directory), concerned in found.items():
        kind = by_name[name]
        program = _program(kind, directory, root)
        argv = (program, *kind.arguments, *_targets(kind, directory, concerned)) if program else ()
        checkers.append(Checker(kind, directory, argv))
    return checkers


def _upward(path: Path, root: Path) -> Iterator[Path]:
    for directory in (path, *path.parents):
        if directory != root and root not in directory.parents:
            return
        yield directory


def _program(kind: Kind, directory: Path, root: Path) -> str | None:
    names = (f"{kind.name}.exe", f"{kind.name}.cmd") if os.name == "nt" else (kind.name,)
    for above in _upward(directory, root):
        for bin_directory in kind.bins:
            for name in names:
                candidate = above / bin_directory / name
                if os.access(candidate, os.X_OK):
                    return str(candidate)
    program = find_program(kind.name)
    if program is not None:
        return program
    places = (Path(place).expanduser() / name for place in TOOLCHAIN_BINS for name in names)
    return next((str(place) for place in places if os.access(place, os.X_OK)), None)


def _targets(kind: Kind, directory: Path, paths: Sequence[Path]) -> tuple[str, ...]:
    if kind.takes == "project":
        return ()
    if kind.takes == "directories":
        parents = sorted({path if path.is_dir() else path.parent for path in paths})
        return tuple(_argument(parent, directory) for parent in parents[:MOST_FILES])
    if len(paths) > MOST_FILES:
        return (".",)
    return tuple(_argument(path, directory) for path in sorted(set(paths)))


def _argument(path: Path, directory: Path) -> str:
    # With `./` no name can be taken for an option, and go takes it for a directory.
    return "./" + os.path.relpath(path, directory)


# --- what is configured ------------------------------------------------------------------------------------------


def _any_file(*names: str) -> Callable[[Path], bool]:
    return lambda directory: any((directory / name).is_file() for name in names)


def _pyproject_names(directory: Path, tool: str) -> bool:
    # No TOML reader: its time can grow with the square of what a hostile file holds.
    table = rf"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*{tool}[ \t]*[\].]"
    return re.search(table, _read_config(directory / "pyproject.toml"), re.MULTILINE) is not None


def _read_config(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_CONFIG_BYTES:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _uses_ruff(directory: Path) -> bool:
    return _any_file("ruff.toml", ".ruff.toml")(directory) or _pyproject_names(directory, "ruff")


def _uses_mypy(directory: Path) -> bool:
    if _any_file("mypy.ini", ".mypy.ini")(directory) or _pyproject_names(directory, "mypy"):
        return True
    return re.search(r"^\[mypy\]", _read_config(directory / "setup.cfg"), re.MULTILINE) is not None


def _uses_pyright(directory: Path) -> bool:
    return _any_file("pyrightconfig.json")(directory) or _pyproject_names(directory, "pyright")


def _uses_eslint(directory: Path) -> bool:
    if any(directory.glob("eslint.config.*")) or any(directory.glob(".eslintrc*")):
        return True
    return '"eslintConfig"' in _read_config(directory / "package.json")


# --- what they say -----------------------------------------------------------------------------------------------

# `a.py:3:5: message`, `a.py:3: message`, `a.ts(3,5): message`, `  /a.py:3:5 - message`, `vet: ./a.go:3:5: message`.
_LINE = re.compile(r"^\s*(?:vet: )?(\S[^:\n(]*?)(?::(\d+)(?::(\d+))?|\((\d+),(\d+)\))(?:: | - )(\S.*)$", re.MULTILINE)


def parse_lines(output: str) -> list[Finding]:
    """Return the findings of a checker that writes one a line; notes that belong to another finding are left out."""
    found = []
    for match in _LINE.finditer(output):
        message = match[6].strip()
        if not message.startswith(("note:", "help:")):
            line, column = int(match[2] or match[4]), int(match[3] or match[5] or 0)
            found.append(Finding(os.path.normpath(match[1]), line, column, message))
    return found


def parse_eslint(output: str) -> list[Finding]:
    """Return the findings of `eslint --format json`."""
    try:
        files: Any = msgspec.json.decode(output)
    except (msgspec.DecodeError, RecursionError):
        return []
    if not isinstance(files, list):
        return []
    return [
        Finding(
            str(file.get("filePath", "")),
            int(message.get("line") or 0),
            int(message.get("column") or 0),
            f"{message.get('message', '')} ({message.get('ruleId') or 'eslint'})",
        )
        for file in files
        if isinstance(file, dict)
        for message in file.get("messages", [])
        if isinstance(message, dict)
    ]


PYTHON = (".py", ".pyi")
SCRIPT = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")

KINDS: tuple[Kind, ...] = (
    Kind(
        "ruff",
        ("check", "--no-fix", "--quiet", "--output-format=concise", "--force-exclude"),
        PYTHON, PYTHON_BINS, _uses_ruff, parse_lines,
    ),
    Kind(
        "mypy",
        ("--no-color-output", "--no-error-summary", "--no-pretty", "--show-column-numbers", "--hide-error-context"),
        PYTHON, PYTHON_BINS, _uses_mypy, parse_lines,
    ),
    Kind("pyright", (), PYTHON, (*PYTHON_BINS, *NODE_BINS), _uses_pyright, parse_lines),
    Kind("eslint", ("--format", "json"), SCRIPT, NODE_BINS, _uses_eslint, parse_eslint),
    Kind(
        "tsc", ("--noEmit", "--pretty", "false"),
        SCRIPT, NODE_BINS, _any_file("tsconfig.json"), parse_lines, takes="project",
    ),
    Kind("go", ("vet",), (".go",), (), _any_file("go.mod"), parse_lines, takes="directories"),
    Kind(
        "cargo", ("check", "--quiet", "--offline", "--message-format=short"),
        (".rs",), (), _any_file("Cargo.toml"), parse_lines, takes="project",
    ),
)  # fmt: skip
