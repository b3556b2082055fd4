"""Our reading of ignore files against git's own."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from plait.host.ignore import IgnoreRules, glob_regex, parse_ignore_file, rules_for

PATHS = (
    "a", "b.log", "src/a", "src/b.log", "src/deep/a", "src/deep/b.log", "build/out.o", "src/build/out.o",
    ".env", "src/.env", "docs/x y.md", "foo/bar/baz", "x[1].txt", "#note", "!bang", "ab/ba/ab", "tail ",
)  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for path in PATHS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")
    return root


def ignored_by_git(root: Path) -> set[str]:
    answer = subprocess.run(
        ["git", "-C", str(root), "check-ignore", "--no-index", "-z", "--stdin"],
        input="\0".join(PATHS).encode(),
        stdout=subprocess.PIPE,
        check=False,
    )
    return {path for path in answer.stdout.decode().split("\0") if path}


def ignored_by_us(root: Path) -> set[str]:
    found: set[str] = set()

    def walk(directory: Path, rules: IgnoreRules, prefix: str, *, inside_ignored: bool) -> None:
        for entry in directory.iterdir():
            if entry.name in (".git", ".gitignore"):
                continue
            name = prefix + entry.name
            ignored = inside_ignored or rules.ignores(entry.name, directory=entry.is_dir())
            if entry.is_dir():
                walk(entry, rules.below(entry.name, entry), name + "/", inside_ignored=ignored)
            elif ignored:
                found.add(name)

    walk(root, rules_for(root), "", inside_ignored=False)
    return found


def agree(root: Path, text: str) -> None:
    (root / ".gitignore").write_text(text)
    assert ignored_by_us(root) == ignored_by_git(root), text


@pytest.mark.parametrize(
    "text",
    [
        "*.log\n", "/a\n", "src/a\n", "build/\n", "**/a\n", "src/**\n", "src/**/a\n", "**/deep/**\n", "foo/**/baz\n",
        "*\n!*.log\n", "*.log\n!src/b.log\n", "src/\n!src/a\n", "# a\n", "\\#note\n", "\\!bang\n", "x\\[1\\].txt\n",
        "[ab]\n", "[!ab]\n", "[^a-z]*\n", "b.*   \n", "tail\\ \n", "docs/x y.md\n", "?\n", "a*b/\n", "**\n", "[a\n",
        "/*\n!/src\n/src/*\n!/src/deep\n", "*.l?g\r\n", "[[:alpha:]]\n", "/**/a\n", "**/**/a\n", "ab/**/ab\n", "\\\n",
    ],
)  # fmt: skip
def test_what_git_ignores_is_ignored(repository: Path, text: str) -> None:
    agree(repository, text)


PIECES = st.sampled_from(
    ["a", "b", "*", "**", "/", "?", "!", "[ab]", "[!a]", ".log", "src", "deep", "build", "ab", "ba"]
)
LINES = st.lists(PIECES, min_size=1, max_size=5).map("".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(lines=st.lists(LINES, min_size=1, max_size=4))
def test_any_patterns_mean_what_they_mean_to_git(repository: Path, lines: list[str]) -> None:
    agree(repository, "\n".join(lines) + "\n")


def test_the_deepest_file_decides(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep" / ".gitignore").write_text("!*.log\n")

    assert rules_for(tmp_path).ignores("x.log", directory=False)
    assert not rules_for(tmp_path / "keep").ignores("x.log", directory=False)


def test_wildcards_upon_wildcards_do_not_slow_the_match() -> None:
    name = "a" * 4000

    assert re.fullmatch(glob_regex("*a" * 40 + "b"), name) is None
    assert re.fullmatch(glob_regex("**/a*/" * 20 + "b"), "/".join(["aa"] * 60)) is None


def test_a_pipe_in_the_place_of_an_ignore_file_is_not_waited_for(tmp_path: Path) -> None:

    os.mkfifo(tmp_path / ".gitignore")

    assert not rules_for(tmp_path).ignores("a", directory=False)


def test_a_line_that_is_no_pattern_is_passed_over() -> None:
    assert not IgnoreRules((("", parse_ignore_file("\n   \n/\n//\n")),)).ignores("a", directory=True)
