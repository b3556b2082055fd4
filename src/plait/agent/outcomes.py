"""How a call that was begun, or never was, is told to the model. Pure."""

from __future__ import annotations

import msgspec

from plait.protocol.calls import Args, CallKey, OutcomeStatus, ToolOutcome
from plait.tools.base import ToolOutput


def cancelled(*, has_run: bool, why: str | None) -> ToolOutcome:
    """Return the end of a call that has no result; `why` is a sentence, None if the whole turn was ended."""
    because = f" {why}" if why else ""
    if not has_run:
        return ToolOutcome("cancelled", f"Cancelled before it ran; nothing was done.{because}")
    return ToolOutcome("cancelled", f"Cancelled while it ran; it may have done part of its work.{because}")


def of_output(
    output: ToolOutput, stopped: OutcomeStatus | None, reused: CallKey | None, edited: Args | None
) -> ToolOutcome:
    """Return the end of a call with a result.

    stopped: `timeout` or `cancelled` if its end was brought about and the result may be a part. reused: whose result
    it is. edited: what ran, if it is not what the model wrote.
    """
    status: OutcomeStatus = "failed" if output.failed else "ok"
    if stopped is not None and not output.is_whole:
        status = stopped
    text = output.text
    if reused is not None:
        text = f"[Unchanged since call {reused.turn}.{reused.call}, answered from its result.]\n{text}"
    if edited is not None:
        text = f"[The user changed the arguments; what ran was {msgspec.json.encode(edited).decode()}]\n{text}"
    return ToolOutcome(status, text, output.detail, reused)
