"""The wire server speaks what the real SDKs and the real model classes understand."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anthropic
import httpx2
import openai
import pytest
from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelNotFoundError,
    ModelOverloadedError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelServerError,
    ModelUnavailableError,
    UnexpectedModelBehavior,
)
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings
from tests.wire.script import (
    CONTEXT_TOO_LONG,
    Break,
    Call,
    Hangup,
    Page,
    Reply,
    Script,
    Silence,
    Status,
    Text,
    Thinking,
    Turn,
    Until,
    Usage,
    by_history,
    calls,
    load_scenario,
    says,
)
from tests.wire.server import WireServer, nobody_listens

Api = Literal["chat", "responses", "messages"]
APIS: tuple[Api, ...] = ("chat", "responses", "messages")
every_api = pytest.mark.parametrize("api", APIS)
SETTINGS = ModelSettings(max_retries=0, timeout=5)
EVERYTHING = Reply(
    (
        Thinking("Two files will do."),
        Text("I will read both of them, side by side."),
        Call("read", {"path": "a.py"}),
        Call("read", {"path": "b.py"}, id="mine"),
    ),
    usage=Usage(input_tokens=1000, output_tokens=50, cache_read_tokens=700, cache_write_tokens=200),
)


def ask(text: str = "go") -> ModelRequest:
    return ModelRequest([UserPromptPart(text)])


@asynccontextmanager
async def client_of(provider: Literal["openai", "anthropic"], base_url: str) -> AsyncIterator[Any]:
    make = openai.AsyncOpenAI if provider == "openai" else anthropic.AsyncAnthropic
    # The machine's proxies and certificates are of no use here, and reading the latter takes long.
    async with make(
        base_url=base_url, max_retries=0, http_client=httpx2.AsyncClient(trust_env=False, verify=False)
    ) as it:
        yield it


@asynccontextmanager
async def speaking(api: Api, script: list[Turn] | Script) -> AsyncIterator[tuple[WireServer, Model]]:
    provider: Literal["openai", "anthropic"] = "anthropic" if api == "messages" else "openai"
    async with WireServer(script, strict=False) as server, client_of(provider, server.base_url(provider)) as client:
        match api:
            case "chat":
                yield server, OpenAIChatModel("scripted-model", provider=OpenAIProvider(openai_client=client))
            case "responses":
                yield server, OpenAIResponsesModel("scripted-model", provider=OpenAIProvider(openai_client=client))
            case "messages":
                yield server, AnthropicModel("scripted-model", provider=AnthropicProvider(anthropic_client=client))


async def stream(model: Model, *messages: ModelRequest | ModelResponse) -> ModelResponse:
    history = list(messages) or [ask()]
    async with model.request_stream(history, SETTINGS, ModelRequestParameters()) as response:
        async for _ in response:
            pass
        return response.get()


@every_api
@pytest.mark.parametrize("streamed", [True, False])
async def test_a_reply_arrives_as_it_was_scripted(api: Api, streamed: bool) -> None:
    async with speaking(api, [EVERYTHING]) as (_, model):
        response = await stream(model) if streamed else await model.request([ask()], SETTINGS, ModelRequestParameters())

    thoughts, text, *made = response.parts
    assert isinstance(thoughts, ThinkingPart)
    assert thoughts.content == "Two files will do."
    assert isinstance(text, TextPart)
    assert text.content == "I will read both of them, side by side."
    assert [(call.tool_name, call.args_as_dict()) for call in made if isinstance(call, ToolCallPart)] == [
        ("read", {"path": "a.py"}),
        ("read", {"path": "b.py"}),
    ]
    assert [call.tool_call_id for call in made if isinstance(call, ToolCallPart)] == ["call_1", "mine"]
    assert response.finish_reason == ("stop" if api == "responses" else "tool_call")
    assert (response.usage.input_tokens, response.usage.output_tokens) == (1000, 50)
    assert response.usage.cache_read_tokens == 700


@every_api
async def test_results_and_earlier_replies_are_read_from_a_request(api: Api) -> None:
    history = [
        ask(),
        ModelResponse([TextPart("Reading."), ToolCallPart("read", {"path": "a.py"}, "one")]),
        ModelRequest([ToolReturnPart("read", "its content", "one")]),
    ]
    async with speaking(api, [says("Done.")]) as (server, model):
        await stream(model, *history)

    [request] = server.requests
    assert request.api == api
    assert request.asked is not None
    assert request.asked.streams
    assert request.asked.model == "scripted-model"
    assert request.asked.results == (("one", "its content"),)
    assert request.asked.replies == 1


@every_api
@pytest.mark.parametrize(("finish", "found"), [("length", "length"), ("content_filter", "content_filter")])
async def test_finish_reasons_are_told_apart(api: Api, finish: Any, found: str) -> None:
    async with speaking(api, [Reply((Text("So far"),), finish=finish)]) as (_, model):
        assert (await stream(model)).finish_reason == found


@every_api
@pytest.mark.parametrize(
    ("turn", "error"),
    [
        (Status(401), ModelAuthenticationError),
        (Status(403), ModelAuthenticationError),
        (Status(404), ModelNotFoundError),
        (Status(429, retry_after="7"), ModelRateLimitError),
        (Status(500), ModelServerError),
        (Status(503), ModelUnavailableError),
        (Status(529), ModelOverloadedError),
        (CONTEXT_TOO_LONG, ModelContextWindowExceededError),
        (Hangup(), ModelConnectionError),
        (Reply((Text("half of it"), Break("reset"))), ModelConnectionError),
        (Reply((Text("half of it"), Break("close"))), ModelConnectionError),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(getattr(value, "code", type(value).__name__)),
)
async def test_a_fault_is_the_error_that_the_library_has_for_it(api: Api, turn: Turn, error: type[Exception]) -> None:
    async with speaking(api, [turn]) as (server, model):
        with pytest.raises(error) as found:
            await stream(model)

    assert len(server.requests) == 1
    if isinstance(found.value, ModelRateLimitError):
        assert found.value.retry_after == 7


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_used_up_quota_is_not_a_rate_limit(api: Api) -> None:
    async with speaking(api, [Status(429, kind="quota")]) as (_, model):
        with pytest.raises(ModelQuotaExceededError):
            await stream(model)


@every_api
@pytest.mark.parametrize(
    "turn",
    [
        Reply((Text("half of it"), Break("malformed"))),
        Reply((Text("half of it"), Break("error"))),
        Page(),
        Status(400),
        Status(422),
    ],
    ids=["malformed", "error event", "page", "400", "422"],
)
async def test_what_is_no_answer_is_not_taken_for_one(api: Api, turn: Turn) -> None:
    async with speaking(api, [turn]) as (_, model):
        with pytest.raises((ModelAPIError, UnexpectedModelBehavior)):
            await stream(model)


@every_api
async def test_a_cut_reply_has_no_finish_reason_on_the_wire(api: Api) -> None:
    async with speaking(api, [Reply((Text("half of it"), Break("cut")))]) as (_, model):
        response = await stream(model)

    assert [part.content for part in response.parts if isinstance(part, TextPart)] == ["half of it"]
    assert "finish_reason" not in (response.provider_details or {})


@every_api
async def test_arguments_can_arrive_malformed_in_part_or_twice_under_one_id(api: Api) -> None:
    turns = [
        calls(Call("read", raw='{"path": ', id="same"), Call("no_such_tool", {"x": 1}, id="same")),
        Reply((Call("read", {"path": "a.py"}, chunk_chars=4), Break("cut"))),
    ]
    async with speaking(api, turns) as (_, model):
        both = await stream(model)
        cut = await stream(model)

    made = [part for part in both.parts if isinstance(part, ToolCallPart)]
    assert (made[0].tool_name, made[0].args) == ("read", '{"path": ')
    assert {call.tool_call_id for call in made} == {"same"}
    assert [part.tool_name for part in cut.parts if isinstance(part, ToolCallPart)] == ["read"]


@every_api
@pytest.mark.parametrize("turn", [Silence(), Reply((Text("half of it"), Break("stall")))], ids=["at once", "half-way"])
async def test_a_stalled_reply_ends_when_the_client_goes(api: Api, turn: Turn) -> None:
    async with speaking(api, [turn, says("here again")]) as (_, model):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await stream(model)

        assert (await stream(model)).parts[0].content == "here again"  # type: ignore[union-attr]


@every_api
async def test_a_test_decides_when_the_next_call_arrives(api: Api) -> None:
    gate = asyncio.Event()
    seen: list[str] = []
    turn = Reply((Call("read", {"path": "a"}), Until(gate), Call("glob", {"pattern": "*"})))
    async with speaking(api, [turn]) as (_, model):
        async with model.request_stream([ask()], SETTINGS, ModelRequestParameters()) as response:
            async for event in response:
                part = getattr(event, "part", None)
                if isinstance(part, ToolCallPart) and event.event_kind == "part_start":
                    seen.append(part.tool_name)
                    if part.tool_name == "read":
                        assert seen == ["read"]
                        gate.set()

    assert seen == ["read", "glob"]


async def test_the_models_are_listed_in_the_form_of_the_one_who_asks() -> None:
    async with WireServer([], models=("one", "two")) as server:
        async with client_of("openai", server.base_url("openai")) as client:
            assert [model.id for model in (await client.models.list()).data] == ["one", "two"]
        async with client_of("anthropic", server.base_url("anthropic")) as client:
            assert [model.id for model in (await client.models.list()).data] == ["one", "two"]

    assert [request.path.partition("?")[0] for request in server.others] == ["/v1/models", "/v1/models"]
    assert server.requests == []


async def test_a_request_beyond_the_script_is_an_error_that_says_so() -> None:
    async with speaking("chat", []) as (_, model):
        with pytest.raises(Exception, match="the script has 0 turns, this is request 1"):
            await stream(model)


async def test_conversations_side_by_side_each_get_their_own_next_turn() -> None:
    async with speaking("chat", by_history([says("first"), says("second")])) as (_, model):
        begun = await asyncio.gather(stream(model), stream(model))
        further = await stream(model, ask(), begun[0], ask())

    assert [response.parts[0].content for response in (*begun, further)] == ["first", "first", "second"]  # type: ignore[union-attr]


async def test_a_refused_connection_is_one() -> None:
    with nobody_listens() as url:
        async with client_of("openai", url) as client:
            with pytest.raises(openai.APIConnectionError):
                await client.models.list()


def test_a_scenario_file_holds_all_that_a_script_can_say(tmp_path: Path) -> None:
    turns = [
        {
            "parts": [
                {"thinking": "hm", "signature": "s"},
                {"pause": 0.5},
                {"call": "read", "args": {"paths": ["f{n}.py"]}, "repeat": 2, "gap_s": 0.1},
                {"text": "Hi"},
                {"break": "error", "kind": "rate_limit"},
            ],
            "finish": "length",
            "usage": {"input_tokens": 7},
        },
        {"status": 429, "retry_after": "0.5"},
        {"page": "<p>"},
        {"silence": True},
        {"hangup": True},
    ]
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps({"turns": turns}))

    reply, *others = load_scenario(file)

    assert isinstance(reply, Reply)
    assert reply.parts[0] == Thinking("hm", "s")
    assert [part.args for part in reply.parts if isinstance(part, Call)] == [{"paths": ["f0.py"]}, {"paths": ["f1.py"]}]
    assert reply.parts[-1] == Break("error", "rate_limit")
    assert (reply.finish, reply.usage) == ("length", Usage(input_tokens=7))
    assert others == [Status(429, retry_after="0.5"), Page("<p>"), Silence(), Hangup()]


def test_the_server_runs_by_itself_and_logs_what_it_was_asked(tmp_path: Path) -> None:
    scenario, log = tmp_path / "scenario.json", tmp_path / "log.jsonl"
    scenario.write_text('{"turns": [{"parts": [{"text": "Hi"}]}]}')
    command = [sys.executable, "-m", "tests.wire.server", "--scenario", str(scenario), "--log", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[1])
        body = b'{"model": "m", "messages": [], "stream": false}'
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head + body)
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 OK")
        process.terminate()

    assert process.returncode == 0
    [line] = map(json.loads, log.read_text().splitlines())
    assert (line["api"], line["replies"], line["body"]["model"]) == ("chat", 0, "m")
    assert line["answered_s"] > line["received_s"]
