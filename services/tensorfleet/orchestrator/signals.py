"""Hints between orchestrators over Redis pub/sub: something is worth a look now.

A lost hint delays, it never loses: every listener also looks by itself now and then.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import JobId, TaskId

_CHANNEL = "orchestrator:signals"
_RECONNECT_SECONDS = 0.5

log = structlog.get_logger(__name__)


class TasksReady(msgspec.Struct, frozen=True, tag="tasks_ready"):
    """Tasks wait in the queue."""


class EventsAdded(msgspec.Struct, frozen=True, tag="events_added"):
    """A job has new events."""

    job_id: str


class StopAsked(msgspec.Struct, frozen=True, tag="stop_asked"):
    """A running attempt shall stop because its job was cancelled."""

    task_id: str
    attempt: int


Signal = TasksReady | EventsAdded | StopAsked

_decoder: msgspec.json.Decoder[Signal] = msgspec.json.Decoder(Signal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """What to do on each signal; quick and without waiting."""

    on_tasks_ready: Callable[[], None]
    on_events_added: Callable[[JobId], None]
    on_stop_asked: Callable[[AttemptRef], None]


class Signals:
    """Sends signals to all orchestrators, this one among them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def send(self, signal: Signal) -> None:
        """Sends a signal; when Redis does not answer, it is lost."""
        try:
            await self._redis.publish(_CHANNEL, msgspec.json.encode(signal))
        except (RedisError, OSError) as exc:
            log.warning("signal lost", problem=type(exc).__name__)

    async def listen(self, listeners: Listeners) -> None:
        """Passes signals to the listeners, for ever; connects again when Redis comes back."""
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(_CHANNEL)
                    # What was sent while nobody listened is made up for by a look.
                    listeners.on_tasks_ready()
                    while True:
                        message = await subscription.get_message(timeout=None)
                        if message:
                            _pass_on(_decoder.decode(message["data"]), listeners)
            except (RedisError, OSError) as exc:
                log.warning("signals interrupted", problem=type(exc).__name__)
            await asyncio.sleep(_RECONNECT_SECONDS)


def _pass_on(signal: Signal, listeners: Listeners) -> None:
    match signal:
        case TasksReady():
            listeners.on_tasks_ready()
        case EventsAdded(job_id=job_id):
            listeners.on_events_added(JobId(job_id))
        case StopAsked(task_id=task_id, attempt=attempt):
            listeners.on_stop_asked(AttemptRef(task_id=TaskId(task_id), number=attempt))
