"""A provider's own web search: offered only where it may be, and told of like any call."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.agent.test_providers import Talk
from tests.wire.script import Break, Reply, Search, Text, says
from tests.wire.server import WireServer

from plait.agent.provider_calls import result_text
from plait.protocol.commands import Rule
from plait.protocol.events import CallEnded, CallReserved, CallsDropped, CallStarted, TextEnded
from plait.protocol.queries import GetStatus

PAGES = (("Plait", "https://example.org/plait"), ("", "https://example.org/b"))
FOUND = Reply((Search("what is plait", PAGES), Text("It is an assistant.")))


class Searching(Talk):
    """`own`: the server is the provider's own, as far as the client can tell."""

    def __init__(self, root: Path, kind: str, server: WireServer, *, rule: bool = True, own: bool = True) -> None:
        super().__init__(root, kind, server)
        self.client.search_hosts = frozenset({"127.0.0.1"} if own else ())
        self.agent.search_by_provider = True
        if rule:
            self.permissions.add(Rule("allow", "web_search", "session"))


@pytest.fixture(params=["openai-responses", "anthropic"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def offered(server: WireServer, request: int = 0) -> bool:
    return any("web_search" in str(tool) for tool in server.requests[request].body.get("tools", ()))


async def test_a_search_of_the_provider_is_a_call_with_a_result(tmp_path: Path, kind: str) -> None:
    async with WireServer([FOUND, says("fine")]) as server, Searching(tmp_path, kind, server) as talk:
        ended = await talk.prompt("what is plait?")

        assert (ended.end, ended.text) == ("completed", "It is an assistant.")
        assert offered(server)
        assert "web_search" in (await talk.agent.query(GetStatus())).tools
        [reserved] = talk.of(CallReserved)
        [call] = talk.of(CallEnded)
        assert (reserved.name, reserved.args["query"]) == ("web_search", "what is plait")
        assert (reserved.key, call.key) == (talk.last(CallStarted).key,) * 2
        assert call.status == "ok"
        assert "https://example.org/plait" in call.text
        order = [type(event) for event in talk.durable() if isinstance(event, CallReserved | CallEnded | TextEnded)]
        assert order == [CallReserved, CallEnded, TextEnded]

        assert (await talk.prompt("go on", turn=2)).end == "completed"


async def test_a_search_that_failed_says_so(tmp_path: Path, kind: str) -> None:
    script = [Reply((Search("x", None), Text("I could not search.")))]
    async with WireServer(script) as server, Searching(tmp_path, kind, server) as talk:
        await talk.prompt("what is plait?")

        assert talk.last(CallEnded).status == "failed"


async def test_a_search_of_a_reply_that_broke_is_dropped_with_it(tmp_path: Path, kind: str) -> None:
    broken = Reply((Search("x", PAGES), Text("half"), Break("reset")))
    async with WireServer([broken, says("fine")]) as server, Searching(tmp_path, kind, server) as talk:
        ended = await talk.prompt("what is plait?")

        assert ended.text == "fine"
        assert talk.last(CallsDropped).keys == (talk.last(CallReserved).key,)
        assert len(talk.of(CallEnded)) == 1


async def test_it_is_not_offered_where_a_call_would_ask_or_is_denied(tmp_path: Path, kind: str) -> None:
    async with WireServer([says("fine")]) as server, Searching(tmp_path, kind, server, rule=False) as talk:
        await talk.prompt("what is plait?")

        assert not offered(server)
        assert "web_search" not in (await talk.agent.query(GetStatus())).tools


async def test_it_is_not_offered_to_a_server_that_only_speaks_the_format(tmp_path: Path, kind: str) -> None:
    async with WireServer([says("fine")]) as server, Searching(tmp_path, kind, server, own=False) as talk:
        await talk.prompt("what is plait?")

        assert not offered(server)


async def test_a_model_that_cannot_search_is_asked_all_the_same(tmp_path: Path) -> None:
    async with WireServer([says("fine")]) as server, Searching(tmp_path, "openai-chat", server) as talk:
        assert (await talk.prompt("what is plait?")).text == "fine"

        assert not offered(server)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([{"title": "A", "url": "u"}], ("1 found\nA — u", False)),
        ({"status": "completed", "sources": [{"url": "u"}]}, ("1 found\nu", False)),
        ({"status": "completed"}, ("Searched; the provider does not say what it found.", False)),
        (None, ("Searched; the provider does not say what it found.", False)),
        (["odd", {}], ("Searched; the provider does not say what it found.", False)),
        ({"error_code": "max_uses_exceeded"}, ("The provider could not search: max_uses_exceeded.", True)),
    ],
)
def test_whatever_a_provider_says_becomes_a_text(content: object, expected: tuple[str, bool]) -> None:
    assert result_text(content) == expected
