"""An orchestrator that says what a test tells it to, and keeps what a worker says; no stores."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import (
    dispatch_service_pb2_grpc,
    event_pb2,
    resources_pb2,
    task_pb2,
)
from tests.deadlines import eventually

SUCCEEDED = task_pb2.ATTEMPT_OUTCOME_SUCCEEDED
FAILED = task_pb2.ATTEMPT_OUTCOME_FAILED
LOST = task_pb2.ATTEMPT_OUTCOME_LOST
CANCELLED = task_pb2.ATTEMPT_OUTCOME_CANCELLED

PATIENCE_SECONDS = 30.0


class ScriptedOrchestrator(dispatch_service_pb2_grpc.DispatchServiceServicer):
    """Acknowledges events and ends, unless the test says otherwise."""

    def __init__(self) -> None:
        self.registrations: list[pb.Register] = []
        self.renewals: list[pb.LeaseRenewal] = []
        self.ends: dict[str, pb.AttemptFinished] = {}
        self.events: dict[str, list[event_pb2.Event]] = {}
        self.credits = 0
        """How many more tasks the worker takes."""
        self.end_count = 0
        self.is_silent = False
        self._outgoing: asyncio.Queue[pb.OrchestratorRecord | None] = asyncio.Queue()

    async def Session(
        self, request_iterator: AsyncIterator[pb.SessionRequest], context: Any
    ) -> AsyncIterator[pb.SessionResponse]:
        """See the contract."""
        self._outgoing = asyncio.Queue()
        self.credits = 0
        reading = asyncio.create_task(self._read(request_iterator))
        try:
            while (record := await self._outgoing.get()) is not None:
                yield pb.SessionResponse(records=[record])
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, requests: AsyncIterator[pb.SessionRequest]) -> None:
        async for request in requests:
            for record in request.records:
                self._take(record)

    def _take(self, record: pb.WorkerRecord) -> None:
        match record.WhichOneof("record"):
            case "register":
                self.registrations.append(record.register)
                registered = pb.Registered()
                registered.renew_interval.FromMilliseconds(200)
                registered.lease_duration.FromSeconds(15)
                self.send(registered=registered)
            case "renewal":
                self.renewals.append(record.renewal)
                self.send(leases_renewed={"number": record.renewal.number})
            case "credit":
                self.credits += record.credit.slots
            case "events":
                events = record.events
                assert events.ref.task_id not in self.ends
                self.events.setdefault(events.ref.task_id, []).extend(events.events)
                last = events.first_source_sequence + len(events.events) - 1
                told = pb.EventsRecorded(ref=events.ref, through_source_sequence=last)
                self.send(events_recorded=told)
            case "finished":
                self.end_count += 1
                if not self.is_silent:
                    self.ends[record.finished.ref.task_id] = record.finished
                    done = pb.FinishRecorded(ref=record.finished.ref, is_accepted=True)
                    self.send(finish_recorded=done)

    def send(self, **record: Any) -> None:
        """Tells the worker something."""
        self._outgoing.put_nowait(pb.OrchestratorRecord(**record))

    def end_session(self) -> None:
        """Ends the stream; the worker connects again."""
        self._outgoing.put_nowait(None)

    def assign(
        self,
        task_ids: Iterable[str],
        function: str,
        *,
        arguments: Iterable[dict[str, Any]] | None = None,
        environment: dict[str, str] | None = None,
        preload: list[str] | None = None,
        owner: str = "ann",
        cpus: float = 0.005,
        timeout_seconds: float = 0,
    ) -> None:
        """Assigns one call for each id; `arguments` are what stands beside the function."""
        ids = list(task_ids)
        assignment = pb.Assignment(
            job_id="job",
            kind="call",
            owner=owner,
            resources=resources_pb2.Resources(cpus=cpus, memory_bytes=1 << 20),
            task_count=len(ids),
        )
        if timeout_seconds:
            assignment.attempt_timeout.FromMilliseconds(int(timeout_seconds * 1000))
        payloads = list(arguments) if arguments is not None else [{"args": [id_]} for id_ in ids]
        for task_id, payload in zip(ids, payloads, strict=True):
            plan = {"shares_process": True, "payload": {"function": function, **payload}}
            if environment:
                plan["environment"] = environment
            if preload:
                plan["preload"] = preload
            ref = pb.AttemptRef(task_id=task_id, attempt=1)
            assignment.tasks.append(pb.AssignedTask(ref=ref, task_json=json.dumps(plan)))
        self.credits -= len(ids)
        self.send(assignment=assignment)

    def cancel(self, task_id: str, grace_seconds: float = 5.0) -> None:
        """Has an attempt stopped."""
        stop = pb.StopAttempt(
            ref=pb.AttemptRef(task_id=task_id, attempt=1),
            reason=pb.StopAttempt.REASON_CANCELLED,
        )
        stop.grace.FromMilliseconds(int(grace_seconds * 1000))
        self.send(stop=stop)

    async def ended(self, task_ids: Iterable[str]) -> list[pb.AttemptFinished]:
        """The ends of these, once all have come."""
        ids = list(task_ids)
        await eventually(
            lambda: all(id_ in self.ends for id_ in ids), timeout_seconds=PATIENCE_SECONDS
        )
        return [self.ends[id_] for id_ in ids]

    async def results(self, task_ids: Iterable[str]) -> list[Any]:
        """The results of these, which all must succeed."""
        ends = await self.ended(task_ids)
        assert [end.failure.message for end in ends if end.outcome != SUCCEEDED] == []
        return [json.loads(end.result_json) for end in ends]

    async def written(self, task_id: str, line: str) -> None:
        """Returns when a task has written a line."""
        await eventually(lambda: line in self.lines(task_id), timeout_seconds=PATIENCE_SECONDS)

    def lines(self, task_id: str) -> list[str]:
        """What a task has written."""
        return [line for event in self.events.get(task_id, []) for line in event.log.lines]


async def start_server(orchestrator: ScriptedOrchestrator) -> tuple[grpc.aio.Server, str]:
    """A server with this orchestrator, and its address."""
    server = grpc.aio.server()
    dispatch_service_pb2_grpc.add_DispatchServiceServicer_to_server(orchestrator, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, f"127.0.0.1:{port}"
