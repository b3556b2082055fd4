"""Questions about one name."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.search.trees import SHOP, find, write_tree

from plait.search.intent import Intent, intent


@pytest.mark.parametrize(
    ("question", "strategy", "name"),
    [
        ("where is `Foo.bar` defined", "symbols", "Foo.bar"),
        ("Where is the function parse_url declared?", "symbols", "parse_url"),
        ("definition of http.NewRequest", "symbols", "http.NewRequest"),
        ("go to the definition of retry", "symbols", "retry"),
        ("which file defines MAX_RETRIES?", "symbols", "MAX_RETRIES"),
        ("where is Vec::push implemented", "symbols", "Vec::push"),
        ("who imports `x`", "imports", "x"),
        ("which files import ./util/noop", "imports", "./util/noop"),
        ("what includes <linux/mm.h>", "imports", "linux/mm.h"),
        ("find all files that import os.path", "imports", "os.path"),
        ("where is the module asyncio imported", "imports", "asyncio"),
        ("who calls close()", "references", "close()"),
        ("what calls the function `run`?", "references", "run"),
        ("where is retry_request used?", "references", "retry_request"),
        ("usages of Client", "references", "Client"),
        ("find all references to parse_url", "references", "parse_url"),
        ("callers of Foo::bar", "references", "Foo::bar"),
    ],
)
def test_a_question_about_one_name_is_understood(question: str, strategy: str, name: str) -> None:
    asked = intent(question)
    assert asked is not None
    assert (asked.strategy, asked.name) == (strategy, name)


@pytest.mark.parametrize(
    "question",
    [
        "where are retries handled",
        "where is caching implemented",
        "where is compression used",
        "where is it defined",
        "who calls the shots when two workers want the same lock",
        "how does the parser define a block",
        "what imports are sorted first",
        "import os",
        "Foo.bar",
    ],
)
def test_any_other_question_stays_one_in_words(question: str) -> None:
    assert intent(question) is None


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("where is Basket.total defined", "shop/cart.py"),
        ("who imports shop.money", "shop/cart.py"),
    ],
)
async def test_what_is_asked_for_comes_first(tmp_path: Path, question: str, first: str) -> None:
    answer = await find(write_tree(tmp_path, SHOP), question)
    assert answer.hits[0].path == first


@pytest.mark.parametrize(
    ("question", "file"),
    [
        ("what does src/app/tasks.py import?", "src/app/tasks.py"),
        ("which modules does tasks.py depend on", "tasks.py"),
        ("what is imported by tasks.py", "tasks.py"),
        ("show me the imports in src/tasks.go", "src/tasks.go"),
    ],
)
def test_a_question_may_be_about_what_a_file_imports(question: str, file: str) -> None:
    assert intent(question) == Intent("imports", file, own=True)


@pytest.mark.parametrize("question", ["what does it import", "what do users import", "who imports tasks.py"])
def test_a_question_about_no_file_is_not(question: str) -> None:
    found = intent(question)

    assert found is None or not found.own
