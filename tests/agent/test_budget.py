"""A budget holds, or it is told that it cannot be kept; never is it silently no limit."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.fakes.conversation import Conversation

from plait.agent.budget import Limits, exceeded
from plait.agent.pool import has_price
from plait.config.models import SCOUT
from plait.protocol.errors import ProviderError
from plait.protocol.events import Usage
from plait.protocol.ports import Restored
from plait.testing import ScriptedCall, ScriptedModel, ScriptedReply

BUDGET = {"limits": Limits(max_budget_usd=Decimal(1))}
READ = ScriptedCall("probe", {"reads": ["a"]})
REFUSED = (
    "The price of `scripted` is not known. "
    "`--max-budget-usd` cannot be kept: leave it out, or set `limits.max_tokens` instead."
)


@pytest.mark.parametrize(
    ("usage", "end"),
    [
        (Usage(), None),
        (Usage(10, 10, cost_usd=Decimal("0.99")), None),
        (Usage(10, 10, cost_usd=Decimal(0)), None),
        (Usage(10, 10, cost_usd=Decimal(1)), "limit_budget"),
        (Usage(10, 10), "limit_budget"),
        (Usage(10, 10, cost_usd=Decimal("0.1")).plus(Usage(1, 1)), "limit_budget"),
    ],
)
def test_what_was_spent_must_be_known_and_below_the_budget(usage: Usage, end: str | None) -> None:
    found = exceeded(BUDGET["limits"], 1, usage, is_priced=True)

    assert (found.end if found else None) == end
    assert exceeded(BUDGET["limits"], 1, usage, is_priced=False) is not None
    assert exceeded(Limits(), 1, usage, is_priced=False) is None


async def test_a_model_without_a_price_is_sent_nothing_where_a_budget_is_set(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply("done")], settings=BUDGET)

    ended = await talk.prompt("go")

    assert (ended.end, ended.error, ended.fault) == ("failed", REFUSED, "configuration")
    assert talk.script.requests == []
    assert not has_price(talk.client.model)


async def test_neither_is_a_fallback_model(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [ScriptedReply("done")], settings={**BUDGET, "fallback_model": "scripted"})
    talk.pool.add(SCOUT, ScriptedModel([ScriptedReply(error=ProviderError("Down.", status=400))]).model())
    talk.agent.set_model(SCOUT, None)

    ended = await talk.prompt("go")

    assert (ended.end, ended.error, ended.fault) == ("failed", REFUSED, "configuration")
    assert talk.script.requests == []


async def test_a_model_that_costs_nothing_needs_no_price(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [], settings=BUDGET)
    talk.pool.add(SCOUT, ScriptedModel([ScriptedReply("look", (READ,)), ScriptedReply("done")]).model())
    talk.agent.set_model(SCOUT, None)

    assert (await talk.prompt("go")).text == "done"


async def test_replies_of_unknown_cost_end_the_turn_before_the_next_request(tmp_path: Path) -> None:
    talk = Conversation(tmp_path, [], settings=BUDGET)
    model = ScriptedModel([ScriptedReply("look", (READ,)), ScriptedReply("done")])
    talk.pool.add(SCOUT, model.model())
    talk.agent.set_model(SCOUT, None)
    talk.agent.restore(Restored(usage=Usage(10, 10)))

    ended = await talk.prompt("go")

    assert ended.end == "limit_budget"
    assert len(model.requests) == 1
