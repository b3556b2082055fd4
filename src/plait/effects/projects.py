"""Well-known programs that build, test, check or format a project: within which trees they stay.

What they do cannot be told, since they run the project's code, so they ask like anything unknown. But other calls need
not wait for all of it: they read the sources and write their output, and do not touch the documentation. What is not
well known, or is led elsewhere by a path among its words, stays unbounded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from plait.effects.command import Command, Judge
from plait.effects.programs import judge_by_table, table
from plait.effects.system import dangers, judge_dangerous, name_settings
from plait.protocol.effects import Access, Mode

DOCUMENTATION = ("docs", "doc", "documentation", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE")
# Every one of them writes here, so that no two of them work in one tree at a time.
COMMON_OUTPUT = ("build", "dist")
TASKS = re.compile(
    r"(all|build|compile|test|tests|check|lint|typecheck|type-check|types|unit|unittest|unit-test|spec|coverage|cov|"
    r"format|fmt|bench|ci|verify|eslint|jest|vitest|tsc|mypy)([:_-]\w+)*"
)


@dataclass(frozen=True, slots=True)
class Project:
    """How a program works on a project. output: what it writes, below the directory it runs in.

    tasks: sub-commands with which it is bounded (empty: always); any task of a common name if `named_tasks`, `none`
    if it may stand without one. rewrites: sub-commands or options with which it changes the sources themselves;
    `always` if it does so without any.
    """

    output: tuple[str, ...] = ()
    tasks: frozenset[str] = frozenset()
    named_tasks: bool = False
    none: bool = False
    rewrites: frozenset[str] = frozenset()
    always: bool = False


@dataclass(frozen=True, slots=True)
class Launcher:
    """A program that runs another one with the project's own tools: `uv run pytest`, `npx jest`."""

    words: frozenset[str] = field(default_factory=frozenset)


def _project(output: str, tasks: str = "", rewrites: str = "", **more: bool) -> Project:
    return Project(tuple(output.split()), frozenset(tasks.split()), rewrites=frozenset(rewrites.split()), **more)


_NODE = "node_modules coverage out lib .next .turbo tsconfig.tsbuildinfo"
PROJECTS: Mapping[str, Project] = {
    **dict.fromkeys(("pytest", "py.test", "unittest"), _project(".pytest_cache htmlcov .coverage .hypothesis")),
    **dict.fromkeys(("tox", "nox"), _project(".tox .nox .pytest_cache .coverage")),
    **dict.fromkeys(("mypy", "pyright", "pylint", "flake8", "bandit", "ty", "pyre"), _project(".mypy_cache")),
    "ruff": _project(".ruff_cache", "check format", rewrites="--fix --unsafe-fixes format"),
    **dict.fromkeys(("black", "isort", "autopep8", "yapf"), _project("", always=True)),
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun"), _project(_NODE, "test t", "format fmt --fix", named_tasks=True)),
    **dict.fromkeys(("jest", "vitest", "mocha", "ava", "tap", "webpack", "rollup", "esbuild"), _project(_NODE)),
    **dict.fromkeys(("tsc", "vue-tsc", "tsup", "swc"), _project(_NODE)),
    "vite": _project(_NODE, "build"),
    "next": _project(_NODE, "build lint"),
    **dict.fromkeys(("eslint", "stylelint", "biome"), _project(_NODE, rewrites="--fix --write")),
    "prettier": _project("", rewrites="--write -w"),
    "cargo": _project(
        "target Cargo.lock", "build b test t check c clippy fmt bench nextest doc run", "fmt --fix"
    ),
    "go": _project("bin", "build test vet fmt", "fmt"),
    "gofmt": _project("", rewrites="-w"),
    "golangci-lint": _project("", "run", "--fix"),
    **dict.fromkeys(
        ("make", "gmake", "ninja", "just"), _project("bin obj target out lib", named_tasks=True, none=True)
    ),
    "cmake": _project("", "--build"),
    "ctest": _project("Testing"),
    "mvn": _project("target", "compile test package verify test-compile"),
    "gradle": _project(".gradle", "build test check assemble compileJava"),
    **dict.fromkeys(("rspec", "rubocop", "minitest"), _project("coverage tmp log", rewrites="-a -A --autocorrect")),
    "rake": _project("coverage tmp log", named_tasks=True, none=True),
    "phpunit": _project(".phpunit.cache"),
    "dotnet": _project("bin obj", "build test"),
    "swift": _project(".build", "build test"),
    "mix": _project("_build", "test compile"),
}  # fmt: skip
LAUNCHERS: Mapping[str, Launcher] = {
    **dict.fromkeys(("uv", "poetry", "pipenv", "pdm", "hatch", "rye"), Launcher(frozenset(("run",)))),
    "bundle": Launcher(frozenset(("exec",))),
    "npx": Launcher(),
    "pnpx": Launcher(),
    "bunx": Launcher(),
}


