"""The limits of a turn: model replies, tokens, money, wall time. Pure but for the clock it is given."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from plait.protocol.events import TurnEnd, Usage


@dataclass(frozen=True, slots=True)
class Limits:
    """None is no limit. `max_turns` counts model replies in one turn, as `--max-turns` does elsewhere."""

    max_turns: int | None = None
    max_budget_usd: Decimal | None = None
    max_tokens: int | None = None
    time_limit_s: float | None = None


WITHOUT_PRICE = "`--max-budget-usd` cannot be kept: leave it out, or set `limits.max_tokens` instead."


@dataclass(frozen=True, slots=True)
class Exceeded:
    """Which limit ended the turn, and a line about it."""

    end: TurnEnd
    text: str


def exceeded(limits: Limits, replies: int, usage: Usage, *, is_priced: bool) -> Exceeded | None:
    """Say whether another model request would go past a limit, or whether that cannot be told of a budget.

    is_priced: the cost of each reply of this turn was known. One whose server tells no usage is as none in `usage`.
    """
    if limits.max_turns is not None and replies >= limits.max_turns:
        return Exceeded("limit_turns", f"Stopped after {replies} replies, the limit set by `--max-turns`.")
    if limits.max_budget_usd is not None and not (is_priced and usage == Usage()):
        if usage.cost_usd is None or not is_priced:
            return Exceeded("limit_budget", f"Stopped: what the replies so far have cost is not known. {WITHOUT_PRICE}")
        if usage.cost_usd >= limits.max_budget_usd:
            return Exceeded(
                "limit_budget",
                f"Stopped at ${usage.cost_usd:.4f}, the limit set by `--max-budget-usd` is ${limits.max_budget_usd}.",
            )
    tokens = usage.input_tokens + usage.output_tokens
    if limits.max_tokens is not None and tokens >= limits.max_tokens:
        return Exceeded("limit_tokens", f"Stopped at {tokens} tokens, the limit set by `limits.max_tokens`.")
    return None
