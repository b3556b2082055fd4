"""What a provider may do to a request, in each of the three wire formats: retried visibly, or said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.fakes.conversation import Conversation
from tests.wire.script import Break, Call, Reply, Status, Text, Turn, says
from tests.wire.server import WireServer

from plait.agent.pool import ModelPool
from plait.protocol.errors import UserError
from plait.protocol.events import CallEnded, RetryScheduled, TextEnded, TurnEnded

FORMATS = {"openai-chat": "openai", "openai-responses": "openai", "anthropic": "anthropic"}
FINE = says("fine")


def half(how: str) -> Reply:
    return Reply((Text("half an answer"), Break(how)))  # type: ignore[arg-type]  # one of the words of Break


class Talk(Conversation):
    """A conversation with a real adapter on a scripted server."""

    def __init__(self, root: Path, kind: str, server: WireServer, **options: Any) -> None:
        super().__init__(root, [], **options)
        self.client._pool = ModelPool(lambda _: "sk-test")
        self.client.use(f"{kind}:scripted-model", server.base_url(FORMATS[kind]))  # type: ignore[arg-type]

    async def __aenter__(self) -> Talk:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.agent.close()


@pytest.fixture(params=list(FORMATS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(
    "fault",
    [
        Status(429, retry_after=0.01),
        Status(408),
        Status(409),
        Status(500),
        Status(502),
        Status(503),
        Status(529),
        half("cut"),
        half("reset"),
        half("close"),
        half("malformed"),
        half("error"),
        half("stall"),
        Reply(()),
    ],
    ids=lambda fault: f"{type(fault).__name__}-{getattr(fault, 'code', '')}{getattr(fault, 'parts', ('',))[-1:]}"[:40],
)
async def test_what_may_pass_is_tried_again_and_nothing_cut_is_taken_for_an_answer(
    tmp_path: Path, kind: str, fault: Turn
) -> None:
    async with WireServer([fault, FINE]) as server, Talk(tmp_path, kind, server) as talk:
        talk.client._idle_timeout_s = 0.3 if fault == half("stall") else 60.0
        ended = await talk.prompt("hello")

        assert (ended.end, ended.text) == ("completed", "fine")
        assert len(server.requests) == 2
        assert len(talk.of(RetryScheduled)) == 1
        assert all(event.partial for event in talk.of(TextEnded)[:-1])


@pytest.mark.parametrize(
    ("status", "said"), [(400, "refused the request"), (401, "_API_KEY"), (403, ""), (404, "name")]
)
async def test_what_will_not_pass_is_one_line_at_once(tmp_path: Path, kind: str, status: int, said: str) -> None:
    async with WireServer([Status(status)]) as server, Talk(tmp_path, kind, server) as talk:
        ended: TurnEnded = await talk.prompt("hello")

        assert (ended.end, ended.fault) == ("failed", "provider")
        assert said in str(ended.error)
        assert "\n" not in str(ended.error)
        assert len(server.requests) == 1


async def test_an_error_is_told_in_the_services_own_words(tmp_path: Path, kind: str) -> None:
    refusal = Status(422, message="`tools.0` is\nnot allowed.")
    async with WireServer([refusal]) as server, Talk(tmp_path, kind, server) as talk:
        ended: TurnEnded = await talk.prompt("hello")

        assert str(ended.error).endswith("refused the request (HTTP 422): `tools.0` is not allowed")


async def test_a_call_of_a_broken_reply_never_runs_twice_and_half_arguments_never(tmp_path: Path, kind: str) -> None:
    broken = Reply((Call("probe", {"reads": ["a"]}), Call("probe", {"writes": ["b"]}), Break("reset")))
    async with WireServer([broken, FINE]) as server, Talk(tmp_path, kind, server) as talk:
        ended = await talk.prompt("hello")

        assert ended.text == "fine"
        assert talk.world.store == {}
        assert {event.status for event in talk.of(CallEnded)} <= {"ok", "cancelled"}
        assert "probe" not in str(server.requests[1].body.get("messages", server.requests[1].body.get("input")))


async def test_a_call_runs_once_though_the_next_reply_breaks(tmp_path: Path, kind: str) -> None:
    calling = Reply((Call("probe", {"writes": ["b"]}),))
    async with WireServer([calling, half("reset"), FINE]) as server, Talk(tmp_path, kind, server) as talk:
        talk.permissions.mode = "bypassPermissions"
        ended = await talk.prompt("hello")

        assert ended.text == "fine"
        assert len(talk.world.store["b"]) == 1


@pytest.mark.parametrize("address", ["::bad::", "http://[::1", "http://a:b:c"])
def test_a_proxy_that_is_no_address_is_one_line(kind: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)

    with pytest.raises(UserError, match="cannot be") as caught:
        ModelPool(lambda _: "sk-test").model(f"{kind}:scripted-model")

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("depth", [100, 240, 600, 900, 3_000, 100_000])
async def test_arguments_nested_beyond_measure_end_their_call_and_nothing_else(
    tmp_path: Path, kind: str, depth: int
) -> None:
    raw = '{"reads": ' + "[" * depth + "]" * depth + "}"
    calling = Reply((Call("probe", raw=raw, chunk_chars=50_000),))
    async with WireServer([calling, FINE]) as server, Talk(tmp_path, kind, server) as talk:
        ended = await talk.prompt("hello")

        assert (ended.end, ended.text) == ("completed", "fine")
        assert {event.status for event in talk.of(CallEnded)} <= {"failed", "cancelled"}
