"""What decides what others run is not written unasked, by the installed program."""

from __future__ import annotations

import json
import subprocess

import pytest
from tests.cli.program import Program


def verdict(plait: Program, tool: str, arguments: dict[str, str], *flags: str) -> str:
    ran = plait("tool", tool, "--json", json.dumps(arguments), "--permission-mode", "acceptEdits", *flags)
    return str(json.loads(ran.stdout)["verdict"])


@pytest.fixture
def hooked(plait: Program) -> Program:
    for words in (["init", "-q"], ["config", "core.hooksPath", "ci/hooks"]):
        subprocess.run(["git", *words], cwd=plait.project, check=True, capture_output=True)
    (plait.project / "tools").mkdir()
    (plait.project / ".envrc").symlink_to("tools/env")
    return plait


@pytest.mark.parametrize("path", [".husky/pre-commit", "ci/hooks/pre-commit", "tools/env", "sub/lefthook.yml"])
def test_an_edit_of_it_asks(hooked: Program, path: str) -> None:
    assert verdict(hooked, "edit", {"path": path, "content": "x\n"}) == "ask"
    assert not (hooked.project / path).exists()


@pytest.mark.parametrize("path", [".husky/pre-commit", "ci/hooks/pre-commit", "tools/env"])
def test_a_command_that_writes_it_asks_though_a_rule_allows_it(hooked: Program, path: str) -> None:
    assert verdict(hooked, "shell", {"command": f"touch {path}"}, "--allowed-tools", "shell(touch *)") == "ask"
    assert not (hooked.project / path).exists()


def test_ordinary_files_beside_it_are_written(hooked: Program) -> None:
    assert verdict(hooked, "edit", {"path": "ci/build", "content": "x\n"}) == "allowed"
    assert verdict(hooked, "shell", {"command": "touch a"}, "--allowed-tools", "shell(touch *)") == "allowed"
