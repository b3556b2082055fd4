"""A slip in arguments that the user edits: they are kept, and can be mended."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.agent.test_second_judgement import answer_all, edit, ends, reply, root, shell
from tests.fakes.working import Working

from plait.protocol.calls import TextPreview
from plait.protocol.commands import Allow, Answer, Deny, SetMode
from plait.protocol.events import ApprovalAsked, CallEnded

__all__ = ["root"]

GOOD = {"path": "a", "edits": [{"old": "text", "new": "words"}]}
SLIPS: list[tuple[dict[str, Any], str]] = [
    ({}, "path"),
    ({"path": "a", "edits": "no list"}, "edits"),
    ({"path": "a", "edits": [{"old": "text", "nwe": "words"}]}, "nwe"),
    ({"path": "a", "edits": [{"old": "not there", "new": "words"}]}, "old"),
]


def answers(*given: Answer) -> Callable[[ApprovalAsked], Answer]:
    left = list(given)
    return lambda asked: left.pop(0)


@pytest.mark.parametrize(("slip", "why"), SLIPS, ids=[str(slip) for slip, _ in SLIPS])
async def test_arguments_that_cannot_be_taken_are_asked_about_again_as_they_were_written(
    root: Path, slip: dict[str, Any], why: str
) -> None:
    async with Working(root, reply(edit("a", "text", "new"))) as talk:
        first, again = await answer_all(talk, answers(Allow(slip), Allow(GOOD)))

        assert again.key == first.key
        assert again.args == slip
        assert isinstance(again.preview, TextPreview)
        assert "Not run as you wrote it: " in again.preview.text
        assert why in again.preview.text
        assert again.offers == ()
        assert ends(talk) == ["ok"]
        assert (talk.ws / "a").read_text() == "words of a\n"


async def test_yes_to_arguments_that_cannot_be_taken_runs_nothing(root: Path) -> None:
    async with Working(root, reply(edit("a", "text", "new"))) as talk:
        asked = await answer_all(talk, answers(Allow(SLIPS[0][0]), Allow(), Allow(), Deny("leave it")))

        assert [question.args for question in asked[1:]] == [SLIPS[0][0]] * 3
        assert ends(talk) == ["denied"]
        assert "leave it" in talk.events(CallEnded)[0].text
        assert (talk.ws / "a").read_text() == "text of a\n"


async def test_no_mode_and_no_rule_answers_for_arguments_that_cannot_be_taken(root: Path) -> None:
    async with Working(root, reply(edit("a", "text", "new"))) as talk:

        def answer(asked: ApprovalAsked) -> Answer:
            if asked.args:
                return Allow({})
            talk.submit(SetMode("acceptEdits"))
            return Deny("enough")

        await answer_all(talk, answer)

        assert ends(talk) == ["denied"]
        assert (talk.ws / "a").read_text() == "text of a\n"


async def test_what_a_rule_denies_as_edited_can_be_mended_too(root: Path) -> None:
    denied = '[permissions]\ndeny = ["shell(git push*)"]\n'
    async with Working(root, reply(shell("touch made")), toml=denied) as talk:
        given = answers(Allow({"command": "git push"}), Allow({"command": "touch mended"}))
        _, again = await answer_all(talk, given)

        assert again.args == {"command": "git push"}
        assert ends(talk) == ["ok"]
        assert (talk.ws / "mended").exists()
