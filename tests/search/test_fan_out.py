"""Searches of small trees, with real ripgrep where the machine has it, and without."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.search.trees import find, lines, paths, write_tree

from plait.host.paths import Workspace
from plait.protocol.errors import ToolRefused
from plait.search.fan_out import SearchRequest, search
from plait.search.place import Lines, Looker, Names, Pattern, Place
from plait.search.ripgrep import Ripgrep, ripgrep
from plait.search.without_ripgrep import WithoutRipgrep


@pytest.fixture(params=["ripgrep", "python"])
def looker(request: pytest.FixtureRequest) -> Looker:
    if request.param == "python":
        return WithoutRipgrep()
    program = ripgrep()
    if program is None:
        pytest.skip("needs ripgrep")
    return Ripgrep(program)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return write_tree(tmp_path)


async def test_a_definition_comes_before_its_uses_and_source_before_what_stands_beside_it(
    shop: Workspace, looker: Looker
) -> None:
    found = await find(shop, "Cart", looker)

    assert lines(found)[0] == "shop/cart.py:5 class"
    assert paths(found).index("shop/cart.py") < paths(found).index("vendor/cart.py")
    assert len(set(paths(found))) == len(found.hits)
    assert {hit.freshness for hit in found.hits} == {"live"}
    assert set(found.states.values()) == {"done"}


async def test_a_qualified_name_finds_the_method_of_that_type(shop: Workspace, looker: Looker) -> None:
    assert lines(await find(shop, "Cart.total", looker))[0] == "shop/cart.py:9 method"
    assert lines(await find(shop, "Basket.total", looker))[0] == "shop/cart.py:14 method"
    assert lines(await find(shop, "Server.Close", looker))[0] == "web/server.go:12 method"
    assert lines(await find(shop, "Client.close", looker))[0] == "web/client.ts:4 method"
    assert lines(await find(shop, "money.retry_payment", looker))[0] == "shop/money.py:10 function"


async def test_a_name_that_is_nowhere_defined_finds_those_that_hold_it(shop: Workspace, looker: Looker) -> None:
    assert lines(await find(shop, "parsereply", looker))[0] == "web/client.ts:11 function"
    assert lines(await find(shop, "retries", looker, kinds=("symbols",)))[0] == "shop/money.py:3 constant"


async def test_a_question_in_words_finds_where_the_words_gather(shop: Workspace, looker: Looker) -> None:
    found = await find(shop, "where are refused payments retried?", looker)

    assert found.hits[0].path == "shop/money.py"
    assert found.hits[0].line in (10, 11)


async def test_who_imports_a_module(shop: Workspace, looker: Looker) -> None:
    assert lines(await find(shop, "shop.money", looker, kinds=("imports",))) == ["shop/cart.py:2 import"]
    assert lines(await find(shop, "import net/http", looker))[0] == "web/server.go:4 import"
    assert lines(await find(shop, "./server", looker, kinds=("imports",))) == ["web/client.ts:1 import"]


async def test_a_file_is_found_by_its_name_its_end_and_letters_in_order(shop: Workspace, looker: Looker) -> None:
    assert lines(await find(shop, "server.go", looker))[0] == "web/server.go:1 file"
    assert lines(await find(shop, "shop/money", looker))[0] == "shop/money.py:1 file"
    assert paths(await find(shop, "wbclt", looker, kinds=("files",))) == ["web/client.ts"]


@pytest.mark.parametrize("typed", ["web/srever.go", "webserver", "web/sever", "test_catr.py", "teestcart"])
async def test_a_file_is_found_in_spite_of_a_slip_or_a_missing_sign(
    shop: Workspace, looker: Looker, typed: str
) -> None:
    meant = "tests/test_cart.py" if "t" in typed[:1] else "web/server.go"
    assert paths(await find(shop, typed, looker, kinds=("files",)))[:1] == [meant]


async def test_a_file_that_is_called_what_is_asked_for_goes_before_mentions_and_behind_definitions(
    tmp_path: Path, looker: Looker
) -> None:
    files = {"a.py": "import budget\nbudget.x()\n", "b/budget.py": "x = 1\n", "z.py": "def budget():\n    pass\n"}
    workspace = write_tree(tmp_path, files)
    assert paths(await find(workspace, "budget", looker)) == ["z.py", "b/budget.py", "a.py"]


async def test_a_regex_is_one_and_what_is_none_is_taken_letter_for_letter_and_said(
    shop: Workspace, looker: Looker
) -> None:
    assert paths(await find(shop, r"def (total|add)\(", looker, kinds=("content",), glob="shop/*.py")) != []
    broken = await find(shop, r"range(MAX_\w+|(", looker)
    assert "is not a regex" in broken.notes[0]
    literal = await find(shop, "range(MAX_RETRIES)", looker)
    assert lines(literal)[0] == "shop/money.py:12 content"


async def test_a_text_of_letters_that_nothing_holds_is_tried_as_a_regex_and_that_is_said(
    shop: Workspace, looker: Looker
) -> None:
    found = await find(shop, "2..attempt", looker)

    assert lines(found)[0] == "shop/money.py:13 content"
    assert found.notes == ("nothing holds it letter for letter; these lines match it as a regex",)


async def test_quotes_make_a_text_literal(shop: Workspace, looker: Looker) -> None:
    found = await find(shop, '"2**attempt"', looker)

    assert lines(found) == ["shop/money.py:13 content"]


async def test_references_are_whole_words_and_every_one_of_them_definitions_last(
    shop: Workspace, looker: Looker
) -> None:
    found = await find(shop, "Price", looker, kinds=("references",), glob="*.py")

    assert sorted(lines(found)) == [
        "shop/cart.py:2 content",
        "shop/cart.py:6 content",
        "shop/money.py:10 content",
        "shop/money.py:6 content",
    ]
    assert lines(found)[0] == "shop/cart.py:6 content"


async def test_in_a_file_that_is_named_every_line_counts(shop: Workspace, looker: Looker) -> None:
    found = await find(shop, "total", looker, path="shop/cart.py", kinds=("content",))

    assert lines(found) == ["shop/cart.py:9 content", "shop/cart.py:14 content"]


async def test_case_counts_if_the_query_has_a_capital_or_the_caller_says_so(shop: Workspace, looker: Looker) -> None:
    assert paths(await find(shop, '"cart holds"', looker, kinds=("content",))) == ["docs/cart.md"]
    assert paths(await find(shop, '"Cart Holds"', looker, kinds=("content",))) == []
    assert paths(await find(shop, '"cart holds"', looker, kinds=("content",), case_sensitive=True)) == []
    assert paths(await find(shop, '"CART HOLDS"', looker, kinds=("content",), case_sensitive=False)) == ["docs/cart.md"]


async def test_ignored_and_hidden_files_stay_out_unless_they_are_named(tmp_path: Path, looker: Looker) -> None:
    files = {
        ".gitignore": "*.log\n/build/\n",
        "a.log": "needle\n",
        "build/b.py": "needle\n",
        "c.py": "needle\n",
        ".github/d.yml": "needle\n",
        ".ignore": "skipped/\n",
        "skipped/e.py": "needle\n",
        ".git/f": "needle\n",
    }
    workspace = write_tree(tmp_path, files)

    assert paths(await find(workspace, "needle", looker)) == ["c.py"]
    assert paths(await find(workspace, "needle", looker, glob="*.{log,py}")) == ["c.py"]
    assert sorted(paths(await find(workspace, "needle", looker, hidden=True))) == [".github/d.yml", "c.py"]
    assert paths(await find(workspace, "needle", looker, path="a.log")) == ["a.log"]
    assert paths(await find(workspace, "needle", looker, path=".github")) == [".github/d.yml"]
    assert paths(await find(workspace, ".github/d.yml", looker)) == [".github/d.yml"]


async def test_what_lies_above_a_tree_without_git_does_not_rule_it(tmp_path: Path, looker: Looker) -> None:
    (tmp_path / ".gitignore").write_text("*\n")
    workspace = write_tree(tmp_path / "project", {"a.py": "needle\n"})

    assert paths(await find(workspace, "needle", looker)) == ["a.py"]


async def test_files_that_hold_secrets_answer_no_search_and_are_counted_whatever_matches(
    tmp_path: Path, looker: Looker
) -> None:
    files = {
        "config/prod.env": "TOKEN=needle\n",
        "keys/server.PEM": "needle\n",
        "id_rsa": "needle\n",
        "credentials.json": "needle\n",
        ".env": "needle\n",
        "credentials.py": "needle = 1\n",
        "prod.env.example": "needle\n",
    }
    workspace = write_tree(tmp_path, files)

    matching = await find(workspace, "needle", looker, limit=50)
    other = await find(workspace, "nothing_of_the_kind", looker)
    by_name = await find(workspace, "server.pem", looker)

    assert sorted(paths(matching)) == ["credentials.py", "prod.env.example"]
    assert matching.notes == other.notes == ("4 files that may hold secrets left out",)
    assert by_name.hits == ()
    assert paths(await find(workspace, "needle", looker, glob="*.env")) == []
    assert "TOKEN" not in repr(await find(workspace, "T.KEN", looker, hidden=True, limit=50))


async def test_several_roots_are_searched_together_and_a_root_within_another_once(
    tmp_path: Path, looker: Looker
) -> None:
    first = write_tree(tmp_path / "one", {"a.py": "def needle(): ...\n", "inner/b.py": "needle\n"})
    write_tree(tmp_path / "two", {"c.py": "needle()\n"})
    workspace = Workspace.at(first.cwd, tmp_path / "two", tmp_path / "one" / "inner")

    found = await find(workspace, "needle", looker)

    assert paths(found)[0] == "a.py"
    assert sorted(paths(found)[1:]) == [str(tmp_path / "two" / "c.py"), "inner/b.py"]


ODD = os.fsdecode(b"odd-\xff.py")


async def test_names_and_texts_that_are_not_utf_8_are_found(tmp_path: Path, looker: Looker) -> None:
    workspace = write_tree(tmp_path, {"latin.py": "x = 'caf\xe9 needle'\n".encode("latin-1"), ODD: "needle\n"})

    found = await find(workspace, "needle", looker)

    assert sorted(paths(found)) == ["latin.py", ODD]
    json.dumps([hit.path for hit in found.hits])


async def test_a_line_end_in_a_name_does_not_make_two_files_of_it(tmp_path: Path, looker: Looker) -> None:
    workspace = write_tree(tmp_path, {"a\nb.py": "needle\n"})

    assert paths(await find(workspace, "needle", looker)) == ["a\nb.py"]
    assert paths(await find(workspace, "b.py", looker, kinds=("files",))) == ["a\nb.py"]


async def test_links_are_not_followed(tmp_path: Path, looker: Looker) -> None:
    write_tree(tmp_path / "outside", {"secret.py": "needle\n"})
    workspace = write_tree(tmp_path / "inside", {"a.py": "needle\n"})
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside")

    assert paths(await find(workspace, "needle", looker)) == ["a.py"]


async def test_binary_files_bring_no_hits(tmp_path: Path, looker: Looker) -> None:
    workspace = write_tree(tmp_path, {"a.bin": b"\0\1\2 needle\n", "b.py": "needle\n"})

    assert paths(await find(workspace, "needle", looker)) == ["b.py"]


async def test_the_order_is_the_same_every_time(tmp_path: Path, looker: Looker) -> None:
    workspace = write_tree(tmp_path, {f"d{number}/f{number}.py": "needle\n" for number in range(60)})

    first = await find(workspace, "needle", looker)

    for _ in range(3):
        assert lines(await find(workspace, "needle", looker)) == lines(first)


async def test_lines_around_a_hit_are_numbered(shop: Workspace, looker: Looker) -> None:
    found = await find(shop, "retry_payment", looker, context_lines=1)

    assert found.hits[0].line == 10
    assert found.hits[0].text.split("\n") == [
        "9-",
        "10:def retry_payment(price: Price) -> None:",
        "11-    # A refused payment is retried with a growing delay until the attempts are used up.",
    ]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (SearchRequest("  "), "`query` is empty"),
        (SearchRequest("a\0b"), "`query` is empty"),
        (SearchRequest("x", ("grep",)), "`grep` is not a kind of search. Kinds: content, files"),
        (SearchRequest("x", path="nowhere"), "`nowhere` does not exist"),
        (SearchRequest("x", glob="[z-a]"), "`glob` is not understood"),
    ],
)
async def test_what_cannot_be_searched_is_refused_in_one_line(
    shop: Workspace, request_: SearchRequest, said: str
) -> None:
    with pytest.raises(ToolRefused, match=r"\A[^\n]*\Z") as refused:
        await search(request_, shop)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "query", ["--pre=/tmp/x.sh", "-e", "--", "-", "--files", "*", "(", "[", "\\", "\ud800", "a\nb", "  x"]
)
async def test_hostile_queries_are_only_texts(shop: Workspace, looker: Looker, query: str) -> None:
    assert (await find(shop, query, looker)).states


async def test_a_pattern_that_looks_like_a_flag_executes_nothing(tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    workspace = write_tree(tmp_path / "tree", {"a.py": f"x = '--pre={trap}'\n"})

    found = await find(workspace, f"--pre={trap}")
    await find(workspace, "x", path="a.py", glob=f"--pre={trap}")
    await find(workspace, f"--pre={trap}", kinds=("references", "words", "imports", "files", "symbols"))

    assert paths(found) == ["a.py"]
    assert not (tmp_path / "sprung").exists()


def test_ripgreps_own_option_file_is_not_read(tmp_path: Path) -> None:
    program = ripgrep()
    if program is None:
        pytest.skip("needs ripgrep")
    options = tmp_path / "options"
    options.write_text("--pre=/bin/false\n")
    workspace = write_tree(tmp_path / "tree", {"a.py": "needle\n"})
    code = (
        "import asyncio, sys; from pathlib import Path; from plait.host.paths import Workspace;"
        "from plait.search.fan_out import SearchRequest, search;"
        "print(len(asyncio.run(search(SearchRequest('needle'), Workspace.at(Path(sys.argv[1])))).hits))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", code, str(workspace.cwd)],
        env={**os.environ, "RIPGREP_CONFIG_PATH": str(options)},
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert ran.stdout.strip() == "1"


class Stuck:
    """Looks that never end, but for those at names."""

    def __init__(self) -> None:
        self.cancelled = 0

    async def lines(self, place: Place, pattern: Pattern, deadline_s: float) -> Lines:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        raise AssertionError

    async def names(self, place: Place, deadline_s: float) -> Names:
        return Names(("needle.py",))


async def test_what_is_there_at_the_deadline_is_the_answer_and_the_rest_is_named(tmp_path: Path) -> None:
    stuck = Stuck()

    found = await search(SearchRequest("needle.py"), Workspace.at(tmp_path), deadline_s=0.1, looker=stuck)

    assert paths(found) == ["needle.py"]
    assert found.states == {"content": "deadline", "files": "done", "symbols": "done", "imports": "deadline"}
    assert found.timings_ms["content"] == -1.0
    assert stuck.cancelled == 2


async def test_a_cancelled_search_leaves_no_look_behind(tmp_path: Path) -> None:
    stuck = Stuck()
    running = asyncio.create_task(search(SearchRequest("Needle"), Workspace.at(tmp_path), looker=stuck))
    while len([task for task in asyncio.all_tasks() if task.get_name().startswith("search naming")]) == 0:
        await asyncio.sleep(0)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("search")] == []


class Broken(WithoutRipgrep):
    """Looks at lines fail, of names succeed."""

    async def lines(self, place: Place, pattern: Pattern, deadline_s: float) -> Lines:
        raise OSError("no more processes")


async def test_a_strategy_that_fails_does_not_disturb_the_others(tmp_path: Path) -> None:
    workspace = write_tree(tmp_path, {"needle.py": ""})

    found = await find(workspace, "needle.py", Broken())

    assert paths(found) == ["needle.py"]
    assert found.states["content"] == "failed"
    assert "content failed: no more processes" in found.notes


async def test_strategies_report_as_they_deliver(shop: Workspace) -> None:
    told: list[str] = []

    await search(SearchRequest("Cart"), shop, on_partial=lambda name, elapsed_ms, hits: told.append(name))

    assert sorted(told) == ["content", "files", "imports", "symbols"]


class Counting:
    """How many looks are made, and how many at once."""

    def __init__(self, inner: Looker) -> None:
        self.inner = inner
        self.patterns: list[str] = []
        self.running = self.most_at_once = 0

    async def lines(self, place: Place, pattern: Pattern, deadline_s: float) -> Lines:
        self.patterns.append(pattern.text)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            return await self.inner.lines(place, pattern, deadline_s)
        finally:
            self.running -= 1

    async def names(self, place: Place, deadline_s: float) -> Names:
        return await self.inner.names(place, deadline_s)


async def test_a_name_is_looked_for_once_for_all_strategies(shop: Workspace) -> None:
    counting = Counting(WithoutRipgrep())

    await find(shop, "Cart", counting)

    assert len(counting.patterns) == 2
    assert counting.patterns.count("Cart") == 1
    assert counting.most_at_once <= 4


class Capped(WithoutRipgrep):
    """Gives up after a few lines."""

    async def lines(self, place: Place, pattern: Pattern, deadline_s: float) -> Lines:
        return await super().lines(place, replace(pattern, most=min(pattern.most, 5)), deadline_s)


async def test_a_definition_is_found_also_if_too_many_lines_hold_the_name(tmp_path: Path) -> None:
    uses = {f"a{number}.py": "    x = y.needle(1)\n    needle.z\n" for number in range(9)}
    workspace = write_tree(tmp_path, {**uses, "z.py": "def needle():\n    pass\n"})

    found = await find(workspace, "needle", Capped())

    assert lines(found)[0] == "z.py:1 function"
    assert found.states["content"] == "capped"


async def test_words_that_stand_just_so_in_a_file_go_before_files_that_speak_of_the_same(
    tmp_path: Path, looker: Looker
) -> None:
    files = {
        "pool.py": "class Pool:\n    # A pool closes idle connections.\n    def close_idle(self): ...\n",
        "note.py": 'raise Gone("all idle connections are closed now")\n',
    }
    workspace = write_tree(tmp_path, files)
    assert paths(await find(workspace, "idle connections are closed", looker))[0] == "note.py"
