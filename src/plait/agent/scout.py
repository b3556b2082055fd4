"""`scout`, the model for when there is no model: it answers a question about the code by searching it.

An ordinary model of the library, so every view and every test runs with it. It sees what any model sees, the prompt and
the text of the results of its own calls; it remembers nothing, decides by no clock and no chance, and needs no network.
The third of the files that import pydantic_ai.

Three replies a turn: search, read around the best places, answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence

from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel

from plait.agent.scout_answer import Result, answer, places, read_files, small_talk
from plait.agent.scout_calls import first_calls, second_calls

# A few pieces, as a model streams: views show the answer as it comes.
PIECE = re.compile(r"[^\n]*\n+|[^\n]+")


def scout_model() -> Model:
    """Return the model. It has no state: one serves every conversation."""
    return FunctionModel(stream_function=_reply, model_name="scout")


async def _reply(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | dict[int, DeltaToolCall]]:
    prompt, since = _last_prompt(messages)
    said = small_talk(prompt)
    if said is not None:
        yield said
        return
    tools = {tool.name for tool in info.function_tools}
    results = _results(since)
    match sum(isinstance(message, ModelResponse) for message in since):
        case 0:
            calls = first_calls(prompt, tools)
        case 1:
            calls = second_calls(places(results), read_files(results), tools)
        case _:
            calls = []
    if calls:
        for index, (name, args) in enumerate(calls):
            yield {index: DeltaToolCall(name, json.dumps(args), tool_call_id=f"scout_{len(messages)}_{index}")}
        return
    for piece in PIECE.findall(answer(prompt, results)):
        yield piece


def _last_prompt(messages: Sequence[ModelMessage]) -> tuple[str, Sequence[ModelMessage]]:
    """Return the newest prompt, and the messages since."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if not isinstance(message, ModelRequest):
            continue
        texts = [_text(part) for part in message.parts if isinstance(part, UserPromptPart)]
        if texts:
            return texts[-1], messages[index:]
    return "", ()


def _text(part: UserPromptPart) -> str:
    if isinstance(part.content, str):
        return part.content
    return "\n".join(piece for piece in part.content if isinstance(piece, str))


def _results(messages: Sequence[ModelMessage]) -> list[Result]:
    """Return what the calls since the prompt brought, in the order in which they were made."""
    args = {
        part.tool_call_id: part.args_as_dict()
        for message in messages
        if isinstance(message, ModelResponse)
        for part in message.parts
        if isinstance(part, ToolCallPart)
    }
    return [
        Result(part.tool_name, args.get(part.tool_call_id, {}), str(part.content), part.outcome == "success")
        for message in messages
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]
