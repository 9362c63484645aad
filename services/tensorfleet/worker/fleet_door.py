"""What a worker asks the orchestrator on behalf of its tasks."""

import asyncio
from datetime import UTC, datetime

import grpc
import structlog

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import worker_service_pb2
from tensorfleet.orchestrator.v1.dispatch_service_pb2_grpc import DispatchServiceStub
from tensorfleet.orchestrator.v1.worker_pb2 import MachineSample as MachineSampleMessage
from tensorfleet.orchestrator.v1.worker_service_pb2_grpc import WorkerServiceStub
from tensorfleet.shared.errors import DeadlineExceeded, InvalidInput, Unavailable
from tensorfleet.shared.machine_sample import MachineSample
from tensorfleet.worker.peer_host import PeerHost

# The first pause, the longest one, and how they grow: most tasks of a gang come together.
ASK_AGAIN_SECONDS = (0.05, 0.3)
ASK_AGAIN_GROWTH = 1.5
MAX_TIMEOUT_SECONDS = 24 * 3600.0

log = structlog.get_logger(__name__)


class FleetDoor:
    """Answers tasks that want to know something of the fleet."""

    def __init__(self, channel: grpc.aio.Channel, worker_name: str, peer_host: PeerHost) -> None:
        self.peer_host = peer_host
        self._dispatch = DispatchServiceStub(channel)
        self._workers = WorkerServiceStub(channel)
        self._worker_name = worker_name

    async def meet(self, ref: pb.AttemptRef, address: str, timeout_seconds: float) -> list[str]:
        """The addresses of all tasks of the attempt's job, by index, once all have come.

        Raises:
            DeadlineExceeded: Some have not come; the message says which.
            TensorFleetError: What the orchestrator refuses it with.
        """
        request = pb.MeetPeersRequest(ref=ref, worker_id=self._worker_name, address=address)
        pause = ASK_AGAIN_SECONDS[0]
        problem = "the orchestrator does not answer"
        try:
            async with asyncio.timeout(min(max(timeout_seconds, 0.0), MAX_TIMEOUT_SECONDS)):
                while True:
                    try:
                        answer = await self._dispatch.MeetPeers(request)
                    except (Unavailable, DeadlineExceeded) as exc:
                        log.warning("meeting interrupted", problem=str(exc))
                        problem = str(exc)
                    else:
                        if answer.peers:
                            return [peer.address for peer in answer.peers]
                        problem = _missing(list(answer.missing_indexes))
                    await asyncio.sleep(pause)
                    pause = min(pause * ASK_AGAIN_GROWTH, ASK_AGAIN_SECONDS[1])
        except TimeoutError:
            raise DeadlineExceeded(
                f"the tasks of this job have not met within {timeout_seconds:g} s: {problem}"
            ) from None

    async def worker_usage(self, worker: str, after: datetime | None) -> list[MachineSample]:
        """What a worker's machine did lately, oldest first.

        Raises:
            InvalidInput: The time is none.
            WorkerNotFound: No such worker.
            TensorFleetError: The orchestrator does not answer.
        """
        request = worker_service_pb2.ListWorkerUsageRequest(worker_id=worker)
        if after is not None:
            try:
                request.after_time.FromDatetime(after)
            except (ValueError, OverflowError) as exc:
                raise InvalidInput("after must be a time between the years 1 and 9999") from exc
        answer = await self._workers.ListWorkerUsage(request)
        return [_to_sample(sample) for sample in answer.samples]


def _to_sample(message: MachineSampleMessage) -> MachineSample:
    told = {field.name: value for field, value in message.ListFields()}
    told |= {
        "time": message.time.ToDatetime(UTC),
        "cores": tuple(round(core, 4) for core in message.cores),
    }
    return MachineSample(**told)


def _missing(indexes: list[int]) -> str:
    named = ", ".join(map(str, indexes[:10]))
    more = " and others" if len(indexes) > 10 else ""
    return f"{'task' if len(indexes) == 1 else 'tasks'} {named}{more} did not come"