def judge_project(command: Command) -> None:
    """Judge a program of `PROJECTS`: it asks, but is bounded if its words are well known."""
    if command.name in dangers() and set(command.words) & dangers()[command.name].words:
        judge_dangerous(command)
        return
    if command.name == "npm":
        name_settings(command)
    if not confine(command, PROJECTS[command.name], command.words):
        # Whatever else the table knows of it (`npm --help`) is judged there.
        judge_by_table(command)


def judge_launcher(command: Command) -> None:
    """Judge `uv run pytest` as bounded, and anything else that is launched so as unknown."""
    launcher, words = LAUNCHERS[command.name], command.words
    if command.name in dangers() and set(words) & dangers()[command.name].words:
        judge_dangerous(command)
        return
    skipped = 1 if launcher.words else 0
    inner = words[skipped:]
    started = not launcher.words or (bool(words) and words[0] in launcher.words)
    if started and command.args[skipped : skipped + 1] and re.match(r"(https?|git\+\w+)://", inner[0]):
        command.finding.dangerous(f"runs code from the network through `{command.name}`")
    if started and inner[:1] == ["plait"]:
        command.run(command.args[skipped:], command.place)
    if started and inner and inner[0] in PROJECTS and confine(command, PROJECTS[inner[0]], inner[1:]):
        return
    if command.name in table():
        judge_by_table(command)
    else:
        command.finding.ask(f"`{' '.join([command.name, *words[:2]])}` is not known to be harmless")


def confine(command: Command, project: Project, words: list[str]) -> bool:
    """State the trees that the program stays in; False if they cannot be told."""
    place = command.place
    if len(place.cwds) != 1 or not command.all_known:
        return False
    cwd = place.cwds[0]
    root = next((root for root in place.workspace.roots if cwd == root or root in cwd.parents), None)
    if root is None:
        return False
    tasks = [word for word in words if not word.startswith("-")]
    if not _task_is_known(project, words, tasks):
        return False
    left_out = {f"{top.as_posix()}/{name}" for top in (root, cwd) for name in DOCUMENTATION}
    for path in _paths(words, cwd):
        if root.as_posix() != path and not path.startswith(root.as_posix() + "/"):
            return False
        if any(path == place or path.startswith(place + "/") for place in left_out):
            left_out = set()
    without = tuple(sorted(left_out))
    accesses = [Access(Mode.READ, root.as_posix(), True, without)]
    accesses += [Access(Mode.WRITE, f"{cwd.as_posix()}/{name}", True) for name in (*COMMON_OUTPUT, *project.output)]
    if project.always or project.rewrites & {word.partition("=")[0] for word in words}:
        # Documents may be formatted too, by name or with all else.
        accesses.append(Access(Mode.WRITE, cwd.as_posix(), True, without if project.always else ()))
    task = f" {tasks[0]}" if project.tasks and tasks else ""
    command.finding.confine(accesses, f"runs the project's own code and tools through `{command.name}{task}`")
    return True


def _task_is_known(project: Project, words: list[str], tasks: list[str]) -> bool:
    if not project.tasks and not project.named_tasks:
        return True
    asked = [word for word in (words if project.tasks else tasks) if word in project.tasks]
    if asked and words[0] in project.tasks:
        return True
    if not project.named_tasks:
        return False
    if not tasks:
        return project.none and not words
    names = tasks[1:] if tasks[0] in ("run", "run-script") else tasks[:1]
    return bool(names) and all(TASKS.fullmatch(name) for name in names[:1])


def _paths(words: list[str], cwd: Path) -> list[str]:
    """Every path that a word, or the value in it, may name."""
    texts = [part for word in words for part in (word, word.partition("=")[2]) if part]
    return [
        os.path.normpath(cwd / text.partition("::")[0])
        for text in texts
        if not text.startswith("-") and (text[0] in "./~" or "/" in text or (cwd / text).exists())
    ]


def judge_module(command: Command) -> bool:
    """`python -m pytest` is pytest; True if it is a program that is known here."""
    words = command.words
    if len(words) < 2 or words[0] != "-m" or words[1] not in PROJECTS:
        return False
    return confine(command, PROJECTS[words[1]], words[2:])


JUDGES: Mapping[str, Judge] = {
    **dict.fromkeys(PROJECTS, judge_project),
    **dict.fromkeys(LAUNCHERS, judge_launcher),
}
