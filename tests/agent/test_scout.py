"""The model for when there is none, through the whole agent with the real reading tools."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.conversation import Conversation
from tests.search.test_search import FILES

from plait.agent.scout import scout_model
from plait.protocol.events import CallEnded, CallReserved, CallStarted
from plait.tools.ledger import FileLedger
from plait.tools.listing import List
from plait.tools.read import Read
from plait.tools.registry import Registry
from plait.tools.search import Search


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    conversation = Conversation(tmp_path, [], registry=Registry([Read(FileLedger()), List(), Search()]))
    conversation.pool.add("scripted", scout_model())
    return conversation


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("where is retry_request defined?", "**`src/retry.py:9`** · function"),
        ("where are retries handled", "**`src/retry.py:9`**"),
        ("Backoff.wait", "**`src/retry.py:5`** · method"),
        ("who imports src.retry", "`src/client.py:1`"),
        ("show me src/client.py", "**`src/client.py`**"),
    ],
)
async def test_a_question_is_answered_by_places_with_their_lines(
    talk: Conversation, prompt: str, expected: str
) -> None:
    ended = await talk.prompt(prompt)

    assert ended.end == "completed"
    assert expected in ended.text
    assert "No language model is configured" in ended.text
    assert "```" in ended.text


async def test_the_same_question_has_the_same_answer(talk: Conversation) -> None:
    assert (await talk.prompt("where are retries handled")).text == (
        await talk.prompt("where are retries handled", turn=2)
    ).text


async def test_its_searches_run_as_any_models_calls_do(talk: Conversation) -> None:
    await talk.prompt("what calls retry_request in Client")

    assert len(talk.of(CallStarted)) >= 3
    assert {event.status for event in talk.of(CallEnded)} == {"ok"}


async def test_it_costs_nothing_and_says_so(talk: Conversation) -> None:
    talk.pool.add("scout", scout_model())
    talk.agent.set_model("scout", None)

    assert (await talk.prompt("where are retries handled")).usage.cost_usd == 0


async def test_a_greeting_is_answered_without_a_search(talk: Conversation) -> None:
    ended = await talk.prompt("hello!")

    assert "ask where something is" in ended.text
    assert not talk.of(CallStarted)


async def test_it_says_that_it_cannot_change_anything(talk: Conversation) -> None:
    assert "cannot change or run anything" in (await talk.prompt("fix the bug in retry_request")).text


async def test_nothing_found_and_very_long_prompts(talk: Conversation) -> None:
    assert "I found nothing" in (await talk.prompt("zzzqqq_nothing")).text
    assert (await talk.prompt("word " * 3000, turn=2)).end == "completed"


async def test_an_overview_lists_the_project(talk: Conversation) -> None:
    await talk.prompt("what is this project about?")

    assert "list" in {event.name for event in talk.of(CallReserved)}
