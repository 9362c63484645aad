"""Answers why a job waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tensorfleet.orchestrator.backlog import Backlog, next_ref
from tensorfleet.orchestrator.fleet_view import FleetView
from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.queue.members import entry_name
from tensorfleet.orchestrator.queue.task_queue import TaskQueue
from tensorfleet.orchestrator.room_keeper import RoomKeeper
from tensorfleet.orchestrator.scheduling.explanation import Blocker, estimated_start, explain
from tensorfleet.orchestrator.scheduling.offers import Offer
from tensorfleet.orchestrator.scheduling.waiting import Line, WaitingEntry
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import Task, TaskState
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.ids import JobId

# A gang's tasks are all looked at; of other jobs, the first that waits.
GANG_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a job waits: nothing here means that it does not, or that it is next."""

    position: int = 0
    blockers: tuple[Blocker, ...] = ()
    estimated_start_time: datetime | None = None


class Explainer:
    """Brings together what the queue, the fleet and the job say."""

    def __init__(
        self,
        store: OrchestratorStore,
        queue: TaskQueue,
        backlog: Backlog,
        fleet: FleetView,
        rooms: RoomKeeper,
        clock: Clock,
    ) -> None:
        self._store = store
        self._queue = queue
        self._backlog = backlog
        self._fleet = fleet
        self._rooms = rooms
        self._clock = clock

    async def explain(self, job_id: JobId, project: str | None) -> Explanation:
        """Why the first of the job's waiting tasks waits.

        Raises:
            JobNotFound: There is none in the project.
        """
        job = await self._store.get_job(job_id, project)
        if job.state.is_terminal or not job.task_counts.get(TaskState.QUEUED):
            return Explanation()
        limit = GANG_PAGE if job.spec.is_gang else 1
        waiting = await self._store.list_tasks(
            job_id, state=TaskState.QUEUED, after_index=-1, limit=limit
        )
        if not waiting:
            return Explanation()
        return await self._explain_tasks(job, waiting)

    async def _explain_tasks(self, job: Job, waiting: Sequence[Task]) -> Explanation:
        now = self._clock()
        kind = self._backlog.line(job)
        refs = tuple(map(next_ref, waiting))
        found = await self._queue.position(kind, entry_name(refs, is_gang=kind.is_gang))
        ahead, since = found if found else (0, now)
        offers: list[Offer] = [
            self._rooms.after_reservations(room.offer) for room in await self._fleet.rooms()
        ]
        entry = WaitingEntry(refs=refs, queued_since=since)
        line = Line(
            id=kind.id,
            priority=kind.priority,
            tenant=kind.tenant,
            shape=kind.shape,
            entries=(entry,),
            is_gang=kind.is_gang,
            is_preemptible=kind.is_preemptible,
        )
        ready = max(task.ready_time for task in waiting)
        if job.spec.not_before is not None:
            ready = max(ready, job.spec.not_before)
        blockers = explain(
            line,
            entry,
            offers,
            await self._queue.shares_of(kind.tenant),
            now,
            ahead_count=ahead,
            is_paused=job.state is JobState.PAUSED,
            ready_time=ready,
            dependencies=sorted(job.waits_for),
        )
        starts = await self._queue.recent_starts()
        can_tell = job.state is not JobState.PAUSED and not job.waits_for
        return Explanation(
            position=ahead,
            blockers=tuple(blockers),
            estimated_start_time=estimated_start(ahead, starts, now, ready) if can_tell else None,
        )
