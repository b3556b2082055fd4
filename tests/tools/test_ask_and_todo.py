from pathlib import Path

import msgspec
import pytest
from tests.tools.contract import assert_contract, assert_described, make_context, run

from plait.host.paths import Workspace
from plait.protocol.calls import QuestionPreview, TextPreview, TodoDetail, TodoItem
from plait.protocol.errors import ToolRefused
from plait.tools.ask import AskUser, ProposePlan
from plait.tools.base import Deadlines
from plait.tools.todo import Todo


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path)


async def test_the_list_of_work_is_shown_whole(workspace: Workspace) -> None:
    output = await run(Todo(), {"items": [{"text": "a", "state": "done"}, {"text": "b"}]}, workspace)

    assert output.text == "Noted: 1 of 2 done."
    assert output.detail == TodoDetail((TodoItem("a", "done"), TodoItem("b", "open")))


async def test_a_question_is_previewed_and_its_answer_handed_back(workspace: Workspace) -> None:
    tool = AskUser()
    args = msgspec.convert({"question": "Which?", "options": ["a", "b"]}, tool.args)

    effects = tool.effects(args, workspace)
    output = await tool.run(args, make_context(workspace, answer="neither: c"))

    assert effects.kind == "none"
    assert tool.preview(args, workspace, effects) == QuestionPreview("Which?", ("a", "b"))
    assert output.text == "The user answered: neither: c"
    assert tool.deadline_s(args, Deadlines()) is None


async def test_no_answer_is_said_to_the_model(workspace: Workspace) -> None:
    with pytest.raises(ToolRefused, match="gave no answer"):
        await run(AskUser(), {"question": "Which?"}, workspace)


async def test_an_approved_plan_is_handed_back_as_it_now_reads(workspace: Workspace) -> None:
    tool = ProposePlan()
    args = msgspec.convert({"plan": "1. do"}, tool.args)

    output = await tool.run(args, make_context(workspace))

    assert tool.preview(args, workspace, tool.effects(args, workspace)) == TextPreview("Plan", "1. do")
    assert "1. do" in output.text


def test_who_may_be_asked_what() -> None:
    assert (AskUser.interactive_only, AskUser.always_asks, AskUser.plan_mode_only) == (True, True, False)
    assert (ProposePlan.interactive_only, ProposePlan.always_asks, ProposePlan.plan_mode_only) == (True, True, True)


async def test_the_contract_holds(workspace: Workspace) -> None:
    await assert_contract(Todo(), {"items": [{"text": "x" * 10_000}] * 100}, workspace)
    await assert_contract(AskUser(), {"question": "?"}, workspace)


def test_they_are_described() -> None:
    for tool in (Todo(), AskUser(), ProposePlan()):
        assert_described(tool)
