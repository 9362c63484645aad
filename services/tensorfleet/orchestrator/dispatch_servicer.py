"""The door for workers: DispatchService."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import structlog

from tensorfleet import __version__
from tensorfleet.orchestrator.convert.events import drafts_from_message
from tensorfleet.orchestrator.convert.sessions import (
    end_from_message,
    stop_record,
    worker_from_register,
)
from tensorfleet.orchestrator.convert.tasks import ref_from_message, ref_to_message
from tensorfleet.orchestrator.convert.times import to_duration
from tensorfleet.orchestrator.convert.values import resources_from_message
from tensorfleet.orchestrator.dispatcher import Dispatcher
from tensorfleet.orchestrator.lifecycle import JobLifecycle
from tensorfleet.orchestrator.session import WorkerSession
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import dispatch_service_pb2_grpc
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import InvalidInput, LeaseLost, VersionMismatch
from tensorfleet.shared.names import check_name

MAX_SLOTS = 10_000
# Far above what workers keep unacknowledged for a few tasks; past it, they wait.
MAX_WAITING_REPORTS = 10_000

log = structlog.get_logger(__name__)


class DispatchServicer(dispatch_service_pb2_grpc.DispatchServiceServicer):
    """Workers' sessions: one task reads what the worker tells, the stream carries the answers."""

    def __init__(
        self,
        store: OrchestratorStore,
        lifecycle: JobLifecycle,
        dispatcher: Dispatcher,
        clock: Clock,
        *,
        lease: timedelta,
        renew_interval: timedelta,
    ) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._dispatcher = dispatcher
        self._clock = clock
        self._lease = lease
        self._renew_interval = renew_interval

    async def Session(
        self, request_iterator: AsyncIterator[pb.SessionRequest], context: Any
    ) -> AsyncIterator[pb.SessionResponse]:
        """See the contract."""
        records = _records(request_iterator)
        session = await self._register(await anext(records, None))
        log.info("worker attached", worker_id=session.worker.id)
        reader = asyncio.create_task(self._read(session, records))
        try:
            self._dispatcher.attach(session)
            while message := await session.next_message():
                yield message
            if reader.done():
                # What the reader raised is the stream's status.
                reader.result()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self._dispatcher.detach(session)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            log.info("worker detached", worker_id=session.worker.id)

    async def _register(self, first: pb.WorkerRecord | None) -> WorkerSession:
        if first is None or first.WhichOneof("record") != "register":
            raise InvalidInput("the first record of a session must be Register")
        message = first.register
        check_name(message.worker_id, "worker_id")
        check_version(message.version)
        if not 1 <= message.slots <= MAX_SLOTS or message.capacity.cpus <= 0:
            raise InvalidInput(f"a worker must offer cpus and 1 to {MAX_SLOTS} slots")
        worker = worker_from_register(message, self._clock())
        await self._store.save_worker(worker)
        session = WorkerSession(worker)
        lost = []
        for running in message.running:
            ref = ref_from_message(running.ref)
            if await self._lifecycle.is_current(worker.id, ref):
                session.held[ref] = resources_from_message(running.resources)
            else:
                lost.append(ref)
        # What it was given and does not run died with its last life, or got lost on the way: no
        # need to wait for the lease.
        for task in await self._store.running_tasks(worker.id):
            if task.current not in session.held:
                await self._lifecycle.lose(task.current)
        await self._lifecycle.renew(worker.id, list(session.held))
        session.send(
            pb.OrchestratorRecord(
                registered=pb.Registered(
                    lease_duration=to_duration(self._lease),
                    renew_interval=to_duration(self._renew_interval),
                    lost=[ref_to_message(ref) for ref in lost],
                )
            )
        )
        return session

    async def _read(self, session: WorkerSession, records: AsyncIterator[pb.WorkerRecord]) -> None:
        # Reports wait for the database and stay in order. Signs of life must not wait for them: a
        # worker with much to tell would seem dead.
        reports: asyncio.Queue[pb.WorkerRecord | None] = asyncio.Queue(MAX_WAITING_REPORTS)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._take_reports(session, reports))
                async for record in records:
                    match record.WhichOneof("record"):
                        case "credit":
                            self._add_credit(session, record.credit.slots)
                        case "renewal":
                            await self._renew(session, record.renewal)
                        case _:
                            await reports.put(record)
                await reports.put(None)
        finally:
            session.close()

    def _add_credit(self, session: WorkerSession, slots: int) -> None:
        session.credits = min(session.credits + slots, MAX_SLOTS)
        self._dispatcher.look()

    async def _take_reports(
        self, session: WorkerSession, reports: "asyncio.Queue[pb.WorkerRecord | None]"
    ) -> None:
        while record := await reports.get():
            await self._handle(session, record)

    async def _handle(self, session: WorkerSession, record: pb.WorkerRecord) -> None:
        match record.WhichOneof("record"):
            case "events":
                await self._report(session, record.events)
            case "finished":
                await self._finish(session, record.finished)
            case "drain":
                session.drain()
                await self._store.save_worker(session.worker)
            case other:
                raise InvalidInput(f"record {other} cannot stand here")

    async def _renew(self, session: WorkerSession, message: pb.LeaseRenewal) -> None:
        refs = [ref_from_message(ref) for ref in message.attempts]
        lost = await self._lifecycle.renew(session.worker.id, refs)
        for ref in lost:
            session.held.pop(ref, None)
        session.send(
            pb.OrchestratorRecord(
                leases_renewed=pb.LeasesRenewed(lost=[ref_to_message(r) for r in lost])
            )
        )

    async def _report(self, session: WorkerSession, message: pb.AttemptEvents) -> None:
        ref = ref_from_message(message.ref)
        drafts = drafts_from_message(message)
        if not drafts:
            return
        try:
            await self._lifecycle.report(ref, drafts)
        except LeaseLost:
            self._say_lost(session, ref)
            return
        session.send(
            pb.OrchestratorRecord(
                events_recorded=pb.EventsRecorded(
                    ref=message.ref, through_source_sequence=drafts[-1].source_sequence
                )
            )
        )

    async def _finish(self, session: WorkerSession, message: pb.AttemptFinished) -> None:
        ref = ref_from_message(message.ref)
        is_accepted = True
        try:
            await self._lifecycle.finish(ref, end_from_message(message))
        except LeaseLost:
            is_accepted = False
        session.held.pop(ref, None)
        session.send(
            pb.OrchestratorRecord(
                finish_recorded=pb.FinishRecorded(ref=message.ref, is_accepted=is_accepted)
            )
        )
        self._dispatcher.look()

    def _say_lost(self, session: WorkerSession, ref: AttemptRef) -> None:
        session.held.pop(ref, None)
        session.send(stop_record(ref, pb.StopAttempt.REASON_LEASE_LOST, timedelta(0)))


def check_version(version: str) -> None:
    """Whether a worker of this version can take part.

    Raises:
        VersionMismatch: Its major version is another one.
    """
    if version.partition(".")[0] != __version__.partition(".")[0]:
        raise VersionMismatch(
            f"the worker runs TensorFleet {version or 'of unknown version'}, the orchestrator "
            f"{__version__}; install the same major version on both"
        )


async def _records(
    requests: AsyncIterator[pb.SessionRequest],
) -> AsyncIterator[pb.WorkerRecord]:
    async for request in requests:
        for record in request.records:
            yield record
