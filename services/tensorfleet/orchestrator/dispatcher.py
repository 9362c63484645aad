"""Gives waiting tasks to workers that have room, the moment that both are there."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from tensorfleet.orchestrator.convert.sessions import assignment_record, stop_record
from tensorfleet.orchestrator.job import Job, JobSpec
from tensorfleet.orchestrator.lifecycle import JobLifecycle
from tensorfleet.orchestrator.queue.task_queue import TaskQueue
from tensorfleet.orchestrator.scheduling.matching import Placement, match
from tensorfleet.orchestrator.scheduling.offers import Offer, RunningHere
from tensorfleet.orchestrator.scheduling.order import priority_number
from tensorfleet.orchestrator.scheduling.placement import Policy
from tensorfleet.orchestrator.session import WorkerSession
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import AttemptRef, Task
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import JobNotFound, Unavailable
from tensorfleet.shared.ids import JobId, TaskId, WorkerId, job_id_of

# A look without a signal, for when one was lost.
IDLE_LOOK_SECONDS = 2.0
STOP_GRACE = timedelta(seconds=10)
# Tasks that are claimed at once; about what two workers do in a few milliseconds.
MAX_CLAIMS = 500
LINES_A_QUEUE = 64

Claims = Sequence[tuple[AttemptRef, WorkerId]]

log = structlog.get_logger(__name__)


def running_here(ref: AttemptRef, spec: JobSpec, start_time: datetime) -> RunningHere:
    """What a session notes of a job's attempt."""
    return RunningHere(
        ref=ref,
        resources=spec.resources,
        start_time=start_time,
        rank=priority_number(spec.priority),
        is_preemptible=spec.is_preemptible,
    )


