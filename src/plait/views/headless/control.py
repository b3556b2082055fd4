"""The control requests of the dialect: what programs that drive the conversation send between prompts. Pure.

`initialize` and `interrupt` are answered; every other one gets an error at once, so that nobody waits for an answer
that does not come. What would be a guard if it were heeded (hooks) is refused, never dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from plait.views.headless.messages import Message

# Answers to requests of our own, of which there are none, and signs of life.
NOT_FOR_US = frozenset(("control_response", "control_cancel_request", "keep_alive"))
MAX_NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Control:
    """A request, answered. action: what is to be done beside sending `answer`."""

    answer: Message
    action: Literal["nothing", "interrupt", "initialize"] = "nothing"


def control(message: dict[str, Any]) -> Control:
    """Return the answer to a line of the type `control_request`, whatever it holds."""
    request_id = message.get("request_id")
    request = message.get("request")
    match request:
        case {"subtype": "initialize", **more}:
            if (missing := _missing(more)) is not None:
                return _refused(request_id, f"`initialize`: {missing}")
            return Control(_answered(request_id, INITIALIZED), "initialize")
        case {"subtype": "interrupt"}:
            return Control(_answered(request_id, {}), "interrupt")
        case {"subtype": str(subtype)}:
            shown = subtype if len(subtype) <= MAX_NAME_LENGTH else subtype[:MAX_NAME_LENGTH] + "…"
            return _refused(request_id, f"`{shown}` is no control request that is understood here.")
        case _:
            return _refused(request_id, "a control request needs a `request` with a `subtype`.")


# What of `initialize` would change what is done, and is not there.
MISSING = {
    "hooks": "hooks are not there yet; leave them out.",
    "sdkMcpServers": "MCP servers are not there yet; leave them out.",
    "agents": "agents of your own are not there yet; leave them out.",
    "systemPrompt": "instructions are given by `--system-prompt`.",
    "appendSystemPrompt": "instructions are given by `--append-system-prompt`.",
}
# What there is to choose from: nothing that the dialect could set here.
INITIALIZED: Message = {
    "commands": [],
    "agents": [],
    "models": [],
    "account": {},
    "output_style": "default",
    "available_output_styles": ["default"],
}


def _missing(request: Mapping[Any, object]) -> str | None:
    return next((why for name, why in MISSING.items() if _says_something(request.get(name))), None)


def _says_something(value: object) -> bool:
    match value:
        case str():
            return bool(value.strip())
        case list():
            return any(map(_says_something, value))
        case _:
            return bool(value)


def _answered(request_id: object, response: Message) -> Message:
    return {
        "type": "control_response",
        "response": {"subtype": "success", "request_id": request_id, "response": response},
    }


def _refused(request_id: object, error: str) -> Control:
    return Control(
        {"type": "control_response", "response": {"subtype": "error", "request_id": request_id, "error": error}}
    )
