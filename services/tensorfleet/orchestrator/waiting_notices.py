"""Tells in a job's events why it waits, so that its readers need not ask."""

import asyncio
from datetime import timedelta

import structlog
from redis.asyncio import Redis

from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.explainer import Explainer
from tensorfleet.orchestrator.lifecycle import JobLifecycle
from tensorfleet.orchestrator.queue.task_queue import TaskQueue
from tensorfleet.orchestrator.room_keeper import RoomKeeper
from tensorfleet.orchestrator.scheduling.explanation import Blocker
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import JobNotFound, Unavailable
from tensorfleet.shared.ids import JobId, job_id_of
from tensorfleet.shared.redis_connection import redis_errors_translated

LOOK_SECONDS = 5.0
# Most jobs start sooner, and need no explanation.
TELL_AFTER = timedelta(seconds=5)
LINES_LOOKED_AT = 64
# The same reason is told again after this long.
TOLD_SECONDS = 3600

log = structlog.get_logger(__name__)


class WaitingNotices:
    """Looks at the first waiting entry of each line; the replica that plans does it."""

    def __init__(
        self,
        redis: Redis,
        queue: TaskQueue,
        explainer: Explainer,
        rooms: RoomKeeper,
        lifecycle: JobLifecycle,
        clock: Clock,
    ) -> None:
        self._redis = redis
        self._queue = queue
        self._explainer = explainer
        self._rooms = rooms
        self._lifecycle = lifecycle
        self._clock = clock

    async def run(self) -> None:
        """Looks now and then, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self._rooms.is_planner:
                continue
            try:
                await self.look()
            except Unavailable as exc:
                log.warning("waiting jobs not told why", problem=str(exc))

    async def look(self) -> None:
        """Tells each job that waits at the front of a line what it waits for, once."""
        peek = await self._queue.peek(1, lines_a_queue=LINES_LOOKED_AT)
        for line in peek.lines:
            if not line.entries:
                continue
            entry = line.entries[0]
            if peek.now - entry.queued_since >= TELL_AFTER:
                await self._tell(job_id_of(entry.refs[0].task_id))

    async def _tell(self, job_id: JobId) -> None:
        try:
            explanation = await self._explainer.explain(job_id, None)
            if explanation.blockers and await self._is_news(job_id, explanation.blockers):
                now = self._clock()
                first = explanation.blockers[0]
                words = "; ".join(blocker.message for blocker in explanation.blockers)
                await self._lifecycle.change(
                    job_id,
                    [],
                    lambda job, _: job_changes.notice(job, first.reason.value, words, now),
                )
        except JobNotFound:
            return

    async def _is_news(self, job_id: JobId, blockers: tuple[Blocker, ...]) -> bool:
        reasons = ",".join(sorted({blocker.reason.value for blocker in blockers}))
        with redis_errors_translated():
            told = await self._redis.set(f"job:told:{job_id}", reasons, ex=TOLD_SECONDS, get=True)
        return told != reasons
