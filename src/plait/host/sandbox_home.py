"""The part of the home directory that a command sees which runs without a question; all else in it is as if absent.

Seen are the environment Plait runs from, programs on the search path with what belongs to them, toolchains, their
stores, configuration, and what git needs of it; never what is a secret. Looks at the file system, changes nothing.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from plait.host.protected import STARTUP_HOME, credential
from plait.host.sandbox_git import GitGuards, borrowed_objects, linked_worktrees
from plait.host.sandbox_paths import MAX_LINKS, follow, small_text, within
from plait.host.sandbox_stores import read_through
from plait.host.sandbox_toolchains import (
    around_programs,
    by_name,
    editable_sources,
    from_variables,
    installation,
    interpreter_of,
    is_wide,
    leads,
    versions,
)
from plait.protocol.lean import dataclass

# Below the home directory, beside what is read by shells and git at their start.
CONFIGURATION = (
    ".config", ".editorconfig", ".tool-versions", ".python-version", ".node-version", ".nvmrc", ".ruby-version",
    ".java-version", ".go-version", ".asdfrc", ".condarc", ".mambarc", ".pip", ".pydistutils.cfg", ".pylintrc",
    ".flake8", ".isort.cfg", ".mypy.ini", ".style.yapf", ".yarnrc", ".bunfig.toml", ".babelrc", ".eslintrc",
    ".eslintrc.json", ".prettierrc", ".prettierignore", ".stylelintrc", ".rustfmt.toml", ".clang-format", ".clang-tidy",
    ".bazelrc", ".cmake", ".gemrc", ".irbrc", ".rspec", ".rubocop.yml", ".pryrc", ".Rprofile", ".mavenrc", ".sbtopts",
    ".ghci", ".ocamlinit", ".iex.exs", ".sbclrc", ".wgetrc", ".curlrc", ".ripgreprc", ".ignore", ".fdignore",
    ".gitignore", ".gitignore_global", ".gitattributes", ".gitmessage", ".hgrc", ".hgignore_global", ".tigrc",
    ".markdownlint.json", ".shellcheckrc", ".yamllint", ".ansible.cfg", ".lesskey", ".dircolors", ".terminfo",
    ".fonts", ".fonts.conf", ".local/share/fonts", ".makerc", ".gdbinit", ".lldbinit", ".latexmkrc", ".pandoc",
)  # fmt: skip
ENVIRONMENTS = (".venv", "venv", ".env", "env")
_GIT_PATHS = re.compile(
    r"""^\s*(?:path|excludesfile|attributesfile|hookspath|templatedir|template)\s*=\s*"?([^"#;\n]+?)"?\s*$""",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """Places, all real, and the links on the way to them with their targets."""

    paths: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


def shown_programs(home: str, roots: Sequence[str], cwd: str, environ: Mapping[str, str]) -> Shown:
    """Return the programs of `home`, which are seen even where a store of the workspace's own is around them."""
    part = _Part(home, roots)
    for place in read_through(home):
        part.add(place)
    _take_programs(part, environ)
    _take_environments(part, environ, cwd)
    return Shown(tuple(part.paths), tuple(part.links.items()))


def shown(
    home: str,
    roots: Sequence[str],
    cwd: str,
    environ: Mapping[str, str],
    guards: Iterable[GitGuards],
    more: Iterable[str],
) -> Shown:
    """Return what is seen of `home`. more: what else was named. Nothing that does not exist is in it."""
    part = _Part(home, roots)
    for place in (sys.base_prefix, cwd, *more, *read_through(home)):
        part.add(place)
    _take_programs(part, environ)
    for place in from_variables(environ):
        if not is_wide(os.path.realpath(place), home) or place.endswith("/.config"):
            part.add(place)
    for place in around_programs(environ, home):
        part.add(place)
    data = environ.get("XDG_DATA_HOME", "")
    for place in by_name(home, data if os.path.isabs(data) else f"{home}/.local/share"):
        part.add(place)
    for name in (*CONFIGURATION, *STARTUP_HOME):
        part.add(f"{home}/{name}")
    part.add_links_to(f"{home}/.cache")
    _take_configured(part)
    _take_git(part, guards)
    _take_environments(part, environ, cwd)
    return Shown(tuple(part.paths), tuple(part.links.items()))


class _Part:
    """Collects places below a home directory."""

    def __init__(self, home: str, roots: Sequence[str]) -> None:
        self.home = home
        self.roots = roots
        self.paths: dict[str, None] = {}
        self.links: dict[str, str] = {}
        self.installations: set[str] = set()

    def add(self, path: str) -> str | None:
        """Take a place with the links on the way to it. Return where it really is, None if nothing is there."""
        real, links = follow(path, self.home)
        if real is None:
            return None
        if real not in self.paths and real.startswith(self.home + "/") and not within(real, self.roots):
            if os.path.isfile(real) and credential(real):
                return real
            self.paths[real] = None
        self.links.update(links)
        return real

    def add_links_to(self, path: str) -> None:
        self.links.update(follow(path, self.home)[1])


