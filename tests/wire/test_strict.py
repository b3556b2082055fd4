"""The strict checks let good requests pass, and find each thing that is wrong with a bad one."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.wire.strict import problems

GOOD: dict[str, dict[str, Any]] = {
    "chat": {
        "tools": [{"type": "function"}],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "go"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "a", "function": {"name": "read", "arguments": "{}"}},
                    {"id": "b", "function": {"name": "read", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": "x"},
            {"role": "tool", "tool_call_id": "b", "content": "y"},
            {"role": "user", "content": "and mind the tests"},
        ],
    },
    "responses": {
        "tools": [{"type": "function"}],
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "go"},
            {"role": "assistant", "type": "message", "content": []},
            {"type": "function_call", "call_id": "a", "name": "read", "arguments": "{}"},
            {"type": "function_call", "call_id": "b", "name": "read", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "x"},
            {"type": "function_call_output", "call_id": "b", "output": "y"},
        ],
    },
    "messages": {
        "tools": [{"name": "read"}],
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": "go"},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "a", "name": "read", "input": {}},
                    {"type": "tool_use", "id": "b", "name": "read", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": "x"},
                    {"type": "tool_result", "tool_use_id": "b", "content": "y"},
                    {"type": "text", "text": "and mind the tests"},
                ],
            },
        ],
    },
}
LIST = {"chat": "messages", "responses": "input", "messages": "messages"}
SYSTEM = {"role": "system", "content": "Once more."}
USER = {"role": "user", "content": "hello"}
SAID = {"role": "assistant", "content": "done"}
every_api = pytest.mark.parametrize("api", list(GOOD))


def body(api: str) -> tuple[dict[str, Any], list[Any]]:
    made = copy.deepcopy(GOOD[api])
    return made, made[LIST[api]]


@every_api
def test_a_good_request_has_no_problem(api: str) -> None:
    assert problems(api, GOOD[api]) == []


@every_api
def test_calls_without_tools(api: str) -> None:
    made, _ = body(api)
    del made["tools"]

    assert "calls in the history, but no tools" in problems(api, made)


@every_api
def test_a_call_without_its_result(api: str) -> None:
    made, messages = body(api)
    if api == "messages":
        messages[-1]["content"].pop(1)
    else:
        messages.pop(4 if api == "chat" else -1)

    assert any(problem.startswith("calls without a result") for problem in problems(api, made))


@every_api
def test_a_result_without_its_call(api: str) -> None:
    made, messages = body(api)
    match api:
        case "chat":
            messages[2]["tool_calls"].pop()
        case "responses":
            messages.pop(3)
        case _:
            messages[1]["content"].pop()

    assert any("of calls that the message before does not hold" in problem for problem in problems(api, made))


@every_api
def test_one_id_for_two_calls(api: str) -> None:
    made, messages = body(api)
    match api:
        case "chat":
            messages[2]["tool_calls"][1]["id"] = "a"
        case "responses":
            messages[3]["call_id"] = "a"
        case _:
            messages[1]["content"][2]["id"] = "a"

    assert any(problem.startswith("one id for several") for problem in problems(api, made))


@every_api
def test_two_messages_of_the_user_in_a_row(api: str) -> None:
    made, messages = body(api)
    messages.insert(0 if api != "chat" else 1, USER)

    assert problems(api, made) == ["two messages of the user in a row"]


@every_api
def test_a_last_message_of_the_assistants(api: str) -> None:
    made, messages = body(api)
    messages.append(SAID)

    assert problems(api, made) == ["the last message is the assistant's"]


@every_api
def test_no_system_message(api: str) -> None:
    made, messages = body(api)
    if api == "chat":
        messages.pop(0)
    else:
        del made["instructions" if api == "responses" else "system"]

    assert len(problems(api, made)) == 1


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("at", [1, 3])
def test_a_second_system_message(api: str, at: int) -> None:
    made, messages = body(api)
    messages.insert(at, SYSTEM)

    assert any("exactly one system message" in problem for problem in problems(api, made))


@pytest.mark.parametrize(("api", "at"), [("chat", 1), ("chat", 5), ("messages", 0)])
def test_a_text_with_nothing_in_it(api: str, at: int) -> None:
    made, messages = body(api)
    messages[at]["content"] = " "

    assert any(problem.startswith("an empty") for problem in problems(api, made))


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("raw", ["", "{", "[]", "null"])
def test_arguments_that_are_no_object(api: str, raw: str) -> None:
    made, messages = body(api)
    if api == "chat":
        messages[2]["tool_calls"][0]["function"]["arguments"] = raw
    else:
        messages[2]["arguments"] = raw

    assert any(problem.startswith("arguments that are no JSON object") for problem in problems(api, made))


def test_text_before_the_results() -> None:
    made, messages = body("messages")
    messages[-1]["content"].insert(0, {"type": "text", "text": "wait"})

    assert problems("messages", made) == ["results must come first in the message after their calls"]
