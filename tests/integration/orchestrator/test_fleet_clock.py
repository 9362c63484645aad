"""Machines with wrong clocks agree on the time, because Redis has only one."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from tensorfleet.orchestrator.fleet_clock import FleetClock
from tensorfleet.orchestrator.queue.task_queue import TaskQueue
from tensorfleet.shared.clock import utc_now
from tensorfleet.shared.redis_connection import redis_connected
from tensorfleet.shared.settings import RedisSettings

HOUR = timedelta(hours=1)


@pytest.fixture
async def queue(redis_url: str) -> AsyncIterator[TaskQueue]:
    async with redis_connected(RedisSettings(redis_url=redis_url)) as redis:
        yield TaskQueue(redis, timedelta(seconds=5))


@pytest.mark.parametrize("error", [HOUR, -HOUR, timedelta(seconds=3)])
async def test_machine_whose_clock_is_wrong_is_set_right(
    queue: TaskQueue, error: timedelta
) -> None:
    clock = FleetClock(lambda: utc_now() + error)
    assert abs(clock() - utc_now() - error) < timedelta(seconds=1)
    await clock.set_right(queue)
    assert abs(clock() - utc_now()) < timedelta(seconds=1)


async def test_small_difference_is_left_alone(queue: TaskQueue) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    error = timedelta(milliseconds=200)

    def machine_clock() -> datetime:
        return utc_now() + error

    clock = FleetClock(machine_clock)
    await clock.set_right(queue)
    assert abs(clock() - machine_clock()) < timedelta(milliseconds=50)
    assert clock() > moment


async def test_clock_that_somebody_puts_right_needs_no_correction_any_more(
    queue: TaskQueue,
) -> None:
    error = HOUR
    clock = FleetClock(lambda: utc_now() + error)
    await clock.set_right(queue)
    error = timedelta(0)
    await clock.set_right(queue)
    assert abs(clock() - utc_now()) < timedelta(milliseconds=100)


async def test_queues_time_is_that_of_redis(
    queue: TaskQueue, redis_admin: tuple[str, Redis]
) -> None:
    seconds, microseconds = redis_admin[1].time()
    told = await queue.now()
    assert (
        timedelta(0)
        <= told - datetime.fromtimestamp(seconds + microseconds / 1e6, UTC)
        < timedelta(seconds=5)
    )
