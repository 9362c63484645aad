"""Ctrl-C in a load test."""

import asyncio
import os
import signal

import pytest

from tensorfleet.cli.loadtest_interrupt import interruptible
from tests.deadlines import eventually


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_first_signal_asks_and_the_second_cancels(number: signal.Signals) -> None:
    stop, notes = asyncio.Event(), list[str]()

    async def work() -> None:
        with interruptible(stop, notes.append) as has_begun:
            has_begun()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    os.kill(os.getpid(), number)
    await eventually(stop.is_set)
    assert not task.done()
    assert "Ctrl-C again leaves at once" in notes[0]
    os.kill(os.getpid(), number)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_signal_before_anything_ran_cancels_at_once() -> None:
    stop = asyncio.Event()

    async def work() -> None:
        with interruptible(stop, pytest.fail):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not stop.is_set()
