from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from tests.search.trees import write_tree
from tests.tools.contract import Reports, assert_contract, assert_described, make_context, run

from plait.host.paths import Workspace
from plait.permissions.policy import Request, decide
from plait.protocol.calls import HitsDetail, SearchHit
from plait.protocol.errors import ToolRefused
from plait.tools.hits_text import KINDS, FoundPlace, as_text, places_in
from plait.tools.search import Search, SearchArgs

TOOL = Search()


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return write_tree(tmp_path)


def test_the_model_is_told_of_it() -> None:
    assert_described(TOOL)


@pytest.mark.parametrize(
    "args",
    [
        {"query": "Cart"},
        {"query": "where are refused payments retried"},
        {"query": "nothing_like_it"},
        {"query": "total", "path": "shop", "limit": 200, "context_lines": 5},
        {"query": "(", "kinds": ["content"]},
        {"query": "x", "kinds": ["unheard_of"]},
        {"query": "x", "path": "../nowhere"},
        {"query": "é" * 2000},
    ],
)
async def test_it_keeps_what_every_tool_promises(shop: Workspace, args: dict[str, object]) -> None:
    await assert_contract(TOOL, args, shop)


async def test_the_usual_answer_is_a_line_a_file_with_the_evidence(shop: Workspace) -> None:
    output = await run(TOOL, {"query": "Cart.total"}, shop)

    assert output.text.split("\n")[0] == "shop/cart.py:9 method [symbols]: def total(self) -> int:"
    assert isinstance(output.detail, HitsDetail)
    assert output.detail.hits[0].line == 9


async def test_the_usual_answer_takes_at_most_a_kilobyte_and_says_what_is_left(tmp_path: Path) -> None:
    line = "needle = '" + "é" * 300 + "'\n"
    workspace = write_tree(tmp_path, {f"directory/of/some/depth/module_{number}.py": line for number in range(40)})

    usual = await run(TOOL, {"query": "needle"}, workspace)
    more = await run(TOOL, {"query": "needle", "limit": 40}, workspace)

    assert len(usual.text.encode()) <= 1024
    assert "more files; raise `limit`" in usual.text
    assert len(places_in(more.text)) == 40


async def test_a_long_line_shows_what_stands_around_the_query(tmp_path: Path) -> None:
    workspace = write_tree(tmp_path, {"a.js": "x" * 250 + " needle " + "y" * 100 + "\n"})

    output = await run(TOOL, {"query": "needle"}, workspace)

    assert " needle " in output.text.split("\n")[0]
    assert len(output.text.split("\n")[0]) < 200


async def test_what_was_left_out_is_said_below_the_hits(tmp_path: Path) -> None:
    workspace = write_tree(tmp_path, {"a.py": "needle\n", "server.pem": "needle\n"})

    output = await run(TOOL, {"query": "needle"}, workspace)

    assert output.text == "a.py:1 content: needle\n\n[1 file that may hold secrets left out]"


async def test_a_secret_that_is_named_is_a_credential_the_call_reads(tmp_path: Path) -> None:
    workspace = write_tree(tmp_path, {"server.pem": "needle\n", ".ssh/config": "Host x\n", "a.py": ""})

    for path in ("server.pem", ".ssh"):
        effects = TOOL.effects(SearchArgs(query="needle", path=path), workspace)
        assert effects.credentials == ((tmp_path / path).as_posix(),)
        request = Request("search", {"query": "needle", "path": path}, effects, workspace.roots)
        assert decide(request, "default", (), interactive=True).verdict == "ask"
    assert TOOL.effects(SearchArgs(query="needle"), workspace).credentials == ()


async def test_progress_names_how_many_strategies_have_delivered(shop: Workspace) -> None:
    context = make_context(shop)

    await TOOL.run(SearchArgs(query="Cart"), context)

    assert isinstance(context.report, Reports)
    assert [text.partition(" · ")[0] for text in context.report.texts[:4]] == [
        "1 strategy",
        "2 strategies",
        "3 strategies",
        "4 strategies",
    ]
    assert context.report.texts[-1].endswith(" ms · index off (not started)")
    assert "shop/cart.py:5 symbols\n" in context.report.output


async def test_it_states_the_trees_it_reads(shop: Workspace, tmp_path: Path) -> None:
    whole = TOOL.effects(SearchArgs(query="x"), shop)
    part = TOOL.effects(SearchArgs(query="x", path="shop"), shop)

    assert [(access.path, access.tree) for access in whole.accesses] == [(tmp_path.as_posix(), True)]
    assert [access.path for access in part.accesses] == [(tmp_path / "shop").as_posix()]
    assert whole.writes == ()


async def test_paths_are_those_that_read_takes_from_where_the_session_works(tmp_path: Path) -> None:
    root = write_tree(tmp_path)
    inside = replace(root, cwd=tmp_path / "shop")

    output = await run(TOOL, {"query": "Price"}, inside)

    assert places_in(output.text)[0].path == "money.py"


async def test_an_unknown_kind_is_refused_with_those_there_are(shop: Workspace) -> None:
    with pytest.raises(ToolRefused, match=r"`grep` is not a kind of search\. Kinds: content, files, symbols"):
        await run(TOOL, {"query": "x", "kinds": ["grep"]}, shop)


names = st.from_regex(r"[A-Za-z0-9_.+[\]-]{1,12}(/[A-Za-z0-9_.+-]{1,12}){0,3}", fullmatch=True)
hits = st.builds(
    lambda path, line, kind, text: (
        SearchHit(path, 1, 1, "file", path) if kind == "file" else SearchHit(path, line, line, kind, text)
    ),
    names,
    st.integers(1, 99_999),
    st.sampled_from(KINDS.split("|")),
    st.text(max_size=80).map(str.strip),
)


@given(st.lists(hits, min_size=1, max_size=8))
def test_the_places_are_found_again_in_the_text(found: list[SearchHit]) -> None:
    found = [replace(hit, text=hit.text.replace("\n", " ")) for hit in found]
    text = as_text(HitsDetail("query", tuple(found), "off", {}, total=len({hit.path for hit in found})), 100_000)

    assert [(place.path, place.line or 1, place.kind) for place in places_in(text)] == [
        (hit.path, hit.line, hit.kind) for hit in found
    ]


def test_lines_around_a_hit_and_notes_are_no_places() -> None:
    hit = SearchHit("a.py", 2, 2, "content", "1-b.py:3 content: x\n2:a file\n3-c file")
    text = as_text(HitsDetail("q", (hit,), "off", {}, total=9, notes=("d.py:1 content: no",)), 5000)

    assert places_in(text) == [FoundPlace("a.py", 2, "content", "")]


@given(st.text(max_size=300), st.integers(200, 2000))
def test_no_text_breaks_the_answer_or_its_budget(evidence: str, budget: int) -> None:
    found = tuple(SearchHit(f"a{number}.py", number, number, "content", evidence) for number in range(1, 30))
    text = as_text(HitsDetail(evidence, found, "off", {}, total=29), budget)

    assert len(text.encode("utf-8")) <= budget
    assert as_text(HitsDetail(evidence, (), "off", {}), budget).encode("utf-8")


async def test_a_hit_says_how_far_it_goes_and_who_found_it_and_is_read_back(tmp_path: Path) -> None:
    hit = SearchHit("a b.py", 3, 9, "class", "class A:", strategies=("content", "symbols"))
    text = as_text(HitsDetail("A", (hit,), "ready", {}, 1), 1_000)

    assert text == "a b.py:3-9 class [content, symbols]: class A:"
    assert places_in(text) == [FoundPlace("a b.py", 3, "class", "class A:")]
