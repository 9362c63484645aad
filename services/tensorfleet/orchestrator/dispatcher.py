"""Gives waiting tasks to workers that have room, the moment that both are there."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from tensorfleet.orchestrator.convert.sessions import assignment_record, stop_record
from tensorfleet.orchestrator.lifecycle import JobLifecycle
from tensorfleet.orchestrator.queue import TaskQueue
from tensorfleet.orchestrator.session import WorkerSession
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.shared.errors import Unavailable
from tensorfleet.shared.ids import WorkerId

# A look without a signal, for when one was lost.
IDLE_LOOK_SECONDS = 2.0
CANCEL_GRACE = timedelta(seconds=10)

log = structlog.get_logger(__name__)


class Dispatcher:
    """The sessions of this orchestrator, and the matching of tasks to them."""

    def __init__(self, queue: TaskQueue, lifecycle: JobLifecycle) -> None:
        self._queue = queue
        self._lifecycle = lifecycle
        self._sessions: dict[WorkerId, WorkerSession] = {}
        self._wake = asyncio.Event()

    def attach(self, session: WorkerSession) -> None:
        """Adds a session. An older one of the same worker ends: its stream is a dead one."""
        older = self._sessions.get(session.worker.id)
        if older is not None:
            older.close()
        self._sessions[session.worker.id] = session
        self.look()

    def detach(self, session: WorkerSession) -> None:
        """Removes a session that has ended."""
        if self._sessions.get(session.worker.id) is session:
            del self._sessions[session.worker.id]

    def close_sessions(self) -> None:
        """Ends every session; the workers connect elsewhere."""
        for session in list(self._sessions.values()):
            session.close()

    def look(self) -> None:
        """Something changed: tasks wait, or a worker has room."""
        self._wake.set()

    def stop_attempt(self, ref: AttemptRef) -> None:
        """Passes a cancellation on, when the attempt is on a worker that is attached here."""
        for session in self._sessions.values():
            if ref in session.held:
                session.send(stop_record(ref, pb.StopAttempt.REASON_CANCELLED, CANCEL_GRACE))

    async def run(self) -> None:
        """Matches tasks and workers, for ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_LOOK_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._match()
            except Unavailable as exc:
                log.warning("matching interrupted", problem=str(exc))

    async def _match(self) -> None:
        # The worker with the most free cores first, so that tasks spread.
        candidates = {s.worker.id: s for s in self._sessions.values() if s.takes_tasks}
        while candidates:
            session = max(candidates.values(), key=lambda s: s.free.cpus)
            if not await self._assign_one(session) or not session.takes_tasks:
                del candidates[session.worker.id]

    async def _assign_one(self, session: WorkerSession) -> bool:
        """Gives the session a task if one fits. False when none does."""
        ref = await self._queue.claim(session.free)
        if ref is None:
            return False
        started = await self._lifecycle.start(ref, session.worker.id)
        if started is None:
            return True
        job, task = started
        session.credits -= 1
        session.held[ref] = task.resources
        # If the session has ended meanwhile, the lease runs out and the task goes elsewhere.
        session.send(assignment_record(job, [task]))
        return True
