"""New jobs go into MongoDB together, and without a transaction.

Tasks and events of a job that is not there yet are nobody's: only the job's own document makes
them count, and it is written last. So the document is the commit, a group of them needs no more
than one statement, and a request id that was used before fails one job of the group alone. What a
killed orchestrator leaves behind is removed later (`Reconciler`), or expires with other events.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pymongo.errors import BulkWriteError, DuplicateKeyError

from tensorfleet.orchestrator.event import EventDraft
from tensorfleet.orchestrator.job import Job
from tensorfleet.orchestrator.store import documents
from tensorfleet.orchestrator.store.event_blocks import event_blocks
from tensorfleet.orchestrator.store.known_jobs import KnownJob, KnownJobs
from tensorfleet.orchestrator.task import Task
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.gathering import Gathering
from tensorfleet.shared.mongo import Database, Document, mongo_errors_translated

DUPLICATE_KEY = 11000
MAX_JOBS_TOGETHER = 500
# Encoding more takes so long that workers' signs of life would wait.
TASKS_AT_ONCE = 2_000


@dataclass(slots=True)
class _New:
    """A job to be."""

    job: Job
    tasks: Sequence[Task]
    blocks: list[Document]
    is_refused: bool = field(default=False)


class JobInserts:
    """Writes new jobs, whatever has gathered at once."""

    def __init__(self, database: Database, known: KnownJobs, clock: Clock) -> None:
        self._jobs = database["jobs"]
        self._tasks = database["tasks"]
        self._events = database["events"]
        self._known = known
        self._clock = clock
        self._gathering = Gathering(self._insert, most=MAX_JOBS_TOGETHER)

    async def create(self, job: Job, tasks: Sequence[Task], events: Sequence[EventDraft]) -> None:
        """Stores a new job, durable on return.

        Raises:
            DuplicateKeyError: Its id or request id is there already.
            Unavailable: MongoDB does not answer.
        """
        new = _New(job, tasks, event_blocks(job.id, 0, 0, events, self._clock()))
        if len(tasks) > TASKS_AT_ONCE:
            # Others need not wait for it.
            await self._insert([new])
        else:
            await self._gathering.add([new])
        if new.is_refused:
            raise DuplicateKeyError("the job is there already")

    async def _insert(self, news: Sequence[_New]) -> None:
        with mongo_errors_translated():
            async with asyncio.TaskGroup() as group:
                group.create_task(self._insert_tasks(news))
                group.create_task(
                    self._events.insert_many([b for new in news for b in new.blocks], ordered=False)
                )
            rows = [
                {**documents.job_to_document(new.job), "last_sequence": new.blocks[-1]["last"]}
                for new in news
            ]
            try:
                await self._jobs.insert_many(rows, ordered=False)
            except BulkWriteError as exc:
                await self._take_back(news, exc)
        for new in news:
            if not new.is_refused:
                self._known.put(
                    KnownJob(
                        job=new.job,
                        last_sequence=new.blocks[-1]["last"],
                        total_bytes=new.blocks[-1]["total_bytes"],
                        tasks={task.id: task for task in new.tasks},
                    )
                )

    async def _insert_tasks(self, news: Sequence[_New]) -> None:
        for chunk in _chunks([task for new in news for task in new.tasks]):
            await self._tasks.insert_many(
                [documents.task_to_document(task) for task in chunk], ordered=False
            )
            await asyncio.sleep(0)

    async def _take_back(self, news: Sequence[_New], exc: BulkWriteError) -> None:
        for error in exc.details["writeErrors"]:
            if error["code"] != DUPLICATE_KEY:
                raise exc
            new = news[error["index"]]
            stored = await self._jobs.find_one({"_id": new.job.id}, {"_id": True})
            if stored is not None:
                # A write whose answer was lost, and that was sent again: it is this very job.
                continue
            new.is_refused = True
            await self._tasks.delete_many({"job_id": new.job.id})
            await self._events.delete_many({"job_id": new.job.id})


def _chunks(tasks: Sequence[Task]) -> Iterator[Sequence[Task]]:
    for start in range(0, len(tasks), TASKS_AT_ONCE):
        yield tasks[start : start + TASKS_AT_ONCE]
