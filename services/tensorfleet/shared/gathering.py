"""Work that gathers while the same kind of work is under way, and is then done together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


class Gathering(Generic[Item]):
    """Does what was asked for in batches, one after the other.

    The first asks at once; what comes meanwhile waits for the next batch. A hundred callers make a
    few calls this way, over one connection, instead of a hundred.
    """

    def __init__(self, do: Callable[[Sequence[Item]], Awaitable[None]], *, most: int) -> None:
        self._do = do
        self._most = most
        self._waiting: list[tuple[Sequence[Item], asyncio.Future[None]]] = []
        self._working: asyncio.Task[None] | None = None

    async def add(self, items: Sequence[Item]) -> None:
        """Returns when the items are done; raises what their batch raised."""
        if not items:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Whoever waits for it may have gone.
        done.add_done_callback(_mark_seen)
        self._waiting.append((items, done))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        await asyncio.shield(done)

    async def flush(self) -> None:
        """Waits until everything that was asked for is done, also what nobody waits for."""
        while self._working is not None:
            await asyncio.wait([self._working])

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._do_batch(self._next_batch())
        finally:
            self._working = None
            for _, done in self._waiting:
                done.cancel()
            self._waiting.clear()

    def _next_batch(self) -> list[tuple[Sequence[Item], "asyncio.Future[None]"]]:
        batch = [self._waiting.pop(0)]
        count = len(batch[0][0])
        while self._waiting and count + len(self._waiting[0][0]) <= self._most:
            batch.append(self._waiting.pop(0))
            count += len(batch[-1][0])
        return batch

    async def _do_batch(self, batch: list[tuple[Sequence[Item], "asyncio.Future[None]"]]) -> None:
        try:
            await self._do([item for items, _ in batch for item in items])
        except Exception as exc:  # noqa: BLE001  each asker gets it
            for _, done in batch:
                done.set_exception(exc)
            return
        for _, done in batch:
            done.set_result(None)


def _mark_seen(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()
