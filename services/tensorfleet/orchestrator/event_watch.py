"""Following a job's events live: the store for what is there, word of mouth for what comes."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress

from tensorfleet.orchestrator.event import Event, EventDraft, JobStateChange
from tensorfleet.orchestrator.job import Job
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.shared.ids import JobId

PAGE = 500
# A look without a nudge, for when a signal was lost.
IDLE_LOOK_SECONDS = 2.0
# What a reader that is slower than its job may have waiting here; the rest it reads from the store.
MAX_HEARD = 2_000


class _Reader:
    """One reader: where it is, and what it has heard of since."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self._heard: deque[tuple[int, Sequence[EventDraft]]] = deque()
        self._heard_count = 0

    def hear(self, after_sequence: int, drafts: Sequence[EventDraft]) -> None:
        """Events that have just become durable."""
        self._heard.append((after_sequence, drafts))
        self._heard_count += len(drafts)
        while self._heard_count > MAX_HEARD and len(self._heard) > 1:
            self._heard_count -= len(self._heard.popleft()[1])
        self.news.set()

    def next_heard(self, job_id: JobId, after_sequence: int) -> list[Event]:
        """What was heard right behind a sequence number; nothing when some of it is missing."""
        while self._heard and self._heard[0][0] < after_sequence:
            self._heard_count -= len(self._heard.popleft()[1])
        if not self._heard or self._heard[0][0] != after_sequence:
            return []
        _, drafts = self._heard.popleft()
        self._heard_count -= len(drafts)
        return [
            Event(job_id=job_id, sequence=sequence, draft=draft)
            for sequence, draft in enumerate(drafts, after_sequence + 1)
        ]


class EventWatch:
    """Readers of events in this process, each at its own pace."""

    def __init__(self, store: OrchestratorStore) -> None:
        self._store = store
        self._readers: dict[JobId, set[_Reader]] = defaultdict(set)

    def nudge(self, job_id: JobId) -> None:
        """Wakes the job's readers: there may be new events, of another replica perhaps."""
        for reader in self._readers.get(job_id, ()):
            reader.news.set()

    def recorded(self, job_id: JobId, after_sequence: int, drafts: Sequence[EventDraft]) -> None:
        """Events of a job became durable here: its readers need not ask the store for them."""
        for reader in self._readers.get(job_id, ()):
            reader.hear(after_sequence, drafts)

    async def follow(self, job: Job, after_sequence: int) -> AsyncIterator[list[Event]]:
        """Every event after a sequence number, in order and without gaps, as they come.

        Ends after the terminal event; at once when the reader has it already.

        Args:
            job: As it was just read.
            after_sequence: The last number that the reader has.
        """
        job_id = job.id
        with self._reading(job_id) as reader:
            has_waited = job.state.is_terminal
            while True:
                reader.news.clear()
                events = reader.next_heard(job_id, after_sequence)
                is_heard = bool(events)
                if not is_heard:
                    events = await self._store.list_events(job_id, after_sequence, PAGE)
                if events:
                    yield events
                    after_sequence = events[-1].sequence
                    if events[-1].draft.is_terminal and (
                        is_heard or await self._is_all(job_id, after_sequence)
                    ):
                        return
                    continue
                # Whoever is woken for nothing is no wiser about the job.
                if has_waited and (ending := await self._ending(job_id, after_sequence)):
                    if ending.sequence > after_sequence:
                        yield [ending]
                    return
                has_waited = not await _is_set_within(reader.news, IDLE_LOOK_SECONDS)

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
    def _reading(self, job_id: JobId) -> Iterator[_Reader]:
        reader = _Reader()
        self._readers[job_id].add(reader)
        try:
            yield reader
        finally:
            self._readers[job_id].discard(reader)
            if not self._readers[job_id]:
                del self._readers[job_id]


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