def _take_programs(part: _Part, environ: Mapping[str, str]) -> None:
    stamped = []
    for directory in dict.fromkeys(environ.get("PATH", "").split(os.pathsep)):
        with suppress(OSError, ValueError):
            if os.path.isabs(directory):
                stamped.append((directory, os.stat(directory).st_mtime_ns))
    programs = _programs(part.home, part.roots, os.path.expanduser("~"), tuple(stamped))
    # What was found before may be gone, or lead elsewhere.
    part.paths.update(dict.fromkeys(path for path in programs.paths if os.path.exists(path)))
    part.links.update({path: target for path, target in programs.links if _leads_to(path, target)})


@lru_cache(maxsize=8)
def _programs(home: str, roots: Sequence[str], spelled: str, directories: Sequence[tuple[str, int]]) -> Shown:
    """The programs on a search path. Its directories come with when they were last changed."""
    part = _Part(home, roots)
    for directory, stamp in directories:
        real = os.path.realpath(directory)
        # A directory in the workspace may say what a command wrote into it.
        if not os.path.isdir(real) or within(real, part.roots):
            continue
        if real.startswith(part.home + "/"):
            part.add(directory)
            _take_installation(part, real)
        for path in leads(real, part.home, spelled, stamp):
            program = part.add(path)
            if program is not None and not within(program, part.roots):
                _take_installation(part, os.path.dirname(program))
    return Shown(tuple(part.paths), tuple(part.links.items()))


def _leads_to(path: str, target: str) -> bool:
    try:
        return os.readlink(path) == target
    except OSError:
        return False


def _take_installation(part: _Part, directory: str) -> None:
    if directory.startswith(part.home + "/") and directory not in part.installations:
        part.installations.add(directory)
        for place in installation(directory, part.home):
            part.add(place)
            for environment in (place, *versions(place)):
                _take_environment(part, environment)


def _take_environments(part: _Part, environ: Mapping[str, str], cwd: str) -> None:
    """The interpreters of the workspace's environments of Python, and environments that lie elsewhere."""
    above = [str(up) for up in (Path(cwd), *Path(cwd).parents) if within(str(up), part.roots)]
    named = [environ[name] for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if os.path.isabs(environ.get(name, ""))]
    inside = [f"{place}/{name}" for place in dict.fromkeys((*part.roots, *above)) for name in ENVIRONMENTS]
    user_site = f"{part.home}/.local"
    for environment in (*named, user_site, *inside):
        if os.path.isfile(f"{environment}/pyvenv.cfg") or environment in (environ.get("CONDA_PREFIX"), user_site):
            real = os.path.realpath(environment)
            if not is_wide(real, part.home):
                part.add(environment)
            _take_environment(part, real)


def _take_environment(part: _Part, real: str) -> None:
    interpreter = interpreter_of(real)
    if interpreter is not None and not is_wide(interpreter, part.home):
        part.add(interpreter)
    # Of an environment in the workspace a command may have written what it imports from.
    if not within(real, part.roots):
        for source in editable_sources(real):
            if not is_wide(os.path.realpath(source), part.home):
                part.add(source)


def _take_configured(part: _Part) -> None:
    """What links in the directory of configuration lead to, and what git's configuration names."""
    home = part.home
    try:
        with os.scandir(f"{home}/.config") as entries:
            links = [entry.path for entry in entries if entry.is_symlink()][:MAX_LINKS]
    except OSError:
        links = []
    for file in (f"{home}/.gitconfig", f"{home}/.config/git/config"):
        try:
            links += _named_by_git(file, home, os.stat(file).st_mtime_ns)
        except OSError:
            continue
    for path in links:
        if not is_wide(os.path.realpath(path), home):
            part.add(path)


@lru_cache(maxsize=8)
def _named_by_git(file: str, home: str, _stamp: int) -> tuple[str, ...]:
    values = _GIT_PATHS.findall(small_text(file, 64_000))
    named = (f"{home}/{value[2:]}" if value.startswith("~/") else value for value in values)
    return tuple(os.path.normpath(os.path.join(os.path.dirname(file), value)) for value in named)


def _take_git(part: _Part, found: Iterable[GitGuards]) -> None:
    """The rest of a repository that the workspace is a part of, since git would take its files for removed."""
    for guards in found:
        if guards.tree is not None:
            part.add(guards.tree)
        for directory in guards.directories:
            for path in (*borrowed_objects(directory), *linked_worktrees(directory)):
                part.add(path)
