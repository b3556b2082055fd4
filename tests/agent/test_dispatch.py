"""The path of a call, through the dispatcher's face."""

import asyncio
from pathlib import Path

import pytest
from tests.fakes.probe import Rig

from plait.protocol.commands import Allow, AllowAlways, Deny, Rule
from plait.protocol.events import CallStarted


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def test_reads_run_side_by_side(rig: Rig) -> None:
    await rig.call_all({"reads": ["a"], "steps": 3}, {"reads": ["b"], "steps": 3}, {"reads": ["a"], "steps": 3})

    assert rig.world.most_at_once == 3
    assert [event.lane for event in rig.events if isinstance(event, CallStarted)] == [0, 1, 2]


async def test_an_open_question_holds_back_only_what_conflicts(rig: Rig) -> None:
    write, other, same = rig.announce({"writes": ["a"]}, {"reads": ["b"]}, {"reads": ["a"]})
    running = asyncio.create_task(rig.run_all())
    await rig.until_asked()
    while other not in rig.started():
        await asyncio.sleep(0)

    assert same not in rig.started()
    assert rig.reserved()[2].waits_for[0].key == write
    rig.approvals.answer(write, Allow())
    await running
    assert rig.started() == [other, write, same]


@pytest.mark.parametrize(
    ("touches", "early"),
    [({"reads": ["a"]}, True), ({"spawns": True}, True), ({}, False), ({"writes": ["a"]}, False)],
    ids=["a read", "a command that touches nothing", "a tool of ours that touches nothing", "a write"],
)
async def test_only_what_changes_nothing_starts_before_the_reply_is_whole(
    tmp_path: Path, touches: dict[str, object], early: bool
) -> None:
    rig = Rig(tmp_path, mode="bypassPermissions")

    [key] = rig.announce(touches)
    rig.calls[0].start(asyncio.get_running_loop().create_task)
    for _ in range(20):
        await asyncio.sleep(0)

    assert rig.started() == ([key] if early else [])
    rig.calls[0].confirm()
    assert (await rig.calls[0].outcome).status == "ok"


async def test_questions_come_one_at_a_time_in_the_order_of_the_calls(rig: Rig) -> None:
    first, second = rig.announce({"writes": ["a"], "steps": 5}, {"writes": ["b"]})
    running = asyncio.create_task(rig.run_all())

    assert await rig.until_asked(1) == first
    assert len(rig.asked()) == 1
    rig.approvals.answer(first, Allow())
    assert await rig.until_asked(2) == second
    rig.approvals.answer(second, Deny("not now"))

    outcomes = await running
    assert [outcome.status for outcome in outcomes] == ["ok", "denied"]
    assert "not now" in outcomes[1].text


@pytest.mark.parametrize(("then", "status"), [("refuse", "failed"), ("crash", "failed"), ("failed", "failed")])
async def test_a_call_that_fails_disturbs_no_sibling(rig: Rig, then: str, status: str) -> None:
    outcomes = await rig.call_all({"reads": ["a"], "steps": 2}, {"reads": ["b"], "then": then}, {"reads": ["c"]})

    assert [outcome.status for outcome in outcomes] == ["ok", status, "ok"]
    assert len(rig.ended()) == 3


async def test_a_call_past_its_deadline_ends_alone_and_frees_its_ticket(tmp_path: Path) -> None:
    rig = Rig(tmp_path, mode="bypassPermissions", deadline_s=0.02)

    outcomes = await rig.call_all({"writes": ["a"], "gate": "never"}, {"reads": ["b"]}, {"reads": ["a"]})

    assert [outcome.status for outcome in outcomes] == ["timeout", "ok", "ok"]
    assert "0.02 s" in outcomes[0].text


async def test_what_a_tool_returns_when_its_deadline_cancels_it_is_kept(tmp_path: Path) -> None:
    rig = Rig(tmp_path, deadline_s=0.02)

    [outcome] = await rig.call_all({"reads": ["a"], "gate": "never", "then": "partial"})

    assert (outcome.status, outcome.text) == ("timeout", "as far as it came")


async def test_cancelling_one_call_leaves_the_others(rig: Rig) -> None:
    hangs, _ = rig.announce({"reads": ["a"], "gate": "never"}, {"reads": ["b"], "steps": 3})
    running = asyncio.create_task(rig.run_all())
    while hangs not in rig.started():
        await asyncio.sleep(0)

    assert rig.dispatcher.cancel(hangs)
    assert [outcome.status for outcome in await running] == ["cancelled", "ok"]


async def test_bad_arguments_unknown_tools_and_cut_json_fail_alone_and_say_how(rig: Rig) -> None:
    [bad] = await rig.call_all({"reads": 7})
    rig.announce({}, name="frobnicate")
    [unknown] = await rig.run_all()

    assert bad.status == unknown.status == "failed"
    assert "reads" in bad.text
    assert "probe" in unknown.text


async def test_headless_what_would_ask_is_denied_with_a_reason(tmp_path: Path) -> None:
    rig = Rig(tmp_path, interactive=False)

    [outcome] = await rig.call_all({"writes": ["a"]})

    assert outcome.status == "denied"
    assert not rig.asked()
    assert rig.world.store == {}


