"""Look at hostile repositories with the real program: nothing of theirs runs, and nobody they name is asked."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.cli.program import POSIX, Program
from tests.trust.repositories import MAKERS, Trap, begin
from tests.wire.script import Call, Reply, Text, in_order
from tests.wire.server import WireServer

pytestmark = [POSIX, pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")]

# Several in a line: each starts a shell, and a sandbox around it.
COMMANDS = (
    "git status; git status --short --branch; git ls-files -m; git submodule status; git stash list; git tag",
    "git diff; git diff HEAD~1 --stat; git diff --cached; git blame a.py; git grep needle",
    "git log -p -2; git log --oneline --stat; git show HEAD; git show --stat HEAD~1; git describe --always",
    "git branch -a; git remote -v; git rev-parse HEAD; echo $(git status)",
    "git status", "git diff", "git log -1", "cd docs && git status", "git -C inner status",
    "rg needle; grep -rn needle .; ls -la; cat a.py; wc -l *.py; find . -maxdepth 1; pwd && ls",
    "head *", "file *", "python3 --version; npm --version; rg --version; git --version",
    "git fetch --dry-run", "git ls-remote", "npm test", "make", "python3 -m json.tool a.json", "cargo build",
)  # fmt: skip
TOOLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("read", {"path": "a.py"}),
    ("list", {}),
    ("glob", {"pattern": "**/*"}),
    ("search", {"query": "needle"}),
    ("search", {"query": "needle", "kinds": ["content", "files", "symbols", "imports", "words", "references"]}),
    ("search", {"query": "def $F(): $$$B", "kinds": ["ast"]}),
    ("search", {"query": "needle", "kinds": ["history"]}),
    ("outline", {"path": "a.py"}),
    ("outline", {"path": "."}),
    ("check", {"syntax_only": True, "paths": ["a.py"]}),
    ("check", {"paths": ["a.py"]}),
    ("check", {}),
    *(("shell", {"command": command}) for command in COMMANDS),
)
KEY = "sk-of-no-use"


@dataclass
class Looked:
    """What became of one repository: which canary appeared, who was asked, and what the program said."""

    canary: Path
    code: int | None = None
    lines: list[dict[str, Any]] = field(default_factory=list)
    errors: str = ""
    asked: str = ""

    @property
    def results(self) -> list[str]:
        blocks = [line["message"]["content"][0] for line in self.lines if line["type"] == "user"]
        return [block["content"] for block in blocks if not block["is_error"]]


async def look_at(name: str, place: Path, bytecode: Path, spy: WireServer) -> Looked:
    (place / "secret.txt").write_text("the secret of the machine\n")
    program = Program(place, bytecode)
    program.project.rmdir()
    begin(program.project)
    looked = Looked(place / "canary")
    MAKERS[name](program.project, Trap(looked.canary, spy.base_url("openai")))
    calls = tuple(Call(tool, arguments, id=f"c{number}") for number, (tool, arguments) in enumerate(TOOLS))
    async with WireServer(in_order([Reply(calls), Reply((Text("seen"),))])) as server:
        environ = program.environ | {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": server.base_url("openai"),
            # As careless users have it.
            "PATH": f".:./bin:node_modules/.bin:.venv/bin:{Path(sys.executable).parent}:{program.environ['PATH']}",
            "HOME": str(place),
            # Git itself waits for ever where a list of ignored names is a pipe.
            "PLAIT_DEADLINES_COMMAND_S": "4",
        }
        # The installed script: `python -m` itself looks for modules in the working directory first.
        process = await asyncio.create_subprocess_exec(
            f"{sysconfig.get_path('scripts')}/plait",
            *("-p", "look", "--model", "openai-chat:scripted-model", "--output-format", "stream-json"),
            cwd=program.project,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await asyncio.wait_for(process.communicate(), 60)
        looked.code, looked.errors = process.returncode, errors.decode()
        looked.lines = [json.loads(line) for line in out.splitlines()]
        looked.asked = json.dumps([request.body for request in server.requests])
    return looked


@pytest.mark.parametrize("name", MAKERS)
async def test_nothing_of_a_hostile_repository_runs(name: str, tmp_path: Path, bytecode: Path) -> None:
    async with WireServer(in_order([])) as spy:
        found = await look_at(name, tmp_path, bytecode, spy)

    assert spy.requests == []
    assert not found.canary.exists()
    assert "Traceback" not in found.errors
    assert found.lines[-1]["type"] == "result"
    assert found.code in (0, 5), found.errors
    # It was looked at: most of what was asked for was answered.
    assert len(found.results) >= 8, [line for line in found.lines if line["type"] == "user"]
    assert "the secret of the machine" not in found.asked


def test_modules_of_the_directory_are_not_loaded_by_python_m_either(tmp_path: Path, bytecode: Path) -> None:
    program = Program(tmp_path, bytecode)
    MAKERS["python_modules_of_known_names"](program.project, Trap(tmp_path / "canary", ""))

    ran = program("-p", "Where is x?", "--model", "scout")

    assert ran.returncode == 0, ran.stderr
    assert not (tmp_path / "canary").exists()


def test_there_are_enough_of_them() -> None:
    assert len(MAKERS) >= 30


def test_the_traps_are_real(tmp_path: Path) -> None:
    """What plain git and Python do in some of them: a set whose traps never spring would prove nothing."""
    sprung = {}
    plain = {
        "fsmonitor": ["git", "status"],
        "pager_of_one_command": ["script", "-qc", "git log", "/dev/null"],
        "external_diff": ["git", "diff"],
        "signature_program": ["git", "log", "-1"],
        "text_conversion": ["git", "diff"],
        "clean_filter": ["git", "diff"],
        "hooks_in_the_tree": ["git", "checkout", "--", "a.py"],
        "included_configuration": ["git", "status"],
        "configuration_of_a_worktree": ["git", "status"],
        "git_directory_elsewhere": ["git", "status"],
        "common_directory_of_another": ["git", "status"],
        "submodule_with_a_program": ["git", "status"],
        "bare_repository_inside": ["git", "-C", "docs", "status"],
        "programs_of_known_names": ["sh", "-c", "PATH=.:$PATH; git status </dev/null"],
        "python_modules_of_known_names": [sys.executable, "-m", "json.tool", "--help"],
    }
    for name, command in plain.items():
        root, canary = tmp_path / name / "project", tmp_path / name / "canary"
        begin(root)
        MAKERS[name](root, Trap(canary, "http://127.0.0.1:9"))
        _run_plainly(command, root)
        sprung[name] = canary.exists()

    assert [name for name, has in sprung.items() if not has] == []


def _run_plainly(command: list[str], root: Path) -> None:
    subprocess.run(command, cwd=root, check=False, capture_output=True, timeout=20, stdin=subprocess.DEVNULL)
