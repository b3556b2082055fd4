"""What the pickiest servers refuse in a request, in each wire format. Pure: a body in, problems out.

Played are the chat templates of local servers (one system message, first; roles in turn), OpenAI (each call followed
by its one result) and Anthropic (results first in the message after their calls; tools wherever calls are; no empty
text).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.wire.formats import plain_text

Body = dict[str, Any]


def problems(api: str, body: Body) -> list[str]:
    """Return a line for each thing that a strict server of this format refuses."""
    return CHECKS[api](body)


def chat_problems(body: Body) -> list[str]:
    messages = body.get("messages", [])
    found = []
    roles = [message["role"] for message in messages]
    systems = [index for index, role in enumerate(roles) if role in ("system", "developer")]
    if systems != [0]:
        found.append(f"exactly one system message, and first: they stand at {systems}")
    steps: list[tuple[str, Sequence[str]]] = []
    for message in messages:
        match message["role"]:
            case "user":
                steps.append(("user", ()))
                if not plain_text(message["content"]).strip():
                    found.append("an empty user message")
            case "assistant":
                made = message.get("tool_calls") or []
                steps.append(("assistant", [call["id"] for call in made]))
                if not made and not plain_text(message.get("content")).strip():
                    found.append("an empty assistant message")
                found += [p for call in made for p in _argument_problems(call["function"]["arguments"])]
            case "tool":
                steps.append(("result", [message["tool_call_id"]]))
            case _:
                pass
    return found + _order_problems(steps, has_tools=bool(body.get("tools")))


def responses_problems(body: Body) -> list[str]:
    items = body.get("input", [])
    items = items if isinstance(items, list) else [{"role": "user", "content": items}]
    found = []
    systems = [index for index, item in enumerate(items) if item.get("role") in ("system", "developer")]
    if bool(body.get("instructions")) + len(systems) != 1 or systems not in ([], [0]):
        found.append(f"exactly one system message: instructions {bool(body.get('instructions'))}, items {systems}")
    steps: list[tuple[str, Sequence[str]]] = []
    for item in items:
        match item:
            case {"type": "function_call"} | {"role": "assistant"}:
                # The items of one reply stand next to each other.
                said = steps.pop()[1] if steps and steps[-1][0] == "assistant" else ()
                made = [item["call_id"]] if "call_id" in item else []
                found += _argument_problems(item["arguments"]) if made else []
                steps.append(("assistant", [*said, *made]))
            case {"type": "function_call_output"}:
                steps.append(("result", [item["call_id"]]))
            case {"type": "reasoning"}:
                pass
            case {"role": "user"}:
                steps.append(("user", ()))
            case _:
                pass
    return found + _order_problems(steps, has_tools=bool(body.get("tools")))


def messages_problems(body: Body) -> list[str]:
    found = []
    if not body.get("system"):
        found.append("no system prompt")
    steps: list[tuple[str, Sequence[str]]] = []
    for message in body.get("messages", []):
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        kinds = [block["type"] for block in blocks]
        if not blocks or any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            found.append(f"an empty text in a message of the {message['role']}")
        if message["role"] == "assistant":
            steps.append(("assistant", [block["id"] for block in blocks if block["type"] == "tool_use"]))
            continue
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if results:
            steps.append(("result", results))
            if kinds[: len(results)] != ["tool_result"] * len(results):
                found.append("results must come first in the message after their calls")
        else:
            steps.append(("user", ()))
    return found + _order_problems(steps, has_tools=bool(body.get("tools")))


def _order_problems(steps: Sequence[tuple[str, Sequence[str]]], *, has_tools: bool) -> list[str]:
    """Check the order of user, assistant and result; each step with the ids of its calls or results."""
    found = []
    before = "system"
    open_calls: list[str] = []
    for kind, ids in steps:
        if kind == "result":
            if not set(ids) <= set(open_calls):
                found.append(f"results {list(ids)} of calls that the message before does not hold: {open_calls}")
            open_calls = [identity for identity in open_calls if identity not in ids]
        else:
            if open_calls:
                found.append(f"calls without a result: {open_calls}")
            open_calls = list(ids)
            if kind == before:
                found.append(f"two messages of the {kind} in a row")
            if before == "system" and kind != "user":
                found.append(f"the first message is the {kind}'s")
        if len(set(ids)) < len(ids):
            found.append(f"one id for several: {list(ids)}")
        if ids and not has_tools:
            found.append("calls in the history, but no tools")
        before = kind
    if open_calls:
        found.append(f"calls without a result: {open_calls}")
    if before == "assistant":
        found.append("the last message is the assistant's")
    return found


def _argument_problems(arguments: str) -> list[str]:
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        value = None
    return [] if isinstance(value, dict) else [f"arguments that are no JSON object: {arguments[:60]!r}"]


CHECKS: dict[str, Callable[[Body], list[str]]] = {
    "chat": chat_problems,
    "responses": responses_problems,
    "messages": messages_problems,
}
