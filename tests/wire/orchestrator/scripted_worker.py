"""A worker that does what a test tells it, over the real protocol."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tensorfleet import __version__
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import event_pb2, failure_pb2, resources_pb2, task_pb2
from tensorfleet.shared.grpc_errors import rpc_errors_translated

if TYPE_CHECKING:
    from tensorfleet.orchestrator.v1.dispatch_service_pb2_grpc import DispatchServiceAsyncStub


@dataclass(frozen=True)
class Given:
    """A task that the worker was given."""

    ref: pb.AttemptRef
    job_id: str
    kind: str


class ScriptedWorker:
    """One session; what it receives is kept by kind of record."""

    def __init__(
        self,
        stub: "DispatchServiceAsyncStub",
        name: str = "w1",
        *,
        cpus: float = 4.0,
        instance: str = "instance",
    ) -> None:
        self.name = name
        self._cpus = cpus
        self._instance = instance
        self._renewing: asyncio.Task[None] | None = None
        self._held: list[pb.AttemptRef] = []
        self._outgoing: asyncio.Queue[pb.WorkerRecord | None] = asyncio.Queue()
        self._received: dict[str, asyncio.Queue[pb.OrchestratorRecord]] = {}
        self._given: list[Given] = []
        self._stub = stub
        self._reading: asyncio.Task[None] | None = None

    def attach(
        self,
        *,
        slots: int = 4,
        version: str = __version__,
        running: list[pb.AttemptRef] | None = None,
    ) -> "ScriptedWorker":
        """Opens the session and grants credit for every slot that is free."""
        resources = resources_pb2.Resources(cpus=1, memory_bytes=2**29)
        self.send(
            register=pb.Register(
                worker_id=self.name,
                instance_id=self._instance,
                version=version,
                hostname="host",
                capacity=resources_pb2.Resources(cpus=self._cpus, memory_bytes=2**34),
                slots=slots,
                running=[
                    pb.Register.RunningAttempt(ref=ref, resources=resources)
                    for ref in running or ()
                ],
            )
        )
        self.send(credit=pb.Credit(slots=slots - len(running or ())))
        self._reading = asyncio.create_task(self._read())
        return self

    def send(self, **record: object) -> None:
        """Sends one record: `send(credit=...)`."""
        self._outgoing.put_nowait(pb.WorkerRecord(**record))  # type: ignore[arg-type]

    def renews(self, every_seconds: float = 0.4) -> "ScriptedWorker":
        """From now on it renews the leases of what it was given and has not finished."""
        self._renewing = asyncio.create_task(self._renew(every_seconds))
        return self

    async def _renew(self, every_seconds: float) -> None:
        while True:
            self.send(renewal=pb.LeaseRenewal(attempts=self._held))
            await asyncio.sleep(every_seconds)

    def finish(
        self,
        ref: pb.AttemptRef,
        outcome: "task_pb2.AttemptOutcome.ValueType" = task_pb2.ATTEMPT_OUTCOME_SUCCEEDED,
        reason: str = "",
        result_json: str = "",
    ) -> None:
        """Ends an attempt, with a failure if there is a reason for one."""
        message = pb.AttemptFinished(ref=ref, outcome=outcome, result_json=result_json)
        if reason:
            message.failure.CopyFrom(failure_pb2.Failure(reason=reason, message="it broke"))
        if ref in self._held:
            self._held.remove(ref)
        self.send(finished=message)

    async def receive(self, kind: str) -> pb.OrchestratorRecord:
        """The next record of a kind."""
        async with asyncio.timeout(20):
            return await self._received.setdefault(kind, asyncio.Queue()).get()

    async def receive_or_end(self, kind: str) -> pb.OrchestratorRecord:
        """The next record of a kind; raises the session's error when it ends before."""
        receiving = asyncio.create_task(self.receive(kind))
        assert self._reading is not None
        await asyncio.wait([receiving, self._reading], return_when=asyncio.FIRST_COMPLETED)
        if not receiving.done():
            receiving.cancel()
            with rpc_errors_translated():
                await self._reading
        return await receiving

    async def assignment(self) -> Given:
        """The next task that it was given."""
        while not self._given:
            assignment = (await self.receive("assignment")).assignment
            self._given += [
                Given(ref=task.ref, job_id=assignment.job_id, kind=assignment.kind)
                for task in assignment.tasks
            ]
        given = self._given.pop(0)
        self._held.append(given.ref)
        return given

    async def assignments(self, count: int) -> list[Given]:
        """The next tasks that it was given."""
        return [await self.assignment() for _ in range(count)]

    def has_received(self, kind: str) -> bool:
        """Whether a record of a kind waits to be looked at."""
        if kind == "assignment" and self._given:
            return True
        return kind in self._received and not self._received[kind].empty()

    def report(self, ref: pb.AttemptRef, first: int, *lines: str) -> None:
        """Reports one log event for each line, numbered from `first`."""
        events = []
        for line in lines:
            event = event_pb2.Event(
                log=event_pb2.LogLines(stream=event_pb2.LOG_STREAM_STDOUT, lines=[line])
            )
            event.time.GetCurrentTime()
            events.append(event)
        self.send(events=pb.AttemptEvents(ref=ref, first_source_sequence=first, events=events))

    async def ended(self) -> None:
        """Returns when the orchestrator ended the session; raises its error."""
        assert self._reading is not None
        async with asyncio.timeout(20):
            await self._reading

    async def vanish(self) -> None:
        """Breaks the session without a word."""
        assert self._reading is not None
        tasks = [task for task in (self._reading, self._renewing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        call = self._stub.Session(self._requests())
        try:
            async for response in call:
                for record in response.records:
                    kind = record.WhichOneof("record") or ""
                    self._received.setdefault(kind, asyncio.Queue()).put_nowait(record)
        finally:
            call.cancel()

    async def _requests(self) -> AsyncIterator[pb.SessionRequest]:
        while record := await self._outgoing.get():
            yield pb.SessionRequest(records=[record])
