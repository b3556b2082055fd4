"""How long a call may take: what it asks for itself, else what the user has set for its kind."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.fakes.working import Working

from plait.effects.shell import command_effects
from plait.protocol.events import CallEnded
from plait.testing import ScriptedCall, ScriptedReply
from plait.tools.background import Background, BackgroundCommands
from plait.tools.base import COMMAND_DEADLINE_S, LOCAL_DEADLINE_S, NETWORK_DEADLINE_S, Deadlines
from plait.tools.shell import Shell

OWN = Deadlines(local_s=1.0, network_s=2.0, command_s=3.0)


def deadline_s(args: dict[str, Any]) -> float | None:
    tool: Any = Shell(command_effects, BackgroundCommands(lambda event: None))
    if "action" in args:
        tool = Background(BackgroundCommands(lambda event: None))
    limit_s: float | None = tool.deadline_s(msgspec.convert(args, tool.args), OWN)
    return limit_s


@pytest.mark.parametrize("asked_s", [LOCAL_DEADLINE_S, NETWORK_DEADLINE_S, COMMAND_DEADLINE_S, 1.0, 2.0, 3.0, 4.5])
def test_a_time_that_a_call_asks_for_is_its_own_whatever_others_have(asked_s: float) -> None:
    assert deadline_s({"command": "true", "deadline_s": asked_s}) == asked_s


def test_a_call_that_asks_for_no_time_has_what_the_user_set() -> None:
    assert deadline_s({"command": "true"}) == 3.0
    assert deadline_s({"command": "true", "background": True, "deadline_s": 60}) == 1.0
    assert deadline_s({"action": "read", "id": "b1", "wait_s": 9.0}) == 10.0


@pytest.mark.parametrize(
    ("setting", "args", "status"),
    [
        ("network_s = 0.2", {"deadline_s": 60}, "ok"),
        ("local_s = 0.2", {"deadline_s": 10}, "ok"),
        ("command_s = 0.2", {"deadline_s": 120}, "ok"),
        ("command_s = 0.2", {}, "timeout"),
    ],
    ids=["like the network's", "like a file's", "like a command's", "none"],
)
async def test_the_user_s_times_end_only_calls_without_a_time_of_their_own(
    tmp_path: Path, setting: str, args: dict[str, Any], status: str
) -> None:
    call = ScriptedCall("shell", {"command": "sleep 0.4; echo done", **args})
    async with Working(
        tmp_path,
        [ScriptedReply(calls=(call,)), ScriptedReply("seen")],
        mode="bypassPermissions",
        toml=f"[deadlines]\n{setting}\n",
    ) as talk:
        await talk.prompt("wait")

        ended = await talk.until(CallEnded)
        assert ended.status == status
        assert ("[stopped after 0.2 s" in ended.text) == (status == "timeout")
        assert ended.text in talk.said
