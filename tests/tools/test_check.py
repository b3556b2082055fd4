import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.tools.contract import assert_contract, assert_described, run

from plait.host.paths import Workspace
from plait.host.sandbox import Sandbox, Sandboxing
from plait.protocol.effects import CommandPart
from plait.protocol.errors import ToolRefused
from plait.tools.check import Check
from plait.tools.checkers import find_checkers, parse_eslint, parse_lines


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    commit(tmp_path)
    return Workspace.at(tmp_path)


def commit(root: Path) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), "add", "."], check=True)
    subprocess.run(["git", "-C", str(root), *identity, "commit", "-q", "--allow-empty", "-m", "x"], check=True)


def install(root: Path, name: str, script: str) -> None:
    """Put a program of the project's own in place: a Python script."""
    program = root / ".venv" / "bin" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    program.chmod(0o755)
    (root / ".gitignore").write_text(".venv/\n")


# Complains of every line that holds the word `bad`.
LINTER = """
code = 0
for name in [argument for argument in sys.argv[1:] if argument.endswith(".py")]:
    for number, line in enumerate(open(name), 1):
        if "bad" in line:
            print(f"{name}:{number}:1: X1 {line.strip()}")
            code = 1
sys.exit(code)
"""


@pytest.fixture
def linted(workspace: Workspace) -> Workspace:
    (workspace.cwd / "pyproject.toml").write_text("[tool.ruff]\n")
    install(workspace.cwd, "ruff", LINTER)
    (workspace.cwd / "a.py").write_text("bad_old = 1\nfine = 2\n")
    commit(workspace.cwd)
    return workspace


async def check(tool: Check, workspace: Workspace, **args: object) -> list[str]:
    return (await run(tool, args, workspace)).text.split("\n")


async def test_what_changed_is_checked_and_only_what_is_new_is_shown(linted: Workspace) -> None:
    (linted.cwd / "a.py").write_text("bad_old = 1\nfine = 2\nbad_new = 3\n")

    assert await check(Check(), linted) == [
        "Checked 1 file: 1 new finding.",
        "syntax: ok",
        "ruff: 1 new, 1 older",
        "  a.py:3:1: X1 bad_new = 3",
    ]


async def test_a_second_run_compares_with_the_first(linted: Workspace) -> None:
    tool = Check()
    (linted.cwd / "a.py").write_text("bad_old = 1\nbad_new = 3\n")
    await check(tool, linted)
    (linted.cwd / "a.py").write_text("\n\nbad_old = 1\nbad_new = 3\nbad_newest = 4\n")

    assert (await check(tool, linted))[2:] == ["ruff: 1 new, 2 older", "  a.py:5:1: X1 bad_newest = 4"]


async def test_a_file_that_git_does_not_know_is_all_new(linted: Workspace) -> None:
    (linted.cwd / "sub").mkdir()
    (linted.cwd / "sub" / "b.py").write_text("bad = 1\nx = (\n")

    assert await check(Check(), linted, paths=["sub"]) == [
        "Checked 1 file: 2 new findings.",
        "syntax: 1 new",
        "  sub/b.py:2:1: syntax error near `x = (`",
        "ruff: 1 new",
        "  sub/b.py:1:1: X1 bad = 1",
    ]


async def test_syntax_alone_runs_nothing_of_the_project(linted: Workspace) -> None:
    install(linted.cwd, "ruff", f"open({str(linted.cwd / 'ran')!r}, 'w')")
    (linted.cwd / "a.py").write_text("x = 1\n")
    tool = Check()

    effects = tool.effects(msgspec.convert({"syntax_only": True}, tool.args), linted)

    assert effects.read_only
    assert await check(tool, linted, syntax_only=True) == ["Checked 1 file: no new findings.", "syntax: ok"]
    assert not (linted.cwd / "ran").exists()


async def test_the_effects_name_every_program_that_runs(linted: Workspace) -> None:
    tool = Check()
    ruff = str(linted.cwd / ".venv" / "bin" / "ruff")
    options = ("check", "--no-fix", "--quiet", "--output-format=concise", "--force-exclude")

    effects = tool.effects(msgspec.convert({"paths": ["a.py"]}, tool.args), linted)

    assert effects.unknown
    assert effects.spawns
    assert effects.parts == (CommandPart((ruff, *options, "./a.py")),)
    assert effects.reason == "runs ruff of this project"


async def test_without_configured_checkers_it_still_asks_before_it_looks_again(workspace: Workspace) -> None:
    tool = Check()

    assert tool.effects(msgspec.convert({}, tool.args), workspace).unknown


async def test_a_checker_that_breaks_says_so_and_disturbs_nobody(linted: Workspace) -> None:
    (linted.cwd / "mypy.ini").write_text("[mypy]\n")
    install(linted.cwd, "mypy", "sys.exit('cannot find numpy')")
    (linted.cwd / "a.py").write_text("bad = 1\n")

    assert await check(Check(), linted, paths=["a.py"]) == [
        "Checked 1 file: 1 new finding.",
        "syntax: ok",
        "ruff: 1 new",
        "  a.py:1:1: X1 bad = 1",
        "mypy: failed (exit code 1): cannot find numpy",
    ]


