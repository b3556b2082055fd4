"""The laws of tickets."""

from hypothesis import given, settings, strategies as st

from plait.protocol.effects import Access, Effects, Mode, conflict
from plait.scheduling.scheduler import ANYTHING, Scheduler

PATHS = st.sampled_from(["/", "/w", "/w/a", "/w/a/x", "/w/a/y", "/w/ab", "/w/b", "/w/b/x"])
ACCESSES = st.builds(Access, st.sampled_from(Mode), PATHS, st.booleans())
EFFECTS = st.one_of(
    st.builds(Effects, st.lists(ACCESSES, max_size=3).map(tuple)),
    st.just(Effects(unknown=True)),
    st.just(Effects(network=("example.org",))),
)


def reads(path: str, *, tree: bool = False) -> Effects:
    return Effects((Access(Mode.READ, path, tree),))


def writes(path: str, *, tree: bool = False) -> Effects:
    return Effects((Access(Mode.WRITE, path, tree),))


@given(st.lists(EFFECTS, max_size=12))
def test_a_ticket_waits_for_exactly_the_earlier_open_calls_that_conflict(batch: list[Effects]) -> None:
    scheduler: Scheduler[int] = Scheduler()
    tickets = [scheduler.reserve(number, effects) for number, effects in enumerate(batch)]

    for number, ticket in enumerate(tickets):
        expected = {earlier for earlier in range(number) if conflict(batch[earlier], batch[number])}
        assert set(ticket.waits_for) == expected
        assert ticket.is_ready == (not expected)


@settings(max_examples=200)
@given(st.lists(EFFECTS, max_size=12), st.randoms(use_true_random=False))
def test_whatever_the_order_of_ends_conflicting_calls_keep_theirs_and_all_get_their_turn(batch, random) -> None:
    scheduler: Scheduler[int] = Scheduler()
    tickets = {number: scheduler.reserve(number, effects) for number, effects in enumerate(batch)}
    finished: list[int] = []

    while tickets:
        ready = [number for number, ticket in tickets.items() if ticket.is_ready]
        assert ready, "somebody must be able to go on"
        assert not any(conflict(batch[a], batch[b]) for a in ready for b in ready if a != b)
        number = random.choice(ready)
        scheduler.release(tickets.pop(number))
        finished.append(number)

    places = {number: place for place, number in enumerate(finished)}
    for earlier in range(len(batch)):
        for later in range(earlier + 1, len(batch)):
            if conflict(batch[earlier], batch[later]):
                assert places[earlier] < places[later]
    assert scheduler.open_count == 0


@given(st.lists(EFFECTS, max_size=10), st.data())
def test_tickets_given_back_out_of_turn_leave_nothing_behind(batch: list[Effects], data: st.DataObject) -> None:
    scheduler: Scheduler[int] = Scheduler()
    tickets = [scheduler.reserve(number, effects) for number, effects in enumerate(batch)]
    for ticket in data.draw(st.permutations(tickets)):
        scheduler.release(ticket)
        scheduler.release(ticket)

    assert scheduler.open_count == 0
    assert scheduler.reserve(99, Effects(unknown=True)).is_ready


def test_a_neighbour_with_the_same_prefix_is_no_conflict() -> None:
    scheduler: Scheduler[str] = Scheduler()
    scheduler.reserve("a", writes("/w/a", tree=True))

    assert scheduler.reserve("b", writes("/w/ab")).is_ready


def test_the_resource_of_a_conflict_is_named() -> None:
    scheduler: Scheduler[str] = Scheduler()
    scheduler.reserve("edit", writes("/w/src/app.py"))
    scheduler.reserve("shell", Effects(unknown=True))

    waits = scheduler.reserve("search", reads("/w", tree=True)).waits_for

    assert waits == {"edit": "/w/src/app.py", "shell": ANYTHING}


async def test_a_cancelled_wait_keeps_its_place_until_it_is_given_back() -> None:
    scheduler: Scheduler[str] = Scheduler()
    first = scheduler.reserve("first", writes("/w/a"))
    second = scheduler.reserve("second", writes("/w/a"))
    third = scheduler.reserve("third", writes("/w/a"))

    scheduler.release(second)
    scheduler.release(first)
    await third.ready()

    assert third.is_ready


STEPS = st.lists(st.tuples(st.sampled_from(["begin", "end", "amend"]), st.integers(0, 7), EFFECTS), max_size=30)


@settings(max_examples=300, deadline=None)
@given(st.lists(EFFECTS, min_size=1, max_size=8), STEPS)
def test_amended_tickets_keep_their_place_and_no_conflicting_calls_ever_run_at_once(
    batch: list[Effects], steps: list[tuple[str, int, Effects]]
) -> None:
    scheduler: Scheduler[int] = Scheduler()
    tickets = {number: scheduler.reserve(number, effects) for number, effects in enumerate(batch)}
    to_the_end = [(doing, which, Effects()) for _ in batch for which in range(8) for doing in ("begin", "end")]

    for doing, which, effects in steps + to_the_end:
        running = [number for number, ticket in tickets.items() if ticket.has_begun]
        waiting = [number for number in tickets if number not in running]
        ready = [number for number in waiting if tickets[number].is_ready]
        assert running or ready or not tickets, "somebody must be able to go on"
        if doing == "amend" and waiting:
            scheduler.amend(tickets[waiting[which % len(waiting)]], effects)
        elif doing == "begin" and ready:
            number = ready[which % len(ready)]
            before = [other for other in tickets if other in running or other < number]
            assert not any(conflict(tickets[number].effects, tickets[other].effects) for other in before)
            tickets[number].begin()
        elif doing == "end" and running:
            scheduler.release(tickets.pop(running[which % len(running)]))

    assert tickets == {}
    assert scheduler.open_count == 0
    assert scheduler.reserve(99, Effects(unknown=True)).is_ready


def test_whoever_writes_a_name_decides_what_lies_below_it() -> None:
    scheduler: Scheduler[str] = Scheduler()
    scheduler.reserve("make", writes("/w/new"))

    assert not scheduler.reserve("look", reads("/w/new/file")).is_ready
    assert not scheduler.reserve("write", writes("/w/new/other")).is_ready
    assert scheduler.reserve("above", reads("/w")).is_ready
