"""Look at a running command every now and then, and end it if it takes too much or makes what it must not."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from plait.host.limits import Limits, Watch
from plait.host.running import RunningProcess
from plait.host.sandbox_watch import GuardedNames

ROUND_S = 0.1


def patrol(process: RunningProcess, limits: Limits) -> None:
    """End it, and say so, once its processes or their memory are too many or too much."""
    _accompany(process, _watch_limits(process, Watch(limits, process.members)))


def patrol_names(process: RunningProcess, names: GuardedNames) -> None:
    """End it, and say so, once it has made what git would obey."""
    _accompany(process, _watch_names(process, names))


def _accompany(process: RunningProcess, watching: Coroutine[None, None, None]) -> None:
    task = asyncio.get_running_loop().create_task(watching)

    def over() -> None:
        task.cancel()

    process.when_over(over)


async def _watch_limits(process: RunningProcess, watch: Watch) -> None:
    while process.running:
        await asyncio.sleep(ROUND_S)
        if not watch.suspects():
            continue
        excess = await asyncio.to_thread(watch.excess)
        if excess is not None and process.running:
            process.remark(f"ended by Plait: {excess}")
            await process.kill(0)


async def _watch_names(process: RunningProcess, names: GuardedNames) -> None:
    while process.running:
        await asyncio.sleep(ROUND_S)
        intrusion = names.intrusion()
        if intrusion is not None and process.running:
            process.remark(f"ended by Plait: it made `{intrusion}`, which decides what git runs")
            await process.kill(0)
