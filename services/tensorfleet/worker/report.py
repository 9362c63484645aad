"""What one attempt has to tell the orchestrator, kept until it is known to be durable."""

import asyncio
from collections import deque

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import event_pb2

# Events that may wait for the orchestrator. When it is slow or away, whoever makes more waits too:
# the pipe fills, and the task's own writes block. Nothing is dropped.
MAX_WAITING_EVENTS = 1_000
MAX_EVENTS_A_RECORD = 100


class AttemptReport:
    """Numbers an attempt's events and sends them again after a broken session."""

    def __init__(self, ref: pb.AttemptRef, news: asyncio.Event) -> None:
        self.ref = ref
        self._news = news
        self._events: deque[event_pb2.Event] = deque()
        self._recorded_through = 0
        self._sent_through = 0
        self._room = asyncio.Condition()
        self._finish: pb.AttemptFinished | None = None
        self._is_finish_sent = False
        self.is_closed = asyncio.Event()

    async def add(self, event: event_pb2.Event) -> None:
        """Queues an event; waits while too many are not recorded yet."""
        async with self._room:
            await self._room.wait_for(
                lambda: len(self._events) < MAX_WAITING_EVENTS or self.is_closed.is_set()
            )
            if self.is_closed.is_set():
                return
            self._events.append(event)
        self._news.set()

    def finish(self, message: pb.AttemptFinished) -> None:
        """Tells the attempt's end, after all its events."""
        self._finish = message
        self._news.set()

    def take_unsent(self) -> list[pb.WorkerRecord]:
        """Records that have not gone out in this session."""
        records = []
        last = self._recorded_through + len(self._events)
        while self._sent_through < last:
            first = self._sent_through + 1
            start = first - self._recorded_through - 1
            chunk = [
                self._events[index]
                for index in range(start, min(start + MAX_EVENTS_A_RECORD, len(self._events)))
            ]
            records.append(
                pb.WorkerRecord(
                    events=pb.AttemptEvents(ref=self.ref, first_source_sequence=first, events=chunk)
                )
            )
            self._sent_through += len(chunk)
        if self._finish is not None and not self._is_finish_sent:
            records.append(pb.WorkerRecord(finished=self._finish))
            self._is_finish_sent = True
        return records

    def rewind(self) -> None:
        """A new session began: what is not recorded has to go out again."""
        self._sent_through = self._recorded_through
        self._is_finish_sent = False

    async def recorded(self, through: int) -> None:
        """The orchestrator has events up to this number."""
        async with self._room:
            while self._events and self._recorded_through < through:
                self._events.popleft()
                self._recorded_through += 1
            self._sent_through = max(self._sent_through, self._recorded_through)
            self._room.notify_all()

    async def close(self) -> None:
        """Nothing more is to be told: the end is recorded, or the attempt is not ours any more."""
        self.is_closed.set()
        async with self._room:
            self._events.clear()
            self._finish = None
            self._room.notify_all()
