"""A published SDK of the dialect drives the installed program: `claude-agent-sdk`, built from its sdist."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.program import POSIX, Program

SDK = "claude_agent_sdk"
WITHIN_S = 30
pytestmark = [
    POSIX,
    pytest.mark.skipif(importlib.util.find_spec(SDK) is None, reason="needs claude-agent-sdk (see `.ci/run`)"),
]


@pytest.fixture(autouse=True)
def needle(plait: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    (plait.project / "a.py").write_text("def needle() -> None: ...\n")
    for name in [name for name in os.environ if name.endswith("_API_KEY") or name.startswith("PLAIT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
async def stalled() -> AsyncIterator[str]:
    """The address of a model that takes requests and never answers."""
    held: list[asyncio.StreamWriter] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        await reader.read(1)

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    for writer in held:
        writer.transport.abort()
    server.close()


def options(plait: Program, **more: Any) -> Any:
    from claude_agent_sdk import ClaudeAgentOptions

    program = str(Path(sys.executable).with_name("plait"))
    return ClaudeAgentOptions(cli_path=program, cwd=plait.project, env={**plait.environ, **more.pop("env", {})}, **more)


async def gathered(messages: AsyncIterator[Any]) -> list[Any]:
    async with asyncio.timeout(WITHIN_S):
        return [message async for message in messages]


def kinds(messages: list[Any]) -> list[str]:
    return list(dict.fromkeys(type(message).__name__ for message in messages))


async def test_a_query_is_answered(plait: Program) -> None:
    from claude_agent_sdk import query

    messages = await gathered(query(prompt="Where is needle defined?", options=options(plait)))

    assert kinds(messages) == ["SystemMessage", "AssistantMessage", "UserMessage", "ResultMessage"]
    assert (messages[-1].subtype, messages[-1].is_error) == ("success", False)
    assert "a.py:1" in messages[-1].result


async def test_two_prompts_are_one_conversation(plait: Program) -> None:
    from claude_agent_sdk import ClaudeSDKClient

    async with ClaudeSDKClient(options(plait)) as client:
        await client.query("Where is needle defined?")
        first = (await gathered(client.receive_response()))[-1]
        await client.query("And where is needle?")
        second = (await gathered(client.receive_response()))[-1]

    assert (first.subtype, second.subtype) == ("success", "success")
    assert first.session_id == second.session_id
    assert len(json.loads(plait("sessions", "list", "--json").stdout)) == 1


async def test_flags_of_the_dialect_are_taken_and_told_in_the_log(plait: Program, tmp_path: Path) -> None:
    from claude_agent_sdk import query

    async def allow(*_: Any) -> Any:
        raise AssertionError("nobody is asked")

    async def prompts() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "user", "message": {"role": "user", "content": "Where is needle defined?"}}

    log = tmp_path / "debug.log"
    chosen = options(
        plait,
        can_use_tool=allow,
        betas=["context-1m-2025-08-07"],
        max_thinking_tokens=1024,
        setting_sources=[],
        include_partial_messages=True,
        allowed_tools=["Bash(git *)", "Edit(src/**)"],
        disallowed_tools=["TodoWrite", "mcp__x__y"],
        permission_mode="acceptEdits",
        max_turns=5,
        extra_args={"debug": str(log)},
    )

    messages = await gathered(query(prompt=prompts(), options=chosen))

    assert (messages[-1].subtype, "StreamEvent" in kinds(messages)) == ("success", True)
    told = [line.get("flag") for line in map(json.loads, log.read_text().splitlines())]
    assert {"--betas", "--max-thinking-tokens", "--setting-sources", "--permission-prompt-tool"} <= set(told)


async def test_an_interrupt_ends_the_prompt_and_the_conversation_goes_on(plait: Program, stalled: str) -> None:
    from claude_agent_sdk import ClaudeSDKClient

    environ = {"PLAIT_MODEL": "openai-chat:stalled", "PLAIT_BASE_URL": stalled, "OPENAI_API_KEY": "none"}
    async with ClaudeSDKClient(options(plait, env=environ)) as client:
        for prompt in ("One?", "Two?"):
            await client.query(prompt)
            async with asyncio.timeout(WITHIN_S):
                await client.interrupt()
            ended = (await gathered(client.receive_response()))[-1]
            assert (ended.subtype, ended.is_error) == ("error_interrupted", True)


async def test_what_is_not_understood_is_refused_at_once_and_nothing_hangs(plait: Program) -> None:
    from claude_agent_sdk import ClaudeSDKClient

    async with ClaudeSDKClient(options(plait)) as client:
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(Exception, match="`set_model` is no control request"):
                await client.set_model("x")
        await client.query("Where is needle defined?")
        assert (await gathered(client.receive_response()))[-1].subtype == "success"


async def test_hooks_that_would_not_run_are_refused(plait: Program) -> None:
    from claude_agent_sdk import HookMatcher, query

    async def hook(*_: Any) -> Any:
        return {}

    chosen = options(plait, hooks={"PreToolUse": [HookMatcher(matcher="Bash", hooks=[hook])]})

    with pytest.raises(Exception, match="hooks are not there yet"):
        await gathered(query(prompt="Where is needle?", options=chosen))


async def test_a_flag_for_what_is_not_there_yet_fails_at_once(plait: Program) -> None:
    from claude_agent_sdk import ProcessError, query

    chosen = options(plait, mcp_servers={"x": {"command": "true"}})

    with pytest.raises(ProcessError):
        await gathered(query(prompt="Where is needle?", options=chosen))
