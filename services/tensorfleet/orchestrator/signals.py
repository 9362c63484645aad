"""Hints between orchestrators over Redis pub/sub: something is worth a look now.

A lost hint delays, it never loses: every listener also looks by itself now and then.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import JobId, TaskId, WorkerId

_CHANNEL = "orchestrator:signals"
_RECONNECT_SECONDS = 0.5

log = structlog.get_logger(__name__)


class TasksReady(msgspec.Struct, frozen=True, tag="tasks_ready"):
    """Tasks wait in the queue."""


class EventsAdded(msgspec.Struct, frozen=True, tag="events_added"):
    """A job has new events."""

    job_id: str


class StopAsked(msgspec.Struct, frozen=True, tag="stop_asked"):
    """A running attempt shall stop: its job was cancelled, or it is to make room."""

    task_id: str
    attempt: int
    is_preempted: bool = False


class WorkerChanged(msgspec.Struct, frozen=True, tag="worker_changed"):
    """A worker was drained, resumed or quarantined."""

    worker_id: str


class RoomChanged(msgspec.Struct, frozen=True, tag="room_changed"):
    """Room is reserved, ready, or free again."""


class Placed(msgspec.Struct, frozen=True, tag="placed"):
    """A claimed and started attempt is for a worker that another replica may hold."""

    task_id: str
    attempt: int
    worker_id: str


Signal = TasksReady | EventsAdded | StopAsked | WorkerChanged | RoomChanged | Placed


class _Message(msgspec.Struct, frozen=True):
    """What travels: all that gathered, and who sent it."""

    sender: str
    signals: list[Signal]


_decoder = msgspec.json.Decoder(_Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """What to do on each signal; quick and without waiting."""

    on_tasks_ready: Callable[[], None]
    on_events_added: Callable[[JobId], None]
    on_stop_asked: Callable[[AttemptRef, bool], None]
    on_worker_changed: Callable[[WorkerId], None]
    on_room_changed: Callable[[], None]
    on_placed: Callable[[AttemptRef, WorkerId], None]

    def tell(self, signal: Signal) -> None:
        """Passes a signal on."""
        match signal:
            case TasksReady():
                self.on_tasks_ready()
            case EventsAdded(job_id=job_id):
                self.on_events_added(JobId(job_id))
            case StopAsked(task_id=task_id, attempt=attempt, is_preempted=is_preempted):
                ref = AttemptRef(task_id=TaskId(task_id), number=attempt)
                self.on_stop_asked(ref, is_preempted)
            case WorkerChanged(worker_id=worker_id):
                self.on_worker_changed(WorkerId(worker_id))
            case RoomChanged():
                self.on_room_changed()
            case Placed(task_id=task_id, attempt=attempt, worker_id=worker_id):
                ref = AttemptRef(task_id=TaskId(task_id), number=attempt)
                self.on_placed(ref, WorkerId(worker_id))


class Signals:
    """Sends signals to all orchestrators: to this one at once, to the others gathered."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._sender = uuid.uuid4().hex
        self._waiting: dict[Signal, None] = {}
        self._news = asyncio.Event()
        self._listeners: Listeners | None = None

    def listen(self, listeners: Listeners) -> None:
        """Says who hears the signals."""
        self._listeners = listeners

    def send(self, signal: Signal) -> None:
        """Sends a signal; when Redis does not answer, it is lost."""
        if self._listeners is not None:
            self._listeners.tell(signal)
        self._waiting[signal] = None
        self._news.set()

    async def run_sending(self) -> None:
        """Sends what gathers, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            gathered, self._waiting = list(self._waiting), {}
            message = _Message(sender=self._sender, signals=gathered)
            try:
                await self._redis.publish(_CHANNEL, msgspec.json.encode(message))
            except (RedisError, OSError) as exc:
                log.warning("signals lost", problem=type(exc).__name__, count=len(gathered))

    async def run_receiving(self) -> None:
        """Hears the other replicas, for ever; connects again when Redis comes back."""
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(_CHANNEL)
                    # What was sent while nobody listened is made up for by a look.
                    self._tell(TasksReady())
                    self._tell(RoomChanged())
                    while True:
                        message = await subscription.get_message(timeout=None)
                        if message:
                            self._receive(_decoder.decode(message["data"]))
            except (RedisError, OSError) as exc:
                log.warning("signals interrupted", problem=type(exc).__name__)
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _receive(self, message: _Message) -> None:
        if message.sender != self._sender:
            for signal in message.signals:
                self._tell(signal)

    def _tell(self, signal: Signal) -> None:
        if self._listeners is not None:
            self._listeners.tell(signal)
