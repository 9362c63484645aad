"""Following a job's events live: the store for what is there, a nudge for what comes."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

from tensorfleet.orchestrator.event import Event
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
                    if events[-1].draft.is_terminal:
                        return
                    continue
                if await self._has_ended(job_id, after_sequence):
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_LOOK_SECONDS):
                        await news.wait()

    async def _has_ended(self, job_id: JobId, after_sequence: int) -> bool:
        job = await self._store.get_job(job_id, None)
        if not job.state.is_terminal:
            return False
        # The job may have ended between the two looks.
        return not await self._store.list_events(job_id, after_sequence, 1)

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
