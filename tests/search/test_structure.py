from __future__ import annotations

from pathlib import Path

import pytest
from tests.search.trees import write_tree

from plait.host.programs import find_program
from plait.protocol.calls import HitsDetail
from plait.search.fan_out import SearchRequest, search
from plait.search.query import Shape, classify

pytestmark = pytest.mark.skipif(find_program("ast-grep") is None, reason="needs ast-grep")

TREE = {
    "a.py": "import re\n\nx = re.compile(\n    'a',\n    re.I,\n)\ny = re.match('a', x)\n# re.compile('b', re.I)\n",
    "b.go": "package b\n\nfunc f() error {\n\tif err := g(); err != nil {\n\t\treturn err\n\t}\n\treturn nil\n}\n",
    "tests/test_a.py": "import re\n\nz = re.compile('c', re.I)\n",
}


async def find(tmp_path: Path, query: str, *kinds: str) -> HitsDetail:
    return await search(SearchRequest(query, kinds), write_tree(tmp_path, TREE))


async def test_code_is_found_by_its_shape_whatever_its_layout(tmp_path: Path) -> None:
    found = await find(tmp_path, "re.compile($PATTERN, $FLAGS)", "ast")

    assert [(hit.path, hit.line, hit.end_line) for hit in found.hits] == [("a.py", 3, 6), ("tests/test_a.py", 3, 3)]
    assert found.hits[0].text == "x = re.compile("


async def test_a_pattern_runs_beside_the_usual_strategies_without_being_asked_for(tmp_path: Path) -> None:
    found = await find(tmp_path, "if err := $CALL($$$); err != nil { $$$ }")

    assert found.hits[0].path == "b.go"
    assert found.hits[0].strategies == ("ast",)
    assert set(found.states) == {"content", "files", "symbols", "imports", "ast"}


@pytest.mark.parametrize("pattern", ["--config=x($A)", "-r x $A", "$A"])
async def test_a_pattern_is_never_taken_for_a_flag(tmp_path: Path, pattern: str) -> None:
    found = await find(tmp_path, pattern, "ast")

    assert all(hit.path in TREE for hit in found.hits)


async def test_a_repositorys_own_configuration_is_not_read(tmp_path: Path) -> None:
    workspace = write_tree(tmp_path, TREE)
    (tmp_path / "sgconfig.yml").write_text("ruleDirs: [rules]\nthis is: not valid: yaml\n")

    found = await search(SearchRequest("re.compile($A, $B)", ("ast",)), workspace)

    assert len(found.hits) == 2


async def test_what_is_no_code_finds_nothing(tmp_path: Path) -> None:
    assert (await find(tmp_path, ")(", "ast")).hits == ()


@pytest.mark.parametrize(
    ("query", "shape"),
    [
        ("re.compile($A, $$$)", Shape.STRUCTURE),
        ("return $X", Shape.STRUCTURE),
        ("it costs $5 (or more)", Shape.LITERAL),
        ("$HOME", Shape.LITERAL),
        ("what does $ do", Shape.PROSE),
        ("jQuery", Shape.IDENTIFIER),
    ],
)
def test_a_pattern_is_told_by_its_metavariables(query: str, shape: Shape) -> None:
    assert (classify(query) is Shape.STRUCTURE) == (shape is Shape.STRUCTURE)
