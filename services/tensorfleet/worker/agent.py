"""The worker's session with the fleet: takes assignments, renews leases, tells what happens."""

import asyncio
import random
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import grpc
import structlog

from tensorfleet import __version__
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import resources_pb2
from tensorfleet.orchestrator.v1.dispatch_service_pb2_grpc import DispatchServiceStub
from tensorfleet.shared.errors import (
    Conflict,
    DeadlineExceeded,
    InvalidInput,
    TensorFleetError,
    Unauthenticated,
    Unavailable,
    WorkerNameTaken,
)
from tensorfleet.shared.grpc_errors import rpc_errors_translated
from tensorfleet.worker.attempt import RunningAttempt, Surroundings
from tensorfleet.worker.attempt_end import StopCause
from tensorfleet.worker.gpu_slots import GpuSlots
from tensorfleet.worker.host_pool import HostLimits, HostPool
from tensorfleet.worker.hosted_task import HostedTask, HostedTasks
from tensorfleet.worker.lease_renewals import LeaseRenewals
from tensorfleet.worker.machine_usage import MachineUsage
from tensorfleet.worker.report import AttemptReport

RECONNECT_SECONDS = (0.1, 2.0)
# Events that come within this time travel in one message.
GATHER_SECONDS = 0.002
KILL_GRACE_SECONDS = 5.0
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
MAX_CACHED_ARTIFACTS = 1_000
# Whoever has our name may be our own last connection, not noticed as dead yet.
NAME_TAKEN_LEASES = 2
STOP_CAUSES = {
    pb.StopAttempt.REASON_CANCELLED: StopCause.CANCELLED,
    pb.StopAttempt.REASON_PREEMPTED: StopCause.PREEMPTED,
}

