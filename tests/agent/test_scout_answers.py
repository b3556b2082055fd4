"""`scout` as an agent of the library sees it: with simple tools, and with the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from tests.search.trees import write_tree
from tests.tools.contract import make_context

from plait.agent.scout import scout_model
from plait.agent.scout_answer import CANNOT, NO_MODEL
from plait.agent.scout_calls import first_calls, named_files
from plait.host.paths import Workspace
from plait.protocol.errors import ToolRefused
from plait.tools.ledger import FileLedger
from plait.tools.listing import List
from plait.tools.read import Read
from plait.tools.search import Search

TOOLS = ("search", "read", "list")


class Asked:
    """An agent on scout, and the calls it made, reply by reply."""

    def __init__(self, tools: Sequence[Callable[..., Any]]) -> None:
        self.agent = Agent(scout_model(), tools=tools)
        self.messages: list[ModelMessage] = []

    async def ask(self, prompt: str) -> str:
        async with self.agent.iter(prompt, message_history=self.messages) as run:
            async for node in run:
                if Agent.is_model_request_node(node):
                    async with node.stream(run.ctx) as stream:
                        async for _ in stream:
                            pass
        assert run.result is not None
        self.messages = run.result.all_messages()
        return run.result.output

    def replies(self) -> list[list[str]]:
        return [
            [part.tool_name for part in message.parts if isinstance(part, ToolCallPart)]
            for message in self.messages
            if isinstance(message, ModelResponse)
        ]


def saying(search: str, read: str = "", listing: str = "") -> Asked:
    """Return scout with tools that always say the same."""

    def search_tool(query: str, kinds: list[str] | None = None, limit: int = 10) -> str:
        return search

    def read_tool(files: list[dict[str, Any]]) -> str:
        return read

    def list_tool(path: str) -> str:
        return listing

    search_tool.__name__, read_tool.__name__, list_tool.__name__ = TOOLS
    return Asked([search_tool, read_tool, list_tool])


def on(workspace: Workspace) -> Asked:
    """Return scout with the real tools in a workspace."""
    real = {"search": Search(), "read": Read(FileLedger()), "list": List()}

    async def run(name: str, args: dict[str, Any]) -> str:
        tool: Any = real[name]
        try:
            return str((await tool.run(msgspec.convert(args, tool.args), make_context(workspace))).text)
        except ToolRefused as refused:
            return str(refused)

    async def search(query: str, kinds: list[str] | None = None, limit: int = 10) -> str:
        return await run("search", {"query": query, "kinds": kinds or [], "limit": limit})

    async def read(files: list[dict[str, Any]]) -> str:
        return await run("read", {"files": files})

    async def list(path: str) -> str:
        return await run("list", {"path": path})

    return Asked([search, read, list])


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return write_tree(tmp_path)


async def test_it_searches_then_reads_around_the_best_places_then_answers(shop: Workspace) -> None:
    scout = on(shop)

    answer = await scout.ask("where is Cart.total defined?")

    searches, reads, last = scout.replies()
    assert set(searches) == {"search"}
    assert set(reads) == {"read"}
    assert last == []
    assert answer.startswith("**`shop/cart.py:9`** · method\n\n```py\n    9      def total(self) -> int:\n")
    assert answer.endswith(NO_MODEL)


async def test_a_question_in_words_is_answered_with_the_place(shop: Workspace) -> None:
    answer = await on(shop).ask("where are refused payments retried?")

    assert answer.startswith("**`shop/money.py:1")
    assert "def retry_payment" in answer


async def test_who_calls_and_who_imports_go_to_their_own_strategies(shop: Workspace) -> None:
    assert "**`shop/cart.py:6`**" in await on(shop).ask("what uses Price?")
    assert (await on(shop).ask("who imports shop.money?")).startswith("**`shop/cart.py:2`** · import")


async def test_a_file_that_is_named_is_shown_also_by_the_end_of_its_path(shop: Workspace) -> None:
    whole = on(shop)
    assert (await whole.ask("show me shop/money.py")).startswith("**`shop/money.py`**\n\n```py\n    1  import decimal")
    assert "read" in whole.replies()[0]

    assert "**`shop/money.py`**" in await on(shop).ask("money.py")


async def test_an_overview_lists_and_shows_the_readme(tmp_path: Path) -> None:
    scout = on(write_tree(tmp_path, {"README.md": "# Shop\n\nSells things.\n", "src/a.py": "x = 1\n"}))

    answer = await scout.ask("What is this project?")

    assert "list" in scout.replies()[0]
    assert "src/" in answer
    assert "Sells things." in answer


@pytest.mark.parametrize(
    "prompt",
    [
        "fix the retry in shop/money.py",
        "Please rename Cart to Basket.",
        "can you run the tests?",
        "I want you to add a test",
    ],
)
async def test_what_it_cannot_do_it_says_first(shop: Workspace, prompt: str) -> None:
    assert (await on(shop).ask(prompt)).startswith(CANNOT)


@pytest.mark.parametrize("prompt", ["where is the update made?", "update", "how are fixtures added"])
async def test_a_question_is_not_taken_for_an_order(shop: Workspace, prompt: str) -> None:
    assert CANNOT not in await on(shop).ask(prompt)


@pytest.mark.parametrize(
    "prompt", ["hi", "Hello there!", "help", "?", "what can you do?", "who are you", "Danke!", "thanks a lot"]
)
async def test_small_talk_gets_a_short_answer_without_a_search(shop: Workspace, prompt: str) -> None:
    scout = on(shop)

    answer = await scout.ask(prompt)

    assert scout.replies() == [[]]
    assert 0 < len(answer) < 700


@pytest.mark.parametrize(
    "prompt",
    [
        "Wo werden Wiederholungen behandelt?",
        "再試行はどこで処理されますか",
        "где обрабатываются ошибки?",
        "x" * 10_000,
        "word " * 2_000,
        "Traceback (most recent call last):\n" + '  File "shop/money.py", line 3\n' * 300,
        "((((([[[{{{***",
        "`" * 200,
        "--pre=/bin/sh",
        "a\0b",
        "\ud800 Cart",
    ],
)
async def test_any_prompt_gets_an_answer(shop: Workspace, prompt: str) -> None:
    answer = await on(shop).ask(prompt)

    assert answer.endswith(NO_MODEL)
    answer.encode()


async def test_in_an_empty_project_it_says_that_it_found_nothing(tmp_path: Path) -> None:
    scout = on(Workspace.at(tmp_path))

    assert (await scout.ask("where are retries handled?")).startswith("I found nothing for this in the project.")


async def test_tools_that_fail_or_find_nothing_are_said_plainly() -> None:
    assert (await saying("No hits for `x`. Try fewer or other words.").ask("where is x_y")).startswith(
        "I found nothing"
    )
    assert (await Asked([]).ask("where is x_y")).startswith("I could not search: the `search` tool is not available")


async def test_the_same_prompt_gets_the_same_answer(shop: Workspace) -> None:
    assert len({await on(shop).ask("how is the total of a Cart made?") for _ in range(3)}) == 1


async def test_a_second_question_is_answered_for_itself(shop: Workspace) -> None:
    scout = on(shop)
    await scout.ask("where is retry_payment defined?")

    answer = await scout.ask("where is parseReply defined?")

    assert answer.startswith("**`web/client.ts:11`**")
    assert "retry_payment" not in answer


async def test_code_that_holds_a_fence_does_not_end_the_one_around_it() -> None:
    scout = saying("a.md:2 content: x", "    1\t````\n    2\tx\n    3\t````\n")

    assert "`````md\n    1  ````\n    2  x\n    3  ````\n`````" in await scout.ask("where is some_name")


async def test_one_model_serves_conversations_side_by_side(shop: Workspace) -> None:
    answers = await asyncio.gather(*(on(shop).ask(f"where is {name} defined?") for name in ("Cart", "Price", "Server")))

    assert [answer.split("`")[1] for answer in answers] == ["shop/cart.py:5", "shop/money.py:6", "web/server.go:8"]


def test_a_prompt_names_files_by_their_extension() -> None:
    prompt = "Compare src/app.py:12, `web/client.ts` and (README.md); e.g. this and/or that at 3.14 of example.org."

    assert named_files(prompt) == ["src/app.py", "web/client.ts", "README.md"]


def test_at_most_a_handful_of_calls_is_made() -> None:
    prompt = " ".join(f"`name_{number}` in src/file_{number}.py" for number in range(50))

    assert len(first_calls(prompt, TOOLS)) <= 10
    assert first_calls(prompt, ()) == []