async def test_a_configured_checker_without_a_program_is_said(workspace: Workspace) -> None:
    (workspace.cwd / "pyrightconfig.json").write_text("{}")
    (workspace.cwd / "a.py").write_text("x = 1\n")

    assert "pyright: configured, but its program was not found" in await check(Check(), workspace, paths=["a.py"])


async def test_nothing_changed_is_nothing_to_check(linted: Workspace) -> None:
    assert await check(Check(), linted) == ["Nothing has changed: there is nothing to check."]


async def test_what_changed_outside_of_the_directory_is_left_alone(linted: Workspace) -> None:
    (linted.cwd / "a.py").write_text("bad = 1\n")
    (linted.cwd / "inner").mkdir()

    assert await check(Check(), Workspace.at(linted.cwd / "inner")) == [
        "Nothing has changed: there is nothing to check."
    ]


async def test_outside_a_repository_the_paths_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ToolRefused, match="name the `paths`"):
        await check(Check(), Workspace.at(tmp_path))


def test_the_nearest_configuration_counts(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n[tool.mypy]\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "ruff.toml").write_text("")
    paths = [tmp_path / "a.py", tmp_path / "inner" / "b.py", tmp_path / "c.js"]

    found = {(checker.kind.name, checker.directory) for checker in find_checkers(paths, tmp_path)}

    assert found == {("ruff", tmp_path), ("ruff", tmp_path / "inner"), ("mypy", tmp_path)}


@pytest.mark.parametrize("text", ["[tool", "[tool.ruff]\x00", "tool = 5", "[tool]\nruff = 1", "\xff"])
def test_a_broken_configuration_is_survived(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text.encode("latin-1"))

    find_checkers([tmp_path / "a.py"], tmp_path)


def test_what_checkers_say_is_read() -> None:
    output = """
src/a.py:1:8: F401 [*] `os` imported but unused
src/b.py:3: error: Missing return  [return]
src/b.py:3: note: See
src/c.ts(4,5): error TS2322: Type 'string' is not assignable
  /x/d.py:6:7 - error: "y" is not defined (reportUndefinedVariable)
vet: ./e.go:8:2: undefined: z
# example.org/pkg
src/main.rs:9:5: error[E0425]: cannot find value
Found 2 errors.
"""

    found = [(finding.path, finding.line, finding.column) for finding in parse_lines(output)]

    assert found == [
        ("src/a.py", 1, 8), ("src/b.py", 3, 0), ("src/c.ts", 4, 5),
        ("/x/d.py", 6, 7), ("e.go", 8, 2), ("src/main.rs", 9, 5),
    ]  # fmt: skip
    assert parse_eslint("not json") == parse_eslint("{}") == parse_eslint("[5]") == []
    answer = '[{"filePath": "/a.js", "messages": [{"line": 1, "column": 2, "message": "m", "ruleId": "r"}, {}]}]'
    assert [str(finding) for finding in parse_eslint(answer)] == ["/a.js:1:2: m (r)", "/a.js:  (eslint)"]


@pytest.mark.parametrize("args", [{}, {"paths": ["a.py"]}, {"paths": ["no"]}, {"paths": ["."], "syntax_only": True}])
async def test_the_contract_holds(linted: Workspace, args: dict[str, object]) -> None:
    (linted.cwd / "a.py").write_text("bad = 1\n" * 200)

    await assert_contract(Check(), args, linted, budget=500)


def test_it_is_described() -> None:
    assert_described(Check())


async def test_a_program_of_the_project_runs_in_the_sandbox(linted: Workspace, tmp_path: Path) -> None:
    own = tmp_path.parent / f"{tmp_path.name}-own"
    own.mkdir()
    sandboxing = Sandboxing("auto", linted.roots, [own], own)
    if not sandboxing.sandbox().holds:
        pytest.skip(f"no sandbox works here: {sandboxing.words}")
    outside = own.parent / f"{tmp_path.name}-outside"
    program = linted.cwd / ".venv" / "bin" / "ruff"
    program.write_text(f"#!/bin/sh\n: > {outside}\necho 'a.py:1:1: X1 bad_old = 1'\nexit 1\n")

    reports = await check(Check(sandboxing), linted, paths=["a.py"])

    assert not outside.exists()
    assert "ruff: nothing new, 1 older" in reports


async def test_where_a_sandbox_is_required_and_there_is_none_no_program_runs(linted: Workspace) -> None:
    sandboxing = Sandboxing("require", linted.roots, [], linted.cwd)
    sandboxing._sandbox = Sandbox("none", "none: it was taken away", "require", sandboxing._places())

    reports = await check(Check(sandboxing), linted, paths=["a.py"])

    assert any("there is no sandbox" in line for line in reports)
