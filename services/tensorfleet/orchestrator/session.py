"""One worker's standing session with this orchestrator."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.offers import Offer, RunningHere
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.worker import Worker

# Records that wait to be sent; more means that the worker does not read, and the session ends.
MAX_WAITING_RECORDS = 10_000
MAX_RECORDS_A_MESSAGE = 200
# A worker that answered none of so many renewals in a row does not hear us.
MAX_UNANSWERED_RENEWALS = 3


class WorkerSession:
    """What the worker holds, how much more it takes, and the records on their way to it."""

    def __init__(self, worker: Worker, cached_artifact_ids: Iterable[str] = ()) -> None:
        self.worker = worker
        self.held: dict[AttemptRef, RunningHere] = {}
        self.credits = 0
        self.last_assigned: datetime | None = None
        self.is_closed = False
        self._cached_artifact_ids = frozenset(cached_artifact_ids)
        self._used_cpus = 0.0
        self._used_memory_bytes = 0
        self._used_gpus = 0
        self._exclusive_count = 0
        self._outgoing: asyncio.Queue[pb.OrchestratorRecord | None] = asyncio.Queue(
            MAX_WAITING_RECORDS
        )

    def offer(self) -> Offer:
        """Its room for more tasks."""
        capacity = self.worker.capacity
        is_taken = self._exclusive_count > 0
        free = Resources(
            cpus=0.0 if is_taken else capacity.cpus - self._used_cpus,
            memory_bytes=0 if is_taken else capacity.memory_bytes - self._used_memory_bytes,
            gpus=0 if is_taken else capacity.gpus - self._used_gpus,
            gpu_kind=capacity.gpu_kind,
            labels=capacity.labels,
        )
        return Offer(
            worker_id=self.worker.id,
            capacity=capacity,
            free=free,
            credits=self.credits,
            running_count=len(self.held),
            last_assigned=self.last_assigned,
            cached_artifact_ids=self._cached_artifact_ids,
        )

    def takes_tasks(self, now: datetime) -> bool:
        """Whether it may be sent another assignment."""
        return self.credits > 0 and not self.is_closed and self.worker.takes_tasks(now)

    def assign(self, running: RunningHere) -> None:
        """Notes that a task is on its way to the worker, which asked for one."""
        self.hold(running)
        self.credits -= 1

    def hold(self, running: RunningHere) -> None:
        """Notes that a task is on the worker."""
        if running.ref in self.held:
            return
        self.held[running.ref] = running
        self._take(running.resources, 1)

    def let_go(self, ref: AttemptRef) -> RunningHere | None:
        """Notes that a task is not on the worker any more."""
        running = self.held.pop(ref, None)
        if running is not None:
            self._take(running.resources, -1)
        return running

    def _take(self, needs: Resources, sign: int) -> None:
        self._used_cpus += sign * needs.cpus
        self._used_memory_bytes += sign * needs.memory_bytes
        self._used_gpus += sign * needs.gpus
        if not self.held:
            # Sums of fractions do not come back to zero by themselves.
            self._used_cpus = 0.0
        self._exclusive_count += sign * needs.is_exclusive

    def leave(self) -> None:
        """Notes that the worker itself takes nothing new."""
        self.worker = replace(self.worker, is_leaving=True)

    def send(self, record: pb.OrchestratorRecord) -> None:
        """Puts a record on its way; ends the session when the worker has stopped reading."""
        if self.is_closed:
            return
        try:
            self._outgoing.put_nowait(record)
        except asyncio.QueueFull:
            self.close()

    def close(self) -> None:
        """Ends the session; what waits is dropped, and the worker connects again."""
        self.is_closed = True
        while not self._outgoing.empty():
            self._outgoing.get_nowait()
        self._outgoing.put_nowait(None)

    async def next_message(self) -> pb.SessionResponse | None:
        """All records that wait, at least one; None at the end of the session."""
        records: list[pb.OrchestratorRecord] = []
        while not records or not (self._outgoing.empty() or len(records) >= MAX_RECORDS_A_MESSAGE):
            record = await self._outgoing.get()
            if record is None:
                return None
            records.append(record)
        return pb.SessionResponse(records=records)
