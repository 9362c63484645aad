"""The door for those who look after the fleet: WorkerService."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tensorfleet.orchestrator.convert.sessions import worker_to_message
from tensorfleet.orchestrator.queue import TaskQueue
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.v1 import worker_pb2, worker_service_pb2_grpc
from tensorfleet.orchestrator.v1 import worker_service_pb2 as pb
from tensorfleet.orchestrator.worker import Worker, worker_state
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.ids import WorkerId


class WorkerServicer(worker_service_pb2_grpc.WorkerServiceServicer):
    """The fleet's workers. RPCs that are not here answer UNIMPLEMENTED."""

    def __init__(
        self, store: OrchestratorStore, queue: TaskQueue, lease: timedelta, clock: Clock
    ) -> None:
        self._store = store
        self._queue = queue
        self._lease = lease
        self._clock = clock

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

    async def _messages(self, workers: Sequence[Worker]) -> list[worker_pb2.Worker]:
        seen = await self._queue.last_seen()
        now = self._clock()
        messages = []
        for worker in workers:
            last_seen = seen.get(worker.id)
            state = worker_state(worker, last_seen, self._lease, now)
            running = await self._store.running_tasks(worker.id)
            messages.append(
                worker_to_message(worker, state, last_seen, [task.id for task in running])
            )
        return messages
