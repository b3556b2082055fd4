import asyncio

import pytest
from hypothesis import given, settings, strategies as st

from plait.permissions.approvals import ApprovalQueue, Question
from plait.permissions.policy import Decision
from plait.protocol.call_events import Waiting
from plait.protocol.calls import CallKey, TextPreview
from plait.protocol.commands import Allow, AllowAlways, Deny, Reply, Rule
from plait.protocol.errors import InternalError

RULE = Rule("allow", "edit")


class Desk:
    """Records what a view would see: questions as they are shown, and how each was closed."""

    def __init__(self):
        self.seen = []
        self.verdicts = {}
        self.queue = ApprovalQueue(
            lambda question, position, waiting: self.seen.append(("ask", question.key.call, position, waiting)),
            lambda key, answer, by: self.seen.append(("answered", key.call, answer, by)),
        )

    def question(self, key, *, name="edit", danger=None, alone=False):
        def redecide():
            return Decision(self.verdicts.get(key.call, "ask"), "because")

        return Question(key, name, {}, TextPreview("t", ""), (), danger, "", redecide, alone)

    def place(self, call):
        return self.queue.place(CallKey("main", 1, call))

    def start(self, place, **fields):
        return asyncio.create_task(place.ask(self.question(place.key, **fields)))


def key(call):
    return CallKey("main", 1, call)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_questions_are_shown_one_at_a_time_in_call_order():
    desk = Desk()
    first, second, third = (desk.place(call) for call in (1, 2, 3))
    tasks = [desk.start(place) for place in (third, second)]
    await settle()
    assert desk.seen == []

    tasks.append(desk.start(first))
    await settle()
    for call in (1, 2, 3):
        assert desk.queue.answer(key(call), Allow())
    await asyncio.gather(*tasks)

    assert desk.seen == [
        ("ask", 1, 1, 3),
        ("answered", 1, Allow(), "user"),
        ("ask", 2, 2, 3),
        ("answered", 2, Allow(), "user"),
        ("ask", 3, 3, 3),
        ("answered", 3, Allow(), "user"),
    ]


async def test_a_call_that_turns_out_not_to_ask_lets_the_next_one_be_shown():
    desk = Desk()
    first, second = desk.place(1), desk.place(2)
    task = desk.start(second)
    await settle()

    first.leave()
    first.leave()

    assert desk.seen == [("ask", 2, 1, 1)]
    desk.queue.answer(key(2), Deny("no"))
    assert await task == Deny("no")


async def test_the_first_answer_counts():
    desk = Desk()
    task = desk.start(desk.place(1))
    await settle()

    assert desk.queue.answer(key(1), Deny("first"))
    assert not desk.queue.answer(key(1), Allow())
    assert await task == Deny("first")
    assert not desk.queue.answer(key(1), Allow())
    assert not desk.queue.answer(key(7), Allow())


async def test_a_cancelled_call_closes_its_question_and_the_next_is_shown():
    desk = Desk()
    tasks = [desk.start(desk.place(call)) for call in (1, 2)]
    await settle()

    tasks[0].cancel()
    await settle()

    assert tasks[0].cancelled()
    assert desk.seen == [("ask", 1, 1, 1), ("answered", 1, Deny("cancelled"), "cancel"), ("ask", 2, 2, 2)]
    desk.queue.answer(key(2), Allow())
    await tasks[1]


async def test_an_answer_and_a_cancel_in_the_same_moment_close_the_question_once():
    desk = Desk()
    task = desk.start(desk.place(1))
    await settle()

    desk.queue.answer(key(1), Allow())
    task.cancel()
    await settle()

    assert [entry for entry in desk.seen if entry[0] == "answered"] == [("answered", 1, Allow(), "user")]
    assert desk.queue.open == ()


async def test_a_new_rule_settles_every_question_that_it_covers():
    desk = Desk()
    tasks = [desk.start(desk.place(call)) for call in (1, 2, 3, 4)]
    await settle()

    desk.verdicts |= {2: "allow", 3: "deny"}
    desk.queue.answer(key(1), AllowAlways(RULE))
    desk.queue.reconsider()
    await settle()

    assert [task.done() for task in tasks] == [True, True, True, False]
    assert await tasks[0] == AllowAlways(RULE)
    assert await tasks[1] == Allow()
    assert await tasks[2] == Deny("because")
    assert [question.key.call for question in desk.queue.open] == [4]
    assert desk.seen[-1][:2] == ("ask", 4)
    desk.queue.answer(key(4), Allow())
    await tasks[3]


async def test_a_question_that_is_shown_is_closed_by_a_rule_too():
    desk = Desk()
    task = desk.start(desk.place(1))
    await settle()

    desk.verdicts[1] = "allow"
    desk.queue.reconsider()

    assert await task == Allow()
    assert desk.seen == [("ask", 1, 1, 1), ("answered", 1, Allow(), "rule")]


async def test_allowing_all_alike_leaves_out_danger_and_other_tools_and_questions_to_the_user():
    desk = Desk()
    fields = [{}, {"danger": "destroys"}, {"name": "shell"}, {"alone": True}, {}]
    tasks = [desk.start(desk.place(call), **each) for call, each in enumerate(fields, start=1)]
    await settle()

    desk.queue.allow_all_like(key(1))
    await settle()

    assert [task.done() for task in tasks] == [True, False, False, False, True]
    desk.queue.allow_all_like(key(2))
    await settle()
    assert not tasks[1].done()
    for call in (2, 3, 4):
        desk.queue.answer(key(call), Reply("x"))
    await asyncio.gather(*tasks)


