"""The door for those who look after the fleet: WorkerService."""

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

from tensorfleet.orchestrator.convert.sessions import worker_to_message
from tensorfleet.orchestrator.queue.task_queue import TaskQueue
from tensorfleet.orchestrator.signals import Signals, WorkerChanged
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.v1 import worker_pb2, worker_service_pb2_grpc
from tensorfleet.orchestrator.v1 import worker_service_pb2 as pb
from tensorfleet.orchestrator.worker import Worker, WorkerState, worker_state
from tensorfleet.orchestrator.worker_usage import KEPT_COUNT, WorkerUsage
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.ids import WorkerId
from tensorfleet.shared.paging import clamp_page_size


class WorkerServicer(worker_service_pb2_grpc.WorkerServiceServicer):
    """The fleet's workers."""

    def __init__(
        self,
        store: OrchestratorStore,
        queue: TaskQueue,
        signals: Signals,
        lease: timedelta,
        clock: Clock,
        usage: WorkerUsage,
    ) -> None:
        self._store = store
        self._queue = queue
        self._signals = signals
        self._lease = lease
        self._clock = clock
        self._usage = usage

    async def ListWorkers(
        self, request: pb.ListWorkersRequest, context: Any
    ) -> pb.ListWorkersResponse:
        """See the contract."""
        workers = await self._store.list_workers()
        return pb.ListWorkersResponse(workers=await self._messages(workers))

    async def GetWorker(self, request: pb.GetWorkerRequest, context: Any) -> pb.GetWorkerResponse:
        """See the contract."""
        worker = await self._store.get_worker(WorkerId(request.worker_id))
        (message,) = await self._messages([worker])
        return pb.GetWorkerResponse(worker=message)

    async def DrainWorker(
        self, request: pb.DrainWorkerRequest, context: Any
    ) -> pb.DrainWorkerResponse:
        """See the contract."""
        return pb.DrainWorkerResponse(worker=await self._set_drained(request.worker_id, True))

    async def ResumeWorker(
        self, request: pb.ResumeWorkerRequest, context: Any
    ) -> pb.ResumeWorkerResponse:
        """See the contract."""
        return pb.ResumeWorkerResponse(worker=await self._set_drained(request.worker_id, False))

    async def ListWorkerUsage(
        self, request: pb.ListWorkerUsageRequest, context: Any
    ) -> pb.ListWorkerUsageResponse:
        """See the contract."""
        worker = await self._store.get_worker(WorkerId(request.worker_id))
        after = request.after_time.ToDatetime(UTC) if request.HasField("after_time") else None
        limit = clamp_page_size(request.page_size, default=KEPT_COUNT, most=KEPT_COUNT)
        return pb.ListWorkerUsageResponse(samples=await self._usage.after(worker.id, after, limit))

    async def _set_drained(self, name: str, is_drained: bool) -> worker_pb2.Worker:
        worker_id = WorkerId(name)
        await self._store.drain_worker(worker_id, is_drained=is_drained)
        self._signals.send(WorkerChanged(worker_id=worker_id))
        (message,) = await self._messages([await self._store.get_worker(worker_id)])
        return message

    async def _messages(self, workers: Sequence[Worker]) -> list[worker_pb2.Worker]:
        seen = await self._queue.last_seen()
        usage = await self._usage.newest([worker.id for worker in workers])
        now = self._clock()
        messages = []
        for worker in workers:
            last_seen = seen.get(worker.id)
            state = worker_state(worker, last_seen, self._lease, now)
            running = await self._store.running_tasks(worker.id)
            # What a machine did before it went away says nothing of now.
            newest = None if state is WorkerState.OFFLINE else usage.get(worker.id)
            messages.append(
                worker_to_message(worker, state, last_seen, [task.id for task in running], newest)
            )
        return messages
