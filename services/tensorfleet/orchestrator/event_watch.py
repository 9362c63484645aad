"""Following a job's events live: the store for what is there, a nudge for what comes."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

from tensorfleet.orchestrator.event import Event, EventDraft, JobStateChange
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.shared.ids import JobId

PAGE = 500
# A look without a nudge, for when a signal was lost.
IDLE_LOOK_SECONDS = 2.0


class EventWatch:
    """Readers of events in this process, each at its own pace."""

    def __init__(self, store: OrchestratorStore) -> None:
        self._store = store
        self._waiting: dict[JobId, set[asyncio.Event]] = defaultdict(set)

    def nudge(self, job_id: JobId) -> None:
        """Wakes the job's readers: there may be new events."""
        for reader in self._waiting.get(job_id, ()):
            reader.set()

    async def follow(self, job_id: JobId, after_sequence: int) -> AsyncIterator[list[Event]]:
        """Every event after a sequence number, in order and without gaps, as they come.

        Ends after the terminal event; at once when the reader has it already.
        """
        with self._nudged(job_id) as news:
            while True:
                news.clear()
                events = await self._store.list_events(job_id, after_sequence, PAGE)
                if events:
                    yield events
                    after_sequence = events[-1].sequence
                    if events[-1].draft.is_terminal and await self._is_all(job_id, after_sequence):
                        return
                    continue
                if ending := await self._ending(job_id, after_sequence):
                    if ending.sequence > after_sequence:
                        yield [ending]
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_LOOK_SECONDS):
                        await news.wait()

    async def _is_all(self, job_id: JobId, after_sequence: int) -> bool:
        # A user may have retried the job.
        return await self._store.last_sequence(job_id) <= after_sequence

    async def _ending(self, job_id: JobId, after_sequence: int) -> Event | None:
        """The last event of a job that has ended, when there is nothing else to read."""
        job = await self._store.get_job(job_id, None)
        # The job may have ended between the two looks.
        if not job.state.is_terminal or await self._store.list_events(job_id, after_sequence, 1):
            return None
        # Its events may be too old to be kept: the job itself says how it ended.
        payload = JobStateChange(state=job.state, failure=job.failure)
        return Event(
            job_id=job_id,
            sequence=await self._store.last_sequence(job_id),
            draft=EventDraft(time=job.end_time or job.create_time, payload=payload),
        )

    @contextmanager
    def _nudged(self, job_id: JobId) -> Iterator[asyncio.Event]:
        news = asyncio.Event()
        self._waiting[job_id].add(news)
        try:
            yield news
        finally:
            self._waiting[job_id].discard(news)
            if not self._waiting[job_id]:
                del self._waiting[job_id]
