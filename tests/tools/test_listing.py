import os
from pathlib import Path

import pytest
from tests.tools.contract import assert_contract, assert_described, run

from plait.host.files import stat_stamp
from plait.host.paths import Workspace
from plait.protocol.errors import ToolRefused
from plait.tools.base import ToolOutput
from plait.tools.listing import Glob, List


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for path in (
        "README.md",
        "src/app.py",
        "src/views/a.ts",
        "src/views/b.tsx",
        "build/out.o",
        ".env",
        ".github/ci.yml",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x" * 10)
    (tmp_path / ".gitignore").write_text("build/\n")
    return Workspace.at(tmp_path)


async def listed(workspace: Workspace, **args: object) -> str:
    return (await run(List(), args, workspace)).text


async def globbed(workspace: Workspace, pattern: str, **args: object) -> list[str]:
    return (await run(Glob(), {"pattern": pattern, **args}, workspace)).text.split("\n")


async def test_a_directory_is_a_tree_without_what_is_hidden_or_ignored(workspace: Workspace) -> None:
    assert await listed(workspace) == (
        "./ (2 directories, 2 files)\nREADME.md  10 bytes\nsrc/\n  app.py  10 bytes\n  views/"
    )


async def test_depth_and_all_show_more(workspace: Workspace) -> None:
    shown = await listed(workspace, depth=3, all=True)

    assert "    b.tsx  10 bytes" in shown
    assert ".env  10 bytes" in shown
    assert "  out.o  10 bytes" in shown


async def test_a_link_shows_where_it_leads_and_is_not_entered(workspace: Workspace) -> None:
    (workspace.cwd / "src" / "loop").symlink_to(workspace.cwd)

    assert "  loop -> " + str(workspace.cwd) in (await listed(workspace, depth=9)).split("\n")


async def test_a_huge_directory_is_bounded_and_counted(tmp_path: Path) -> None:
    for number in range(3000):
        os.close(os.open(tmp_path / f"f{number:05}", os.O_CREAT | os.O_WRONLY))

    shown = await listed(Workspace.at(tmp_path))

    assert shown.startswith("./ (0 directories, 3,000 files)\nf00000  0 bytes\n")
    assert shown.endswith("\n… 2,600 more")


async def test_an_unreadable_or_missing_directory_says_so(workspace: Workspace) -> None:
    with pytest.raises(ToolRefused, match="does not exist"):
        await listed(workspace, path="nowhere")
    with pytest.raises(ToolRefused, match="is not a directory: use `read`"):
        await listed(workspace, path="README.md")


async def held(output: ToolOutput) -> bool:
    return bool(output.stamps) and all([await stat_stamp(Path(stamp.path)) == stamp for stamp in output.stamps])


@pytest.mark.parametrize("change", ["new file", "removed file", "new directory", "grown file", "ignore rules"])
@pytest.mark.parametrize("tool", [List(), Glob()])
async def test_the_stamps_of_an_answer_fail_once_it_would_be_another(
    workspace: Workspace, tool: List | Glob, change: str
) -> None:
    args = {"pattern": "**/*"} if isinstance(tool, Glob) else {"depth": 5}
    first = await run(tool, args, workspace)
    assert await held(first)

    match change:
        case "new file":
            (workspace.cwd / "src" / "views" / "new.ts").write_text("")
        case "removed file":
            (workspace.cwd / "src" / "views" / "a.ts").unlink()
        case "new directory":
            (workspace.cwd / "src" / "views" / "inner").mkdir()
        case "grown file":
            (workspace.cwd / "src" / "app.py").write_text("x" * 500)
        case "ignore rules":
            (workspace.cwd / ".gitignore").write_text("src/views\n")

    if (await run(tool, args, workspace)).text != first.text:
        assert not await held(first)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**/*.py", ["src/app.py"]),
        ("*.py", ["src/app.py"]),
        ("src/*.py", ["src/app.py"]),
        ("src/**", ["src/app.py", "src/views/a.ts", "src/views/b.tsx"]),
        ("**/*.{ts,tsx}", ["src/views/a.ts", "src/views/b.tsx"]),
        ("src/*", ["src/app.py"]),
        ("./src/views/?.ts", ["src/views/a.ts"]),
        ("src/views/", ["src/views/a.ts", "src/views/b.tsx"]),
        ("README.md", ["README.md"]),
        (".github/**", [".github/ci.yml"]),
        ("**/.env*", [".env"]),
        ("build/*.o", ["build/out.o"]),
        ("src/v*/../*", None),
    ],
)
async def test_patterns_mean_what_a_shell_user_expects(
    workspace: Workspace, pattern: str, found: list[str] | None
) -> None:
    if found is None:
        with pytest.raises(ToolRefused):
            await globbed(workspace, pattern)
    else:
        assert await globbed(workspace, pattern) == found


async def test_an_absolute_pattern_and_a_path_start_elsewhere(workspace: Workspace) -> None:
    assert await globbed(workspace, f"{workspace.cwd}/src/**/*.ts") == ["src/views/a.ts"]
    assert await globbed(workspace, "**/*.ts", path="src/views") == ["src/views/a.ts"]


async def test_the_newest_comes_first_if_asked(workspace: Workspace) -> None:
    os.utime(workspace.cwd / "src" / "views" / "b.tsx", (5000, 5000))
    os.utime(workspace.cwd / "src" / "views" / "a.ts", (1000, 1000))

    assert await globbed(workspace, "**/*.ts*", newest_first=True) == ["src/views/b.tsx", "src/views/a.ts"]


async def test_nothing_found_says_what_was_left_out(workspace: Workspace) -> None:
    assert "No file matches `*.o`. Hidden and ignored" in (await globbed(workspace, "*.o"))[0]
    assert await globbed(workspace, "*.o", all=True) == ["build/out.o"]


async def test_too_many_alternatives_are_refused_not_expanded(workspace: Workspace) -> None:
    with pytest.raises(ToolRefused, match="more than 64 patterns"):
        await globbed(workspace, "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}")


async def test_names_that_are_not_utf8_are_shown_as_valid_text(workspace: Workspace) -> None:
    (workspace.cwd / os.fsdecode(b"caf\xe9.txt")).write_text("")

    assert await globbed(workspace, "caf*") == ["caf\\xe9.txt"]
    assert "caf\\xe9.txt  0 bytes" in await listed(workspace)


@pytest.mark.parametrize("args", [{}, {"path": "src"}, {"path": "no"}, {"depth": 20, "all": True}, {"path": "\0"}])
async def test_the_contract_holds_for_list(workspace: Workspace, args: dict[str, object]) -> None:
    await assert_contract(List(), args, workspace, budget=300)


@pytest.mark.parametrize("pattern", ["**/*", "[", "[!", "\\", "{", "{a,", "**", "/no/such", "a/../b", "*" * 1001, "."])
async def test_the_contract_holds_for_any_pattern(workspace: Workspace, pattern: str) -> None:
    await assert_contract(Glob(), {"pattern": pattern, "path": "src"}, workspace, budget=300)


def test_they_are_described() -> None:
    assert_described(List())
    assert_described(Glob())
