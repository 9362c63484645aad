"""Keeps tasks from workers on which they keep failing by no fault of their own."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from tensorfleet.orchestrator.job_changes import AttemptEnd
from tensorfleet.orchestrator.queue.task_queue import TaskQueue
from tensorfleet.orchestrator.scheduling.quarantine import (
    EndedHere,
    may_quarantine,
    quarantine_until,
)
from tensorfleet.orchestrator.session import WorkerSession
from tensorfleet.orchestrator.signals import Signals, WorkerChanged
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.worker import WorkerState, worker_state
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.ids import JobId, WorkerId

REMEMBERED_ENDS = 200

log = structlog.get_logger(__name__)


class QuarantineWatch:
    """Looks at how attempts end on each worker that is attached here."""

    def __init__(
        self,
        store: OrchestratorStore,
        queue: TaskQueue,
        signals: Signals,
        clock: Clock,
        lease: timedelta,
    ) -> None:
        self._store = store
        self._queue = queue
        self._lease = lease
        self._signals = signals
        self._clock = clock
        self._recent: dict[WorkerId, deque[EndedHere]] = {}

    async def note(self, session: WorkerSession, ends: Sequence[tuple[JobId, AttemptEnd]]) -> None:
        """Looks at attempts that have ended, and puts the worker in quarantine if need be."""
        worker_id = session.worker.id
        recent = self._recent.setdefault(worker_id, deque(maxlen=REMEMBERED_ENDS))
        now = self._clock()
        has_failed = False
        for job_id, end in ends[-REMEMBERED_ENDS:]:
            reason = end.failure.reason if end.failure else ""
            has_failed = has_failed or bool(reason)
            recent.append(
                EndedHere(job_id=job_id, end_time=now, outcome=end.outcome, reason=reason)
            )
        if not has_failed:
            return
        until = quarantine_until(tuple(recent), now)
        if until is None or session.worker.is_quarantined(now):
            return
        workers = await self._store.list_workers()
        seen = await self._queue.last_seen()
        states = [worker_state(w, seen.get(w.id), self._lease, now) for w in workers]
        quarantined = states.count(WorkerState.QUARANTINED)
        online = states.count(WorkerState.ONLINE)
        if not may_quarantine(online, quarantined):
            log.warning("worker not quarantined: too many are", worker_id=worker_id)
            return
        log.warning("worker quarantined", worker_id=worker_id, until=until.isoformat())
        await self._store.quarantine_worker(worker_id, until)
        session.worker = replace(session.worker, quarantine_end_time=until)
        self._signals.send(WorkerChanged(worker_id=worker_id))

    def forget(self, worker_id: WorkerId) -> None:
        """The worker was let out by an operator: it begins anew."""
        self._recent.pop(worker_id, None)
