"""What a run adds up to: the `result` line and the exit code. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from plait.protocol.calls import CallKey
from plait.protocol.events import (
    MAIN_AGENT,
    CallEnded,
    CallReserved,
    CallsDropped,
    Fault,
    ReplyEnded,
    Stamped,
    SummaryMade,
    TurnEnd,
    TurnEnded,
    Usage,
)
from plait.views.headless.messages import Envelope, Message, stop_reason, usage_json

FINISHED = 0
USAGE = 1
FAILED = 2
LIMIT = 3
INTERRUPTED = 4
DENIED = 5

# For each way a turn ends: the result's subtype, its terminal_reason, the exit code.
ENDS: dict[TurnEnd, tuple[str, str, int]] = {
    "completed": ("success", "completed", FINISHED),
    "cancelled": ("error_interrupted", "interrupted", INTERRUPTED),
    "failed": ("error_during_execution", "error", FAILED),
    "limit_turns": ("error_max_turns", "max_turns", LIMIT),
    "limit_budget": ("error_max_budget_usd", "max_budget_usd", LIMIT),
    "limit_time": ("error_time_limit", "time_limit", LIMIT),
    "limit_tokens": ("error_max_tokens", "max_tokens", LIMIT),
    "schema_not_met": ("error_max_structured_output_retries", "structured_output_retries", FAILED),
}


@dataclass(slots=True)
class ModelTotals:
    """One model's share. `cost` is None as soon as one reply's price is unknown."""

    usage: Usage = field(default_factory=Usage)
    context_window: int | None = None


@dataclass(slots=True)
class Totals:
    """What all prompts of one process have used, model by model."""

    models: dict[str, ModelTotals] = field(default_factory=dict)

    def add(self, event: ReplyEnded | SummaryMade) -> None:
        totals = self.models.setdefault(event.model, ModelTotals())
        totals.usage = totals.usage.plus(event.usage)
        if isinstance(event, ReplyEnded):
            totals.context_window = event.context_window or totals.context_window

    @property
    def cost_usd(self) -> float | None:
        whole = Usage()
        for totals in self.models.values():
            whole = whole.plus(totals.usage)
        if whole == Usage():
            return 0.0
        return None if whole.cost_usd is None else float(whole.cost_usd)

    def json(self) -> dict[str, Any]:
        return {
            name: {
                "inputTokens": (counts := usage_json(totals.usage))["input_tokens"],
                "outputTokens": counts["output_tokens"],
                "cacheReadInputTokens": counts["cache_read_input_tokens"],
                "cacheCreationInputTokens": counts["cache_creation_input_tokens"],
                "costUSD": float(totals.usage.cost_usd) if isinstance(totals.usage.cost_usd, Decimal) else None,
                "contextWindow": totals.context_window,
            }
            for name, totals in self.models.items()
        }


class Tally:
    """Adds up one prompt's events, from the start of its turn to the end."""

    def __init__(self, totals: Totals) -> None:
        self.ended: TurnEnded | None = None
        self.usage = Usage()
        self._totals = totals
        self._reserved: dict[CallKey, CallReserved] = {}
        self._denied: dict[CallKey, CallReserved] = {}
        self._files: dict[str, None] = {}
        self._replies = 0
        self._api_ms = 0
        self._first_token_ms: int | None = None
        self._stop_reason: str | None = None

    def on(self, stamped: Stamped) -> None:
        match stamped.event:
            case CallReserved(key=key) as reserved:
                self._reserved[key] = reserved
            case CallEnded(key=key, status=status, files_changed=files):
                if status == "denied" and key in self._reserved:
                    self._denied[key] = self._reserved[key]
                self._files.update(dict.fromkeys(files))
            case CallsDropped(keys=keys):
                for key in keys:
                    self._denied.pop(key, None)
            case ReplyEnded() as reply:
                self._replied(reply, main=stamped.agent == MAIN_AGENT)
            case SummaryMade() as summary:
                self._totals.add(summary)
                self.usage = self.usage.plus(summary.usage)
                self._api_ms += summary.duration_ms
            case TurnEnded() as ended if stamped.agent == MAIN_AGENT:
                self.ended = ended
            case _:
                pass

    def _replied(self, reply: ReplyEnded, *, main: bool) -> None:
        self._totals.add(reply)
        self.usage = self.usage.plus(reply.usage)
        self._api_ms += reply.duration_ms
        if main:
            self._replies += 1
            calls = any((key.turn, call.reply) == (reply.turn, reply.reply) for key, call in self._reserved.items())
            self._stop_reason = stop_reason(reply.finish_reason, has_calls=calls)
            if self._first_token_ms is None:
                self._first_token_ms = reply.first_token_ms

    @property
    def end(self) -> TurnEnd:
        """How the turn ended; one that was never heard of again was stopped."""
        return self.ended.end if self.ended is not None else "cancelled"

    @property
    def denied(self) -> tuple[CallReserved, ...]:
        return tuple(self._denied.values())

    @property
    def answer(self) -> str:
        """The last answer; with a schema, the JSON text that met it."""
        if self.ended is None:
            return ""
        return self.ended.structured if self.ended.structured is not None else self.ended.text

    @property
    def error(self) -> str:
        """One line about what went wrong; empty if nothing did."""
        if self.end == "completed":
            return ""
        told = self.ended.error if self.ended is not None else None
        return told or ("Interrupted." if self.end == "cancelled" else f"The turn ended with `{self.end}`.")

    @property
    def exit_code(self) -> int:
        fault: Fault | None = self.ended.fault if self.ended is not None else None
        if self.end == "failed" and fault == "configuration":
            return USAGE
        if self.end == "completed" and self._denied:
            return DENIED
        return ENDS[self.end][2]

    def result(self, envelope: Envelope, use_id: Any, duration_ms: int) -> Message:
        """Return the last line; `duration_ms` counts if the turn never came to its own end."""
        subtype, terminal_reason, _ = ENDS[self.end]
        ok = self.end == "completed"
        ended = self.ended
        message = envelope.of(
            "result",
            subtype=subtype,
            is_error=not ok,
            duration_ms=ended.duration_ms if ended is not None else duration_ms,
            duration_api_ms=self._api_ms,
            ttft_ms=self._first_token_ms,
            num_turns=ended.replies if ended is not None else self._replies,
            stop_reason=self._stop_reason,
            total_cost_usd=self._totals.cost_usd,
            usage=usage_json(self.usage),
            modelUsage=self._totals.json(),
            permission_denials=[
                {"tool_name": call.name, "tool_use_id": use_id(call.key), "tool_input": call.args}
                for call in self._denied.values()
            ],
            files_changed=list(self._files),
            terminal_reason=terminal_reason,
        )
        if ok:
            message["result"] = ended.text if ended is not None else ""
            if ended is not None and ended.structured is not None:
                message["structured_output"] = json.loads(ended.structured)
        else:
            message["errors"] = [self.error]
        return message


def failure(envelope: Envelope, error: str, totals: Totals, *, interrupted: bool = False) -> Message:
    """Return the result line of a prompt for which no turn could begin."""
    tally = Tally(totals)
    end: TurnEnd = "cancelled" if interrupted else "failed"
    tally.ended = TurnEnded(0, end, error, Usage(), 0, 0)
    return tally.result(envelope, str, 0)