async def test_edited_arguments_are_what_runs_and_the_model_is_told(rig: Rig, tmp_path: Path) -> None:
    [key] = rig.announce({"writes": ["a"]})
    running = asyncio.create_task(rig.run_all())
    await rig.until_asked()
    rig.approvals.answer(key, Allow({"writes": ["b"]}))

    [outcome] = await running
    assert list(rig.world.store) == ["b"]
    assert "The user changed the arguments" in outcome.text
    [started] = [event for event in rig.events if isinstance(event, CallStarted)]
    assert started.args == {"writes": ["b"]}
    assert started.edited


async def test_edited_arguments_meet_the_deny_rules_too(rig: Rig) -> None:
    rig.permissions.add(Rule("deny", "probe", "user"))
    rig.permissions.remove(Rule("deny", "probe", "user"))
    [key] = rig.announce({"writes": ["a"]})
    running = asyncio.create_task(rig.run_all())
    await rig.until_asked()
    rig.permissions.add(Rule("deny", "probe", "user"))
    rig.approvals.answer(key, Allow({"writes": ["b"]}))
    await rig.until_asked(2)
    rig.approvals.answer(key, Deny(""))

    [outcome] = await running
    assert outcome.status == "denied"
    assert rig.world.store == {}


async def test_a_new_rule_settles_every_question_it_covers(rig: Rig) -> None:
    first, _, _ = rig.announce({"writes": ["a"]}, {"writes": ["b"]}, {"writes": ["c"]})
    running = asyncio.create_task(rig.run_all())
    await rig.until_asked()
    rule = Rule("allow", "probe")
    rig.permissions.add(rule)
    rig.approvals.answer(first, AllowAlways(rule))

    assert [outcome.status for outcome in await running] == ["ok", "ok", "ok"]
    assert len(rig.asked()) == 1


async def test_a_call_knows_whether_the_user_was_asked_about_it(rig: Rig) -> None:
    first, second, third, read = rig.announce({"writes": ["a"]}, {"writes": ["b"]}, {"writes": ["c"]}, {"reads": ["d"]})
    running = asyncio.create_task(rig.run_all())
    await rig.until_asked(1)
    rig.approvals.answer(first, Allow())
    await rig.until_asked(2)
    rule = Rule("allow", "probe")
    rig.permissions.add(rule)
    rig.approvals.answer(second, AllowAlways(rule))
    await running

    assert rig.world.asked == {first: True, second: True, third: False, read: False}
    [by_rule] = rig.announce({"writes": ["e"]})
    await rig.run_all()
    assert not rig.world.asked[by_rule]


async def test_a_change_of_mode_that_lets_a_call_run_is_no_answer_to_its_question(rig: Rig) -> None:
    [key] = rig.announce({"writes": ["a"]})
    running = asyncio.create_task(rig.run_all())
    await rig.until_asked()
    rig.permissions.mode = "bypassPermissions"
    rig.approvals.reconsider()
    await running

    assert rig.world.asked == {key: False}


async def test_caps_hold_and_nobody_starves(tmp_path: Path) -> None:
    rig = Rig(tmp_path, caps={"files": 2})

    outcomes = await rig.call_all(*({"reads": [f"f{number}"], "steps": 3} for number in range(9)))

    assert rig.world.most_at_once == 2
    assert {outcome.status for outcome in outcomes} == {"ok"}


async def test_every_begin_has_its_end_when_everything_is_cancelled_at_once(rig: Rig) -> None:
    keys = rig.announce(
        {"reads": ["a"], "gate": "never"}, {"writes": ["a"]}, {"writes": ["b"]}, {"reads": ["b"]}, {"unknown": True}
    )
    running = asyncio.create_task(rig.run_all())
    await rig.until_asked()
    for call in rig.calls:
        assert call.task is not None
        call.task.cancel()
    await running

    assert sorted(str(event.key) for event in rig.ended()) == sorted(map(str, keys))
    assert {event.status for event in rig.ended()} == {"cancelled"}
    assert rig.scheduler.open_count == 0
    assert rig.approvals.open == ()


async def test_a_call_whose_effects_change_while_it_waits_is_asked_about_again(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "harmless").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "harmless")
    [key] = rig.announce({"writes": ["link"]})
    running = asyncio.create_task(rig.run_all())
    await rig.until_asked()
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("/etc/passwd")
    rig.let_time_pass()
    rig.approvals.answer(key, Allow())
    await rig.until_asked(2)
    rig.approvals.answer(key, Deny())

    [outcome] = await running
    assert outcome.status == "denied"
    assert rig.world.store == {}


async def test_a_call_whose_effects_change_each_time_it_is_looked_at_is_not_run(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "0")
    [key] = rig.announce({"writes": ["link"]})
    running = asyncio.create_task(rig.run_all())
    for count in range(1, 5):
        await rig.until_asked(count)
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to(tmp_path / str(count))
        rig.let_time_pass()
        rig.approvals.answer(key, Allow())

    [outcome] = await running
    assert (outcome.status, outcome.text) == (
        "failed",
        "What this call touches keeps changing; nothing was run. Look again.",
    )
    assert rig.world.store == {}
