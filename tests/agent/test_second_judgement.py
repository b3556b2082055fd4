"""Calls of one reply of which the later needs what the earlier does: judged again when it is their turn."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.working import Working

from plait.protocol.commands import Allow, AllowAlways, Answer, Decide, Deny, Rule, SetMode
from plait.protocol.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CallEnded,
    CallReserved,
    CallStarted,
    ModeChanged,
)
from plait.scheduling.limits import DEFAULT_CAPS
from plait.testing import ScriptedCall, ScriptedReply

SECRET = "the secret outside"


def reply(*calls: tuple[str, dict[str, Any]]) -> list[ScriptedReply]:
    return [ScriptedReply(calls=tuple(ScriptedCall(name, args) for name, args in calls)), ScriptedReply("done")]


def shell(command: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "shell", {"command": command, **more}


def edit(path: str, old: str, new: str) -> tuple[str, dict[str, Any]]:
    return "edit", {"path": path, "edits": [{"old": old, "new": new}]}


def ends(talk: Working) -> list[str]:
    """How the calls ended, in the order of the calls."""
    return [event.status for event in sorted(talk.events(CallEnded), key=lambda event: event.key.call)]


async def answer_all(talk: Working, answer: Callable[[ApprovalAsked], Answer]) -> list[ApprovalAsked]:
    """Prompt, and answer every question until the turn ends; return the questions."""
    return await answer_rest(talk, asyncio.create_task(talk.prompt("go")), answer)


async def answer_rest(
    talk: Working, turn: asyncio.Task[Any], answer: Callable[[ApprovalAsked], Answer], answered: int = 0
) -> list[ApprovalAsked]:
    """Answer every question after the first `answered` ones until the turn ends; return all questions."""
    while not turn.done():
        changed = asyncio.create_task(talk.changed.wait())
        await asyncio.wait({turn, changed}, return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()
        for asked in talk.events(ApprovalAsked)[answered:]:
            answered += 1
            talk.submit(Decide(asked.key, answer(asked)))
    await turn
    return talk.events(ApprovalAsked)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text(SECRET)
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws" / "a").write_text("text of a\n")
    (tmp_path / "ws" / "b").write_text("text of b\n")
    return tmp_path


NEEDING = [
    ([shell("mkdir -p out"), shell("cp a out")], "out/a"),
    ([shell("mkdir -p out"), shell("mv a out"), shell("cp out/a out/c")], "out/c"),
    ([shell("mkdir -p out"), shell("cp a out/x")], "out/x"),
    ([shell("mkdir -p out/deep"), ("edit", {"path": "out/deep/x", "content": "x"})], "out/deep/x"),
    ([("edit", {"path": "out/x", "content": "x"}), shell("cp out/x out/y")], "out/y"),
    ([shell("mkdir new"), shell("echo x >made", cwd="new")], "new/made"),
    ([shell("mkdir new"), shell("mkdir more", cwd="new"), shell("touch made", cwd="new/more")], "new/more/made"),
    ([shell("ln -s a link"), shell("cat link >copy")], "copy"),
    ([shell("mkdir d"), shell("ln -s d link"), shell("cp a link")], "d/a"),
    ([shell("ln -s . here"), edit("here/a", "text", "words")], "a"),
    ([shell("rm a"), shell("mkdir a"), shell("cp b a")], "a/b"),
]


@pytest.mark.parametrize(("calls", "made"), NEEDING, ids=[str(calls[-1][1]) for calls, _ in NEEDING])
async def test_what_an_earlier_call_makes_the_later_one_finds(
    root: Path, calls: list[tuple[str, dict[str, Any]]], made: str
) -> None:
    async with Working(root, reply(*calls), mode="bypassPermissions") as talk:
        ended = await talk.prompt("go")

        assert ended.end == "completed"
        assert ends(talk) == ["ok"] * len(calls)
        assert (talk.ws / made).exists()


@pytest.mark.parametrize(("calls", "made"), NEEDING, ids=[str(calls[-1][1]) for calls, _ in NEEDING])
async def test_the_user_who_allows_each_is_not_asked_twice_for_what_they_were_told(
    root: Path, calls: list[tuple[str, dict[str, Any]]], made: str
) -> None:
    async with Working(root, reply(*calls)) as talk:
        asked = await answer_all(talk, lambda _: Allow())

        assert ends(talk) == ["ok"] * len(calls)
        assert (talk.ws / made).exists()
        again = [question for question in asked if "files have changed since" in question.reason]
        assert all("link" in str(question.args) for question in again), again


OUTWARD = [
    [shell("ln -s ../outside/secret link"), shell("cat link")],
    [shell("ln -s ../outside link"), shell("cat link/secret")],
    [shell("ln -s ../outside link"), shell("cat secret", cwd="link")],
    [shell("ln -s ../outside/secret link"), ("read", {"path": "link"})],
    [shell("ln -s ../outside link"), ("read", {"path": "link/secret"})],
    [shell("ln -s ../outside link"), ("glob", {"path": "link", "pattern": "*"})],
    [shell("ln -s ../outside link"), ("search", {"query": "secret", "path": "link"})],
]


@pytest.mark.parametrize("interactive", [True, False])
@pytest.mark.parametrize("calls", OUTWARD, ids=[str(calls[-1]) for calls in OUTWARD])
async def test_a_link_that_leads_out_of_the_workspace_is_asked_about_and_denied_without_a_user(
    root: Path, calls: list[tuple[str, dict[str, Any]]], interactive: bool
) -> None:
    async with Working(root, reply(*calls), interactive=interactive) as talk:
        talk.machinery.permissions.add(Rule("allow", "shell(ln *)"))
        asked = await answer_all(talk, lambda _: Deny("no"))

        assert ends(talk)[0] == "ok"
        assert ends(talk)[1] in ("denied", "failed")
        assert [question.key.call for question in asked] in ([2] if interactive else [], [])
        assert SECRET not in "".join(talk.said)


async def test_an_allowed_command_that_would_now_write_elsewhere_is_asked_about_again(root: Path) -> None:
    calls = [shell("ln -s ../outside link"), shell("cp a link")]
    async with Working(root, reply(*calls)) as talk:
        asked = await answer_all(
            talk, lambda question: Deny() if "files have changed since" in question.reason else Allow()
        )

        assert [question.key.call for question in asked] == [1, 2, 2]
        assert ends(talk) == ["ok", "denied"]
        assert sorted(path.name for path in (root / "outside").iterdir()) == ["secret"]


async def test_a_rule_covers_only_what_it_covers_when_the_call_runs(root: Path) -> None:
    calls = [shell("ln -s ../outside link"), shell("cp a link")]
    async with Working(root, reply(*calls), interactive=False) as talk:
        talk.machinery.permissions.add(Rule("allow", "shell(ln *)"))
        talk.machinery.permissions.add(Rule("allow", "edit"))
        await talk.prompt("go")

        assert ends(talk) == ["ok", "denied"]
        assert sorted(path.name for path in (root / "outside").iterdir()) == ["secret"]


async def test_what_is_wrong_whatever_earlier_calls_do_is_told_as_before(root: Path) -> None:
    calls = [shell("mkdir out"), shell("ls", cwd="never"), ("nope", {}), ("read", {"path": 7}), ("read", {"path": "a"})]
    async with Working(root, reply(*calls), mode="bypassPermissions") as talk:
        await talk.prompt("go")

        assert ends(talk) == ["ok", "failed", "failed", "failed", "ok"]
        assert "`cwd` is `never`, which is not a directory." in talk.said
        effects = [event.effect for event in talk.events(CallReserved)]
        assert effects == ["write", "unknown", "none", "none", "read"]


async def test_a_call_that_cannot_be_judged_after_reads_alone_waits_for_none_and_holds_none(root: Path) -> None:
    calls = [("read", {"path": "a"}), shell("ls", cwd="never"), ("read", {"path": "b"})]
    async with Working(root, reply(*calls)) as talk:
        await talk.prompt("go")

        assert ends(talk) == ["ok", "failed", "ok"]
        assert [event.waits_for for event in talk.events(CallReserved)] == [(), (), ()]


async def test_a_change_of_mode_after_a_call_was_let_through_counts_when_it_runs(root: Path) -> None:
    calls = [shell("cat <pipe >>b"), edit("b", "text", "words")]
    os.mkfifo(root / "ws" / "pipe")
    async with Working(root, reply(*calls), mode="acceptEdits") as talk:
        talk.machinery.permissions.add(Rule("allow", "shell"))
        talk.machinery.permissions.add(Rule("allow", "edit"))
        turn = asyncio.create_task(talk.prompt("go"))
        await talk.until(CallStarted)
        talk.submit(SetMode("plan"))
        await talk.until(ModeChanged)
        await asyncio.to_thread((talk.ws / "pipe").write_text, "x")
        await turn

        assert (talk.ws / "b").read_text() == "text of b\nx"
        assert ends(talk) == ["ok", "denied"]


# --- edited calls ----------------------------------------------------------------------------------------------------


async def test_an_edited_call_keeps_its_place_before_later_ones(root: Path) -> None:
    calls = [
        shell("echo first >>log"),
        shell("echo second >>log"),
        shell("echo third >>log"),
    ]
    async with Working(root, reply(*calls)) as talk:

        def answer(asked: ApprovalAsked) -> Answer:
            if asked.key.call == 1:
                return Allow({"command": "echo edited >>log"})
            return Allow()

        await answer_all(talk, answer)

        assert (talk.ws / "log").read_text().split() == ["edited", "second", "third"]


async def test_later_calls_wait_for_what_the_edited_call_now_touches(root: Path) -> None:
    calls = [shell("echo first >>log"), edit("a", "text", "words"), shell("cat a >copy")]
    async with Working(root, reply(*calls)) as talk:

        def answer(asked: ApprovalAsked) -> Answer:
            return Allow({"command": "echo more >>a"}) if asked.key.call == 1 else Allow()

        await answer_all(talk, answer)

        assert ends(talk) == ["ok", "ok", "ok"]
        assert (talk.ws / "copy").read_text() == "words of a\nmore\n"
        assert [event.key.call for event in talk.events(CallStarted)] == [1, 2, 3]


async def test_an_edit_whose_plan_is_overtaken_is_shown_anew_before_it_is_written(root: Path) -> None:
    calls = [shell("echo first >>log"), edit("a", "text", "words")]
    async with Working(root, reply(*calls)) as talk:
        turn = asyncio.create_task(talk.prompt("go"))
        first = await talk.until(ApprovalAsked)
        async with AsyncExitStack() as full:
            # The edit is allowed and planned, and cannot begin.
            for _ in range(DEFAULT_CAPS["files"]):
                await full.enter_async_context(talk.machinery.caps.hold("files"))
            talk.agent.decide(talk.machinery.approvals.group[1].key, Allow())
            talk.submit(Decide(first.key, Allow({"command": "echo more >>a"})))
            await talk.until(CallStarted)
        *_, again = await answer_rest(talk, turn, lambda _: Allow(), answered=1)

        assert again.key.call == 2
        assert again.preview.before == "text of a\nmore\n"  # type: ignore[union-attr]
        assert ends(talk) == ["ok", "ok"]
        assert (talk.ws / "a").read_text() == "words of a\nmore\n"


async def test_an_edited_call_waits_for_a_later_one_that_already_runs(root: Path) -> None:
    calls = [shell("echo first >>log"), shell("cat <pipe >out")]
    os.mkfifo(root / "ws" / "pipe")
    async with Working(root, reply(*calls)) as talk:
        talk.machinery.permissions.add(Rule("allow", "shell(cat *)"))
        talk.machinery.permissions.add(Rule("allow", "edit"))
        turn = asyncio.create_task(talk.prompt("go"))
        first = await talk.until(ApprovalAsked)
        while not talk.events(CallStarted):
            for asked in talk.events(ApprovalAsked)[1:]:
                talk.submit(Decide(asked.key, Allow()))
            await asyncio.sleep(0)
        talk.submit(Decide(first.key, Allow({"command": "echo edited >>out"})))
        await talk.until(ApprovalAnswered)
        await asyncio.to_thread((talk.ws / "pipe").write_text, "piped\n")
        await turn

        assert (talk.ws / "out").read_text() == "piped\nedited\n"


# --- who closed the question -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("close", ["mode", "rule"])
async def test_a_question_that_no_user_answered_is_not_told_as_their_denial(root: Path, close: str) -> None:
    async with Working(root, reply(edit("a", "text", "words"), edit("b", "text", "words"))) as talk:
        turn = asyncio.create_task(talk.prompt("go"))
        asked = await talk.until(ApprovalAsked)
        if close == "mode":
            talk.submit(SetMode("plan"))
        else:
            talk.submit(Decide(asked.key, AllowAlways(Rule("deny", "edit"))))
        await turn

        told = [text for text in talk.said if "Not run" in text or "did not allow" in text]
        why = "plan mode: nothing is changed yet" if close == "mode" else "the rule `deny edit` (session) forbids it"
        assert len(told) == 2
        assert all(text.startswith(f"Not run: {why}") for text in told)
        assert (talk.ws / "a").read_text() == "text of a\n"


# --- a refusal tells no secret ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["../outside/secret", ".env", "link"])
@pytest.mark.parametrize("old", ["the secret of", "e"])
@pytest.mark.parametrize("interactive", [True, False])
async def test_an_edit_that_fails_does_not_quote_what_may_not_be_read(
    root: Path, path: str, old: str, interactive: bool
) -> None:
    (root / "ws" / ".env").write_text(SECRET)
    (root / "ws" / "link").symlink_to("../outside/secret")
    async with Working(root, reply(edit(path, old, "x")), interactive=interactive) as talk:
        await answer_all(talk, lambda _: Deny())

        told = talk.events(CallEnded)[0].text
        assert ends(talk) in (["failed"], ["denied"])
        assert SECRET not in told
        assert "times" not in told


# --- questions that come late ----------------------------------------------------------------------------------------


async def test_a_call_that_asks_only_since_the_mode_changed_comes_before_those_that_wait_for_it(root: Path) -> None:
    last = asyncio.Event()
    calls = (
        ScriptedCall("shell", {"command": "echo first >>a"}),
        ScriptedCall("edit", {"path": "a", "edits": [{"old": "text", "new": "words"}]}, after=last),
    )
    async with Working(root, [ScriptedReply(calls=calls), ScriptedReply("done")], mode="plan") as talk:
        turn = asyncio.create_task(answer_all(talk, lambda _: Allow()))
        await talk.until(CallReserved)
        talk.submit(SetMode("default"))
        await talk.until(ModeChanged)
        last.set()
        asked = await turn

        assert [question.key.call for question in asked] == [1, 2]
        assert ends(talk) == ["ok", "ok"]


async def test_a_call_that_asks_only_when_it_is_judged_again_comes_before_those_that_wait_for_it(root: Path) -> None:
    calls = [shell("ln -s ../outside/secret link"), shell("cat link b"), edit("b", "text", "words")]
    async with Working(root, reply(*calls)) as talk:
        talk.machinery.permissions.add(Rule("allow", "shell(ln *)"))
        asked = await answer_all(talk, lambda question: Deny() if question.key.call == 2 else Allow())

        assert [question.key.call for question in asked] == [2, 3]
        assert ends(talk) == ["ok", "denied", "ok"]
