"""What gathers is done together, in order, and to the end."""

import asyncio
from collections.abc import Sequence

import pytest

from tensorfleet.shared.gathering import Gathering


class Work:
    """Does batches when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.has_begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def do(self, items: Sequence[int]) -> None:
        self.batches.append(list(items))
        self.has_begun.set()
        await self.go_on.wait()
        if 13 in items:
            raise ValueError("thirteen")


async def begun(
    work: Work, gathering: Gathering[int], *batches: list[int]
) -> list["asyncio.Task[None]"]:
    """Asks for everything, and returns when the first batch is under way."""
    asked = [asyncio.create_task(gathering.add(batch)) for batch in batches]
    await work.has_begun.wait()
    return asked


async def test_what_comes_meanwhile_goes_into_the_next_batch_in_order() -> None:
    work = Work()
    gathering = Gathering(work.do, most=4)
    asked = await begun(work, gathering, [1], [2, 3], [4], [5, 6])
    work.go_on.set()
    await asyncio.gather(*asked)
    assert work.batches[0][0] == 1
    assert [item for batch in work.batches for item in batch] == [1, 2, 3, 4, 5, 6]
    assert all(len(batch) <= 4 for batch in work.batches)


async def test_failure_of_a_batch_is_its_askers_only() -> None:
    work = Work()
    gathering = Gathering(work.do, most=1)
    asked = await begun(work, gathering, [1], [13], [2])
    work.go_on.set()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), ValueError, type(None)]


async def test_flush_waits_also_for_what_nobody_waits_for_any_more() -> None:
    work = Work()
    gathering = Gathering(work.do, most=1)
    asked = await begun(work, gathering, [1], [2])
    for task in asked:
        task.cancel()
    flushing = asyncio.create_task(gathering.flush())
    await asyncio.sleep(0)
    assert not flushing.done()
    work.go_on.set()
    async with asyncio.timeout(5):
        await flushing
    assert work.batches == [[1], [2]]
    with pytest.raises(asyncio.CancelledError):
        await asked[0]
    await gathering.flush()
