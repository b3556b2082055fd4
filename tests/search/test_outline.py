from __future__ import annotations

from pathlib import Path

import pytest
from tests.search.trees import write_tree
from tests.tools.contract import run

from plait.host.paths import Workspace
from plait.index.code_index import CodeIndex
from plait.protocol.errors import ToolRefused
from plait.search.fan_out import SearchRequest, search
from plait.search.outline import as_text, outline
from plait.tools.outline import Outline

CODE = {
    "app/core.py": (
        '"""The heart."""\n\nclass TaskQueue:\n    def push_task(self, task):\n        # push_task again\n'
        "        return task\n\ndef open_queue():\n    return TaskQueue()\n"
    ),
    "app/main.py": "from app.core import TaskQueue, open_queue\n\nqueue = open_queue()\nqueue.push_task(1)\n",
    "app/other.py": "from app.core import open_queue\n\ndef drain_all():\n    return open_queue()\n",
    "tests/test_core.py": "from app.core import TaskQueue\n\ndef test_it():\n    assert TaskQueue()\n",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return write_tree(tmp_path / "project", CODE)


@pytest.fixture
async def index(workspace: Workspace, tmp_path: Path) -> CodeIndex:
    index = CodeIndex(workspace.roots[0], tmp_path / "cache")
    index.start()
    await index.wait_until_settled()
    return index


async def test_an_outline_needs_no_index(workspace: Workspace) -> None:
    rows, freshness = await outline(workspace.roots[0] / "app/core.py", workspace, {})

    assert as_text(rows) == ["3-6 class TaskQueue", "  4-6 method push_task", "8-9 function open_queue"]
    assert freshness == "live"


async def test_an_outline_out_of_the_index_holds_only_while_the_file_does(
    workspace: Workspace, index: CodeIndex
) -> None:
    root = workspace.roots[0]
    before = await outline(root / "app/main.py", workspace, {root: index})
    (root / "app/main.py").write_text("def changed(): ...\n")
    after = await outline(root / "app/main.py", workspace, {root: index})
    await index.close()

    assert before[1] == "fresh"
    assert ([row.name for row in after[0]], after[1]) == (["changed"], "live")


async def test_an_outline_of_what_is_no_file_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ToolRefused, match="no file"):
        await outline(workspace.roots[0] / "absent.py", workspace, {})


async def test_a_map_shows_what_others_use_first_and_no_tests(workspace: Workspace, index: CodeIndex) -> None:
    output = await run(Outline({workspace.roots[0]: index}), {}, workspace)
    await index.close()

    lines = output.text.split("\n")
    assert lines[0] == "app/core.py"
    assert "  8 function open_queue" in lines[:4]
    assert not any("test" in line for line in lines)


async def test_a_map_keeps_to_its_budget(tmp_path: Path) -> None:
    files = {f"m{number}.py": f"def function_number_{number}(): ...\n" for number in range(400)}
    workspace = write_tree(tmp_path / "project", files)
    index = CodeIndex(workspace.roots[0], tmp_path / "cache")
    index.start()
    await index.wait_until_settled()

    output = await run(Outline({workspace.roots[0]: index}), {"tokens": 200}, workspace)
    await index.close()

    assert 400 < len(output.text) <= 800


async def test_without_an_index_a_map_says_what_to_do(workspace: Workspace, tmp_path: Path) -> None:
    index = CodeIndex(workspace.roots[0], tmp_path / "cache")

    with pytest.raises(ToolRefused, match=r"needs the code index, which is off"):
        await run(Outline({workspace.roots[0]: index}), {}, workspace)


async def test_uses_in_code_come_before_those_in_comments_and_definitions_last(workspace: Workspace) -> None:
    found = await search(SearchRequest("push_task", ("references",)), workspace)

    assert [(hit.path, hit.line) for hit in found.hits] == [("app/main.py", 4), ("app/core.py", 5), ("app/core.py", 4)]
