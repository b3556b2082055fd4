"""Run the parts of one call under the rules of calls: side by side, conflicting ones in order.

The call holds a ticket over all its parts already, so they are ordered among themselves by a scheduler of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from plait.host.os_errors import in_one_line
from plait.protocol.errors import ToolRefused
from plait.scheduling.scheduler import Scheduler, Ticket
from plait.tools.base import Part

T = TypeVar("T")

MOST_AT_ONCE = 16


async def run_parts(parts: Sequence[Part[T]]) -> list[T | Exception]:
    """Return each part's result or exception, in the order given; at most 16 run at once."""
    scheduler: Scheduler[int] = Scheduler()
    places = asyncio.Semaphore(MOST_AT_ONCE)

    async def run(part: Part[T], ticket: Ticket[int]) -> T | Exception:
        try:
            await ticket.ready()
            async with places:
                return await part.run()
        except OSError as error:
            return ToolRefused(in_one_line(part.label, error))
        except Exception as error:  # Handed to the tool in the part's place: it decides what a failed part means.
            return error
        finally:
            scheduler.release(ticket)

    tickets = [scheduler.reserve(number, part.effects) for number, part in enumerate(parts)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(part, ticket)) for part, ticket in zip(parts, tickets, strict=True)]
    return [task.result() for task in tasks]
