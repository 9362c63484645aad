"""Background loops that live as long as a service and take it down when they die."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager


@asynccontextmanager
async def running_beside(*loops: Awaitable[None]) -> AsyncIterator[None]:
    """Runs the loops while the block runs, and cancels them after it.

    A loop that raises cancels the block; its exception comes out.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_run(loop)) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _run(loop: Awaitable[None]) -> None:
    await loop
