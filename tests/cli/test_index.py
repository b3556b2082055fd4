"""`plait index` and what `plait search` does with an index, as programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.program import Program


@pytest.fixture
def project(plait: Program) -> Path:
    (plait.project / "cart.py").write_text("class Cart:\n    def total(self): ...\n")
    return plait.project


def test_an_index_is_built_looked_at_and_removed(plait: Program, project: Path) -> None:
    assert plait("index", "status").stdout == "index: off (no index has been built)\n"
    built = plait("index", "build")
    assert (built.returncode, built.stdout.startswith("index: ready, 1 files, 2 definitions (python 1)")) == (0, True)

    status = json.loads(plait("index", "status", "--json").stdout)
    assert (status["state"], status["files"], status["languages"], status["errors"]) == ("ready", 1, {"python": 1}, 0)

    assert plait("index", "clear").stdout == "removed\n"
    assert plait("index", "clear").stdout == "there is no index of this directory\n"


def test_a_single_search_uses_what_is_there_and_builds_nothing(plait: Program, project: Path) -> None:
    before = json.loads(plait("search", "Cart", "--json").stdout)
    assert (before["index"], before["hits"][0]["freshness"]) == ("off (no index has been built)", "live")
    assert plait("index", "status").stdout == "index: off (no index has been built)\n"

    plait("index", "build")
    after = json.loads(plait("search", "Cart", "--json").stdout)
    assert (after["index"], after["hits"][0]["freshness"]) == ("ready", "fresh")

    (project / "cart.py").write_text("# moved down\nclass Cart: ...\n")
    (project / "new.py").write_text("class Basket: ...\n")
    moved = json.loads(plait("search", "Cart", "--json").stdout)["hits"][0]
    assert (moved["line"], moved["freshness"]) == (2, "live")
    assert json.loads(plait("search", "Basket", "--kind", "definition", "--json").stdout)["hits"][0]["path"] == "new.py"


def test_an_index_that_nobody_would_find_again_is_not_called_built(plait: Program, project: Path) -> None:
    (project.parent / "occupied").write_text("")

    ran = plait("index", "build", environ={"PLAIT_CACHE_DIR": str(project.parent / "occupied")})

    assert ran.returncode == 2
    assert "cannot be written" in ran.stdout


def test_an_unknown_action_is_one_line(plait: Program, project: Path) -> None:
    ran = plait("index", "burn")

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "plait: `plait index`: expected `build`, `status` or `clear`; found `burn`.\n"
