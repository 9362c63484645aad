"""The door for workers: DispatchService."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from typing import Any

import structlog

from tensorfleet import __version__
from tensorfleet.orchestrator.convert.events import drafts_from_message
from tensorfleet.orchestrator.convert.sessions import (
    end_from_message,
    meeting_to_message,
    stop_record,
    worker_from_register,
)
from tensorfleet.orchestrator.convert.tasks import ref_from_message, ref_to_message
from tensorfleet.orchestrator.convert.times import to_duration
from tensorfleet.orchestrator.dispatcher import Dispatcher, running_here
from tensorfleet.orchestrator.fleet_view import FleetView
from tensorfleet.orchestrator.job_changes import AttemptEnd
from tensorfleet.orchestrator.lifecycle import JobLifecycle
from tensorfleet.orchestrator.peer_meetings import PeerMeetings
from tensorfleet.orchestrator.quarantine import QuarantineWatch
from tensorfleet.orchestrator.scheduling.offers import RunningHere
from tensorfleet.orchestrator.session import MAX_UNANSWERED_RENEWALS, WorkerSession
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import dispatch_service_pb2_grpc
from tensorfleet.orchestrator.worker_names import WorkerNames
from tensorfleet.orchestrator.worker_usage import WorkerUsage
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import InvalidInput, JobNotFound, Unavailable, VersionMismatch
from tensorfleet.shared.ids import JobId, WorkerId, job_id_of
from tensorfleet.shared.names import check_name

MAX_SLOTS = 10_000
MAX_CPUS = 1_000_000
MAX_CACHED_ARTIFACTS = 1_000
# Messages that wait to be looked at, and steps that wait for the database; past it, workers wait.
MAX_WAITING_MESSAGES = 100
MAX_REPORTS_UNDER_WAY = 200
# Records that are looked at together.
MAX_RECORDS_TOGETHER = 1_000

Message = list[pb.WorkerRecord]

log = structlog.get_logger(__name__)


class DispatchServicer(dispatch_service_pb2_grpc.DispatchServiceServicer):
    """Workers' sessions: one task reads what the worker tells, the stream carries the answers."""

    def __init__(
        self,
        store: OrchestratorStore,
        lifecycle: JobLifecycle,
        dispatcher: Dispatcher,
        names: WorkerNames,
        fleet: FleetView,
        quarantine: QuarantineWatch,
        clock: Clock,
        *,
        lease: timedelta,
        renew_interval: timedelta,
        meetings: PeerMeetings,
        usage: WorkerUsage,
    ) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._dispatcher = dispatcher
        self._names = names
        self._fleet = fleet
        self._quarantine = quarantine
        self._clock = clock
        self._lease = lease
        self._renew_interval = renew_interval
        self._meetings = meetings
        self._usage = usage

    async def Session(
        self, request_iterator: AsyncIterator[pb.SessionRequest], context: Any
    ) -> AsyncIterator[pb.SessionResponse]:
        """See the contract."""
        records = _records(request_iterator)
        first = await anext(records, None)
        session = await self._register(first[0] if first else None)
        log.info("worker attached", worker_id=session.worker.id)
        reader = asyncio.create_task(self._read(session, records, first[1:] if first else []))
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
            is_gone = self._dispatcher.detach(session)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            if is_gone and not self._dispatcher.is_closing:
                await self._forget(session)
            log.info("worker detached", worker_id=session.worker.id)

    async def MeetPeers(self, request: pb.MeetPeersRequest, context: Any) -> pb.MeetPeersResponse:
        """See the contract."""
        ref, worker_id = ref_from_message(request.ref), WorkerId(request.worker_id)
        return meeting_to_message(await self._meetings.meet(ref, worker_id, request.address))

    async def _forget(self, session: WorkerSession) -> None:
        try:
            await self._names.drop(session.worker)
            await self._fleet.forget(session.worker.id)
        except Unavailable as exc:
            log.warning("end of session not told", problem=str(exc))

    async def _register(self, first: pb.WorkerRecord | None) -> WorkerSession:
        if first is None or first.WhichOneof("record") != "register":
            raise InvalidInput("the first record of a session must be Register")
        message = first.register
        check_name(message.worker_id, "worker_id")
        check_version(message.version)
        if not 1 <= message.slots <= MAX_SLOTS or not 0 < message.capacity.cpus < MAX_CPUS:
            raise InvalidInput(f"a worker must offer cpus and 1 to {MAX_SLOTS} slots")
        introduced = worker_from_register(message, self._clock())
        await self._names.claim(introduced)
        await self._store.save_worker(introduced)
        worker = await self._store.get_worker(introduced.id)
        session = WorkerSession(worker, message.cached_artifact_ids[:MAX_CACHED_ARTIFACTS])
        told = {ref_from_message(running.ref): running for running in message.running}
        current = await self._lifecycle.current_refs(worker.id, list(told))
        for ref in current:
            session.hold(await self._running_here(ref))
        # What it was given and does not run died with its last life, or got lost on the way: no
        # need to wait for the lease.
        await self._store.written()
        running = await self._store.running_tasks(worker.id)
        await self._lifecycle.lose([t.current for t in running if t.current not in current])
        await self._lifecycle.renew(worker.id, list(current))
        session.send(
            pb.OrchestratorRecord(
                registered=pb.Registered(
                    lease_duration=to_duration(self._lease),
                    renew_interval=to_duration(self._renew_interval),
                    lost=[ref_to_message(ref) for ref in told if ref not in current],
                )
            )
        )
        return session

    async def _running_here(self, ref: AttemptRef) -> RunningHere:
        job, tasks = await self._store.look_up(job_id_of(ref.task_id), [ref.task_id])
        attempts = tasks[ref.task_id].attempts
        started = attempts[-1].start_time if attempts else self._clock()
        return running_here(ref, job.spec, started)

    async def _read(
        self, session: WorkerSession, records: AsyncIterator[Message], first: Message
    ) -> None:
        # Reports wait for the database and stay in order. Signs of life must not wait for them: a
        # worker with much to tell would seem dead.
        reports: asyncio.Queue[Message | None] = asyncio.Queue(MAX_WAITING_MESSAGES)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._take_reports(session, reports))
                await self._take(session, first, reports)
                async for message in records:
                    await self._take(session, message, reports)
                await reports.put(None)
        finally:
            session.close()

    async def _take(
        self, session: WorkerSession, message: Message, reports: "asyncio.Queue[Message | None]"
    ) -> None:
        told: Message = []
        for record in message:
            match record.WhichOneof("record"):
                case "credit":
                    self._add_credit(session, record.credit.slots)
                case "renewal":
                    await self._renew(session, record.renewal)
                case _:
                    told.append(record)
        if told:
            await reports.put(told)

    def _add_credit(self, session: WorkerSession, slots: int) -> None:
        session.credits = min(session.credits + max(slots, 0), MAX_SLOTS)
        self._dispatcher.look()

    async def _take_reports(
        self, session: WorkerSession, reports: "asyncio.Queue[Message | None]"
    ) -> None:
        """Hands reports on in order, without waiting for one to be durable before the next."""
        room = asyncio.Semaphore(MAX_REPORTS_UNDER_WAY)
        async with asyncio.TaskGroup() as under_way:
            while message := await reports.get():
                while not reports.empty() and len(message) < MAX_RECORDS_TOGETHER:
                    more = reports.get_nowait()
                    if more is None:
                        reports.put_nowait(None)
                        break
                    message = [*message, *more]
                await self._hand_on(session, message, under_way, room)

    async def _hand_on(
        self,
        session: WorkerSession,
        message: Message,
        under_way: asyncio.TaskGroup,
        room: asyncio.Semaphore,
    ) -> None:
        ends: dict[JobId, list[tuple[AttemptRef, AttemptEnd]]] = {}
        steps: list[Coroutine[Any, Any, None]] = []
        for record in message:
            match record.WhichOneof("record"):
                case "events":
                    steps.append(self._report(session, record.events))
                case "finished":
                    ref = ref_from_message(record.finished.ref)
                    end = end_from_message(record.finished)
                    ends.setdefault(job_id_of(ref.task_id), []).append((ref, end))
                case "drain":
                    session.leave()
                    steps.append(self._store.save_worker(session.worker))
                case other:
                    raise InvalidInput(f"record {other} cannot stand here")
        # An attempt's end comes after its events.
        steps += [self._finish(session, job_id, of_job) for job_id, of_job in ends.items()]

        async def step_and_make_room(step: Coroutine[Any, Any, None]) -> None:
            try:
                await step
            finally:
                room.release()

        for step in steps:
            await room.acquire()
            under_way.create_task(step_and_make_room(step))

    async def _renew(self, session: WorkerSession, message: pb.LeaseRenewal) -> None:
        if message.number - message.answered_number > MAX_UNANSWERED_RENEWALS:
            log.warning("worker is deaf", worker_id=session.worker.id)
            session.close()
            return
        refs = [ref_from_message(ref) for ref in message.attempts]
        lost = await self._lifecycle.renew(session.worker.id, refs)
        await self._names.claim(session.worker)
        for ref in lost:
            self._dispatcher.let_go(ref, session)
        session.send(
            pb.OrchestratorRecord(
                leases_renewed=pb.LeasesRenewed(
                    lost=[ref_to_message(r) for r in lost], number=message.number
                )
            )
        )
        try:
            await self._usage.add(session.worker.id, message.samples)
        except Unavailable as exc:
            log.debug("samples lost", worker_id=session.worker.id, problem=str(exc))

    async def _report(self, session: WorkerSession, message: pb.AttemptEvents) -> None:
        ref = ref_from_message(message.ref)
        drafts = drafts_from_message(message)
        if not drafts:
            return
        if not await self._lifecycle.report(ref, session.worker.id, drafts):
            self._dispatcher.let_go(ref, session)
            session.send(stop_record(ref, pb.StopAttempt.REASON_LEASE_LOST, timedelta(0)))
            return
        session.send(
            pb.OrchestratorRecord(
                events_recorded=pb.EventsRecorded(
                    ref=message.ref, through_source_sequence=drafts[-1].source_sequence
                )
            )
        )

    async def _finish(
        self, session: WorkerSession, job_id: JobId, ends: list[tuple[AttemptRef, AttemptEnd]]
    ) -> None:
        try:
            change = await self._lifecycle.finish(job_id, session.worker.id, ends)
            refused = change.refused
        except JobNotFound:
            refused = frozenset(ref for ref, _ in ends)
        for ref, _ in ends:
            self._dispatcher.let_go(ref, session)
            session.send(
                pb.OrchestratorRecord(
                    finish_recorded=pb.FinishRecorded(
                        ref=ref_to_message(ref), is_accepted=ref not in refused
                    )
                )
            )
        await self._quarantine.note(
            session, [(job_id, end) for ref, end in ends if ref not in refused]
        )


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


async def _records(requests: AsyncIterator[pb.SessionRequest]) -> AsyncIterator[Message]:
    async for request in requests:
        if request.records:
            yield list(request.records)