log = structlog.get_logger(__name__)

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What this worker is and has."""

    name: str
    capacity: resources_pb2.Resources
    slots: int


class Agent:
    """Keeps one session open, and the attempts that run here."""

    def __init__(
        self,
        offer: Offer,
        channel: grpc.aio.Channel,
        surroundings: Surroundings,
        host_limits: HostLimits,
        usage: MachineUsage,
    ) -> None:
        self._offer = offer
        self._usage = usage
        self._stub = DispatchServiceStub(channel)
        self._surroundings = surroundings
        self._instance_id = uuid.uuid4().hex
        self._attempts: dict[Key, RunningAttempt] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._gpus = GpuSlots(offer.capacity.gpus)
        self._news = asyncio.Event()
        self._session_number = 0
        self._hosted = HostedTasks(self._news)
        self.hosts = HostPool(offer.capacity, host_limits, surroundings, self._gpus, self._hosted)
        self._renew_seconds = 5.0
        self._lease_seconds = 15.0
        self._renewals = LeaseRenewals(self._lease_seconds, now=0.0)
        self._credits_to_grant = 0
        self._is_draining = False
        self._is_drain_told = False
        self._is_renewal_due = False
        self.is_attached = False

    @property
    def running_count(self) -> int:
        """Attempts that run here."""
        return len(self._attempts) + len(self._hosted)

    async def run(self) -> None:
        """Keeps a session open, for ever; connects again after every break.

        Raises:
            TensorFleetError: The orchestrator refuses this worker, and always will.
        """
        delay = RECONNECT_SECONDS[0]
        name_taken_since: float | None = None
        while True:
            try:
                with rpc_errors_translated():
                    await self._hold_session()
                delay = RECONNECT_SECONDS[0]
            except WorkerNameTaken as exc:
                now = asyncio.get_running_loop().time()
                name_taken_since = now if name_taken_since is None else name_taken_since
                if now - name_taken_since > NAME_TAKEN_LEASES * self._lease_seconds:
                    raise
                log.warning("name is taken, trying again", problem=str(exc))
            except (InvalidInput, Conflict, Unauthenticated):
                raise
            except (Unavailable, DeadlineExceeded, TensorFleetError) as exc:
                log.warning("session interrupted", problem=str(exc))
            if self.is_attached:
                delay = RECONNECT_SECONDS[0]
                name_taken_since = None
            self.is_attached = False
            # With jitter, so that a thousand workers do not come back at the same moment.
            await asyncio.sleep(delay * (0.5 + random.random()))  # noqa: S311  no secret
            delay = min(delay * 2, RECONNECT_SECONDS[1])

    async def drain(self, grace_seconds: float) -> None:
        """Takes nothing new, lets every task checkpoint and hands it back; waits for that."""
        self._is_draining = True
        self._news.set()
        for attempt in self._attempts.values():
            attempt.stop(StopCause.HANDED_BACK, grace_seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds + KILL_GRACE_SECONDS):
                await asyncio.gather(
                    self.hosts.drain(grace_seconds),
                    *self._tasks.values(),
                    return_exceptions=True,
                )
                await self._hosted.emptied()

    async def close(self) -> None:
        """Ends every attempt at once. What is not told is noticed by its lease."""
        await self.hosts.close()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _hold_session(self) -> None:
        for attempt in self._attempts.values():
            attempt.report.rewind()
        self._hosted.rewind()
        self._is_drain_told = False
        self._credits_to_grant = max(0, self._offer.slots - self.running_count)
        self._session_number += 1
        call = self._stub.Session(self._outgoing(self._session_number))
        renewing: asyncio.Task[None] | None = None
        try:
            async for response in call:
                for record in response.records:
                    await self._handle(record)
                # The first answer says how often.
                renewing = renewing or asyncio.create_task(self._renew_now_and_then(call.cancel))
        except asyncio.CancelledError:
            # A call that we cancel ends like this too; then it is the session that was broken off.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            raise Unavailable("renewals are not answered") from None
        finally:
            if renewing is not None:
                renewing.cancel()
            call.cancel()
            # When the orchestrator ended the call, cancelling it leaves its iterator alive: it must
            # not take what the next session has to tell.
            self._session_number += 1
            self._news.set()

    async def _outgoing(self, session_number: int) -> AsyncIterator[pb.SessionRequest]:
        yield pb.SessionRequest(records=[pb.WorkerRecord(register=self._introduction())])
        self._news.set()
        while True:
            await self._news.wait()
            if session_number != self._session_number:
                return
            self._news.clear()
            for message in _messages(self._take_records()):
                yield message
            await asyncio.sleep(GATHER_SECONDS)

    def _take_records(self) -> list[pb.WorkerRecord]:
        records = []
        if self._is_renewal_due:
            refs = [held.ref for held in self._held()]
            samples = self._usage.take()
            records.append(pb.WorkerRecord(renewal=self._renewals.next(refs, samples)))
            self._is_renewal_due = False
        for attempt in self._attempts.values():
            records.extend(attempt.report.take_unsent())
        records.extend(self._hosted.take_unsent())
        if self._is_draining:
            if not self._is_drain_told:
                records.append(pb.WorkerRecord(drain=pb.Drain()))
                self._is_drain_told = True
        elif self._credits_to_grant:
            records.append(pb.WorkerRecord(credit=pb.Credit(slots=self._credits_to_grant)))
            self._credits_to_grant = 0
        return records

    def _introduction(self) -> pb.Register:
        return pb.Register(
            worker_id=self._offer.name,
            instance_id=self._instance_id,
            version=__version__,
            hostname=socket.gethostname(),
            capacity=self._offer.capacity,
            slots=self._offer.slots,
            running=[
                pb.Register.RunningAttempt(ref=held.ref, resources=held.resources)
                for held in self._held()
            ],
            cached_artifact_ids=self._surroundings.cache.newest(MAX_CACHED_ARTIFACTS),
        )

    def _held(self) -> Iterator[RunningAttempt | HostedTask]:
        yield from self._attempts.values()
        yield from self._hosted

    async def _renew_now_and_then(self, break_session: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        self._renewals = LeaseRenewals(self._lease_seconds, loop.time())
        while True:
            await asyncio.sleep(self._renew_seconds)
            if self._renewals.is_deaf(loop.time()):
                log.warning("no answer for a lease, connecting again")
                break_session()
                return
            self._is_renewal_due = True
            self._news.set()

    async def _handle(self, record: pb.OrchestratorRecord) -> None:
        match record.WhichOneof("record"):
            case "registered":
                self.is_attached = True
                self._renew_seconds = record.registered.renew_interval.ToTimedelta().total_seconds()
                self._lease_seconds = record.registered.lease_duration.ToTimedelta().total_seconds()
                log.info("attached", worker_id=self._offer.name)
                await self._abandon_all(record.registered.lost)
            case "assignment":
                assignment = record.assignment
                for task in self.hosts.accept(assignment):
                    self._start(assignment, task)
            case "stop":
                await self._stop(record.stop)
            case "events_recorded":
                recorded = record.events_recorded
                if report := self._report_of(_key(recorded.ref)):
                    await report.recorded(recorded.through_source_sequence)
            case "finish_recorded":
                if not await self._forget(record.finish_recorded.ref) and (
                    attempt := self._attempts.get(_key(record.finish_recorded.ref))
                ):
                    await attempt.report.close()
            case "leases_renewed":
                now = asyncio.get_running_loop().time()
                self._renewals.answered(record.leases_renewed, now)
                await self._abandon_all(record.leases_renewed.lost)

    def _start(self, assignment: pb.Assignment, task: pb.AssignedTask) -> None:
        key = _key(task.ref)
        if key in self._attempts:
            return
        report = AttemptReport(task.ref, self._news)
        gpu_ids = self._gpus.take(assignment.resources.gpus)
        attempt = RunningAttempt(assignment, task, report, self._surroundings, gpu_ids)
        self._attempts[key] = attempt
        self._tasks[key] = asyncio.create_task(self._run_attempt(key, attempt))

    async def _run_attempt(self, key: Key, attempt: RunningAttempt) -> None:
        with structlog.contextvars.bound_contextvars(
            job_id=attempt.assignment.job_id, task_id=key[0], attempt=key[1]
        ):
            try:
                await attempt.run()
                await attempt.report.is_closed.wait()
                log.info("attempt ended")
            finally:
                self._gpus.give_back(attempt.gpu_ids)
                del self._attempts[key]
                del self._tasks[key]
                self._free_slot()

    async def _forget(self, ref: pb.AttemptRef) -> HostedTask | None:
        """Drops the record of a small task; None when it is none."""
        task = self._hosted.remove(_key(ref))
        if task is not None:
            self._free_slot()
            if task.report is not None:
                await task.report.close()
        return task

    def _free_slot(self) -> None:
        self._credits_to_grant += 1
        self._news.set()

    def _report_of(self, key: Key) -> AttemptReport | None:
        held = self._attempts.get(key) or self._hosted.get(key)
        return held.report if held else None

    async def _stop(self, message: pb.StopAttempt) -> None:
        key = _key(message.ref)
        if message.reason == pb.StopAttempt.REASON_LEASE_LOST:
            await self._abandon_all([message.ref])
            return
        cause = STOP_CAUSES.get(message.reason, StopCause.HANDED_BACK)
        grace_seconds = message.grace.ToTimedelta().total_seconds()
        if attempt := self._attempts.get(key):
            attempt.stop(cause, grace_seconds)
        elif task := self._hosted.get(key):
            self.hosts.stop(task, cause, grace_seconds)

    async def _abandon_all(self, refs: Iterable[pb.AttemptRef]) -> None:
        for ref in refs:
            if attempt := self._attempts.get(_key(ref)):
                await self._abandon(attempt)
            elif task := await self._forget(ref):
                self.hosts.drop(task)

    async def _abandon(self, attempt: RunningAttempt) -> None:
        log.warning("lease lost", task_id=attempt.ref.task_id)
        attempt.abandon()
        await attempt.report.close()


def _messages(records: Sequence[pb.WorkerRecord]) -> Iterator[pb.SessionRequest]:
    """The records in as few messages as stay within a size that every server takes."""
    if not records:
        return
    message = pb.SessionRequest(records=records)
    if len(records) == 1 or message.ByteSize() <= MAX_MESSAGE_BYTES:
        yield message
    else:
        half = len(records) // 2
        yield from _messages(records[:half])
        yield from _messages(records[half:])


def _key(ref: pb.AttemptRef) -> Key:
    return ref.task_id, ref.attempt
