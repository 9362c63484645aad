"""One worker's standing session with this orchestrator."""

import asyncio
from dataclasses import replace

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.worker import Worker

# Records that wait to be sent; more means that the worker does not read, and the session ends.
MAX_WAITING_RECORDS = 10_000
MAX_RECORDS_A_MESSAGE = 200


class WorkerSession:
    """What the worker holds, how much more it takes, and the records on their way to it."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.held: dict[AttemptRef, Resources] = {}
        self.credits = 0
        self._outgoing: asyncio.Queue[pb.OrchestratorRecord | None] = asyncio.Queue(
            MAX_WAITING_RECORDS
        )

    @property
    def free(self) -> Resources:
        """What the worker has left for more tasks."""
        left = self.worker.capacity
        for resources in self.held.values():
            left = left.minus(resources)
        return left

    @property
    def takes_tasks(self) -> bool:
        """Whether it may be sent another assignment."""
        return self.credits > 0 and not self.worker.is_draining

    def drain(self) -> None:
        """Sends no further assignment."""
        self.worker = replace(self.worker, is_draining=True)

    def send(self, record: pb.OrchestratorRecord) -> None:
        """Puts a record on its way; ends the session when the worker has stopped reading."""
        try:
            self._outgoing.put_nowait(record)
        except asyncio.QueueFull:
            self.close()

    def close(self) -> None:
        """Ends the session; what waits is dropped, and the worker connects again."""
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