async def test_a_call_that_has_not_asked_yet_may_be_allowed_with_the_others_and_then_asks_no_more():
    desk = Desk()
    first = desk.queue.place(key(1), Waiting(key(1), "edit", "a"))
    second = desk.queue.place(key(2), Waiting(key(2), "edit", "b"))
    tasks = [desk.start(first)]
    await settle()

    assert [waiting.subject for waiting in desk.queue.group] == ["a", "b"]
    assert desk.queue.answer(key(2), Allow())
    assert desk.queue.answer(key(1), Allow())
    tasks.append(desk.start(second))
    await asyncio.gather(*tasks)

    assert [entry[:2] for entry in desk.seen] == [("ask", 1), ("answered", 1)]


@pytest.mark.parametrize("fields", [{"danger": "destroys"}, {"alone": True}])
async def test_what_was_allowed_before_it_asked_asks_all_the_same_if_it_turns_out_to_stand_apart(fields):
    desk = Desk()
    place = desk.queue.place(key(1), Waiting(key(1), "edit", "a"))
    assert desk.queue.answer(key(1), Allow())

    task = desk.start(place, **fields)
    await settle()

    assert [entry[:2] for entry in desk.seen] == [("ask", 1)]
    desk.queue.answer(key(1), Deny("no"))
    assert await task == Deny("no")


async def test_what_stands_apart_or_is_answered_otherwise_cannot_be_answered_before_it_asks():
    desk = Desk()
    desk.queue.place(key(1), Waiting(key(1), "shell", "rm", apart=True))
    desk.queue.place(key(2), Waiting(key(2), "edit", "a"))

    assert not desk.queue.answer(key(1), Allow())
    assert not desk.queue.answer(key(2), AllowAlways(RULE))
    assert not desk.queue.answer(key(2), Deny("no"))
    assert not desk.queue.answer(key(2), Allow({"path": "b"}))


async def test_what_is_dangerous_is_never_remembered():
    desk = Desk()
    task = desk.start(desk.place(1), danger="destroys")
    await settle()

    desk.queue.answer(key(1), AllowAlways(RULE))

    assert await task == Allow()


async def test_a_call_may_ask_again_and_keeps_its_place_in_line():
    desk = Desk()
    first, second = desk.place(1), desk.place(2)
    task = desk.start(first)
    await settle()
    desk.queue.answer(key(1), Allow())
    await task

    again, later = desk.start(first), desk.start(second)
    await settle()

    assert [entry[1] for entry in desk.seen if entry[0] == "ask"] == [1, 1]
    desk.queue.answer(key(1), Allow())
    desk.queue.answer(key(2), Allow())
    await asyncio.gather(again, later)


async def test_a_view_that_answers_while_it_is_asked_does_not_confuse_the_queue():
    seen = []
    queue = ApprovalQueue(
        lambda question, position, waiting: (seen.append(question.key.call), queue.answer(question.key, Allow())),
        lambda key, answer, by: seen.append(-key.call),
    )
    desk = Desk()
    tasks = [asyncio.create_task(queue.place(key(call)).ask(desk.question(key(call)))) for call in (1, 2, 3)]

    await asyncio.gather(*tasks)

    assert seen == [1, -1, 2, -2, 3, -3]


async def test_standing_in_line_twice_is_a_bug_that_is_reported():
    desk = Desk()
    desk.place(1)

    with pytest.raises(InternalError):
        desk.place(1)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("place", "ask", "answer", "cancel", "leave", "reconsider", "like", "tick")), st.integers(1, 6)
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(STEPS, st.dictionaries(st.integers(1, 6), st.sampled_from(("allow", "deny"))), st.sets(st.integers(1, 6)))
def test_in_any_order_of_events_one_is_shown_and_each_that_was_shown_is_closed_once(steps, verdicts, dangerous):
    async def play():
        desk = Desk()
        desk.verdicts = verdicts
        places, tasks = {}, {}
        for step, call in steps:
            match step:
                case "place" if call not in places:
                    places[call] = desk.place(call)
                case "ask" if call in places and call not in tasks:
                    tasks[call] = desk.start(places[call], danger="d" if call in dangerous else None)
                case "answer":
                    desk.queue.answer(key(call), AllowAlways(RULE))
                case "cancel" if call in tasks:
                    tasks[call].cancel()
                case "leave" if call in places and call not in tasks:
                    places[call].leave()
                case "reconsider":
                    desk.queue.reconsider()
                case "like":
                    desk.queue.allow_all_like(key(call))
                case _:
                    await settle()
        for task in tasks.values():
            task.cancel()
        results = await asyncio.gather(*tasks.values(), return_exceptions=True)
        for place in places.values():
            place.leave()

        shown = None
        for entry in desk.seen:
            if entry[0] == "ask":
                assert shown is None
                shown = entry[1]
                assert 1 <= entry[2] <= entry[3]
            else:
                assert entry[1] == shown
                shown = None
        assert shown is None
        assert desk.queue.open == ()
        for call, result in zip(tasks, results, strict=True):
            assert not (call in dangerous and isinstance(result, AllowAlways))

    asyncio.run(play())