class Dispatcher:
    """The sessions of this orchestrator, and the matching of tasks to them."""

    def __init__(
        self,
        store: OrchestratorStore,
        queue: TaskQueue,
        lifecycle: JobLifecycle,
        clock: Clock,
        *,
        policy: Policy,
        ageing_step: timedelta,
    ) -> None:
        self._store = store
        self._queue = queue
        self._lifecycle = lifecycle
        self._clock = clock
        self._policy = policy
        self._ageing_step = ageing_step
        self.sessions: dict[WorkerId, WorkerSession] = {}
        self.reserve: Callable[[Offer], Offer] = lambda offer: offer
        """What is left of an offer beside what is reserved on the worker."""
        self.on_room_freed: Callable[[], None] = lambda: None
        self.is_closing = False
        self._wake = asyncio.Event()
        self._recording: asyncio.TaskGroup | None = None

    def attach(self, session: WorkerSession) -> None:
        """Adds a session. An older one of the same agent ends: its stream is a dead one."""
        older = self.sessions.get(session.worker.id)
        if older is not None:
            older.close()
        self.sessions[session.worker.id] = session
        self.look()

    def detach(self, session: WorkerSession) -> bool:
        """Removes a session that has ended. False when a newer one of the worker is there."""
        if self.sessions.get(session.worker.id) is not session:
            return False
        del self.sessions[session.worker.id]
        return True

    def close_sessions(self) -> None:
        """Ends every session; the workers connect elsewhere."""
        self.is_closing = True
        for session in list(self.sessions.values()):
            session.close()

    def look(self) -> None:
        """Something changed: tasks wait, or a worker has room."""
        self._wake.set()

    def stop_attempt(self, ref: AttemptRef, is_preempted: bool) -> None:
        """Passes a wish to stop on, when the attempt is on a worker that is attached here."""
        reason = (
            pb.StopAttempt.REASON_PREEMPTED if is_preempted else pb.StopAttempt.REASON_CANCELLED
        )
        for session in self.sessions.values():
            if ref in session.held:
                session.send(stop_record(ref, reason, STOP_GRACE))

    def let_go(self, ref: AttemptRef, session: WorkerSession) -> None:
        """Notes that an attempt has ended: there is room again."""
        if session.let_go(ref) is not None:
            self.on_room_freed()
            self.look()

    def place(self, ref: AttemptRef, worker_id: WorkerId) -> None:
        """Sends an attempt that another step has claimed and started, when its worker is here."""
        session = self.sessions.get(worker_id)
        if session is not None and ref not in session.held and self._recording is not None:
            self._recording.create_task(self._place(ref, session))

    async def run(self) -> None:
        """Matches tasks and workers, for ever."""
        async with asyncio.TaskGroup() as recording:
            self._recording = recording
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_LOOK_SECONDS):
                        await self._wake.wait()
                self._wake.clear()
                try:
                    await self._match(recording)
                except Unavailable as exc:
                    log.warning("matching interrupted", problem=str(exc))

    async def _place(self, ref: AttemptRef, session: WorkerSession) -> None:
        try:
            job, tasks = await self._store.look_up(job_id_of(ref.task_id), [ref.task_id])
        except (JobNotFound, Unavailable) as exc:
            # Its lease runs out, and it goes elsewhere.
            log.warning("placed task not sent", task_id=ref.task_id, problem=str(exc))
            return
        session.assign(running_here(ref, job.spec, self._clock()))
        session.send(assignment_record(job, [(ref, tasks[ref.task_id])]))

    async def _match(self, recording: asyncio.TaskGroup) -> None:
        skip = 0
        while True:
            wanted = sum(s.credits for s in self.sessions.values() if s.takes_tasks(self._clock()))
            if not wanted:
                return
            peek = await self._queue.peek(
                min(wanted, MAX_CLAIMS), lines_a_queue=LINES_A_QUEUE, skip_lines=skip
            )
            if not peek.lines:
                return
            # What happened while Redis answered counts.
            placements = match(
                peek.lines,
                self._offers(peek.now),
                peek.shares,
                self._policy,
                peek.now,
                limit=MAX_CLAIMS,
                step=self._ageing_step,
            )
            if placements:
                await self._claim(placements, peek.now, recording)
            elif peek.is_all:
                return
            else:
                skip += LINES_A_QUEUE

    def _offers(self, now: datetime) -> list[Offer]:
        return [
            self.reserve(session.offer())
            for session in self.sessions.values()
            if session.takes_tasks(now)
        ]

    async def _claim(
        self, placements: Sequence[Placement], now: datetime, recording: asyncio.TaskGroup
    ) -> None:
        taken = await self._queue.claim([(p.line, p.entry) for p in placements])
        by_job: dict[JobId, list[tuple[AttemptRef, WorkerId]]] = {}
        for placement, is_taken in zip(placements, taken, strict=True):
            if not is_taken:
                continue
            job_id = job_id_of(placement.entry.refs[0].task_id)
            claimed = list(zip(placement.entry.refs, placement.worker_ids, strict=True))
            by_job.setdefault(job_id, []).extend(claimed)
            for ref, worker_id in claimed:
                self._hold(ref, worker_id, placement, now)
        for job_id, claimed in by_job.items():
            recording.create_task(self._start(job_id, claimed))
        # Lets them send what they have at hand before anything else is matched.
        await asyncio.sleep(0)

    def _hold(
        self, ref: AttemptRef, worker_id: WorkerId, placement: Placement, now: datetime
    ) -> None:
        session = self.sessions.get(worker_id)
        if session is None:
            # It has ended meanwhile: the lease runs out, and the task goes elsewhere.
            return
        line = placement.line
        session.assign(
            RunningHere(
                ref=ref,
                resources=line.shape.resources,
                start_time=now,
                rank=priority_number(line.priority),
                is_preemptible=line.is_preemptible,
            )
        )
        session.last_assigned = now

    async def _start(self, job_id: JobId, claimed: Claims) -> None:
        """Sends what was claimed, while the claim is being written: its end checks it anyway."""
        is_sent = False
        change = None
        try:
            job, tasks = await self._store.look_up(job_id, [ref.task_id for ref, _ in claimed])
            # A gang is sent when it has started: it must not run in part, not for a moment.
            if not job.spec.is_gang:
                self._send(job, tasks, claimed)
                is_sent = True
            change = await self._lifecycle.start(job_id, claimed, may_wait=is_sent)
        except JobNotFound:
            pass
        except Unavailable as exc:
            log.warning("start not recorded", job_id=job_id, problem=str(exc))
        started = {task.id for task in change.tasks} if change else set()
        self._take_back([c for c in claimed if c[0].task_id not in started], is_sent=is_sent)
        if change and not is_sent:
            self.send_started(change.job, change.tasks)

    def send_started(self, job: Job, tasks: Sequence[Task]) -> None:
        """Sends tasks that have started to those of their workers that are attached here."""
        claimed = [(task.current, task.attempts[-1].worker_id) for task in tasks]
        self._send(job, {task.id: task for task in tasks}, claimed)

    def _send(self, job: Job, tasks: Mapping[TaskId, Task], claimed: Claims) -> None:
        by_worker: dict[WorkerId, list[tuple[AttemptRef, Task]]] = {}
        for ref, worker_id in claimed:
            task = tasks.get(ref.task_id)
            if task is not None:
                by_worker.setdefault(worker_id, []).append((ref, task))
        for worker_id, given in by_worker.items():
            session = self.sessions.get(worker_id)
            if session is not None:
                session.send(assignment_record(job, given))

    def _take_back(self, claimed: Claims, *, is_sent: bool) -> None:
        """What could not start: the worker drops it."""
        for ref, worker_id in claimed:
            session = self.sessions.get(worker_id)
            if session is None:
                continue
            if is_sent:
                session.send(stop_record(ref, pb.StopAttempt.REASON_LEASE_LOST, timedelta(0)))
            else:
                session.credits += 1
            self.let_go(ref, session)
