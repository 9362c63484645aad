"""Many workers in one process, over the real protocol, that hold tasks and run nothing.

`python -m tests.bench.light_workers ADDRESS WORKERS SLOTS`, with the fleet's token in the variable
TENSORFLEET_SERVICE_TOKEN. Prints one JSON object a line: `{"attached_seconds": 1.2}` once all are
attached; after each line on its standard input, how many tasks it holds: `{"held": 10}`. A line
"finish" ends all of them well first, and waits until each end is recorded. Each worker has a
connection of its own, as real ones do. The process ends with its standard input.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop

from tensorfleet import __version__
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import resources_pb2, task_pb2
from tensorfleet.orchestrator.v1.dispatch_service_pb2_grpc import DispatchServiceStub
from tensorfleet.shared.grpc_client import CHANNEL_OPTIONS
from tensorfleet.shared.grpc_server import TOKEN_KEY

# Their tasks ask for it, so that no other worker takes them.
LABELS = {"bench": "light"}
NAME_PREFIX = "light-"


class LightWorker:
    """One session."""

    def __init__(self, name: str, slots: int) -> None:
        self._name = name
        self._slots = slots
        self._outgoing: asyncio.Queue[pb.WorkerRecord] = asyncio.Queue()
        self._held: dict[tuple[str, int], pb.AttemptRef] = {}
        self._answered = 0
        self.is_attached = asyncio.Event()
        self.is_idle = asyncio.Event()
        """Nothing that it was given is left."""

    @property
    def held_count(self) -> int:
        """How many tasks it has and has not ended."""
        return len(self._held)

    async def run(self, address: str, token: str) -> None:
        """Holds the session until it is cancelled; raises what ended it otherwise."""
        options = [*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
        async with (
            grpc.aio.insecure_channel(address, options=options) as channel,
            asyncio.TaskGroup() as group,
        ):
            call: Any = DispatchServiceStub(channel).Session(
                self._requests(),
                metadata=[(TOKEN_KEY, f"Bearer {token}")],
            )
            async for response in call:
                for record in response.records:
                    if record.HasField("registered"):
                        interval = record.registered.renew_interval.ToTimedelta()
                        group.create_task(self._renew(interval.total_seconds()))
                    self._take(record)
            raise ConnectionError(f"the session of {self._name} ended")

    def finish(self) -> None:
        """Ends all its tasks well."""
        for ref in self._held.values():
            outcome = task_pb2.ATTEMPT_OUTCOME_SUCCEEDED
            self._send(finished=pb.AttemptFinished(ref=ref, outcome=outcome))

    def _take(self, record: pb.OrchestratorRecord) -> None:
        match record.WhichOneof("record"):
            case "registered":
                self.is_attached.set()
            case "assignment":
                for task in record.assignment.tasks:
                    self._held[_key(task.ref)] = task.ref
                self.is_idle.clear()
            case "finish_recorded":
                self._forget(record.finish_recorded.ref)
            case "stop":
                # A task that is told to stop, stops.
                if record.stop.reason != pb.StopAttempt.REASON_LEASE_LOST:
                    outcome = task_pb2.ATTEMPT_OUTCOME_CANCELLED
                    self._send(finished=pb.AttemptFinished(ref=record.stop.ref, outcome=outcome))
                self._forget(record.stop.ref)
            case "leases_renewed":
                self._answered = record.leases_renewed.number
                for ref in record.leases_renewed.lost:
                    self._forget(ref)

    def _forget(self, ref: pb.AttemptRef) -> None:
        if self._held.pop(_key(ref), None) is not None:
            self._send(credit=pb.Credit(slots=1))
        if not self._held:
            self.is_idle.set()

    async def _renew(self, interval_seconds: float) -> None:
        number = 0
        while True:
            await asyncio.sleep(interval_seconds)
            number += 1
            self._send(
                renewal=pb.LeaseRenewal(
                    attempts=self._held.values(), number=number, answered_number=self._answered
                )
            )

    def _send(self, **record: Any) -> None:
        self._outgoing.put_nowait(pb.WorkerRecord(**record))

    async def _requests(self) -> AsyncIterator[pb.SessionRequest]:
        slots = self._slots
        capacity = resources_pb2.Resources(cpus=slots, memory_bytes=slots * 2**30, labels=LABELS)
        register = pb.Register(
            worker_id=self._name,
            instance_id=f"instance-{os.getpid()}",
            version=__version__,
            hostname="light",
            capacity=capacity,
            slots=slots,
        )
        self._send(register=register)
        self._send(credit=pb.Credit(slots=slots))
        while True:
            yield pb.SessionRequest(records=[await self._outgoing.get()])


def _key(ref: pb.AttemptRef) -> tuple[str, int]:
    return ref.task_id, ref.attempt


async def hold(address: str, worker_count: int, slots: int) -> None:
    """Attaches them all, and answers until standard input ends."""
    token = os.environ["TENSORFLEET_SERVICE_TOKEN"]
    workers = [LightWorker(f"{NAME_PREFIX}{n:03}", slots) for n in range(worker_count)]
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        sessions = [group.create_task(worker.run(address, token)) for worker in workers]
        for worker in workers:
            await worker.is_attached.wait()
        _tell(attached_seconds=time.perf_counter() - started)
        async for line in _lines():
            if line.strip() == b"finish":
                for worker in workers:
                    worker.finish()
                for worker in workers:
                    await worker.is_idle.wait()
            _tell(held=sum(worker.held_count for worker in workers))
        for session in sessions:
            session.cancel()


async def _lines() -> AsyncIterator[bytes]:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        yield line


def _tell(**values: float) -> None:
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    uvloop.run(hold(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
