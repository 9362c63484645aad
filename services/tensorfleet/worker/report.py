"""What one attempt has to tell the orchestrator, kept until it is known to be durable."""

import asyncio
from collections import deque
from itertools import islice

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import event_pb2

# What may wait for the orchestrator. When it is slow or away, whoever makes more waits too: the
# pipe fills, and the task's own writes block. Nothing is dropped.
MAX_WAITING_EVENTS = 1_000
MAX_WAITING_BYTES = 2 * 1024 * 1024
# Lines that wait together travel as one event, up to this.
MAX_LINES_AN_EVENT = 500
MAX_EVENT_BYTES = 32 * 1024
# A record must fit a message with room to spare; one event alone always does.
MAX_EVENTS_A_RECORD = 100
MAX_RECORD_BYTES = 512 * 1024


class AttemptReport:
    """Numbers an attempt's events and sends them again after a broken session."""

    def __init__(self, ref: pb.AttemptRef, news: asyncio.Event) -> None:
        self.ref = ref
        self._news = news
        self._events: deque[event_pb2.Event] = deque()
        self._waiting_bytes = 0
        self._recorded_through = 0
        self._sent_through = 0
        self._room = asyncio.Condition()
        self._finish: pb.AttemptFinished | None = None
        self._is_finish_sent = False
        self.is_closed = asyncio.Event()

    async def add(self, event: event_pb2.Event) -> None:
        """Queues an event; waits while too many are not recorded yet."""
        async with self._room:
            await self._room.wait_for(lambda: self._has_room or self.is_closed.is_set())
            if self.is_closed.is_set():
                return
            if not self._joined_last(event):
                self._events.append(event)
            self._waiting_bytes += event.ByteSize()
        self._news.set()

    def _joined_last(self, event: event_pb2.Event) -> bool:
        """Puts lines with those before them, when these have not gone out: one event for many."""
        has_unsent = self._sent_through < self._recorded_through + len(self._events)
        if not has_unsent or not event.HasField("log"):
            return False
        last = self._events[-1]
        if last.log.stream != event.log.stream or len(last.log.lines) >= MAX_LINES_AN_EVENT:
            return False
        if last.ByteSize() + event.ByteSize() > MAX_EVENT_BYTES:
            return False
        last.log.lines.extend(event.log.lines)
        return True

    @property
    def _has_room(self) -> bool:
        return len(self._events) < MAX_WAITING_EVENTS and self._waiting_bytes < MAX_WAITING_BYTES

    def finish(self, message: pb.AttemptFinished) -> None:
        """Tells the attempt's end, after all its events."""
        self._finish = message
        self._news.set()

    def take_unsent(self) -> list[pb.WorkerRecord]:
        """Records that have not gone out in this session."""
        records = []
        unsent = list(islice(self._events, self._sent_through - self._recorded_through, None))
        while unsent:
            chunk = _first_record(unsent)
            del unsent[: len(chunk)]
            records.append(
                pb.WorkerRecord(
                    events=pb.AttemptEvents(
                        ref=self.ref, first_source_sequence=self._sent_through + 1, events=chunk
                    )
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
            self._waiting_bytes = sum(event.ByteSize() for event in self._events)
            self._sent_through = max(self._sent_through, self._recorded_through)
            self._room.notify_all()

    async def close(self) -> None:
        """Nothing more is to be told: the end is recorded, or the attempt is not ours any more."""
        self.is_closed.set()
        async with self._room:
            self._events.clear()
            self._finish = None
            self._room.notify_all()


def _first_record(events: list[event_pb2.Event]) -> list[event_pb2.Event]:
    """The first events that fit one record, at least one."""
    size = 0
    for count, event in enumerate(events[:MAX_EVENTS_A_RECORD]):
        size += event.ByteSize()
        if count and size > MAX_RECORD_BYTES:
            return events[:count]
    return events[:MAX_EVENTS_A_RECORD]
