"""`OrchestratorStore` in MongoDB.

Collections: `jobs`, `tasks` (with their attempts inside), `events`, `workers`.
"""

from collections.abc import Sequence

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from tensorfleet.orchestrator.event import Event, EventDraft
from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.job_changes import JobChange
from tensorfleet.orchestrator.store import documents
from tensorfleet.orchestrator.store.job_turns import JobTurns
from tensorfleet.orchestrator.store.protocol import Rule
from tensorfleet.orchestrator.task import AttemptRef, Task, TaskState
from tensorfleet.orchestrator.worker import Worker
from tensorfleet.shared.errors import (
    IdempotencyConflict,
    JobEnded,
    JobNotFound,
    LeaseLost,
    Unavailable,
    WorkerNotFound,
)
from tensorfleet.shared.ids import JobId, TaskId, WorkerId
from tensorfleet.shared.mongo import Database, Document, mongo_errors_translated

# How many times a write that lost a race is tried again. Writers of one job in one process take
# turns, so only other replicas compete.
RACE_ATTEMPTS = 20
DUPLICATE_KEY = 11000


class MongoOrchestratorStore:
    """`OrchestratorStore` in MongoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs = database["jobs"]
        self._tasks = database["tasks"]
        self._events = database["events"]
        self._workers = database["workers"]
        self._turns = JobTurns()

    async def ensure_indexes(self) -> None:
        """Creates every index that the queries use. Idempotent."""
        with mongo_errors_translated():
            await self._jobs.create_indexes(
                [
                    IndexModel([("project", ASCENDING), ("_id", DESCENDING)]),
                    IndexModel([("project", ASCENDING), ("state", ASCENDING), ("_id", DESCENDING)]),
                    IndexModel([("project", ASCENDING), ("kind", ASCENDING), ("_id", DESCENDING)]),
                    IndexModel(
                        [("project", ASCENDING), ("owner", ASCENDING), ("request_id", ASCENDING)],
                        unique=True,
                        partialFilterExpression={"request_id": {"$exists": True}},
                    ),
                ]
            )
            await self._tasks.create_indexes(
                [
                    IndexModel([("job_id", ASCENDING), ("index", ASCENDING)], unique=True),
                    IndexModel([("state", ASCENDING), ("_id", ASCENDING)]),
                    IndexModel([("state", ASCENDING), ("worker_id", ASCENDING)]),
                ]
            )
            await self._events.create_indexes(
                [
                    IndexModel([("job_id", ASCENDING), ("sequence", ASCENDING)], unique=True),
                    IndexModel(
                        [
                            ("task_id", ASCENDING),
                            ("attempt", ASCENDING),
                            ("source_sequence", ASCENDING),
                        ],
                        unique=True,
                        partialFilterExpression={"source_sequence": {"$exists": True}},
                    ),
                ]
            )

    async def create_job(
        self, job: Job, tasks: Sequence[Task], events: Sequence[EventDraft]
    ) -> Job:
        """See OrchestratorStore."""
        rows = documents.event_documents(job.id, 1, events)

        async def insert(session: AsyncClientSession) -> None:
            await self._jobs.insert_one(documents.job_to_document(job), session=session)
            await self._tasks.insert_many(
                [documents.task_to_document(t) for t in tasks], session=session
            )
            await self._events.insert_many(rows, session=session)

        with mongo_errors_translated():
            try:
                async with self._database.client.start_session() as session:
                    await session.with_transaction(insert)
            except DuplicateKeyError:
                return await self._first_answer(job)
        return job

    async def _first_answer(self, job: Job) -> Job:
        document = await self._jobs.find_one(
            {"project": job.project, "owner": job.owner, "request_id": job.request_id}
        )
        if document is None:
            raise Unavailable("the job could not be stored; try again")
        first = documents.job_from_document(document)
        if first.request_digest != job.request_digest:
            raise IdempotencyConflict(
                f"request id {job.request_id!r} was used for another job, {first.id}; "
                "use a new one for a new job"
            )
        return first

    async def get_job(self, job_id: JobId, project: str | None) -> Job:
        """See OrchestratorStore."""
        with mongo_errors_translated():
            document = await self._jobs.find_one({"_id": job_id})
        if document is None or (project is not None and document["project"] != project):
            raise _job_not_found(job_id)
        return documents.job_from_document(document)

    async def list_jobs(
        self, project: str, *, state: JobState | None, kind: str, before_id: str | None, limit: int
    ) -> list[Job]:
        """See OrchestratorStore."""
        query: Document = {"project": project}
        if state is not None:
            query["state"] = state.value
        if kind:
            query["kind"] = kind
        if before_id is not None:
            query["_id"] = {"$lt": before_id}
        with mongo_errors_translated():
            cursor = self._jobs.find(query).sort("_id", DESCENDING).limit(limit)
            return [documents.job_from_document(row) async for row in cursor]

    async def list_tasks(
        self, job_id: JobId, *, state: TaskState | None, after_index: int, limit: int
    ) -> list[Task]:
        """See OrchestratorStore."""
        query: Document = {"job_id": job_id, "index": {"$gt": after_index}}
        if state is not None:
            query["state"] = state.value
        with mongo_errors_translated():
            cursor = self._tasks.find(query).sort("index", ASCENDING).limit(limit)
            return [documents.task_from_document(row) async for row in cursor]

    async def get_task(self, task_id: TaskId) -> Task | None:
        """See OrchestratorStore."""
        with mongo_errors_translated():
            document = await self._tasks.find_one({"_id": task_id})
        return documents.task_from_document(document) if document else None

    async def tasks_in_state(self, state: TaskState, after_id: str, limit: int) -> list[Task]:
        """See OrchestratorStore."""
        query = {"state": state.value, "_id": {"$gt": after_id}}
        with mongo_errors_translated():
            cursor = self._tasks.find(query).sort("_id", ASCENDING).limit(limit)
            return [documents.task_from_document(row) async for row in cursor]

    async def running_tasks(self, worker_id: WorkerId) -> list[Task]:
        """See OrchestratorStore."""
        query = {"state": TaskState.RUNNING.value, "worker_id": worker_id}
        with mongo_errors_translated():
            return [documents.task_from_document(row) async for row in self._tasks.find(query)]

    async def change_job(
        self, job_id: JobId, task_ids: Sequence[TaskId] | None, rule: Rule
    ) -> JobChange:
        """See OrchestratorStore."""

        async def transact(session: AsyncClientSession) -> JobChange:
            job_row = await self._jobs.find_one({"_id": job_id}, session=session)
            if job_row is None:
                raise _job_not_found(job_id)
            query: Document = {"job_id": job_id}
            if task_ids is not None:
                query = {"_id": {"$in": list(task_ids)}, "job_id": job_id}
            task_rows = [row async for row in self._tasks.find(query, session=session)]
            before = tuple(documents.task_from_document(row) for row in task_rows)
            change = rule(documents.job_from_document(job_row), before)
            await self._write_change(job_id, before, change, session)
            return change

        async with self._turns.of(job_id):
            for _ in range(RACE_ATTEMPTS):
                with mongo_errors_translated():
                    try:
                        async with self._database.client.start_session() as session:
                            return await session.with_transaction(transact)
                    except (DuplicateKeyError, BulkWriteError) as exc:
                        # Another replica took the next sequence number first.
                        if not _is_duplicate(exc):
                            raise
        raise Unavailable(f"too many writers change job {job_id} at once; try again")

    async def _write_change(
        self,
        job_id: JobId,
        before: tuple[Task, ...],
        change: JobChange,
        session: AsyncClientSession,
    ) -> None:
        await self._jobs.replace_one(
            {"_id": job_id}, documents.job_to_document(change.job), session=session
        )
        old = {task.id: task for task in before}
        for task in change.tasks:
            # The transaction already isolates; the filter says what is being replaced.
            expected = {
                "_id": task.id,
                "state": old[task.id].state.value,
                "attempt": len(old[task.id].attempts),
            }
            await self._tasks.replace_one(
                expected, documents.task_to_document(task), session=session
            )
        if change.events:
            last, has_ended = await self._last_event(job_id, session)
            if has_ended:
                raise JobEnded(f"job {job_id} has ended")
            rows = documents.event_documents(job_id, last + 1, change.events)
            await self._events.insert_many(rows, session=session)

    async def append_events(
        self, job_id: JobId, ref: AttemptRef, drafts: Sequence[EventDraft]
    ) -> int:
        """See OrchestratorStore.

        A sequence number is taken by inserting it: the unique index lets one writer have it, and
        inserting in order leaves no gap, whoever dies when.
        """
        async with self._turns.of(job_id):
            for _ in range(RACE_ATTEMPTS):
                with mongo_errors_translated():
                    await self._check_current(ref)
                    last, has_ended = await self._last_event(job_id, None)
                    if has_ended:
                        raise LeaseLost(f"job {job_id} has ended")
                    recorded = await self._last_source_sequence(ref)
                    new = [d for d in drafts if d.source_sequence > recorded]
                    if not new:
                        return last
                    rows = documents.event_documents(job_id, last + 1, new)
                    try:
                        await self._events.insert_many(rows, ordered=True)
                    except BulkWriteError as exc:
                        if not _is_duplicate(exc):
                            raise
                        continue
                    return last + len(rows)
        raise Unavailable(f"too many writers report on job {job_id} at once; try again")

    async def _check_current(self, ref: AttemptRef) -> None:
        found = await self._tasks.find_one(
            {"_id": ref.task_id, "state": TaskState.RUNNING.value, "attempt": ref.number},
            projection={"_id": True},
        )
        if found is None:
            raise LeaseLost(f"attempt {ref.number} of task {ref.task_id} is not current")

    async def _last_event(
        self, job_id: JobId, session: AsyncClientSession | None
    ) -> tuple[int, bool]:
        row = await self._events.find_one(
            {"job_id": job_id},
            sort=[("sequence", DESCENDING)],
            projection={"sequence": True, "is_terminal": True},
            session=session,
        )
        return (row["sequence"], row.get("is_terminal", False)) if row else (0, False)

    async def _last_source_sequence(self, ref: AttemptRef) -> int:
        row = await self._events.find_one(
            {
                "task_id": ref.task_id,
                "attempt": ref.number,
                "source_sequence": {"$exists": True},
            },
            sort=[("source_sequence", DESCENDING)],
            projection={"source_sequence": True},
        )
        return int(row["source_sequence"]) if row else 0

    async def list_events(self, job_id: JobId, after_sequence: int, limit: int) -> list[Event]:
        """See OrchestratorStore."""
        query = {"job_id": job_id, "sequence": {"$gt": after_sequence}}
        with mongo_errors_translated():
            cursor = self._events.find(query).sort("sequence", ASCENDING).limit(limit)
            return [documents.event_from_document(row) async for row in cursor]

    async def save_worker(self, worker: Worker) -> None:
        """See OrchestratorStore."""
        document = documents.worker_to_document(worker)
        created = document.pop("create_time")
        with mongo_errors_translated():
            await self._workers.update_one(
                {"_id": worker.id},
                {"$set": document, "$setOnInsert": {"create_time": created}},
                upsert=True,
            )

    async def get_worker(self, worker_id: WorkerId) -> Worker:
        """See OrchestratorStore."""
        with mongo_errors_translated():
            document = await self._workers.find_one({"_id": worker_id})
        if document is None:
            raise WorkerNotFound(f"no worker is called {worker_id[:128]!r}")
        return documents.worker_from_document(document)

    async def list_workers(self) -> list[Worker]:
        """See OrchestratorStore."""
        with mongo_errors_translated():
            cursor = self._workers.find({}).sort("_id", ASCENDING)
            return [documents.worker_from_document(row) async for row in cursor]

    async def forget_workers(self, worker_ids: Sequence[WorkerId]) -> None:
        """See OrchestratorStore."""
        with mongo_errors_translated():
            await self._workers.delete_many({"_id": {"$in": list(worker_ids)}})


def _job_not_found(job_id: JobId) -> JobNotFound:
    return JobNotFound(f"there is no job {job_id[:128]!r}; `tensorfleet jobs` lists them")


def _is_duplicate(exc: PyMongoError) -> bool:
    if isinstance(exc, BulkWriteError):
        return any(e.get("code") == DUPLICATE_KEY for e in exc.details.get("writeErrors", ()))
    return isinstance(exc, DuplicateKeyError)
