"""What holds for any batch of calls, under failure, denial and cancellation."""

import asyncio
import itertools
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings, strategies as st
from tests.fakes.probe import Rig

from plait.protocol.calls import ToolOutcome
from plait.protocol.commands import Allow, Deny
from plait.protocol.effects import conflict

PATHS = st.sampled_from(["a", "b", "d/x", "d/y"])
CALLS = st.fixed_dictionaries(
    {
        "reads": st.lists(PATHS, max_size=2, unique=True),
        "writes": st.lists(PATHS, max_size=2, unique=True),
        "unknown": st.sampled_from([False, False, False, True]),
        "steps": st.integers(0, 6),
        "then": st.sampled_from(["ok", "ok", "ok", "refuse", "crash", "failed"]),
    }
)
BATCHES = st.lists(CALLS, min_size=1, max_size=8)


def run(rig_of: Any, body: Any) -> Any:
    async def main() -> Any:
        return await body(rig_of())

    return asyncio.run(main())


@settings(max_examples=120, deadline=None)
@given(BATCHES)
def test_a_batch_gives_the_results_of_running_it_one_by_one(batch: list[dict[str, Any]]) -> None:
    root = Path(tempfile.gettempdir())

    async def at_once(rig: Rig) -> tuple[Any, list[ToolOutcome]]:
        outcomes = await rig.call_all(*batch)
        return (rig.world.store, sorted(rig.world.seen.items(), key=lambda entry: entry[0].call)), outcomes

    async def one_by_one(rig: Rig) -> tuple[Any, list[ToolOutcome]]:
        outcomes = [outcome for call in batch for outcome in await rig.call_all(call)]
        return (rig.world.store, sorted(rig.world.seen.items(), key=lambda entry: entry[0].call)), outcomes

    def rig() -> Rig:
        return Rig(root, mode="bypassPermissions")

    assert run(rig, at_once) == run(rig, one_by_one)


@settings(max_examples=120, deadline=None)
@given(BATCHES, st.randoms(use_true_random=False))
def test_under_denial_and_cancellation_no_conflicting_calls_overlap_and_every_begin_has_its_end(
    batch: list[dict[str, Any]], random: Any
) -> None:
    async def body(rig: Rig) -> None:
        keys = rig.announce(*batch)
        effects = {call.key: call.effects for call in rig.calls}
        running = asyncio.create_task(rig.run_all())
        shown = 0
        for _ in itertools.count():
            if running.done():
                break
            await asyncio.sleep(0)
            if len(rig.asked()) > shown:
                key = rig.asked()[shown].key
                shown += 1
                rig.approvals.answer(key, random.choice([Allow(), Allow(), Deny("no")]))
            if random.random() < 0.05:
                rig.dispatcher.cancel(random.choice(keys))
        await running

        assert [event.key for event in rig.reserved()] == keys
        assert sorted(event.key.call for event in rig.ended()) == [key.call for key in keys]
        for pair in rig.world.overlaps:
            one, other = tuple(pair)
            assert not conflict(effects[one], effects[other])
        started = {key: place for place, key in enumerate(rig.world.order)}
        for earlier, later in itertools.combinations(keys, 2):
            if conflict(effects[earlier], effects[later]) and earlier in started and later in started:
                assert started[earlier] < started[later]
        assert rig.scheduler.open_count == 0
        assert rig.approvals.open == ()

    run(lambda: Rig(Path(tempfile.gettempdir())), body)
