"""Background loops that live as long as a service and take it down when they die."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

# Drivers have been seen to swallow a cancellation that arrives while they tidy up after a call;
# the loop would then go on for ever. Asked again, it ends.
CANCEL_AGAIN_SECONDS = 0.3


@asynccontextmanager
async def running_beside(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs the loops while the block runs, and cancels them after it.

    A loop that raises cancels the block; its exception comes out.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            pending = set(tasks)
            while pending:
                for task in pending:
                    task.cancel()
                _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
