from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from plait.host.paths import Workspace
from plait.protocol.errors import ToolRefused
from plait.search.fan_out import SearchRequest, search


def git(root: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=root, check=True, capture_output=True
    )


@pytest.fixture
def repository(tmp_path: Path) -> Workspace:
    git(tmp_path, "init", "-q")
    for number, text in enumerate(["one = 1\n", "one = 1\nretries = 3\n", "one = 1\n"]):
        (tmp_path / "a b.py").write_text(text)
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", f"change {number}")
    return Workspace.at(tmp_path)


async def test_commits_that_added_or_removed_a_text_are_found_newest_first(repository: Workspace) -> None:
    found = await search(SearchRequest("retries", ("history",)), repository)

    assert [(hit.path, hit.kind, hit.text[8:].split(" ", 1)[1]) for hit in found.hits] == [
        ("a b.py", "commit", "change 2"),
        ("a b.py", "commit", "change 1"),
    ]


async def test_a_regex_looks_at_the_changed_lines(repository: Workspace) -> None:
    found = await search(SearchRequest(r"retries\s*=\s*[0-9]", ("history",)), repository)

    assert [hit.text.rpartition(" ")[2] for hit in found.hits] == ["2", "1"]


async def test_history_is_looked_through_only_on_request(repository: Workspace) -> None:
    assert "history" not in (await search(SearchRequest("retries"), repository)).states


async def test_without_a_repository_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ToolRefused, match="no git repository"):
        await search(SearchRequest("x", ("history",)), Workspace.at(tmp_path))


async def test_a_program_that_the_repository_names_is_not_run(repository: Workspace, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    trap.chmod(0o755)
    for setting in ("core.pager", "diff.external", "core.fsmonitor", "diff.x.textconv", "gpg.program"):
        git(tmp_path, "config", setting, str(trap))
    git(tmp_path, "config", "log.showSignature", "true")
    (tmp_path / ".gitattributes").write_text("*.py diff=x\n")

    await search(SearchRequest("retries", ("history",)), repository)

    assert not (tmp_path / "ran").exists()
