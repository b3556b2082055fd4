from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import plait.tools
from plait.tools.base import Tool

REPOSITORY = Path(__file__).parents[2]
PROMPTS = REPOSITORY / "src" / "plait" / "tools" / "prompts"
LOCK_FILES = {"uv.lock", "poetry.lock", "pdm.lock", "package-lock.json", "pnpm-lock.yaml", "yarn.lock"}


def tracked() -> list[Path]:
    ran = subprocess.run(["git", "ls-files", "-z"], check=False, cwd=REPOSITORY, capture_output=True, text=True)
    if ran.returncode != 0:
        pytest.skip("not a git working tree")
    return [path for name in ran.stdout.split("\0") if name and (path := REPOSITORY / name).is_file()]


def test_no_tracked_file_names_the_directory_it_stands_in() -> None:
    assert [path.name for path in tracked() if f"{REPOSITORY}/".encode() in path.read_bytes()] == []


def test_no_lock_file_is_tracked() -> None:
    assert [path.name for path in tracked() if path.name in LOCK_FILES] == []


def test_every_tool_has_a_description_for_the_model_and_every_description_a_tool() -> None:
    names = {tool.name for tool in tools_of(Tool) if tool.__module__.startswith(f"{plait.tools.__name__}.")}

    assert {path.stem for path in PROMPTS.glob("*.md")} == names
    assert [path.name for path in PROMPTS.glob("*.md") if not path.read_text(encoding="utf-8").strip()] == []


def tools_of(base: type[Tool]) -> list[type[Tool]]:
    """Return the tools that a conversation is given, all of which `wiring` imports."""
    import plait.wiring  # noqa: F401

    below = [tool for child in base.__subclasses__() for tool in tools_of(child)]
    return below if "name" not in vars(base) else [base, *below]
