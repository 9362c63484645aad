"""`OrchestratorStore` in MongoDB.

Collections: `jobs`, `tasks` (with their attempts inside), `events` (in blocks), `workers`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure

from tensorfleet.orchestrator.event import Event, EventDraft, Notice
from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.job_changes import JobChange
from tensorfleet.orchestrator.peer import Peer, address_given, not_current
from tensorfleet.orchestrator.store import documents
from tensorfleet.orchestrator.store.event_blocks import events_of_block
from tensorfleet.orchestrator.store.job_inserts import JobInserts
from tensorfleet.orchestrator.store.job_writer import JobWriter, OnEvents, job_not_found
from tensorfleet.orchestrator.store.known_jobs import KnownJobs
from tensorfleet.orchestrator.store.protocol import Rule
from tensorfleet.orchestrator.task import AttemptRef, Task, TaskState
from tensorfleet.orchestrator.worker import Worker
from tensorfleet.shared.clock import Clock, utc_now
from tensorfleet.shared.errors import IdempotencyConflict, Unavailable, WorkerNotFound
from tensorfleet.shared.ids import JobId, TaskId, WorkerId
from tensorfleet.shared.mongo import Database, Document, mongo_errors_translated

# Events that are read at once; a message of them must pass through gRPC.
MAX_PAGE_BYTES = 2 * 1024 * 1024
# The name under which MongoDB knows that an index is there with other options.
INDEX_OPTIONS_CONFLICT = 85


class MongoOrchestratorStore:
    """`OrchestratorStore` in MongoDB."""

    def __init__(
        self,
        database: Database,
        *,
        keep_events_for: timedelta = timedelta(days=30),
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._jobs = database["jobs"]
        self._tasks = database["tasks"]
        self._events = database["events"]
        self._workers = database["workers"]
        self._keep_events_seconds = round(keep_events_for.total_seconds())
        known = KnownJobs()
        self._inserts = JobInserts(database, known, clock)
        self._writer = JobWriter(database, known, clock)

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
                    IndexModel(
                        [("waits_for", ASCENDING)],
                        partialFilterExpression={"waits_for.0": {"$exists": True}},
                    ),
                ]
            )
            # Ended tasks stand in the first alone: most tasks have ended.
            await self._tasks.create_indexes(
                [
                    IndexModel([("job_id", ASCENDING), ("index", ASCENDING)]),
                    IndexModel(
                        [("job_id", DESCENDING), ("index", ASCENDING)],
                        name="queued",
                        partialFilterExpression={"state": TaskState.QUEUED.value},
                    ),
                    IndexModel(
                        [("worker_id", ASCENDING)],
                        name="running",
                        partialFilterExpression={"state": TaskState.RUNNING.value},
                    ),
                ]
            )
            await self._events.create_indexes(
                [IndexModel([("job_id", ASCENDING), ("last", ASCENDING)])]
            )
            await self._ensure_expiry()

    async def _ensure_expiry(self) -> None:
        name = "expiry"
        try:
            await self._events.create_index(
                [("time", ASCENDING)], name=name, expireAfterSeconds=self._keep_events_seconds
            )
        except OperationFailure as exc:
            if exc.code != INDEX_OPTIONS_CONFLICT:
                raise
            await self._database.command(
                {
                    "collMod": self._events.name,
                    "index": {"name": name, "expireAfterSeconds": self._keep_events_seconds},
                }
            )

    def tell_events(self, listener: OnEvents) -> None:
        """Has a listener told of events that this process has just made durable."""
        self._writer.on_events = listener

    async def written(self) -> None:
        """See OrchestratorStore."""
        await self._writer.written()

    async def flush(self) -> None:
        """Waits until all changes that were asked for are written; before the client closes."""
        await self._writer.flush()

    async def create_job(
        self, job: Job, tasks: Sequence[Task], events: Sequence[EventDraft]
    ) -> Job:
        """See OrchestratorStore."""
        try:
            await self._inserts.create(job, tasks, events)
        except DuplicateKeyError as exc:
            first = await self.find_first(
                job.project, job.owner, job.request_id, job.request_digest
            )
            if first is None:
                raise Unavailable("the job could not be stored; try again") from exc
            return first
        return job

    async def look_up(
        self, job_id: JobId, task_ids: Sequence[TaskId]
    ) -> tuple[Job, dict[TaskId, Task]]:
        """See OrchestratorStore."""
        return await self._writer.look_up(job_id, task_ids)

    async def change_job(
        self,
        job_id: JobId,
        task_ids: Sequence[TaskId] | None,
        rule: Rule,
        *,
        may_wait: bool = False,
    ) -> JobChange:
        """See OrchestratorStore."""
        return await self._writer.change(job_id, task_ids, rule, may_wait=may_wait)

    async def find_first(
        self, project: str, owner: str, request_id: str, request_digest: str
    ) -> Job | None:
        """See OrchestratorStore."""
        query = {"project": project, "owner": owner, "request_id": request_id}
        with mongo_errors_translated():
            document = await self._jobs.find_one(query)
        if document is None:
            return None
        first = documents.job_from_document(document)
        if first.request_digest != request_digest:
            raise IdempotencyConflict(
                f"request id {request_id!r} was used for another job, {first.id}; "
                "use a new one for a new job"
            )
        return first

    async def get_job(self, job_id: JobId, project: str | None) -> Job:
        """See OrchestratorStore."""
        with mongo_errors_translated():
            document = await self._jobs.find_one({"_id": job_id})
        if document is None or (project is not None and document["project"] != project):
            raise job_not_found(job_id)
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

    async def get_tasks(self, task_ids: Sequence[TaskId]) -> dict[TaskId, Task]:
        """See OrchestratorStore."""
        with mongo_errors_translated():
            cursor = self._tasks.find({"_id": {"$in": list(task_ids)}})
            tasks = [documents.task_from_document(row) async for row in cursor]
        return {task.id: task for task in tasks}

    async def get_jobs(self, job_ids: Sequence[JobId]) -> dict[JobId, Job]:
        """See OrchestratorStore."""
        with mongo_errors_translated():
            cursor = self._jobs.find({"_id": {"$in": list(job_ids)}})
            jobs = [documents.job_from_document(row) async for row in cursor]
        return {job.id: job for job in jobs}

    async def jobs_waiting_for(self, job_ids: Sequence[JobId]) -> list[Job]:
        """See OrchestratorStore."""
        query = {
            "waits_for": {"$in": list(job_ids)},
            "waits_for.0": {"$exists": True},
            "state": {"$nin": [state.value for state in JobState if state.is_terminal]},
        }
        with mongo_errors_translated():
            return [documents.job_from_document(row) async for row in self._jobs.find(query)]

    async def waiting_tasks(self, after: tuple[JobId, int] | None, limit: int) -> list[Task]:
        """See OrchestratorStore."""
        query: Document = {"state": TaskState.QUEUED.value}
        if after is not None:
            job_id, index = after
            query["$or"] = [
                {"job_id": job_id, "index": {"$gt": index}},
                {"job_id": {"$lt": job_id}},
            ]
        with mongo_errors_translated():
            cursor = (
                self._tasks.find(query)
                .sort([("job_id", DESCENDING), ("index", ASCENDING)])
                .limit(limit)
            )
            return [documents.task_from_document(row) async for row in cursor]

    async def running_tasks(self, worker_id: WorkerId | None) -> list[Task]:
        """See OrchestratorStore."""
        query: Document = {"state": TaskState.RUNNING.value}
        query["worker_id"] = worker_id if worker_id is not None else {"$gt": ""}
        with mongo_errors_translated():
            return [documents.task_from_document(row) async for row in self._tasks.find(query)]

    async def give_address(self, ref: AttemptRef, worker_id: WorkerId, address: str) -> None:
        """See OrchestratorStore."""
        given = {"attempt": ref.number, "address": address}
        expected: Document = {
            "_id": ref.task_id,
            "state": TaskState.RUNNING.value,
            "attempt": ref.number,
            "worker_id": worker_id,
        }
        with mongo_errors_translated():
            result = await self._tasks.update_one(
                {**expected, "$or": [{"peer.attempt": {"$ne": ref.number}}, {"peer": given}]},
                {"$set": {"peer": given}},
            )
            if not result.matched_count:
                current = await self._tasks.find_one(expected)
        if not result.matched_count:
            raise address_given(ref) if current else not_current(ref)

    async def peers(self, job_id: JobId) -> list[Peer]:
        """See OrchestratorStore."""
        fields = {"index": 1, "state": 1, "attempt": 1, "attempts": {"$slice": -1}, "peer": 1}
        with mongo_errors_translated():
            cursor = self._tasks.find({"job_id": job_id}, fields).sort("index", ASCENDING)
            return [documents.peer_from_document(row) async for row in cursor]

    async def forget_tasks(self, job_ids: Sequence[JobId]) -> None:
        """See OrchestratorStore."""
        with mongo_errors_translated():
            await self._tasks.delete_many({"job_id": {"$in": list(job_ids)}})

    async def list_events(self, job_id: JobId, after_sequence: int, limit: int) -> list[Event]:
        """See OrchestratorStore."""
        query = {"job_id": job_id, "last": {"$gt": after_sequence}}
        events: list[Event] = []
        size = 0
        with mongo_errors_translated():
            cursor = self._events.find(query).sort("last", ASCENDING).limit(limit)
            async for block in cursor:
                if not events and block["first"] > after_sequence + 1:
                    events.append(_expired(job_id, block["first"] - 1, block["time"]))
                events += events_of_block(block, after_sequence)
                size += len(block["body"])
                if len(events) >= limit or size >= MAX_PAGE_BYTES:
                    break
        return events

    async def last_sequence(self, job_id: JobId) -> int:
        """See OrchestratorStore."""
        with mongo_errors_translated():
            row = await self._events.find_one(
                {"job_id": job_id}, sort=[("last", DESCENDING)], projection={"last": True}
            )
            if row is None:
                row = await self._jobs.find_one({"_id": job_id}, {"last": "$last_sequence"})
        return int(row["last"]) if row else 0

    async def drop_events(self, job_id: JobId, keep_bytes: int) -> int:
        """See OrchestratorStore."""
        with mongo_errors_translated():
            tail = await self._events.find_one({"job_id": job_id}, sort=[("last", DESCENDING)])
            if tail is None or tail["total_bytes"] <= keep_bytes:
                return 0
            result = await self._events.delete_many(
                {
                    "job_id": job_id,
                    "last": {"$lt": tail["last"]},
                    "total_bytes": {"$lt": tail["total_bytes"] - keep_bytes},
                }
            )
        return result.deleted_count

    async def save_worker(self, worker: Worker) -> None:
        """See OrchestratorStore."""
        # Without drain and quarantine: an operator's and the fleet's word outlives a restart.
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

    async def drain_worker(self, worker_id: WorkerId, *, is_drained: bool) -> None:
        """See OrchestratorStore."""
        change: Document = {"is_drained": is_drained}
        if not is_drained:
            change["quarantine_end_time"] = None
        with mongo_errors_translated():
            result = await self._workers.update_one({"_id": worker_id}, {"$set": change})
        if not result.matched_count:
            raise WorkerNotFound(f"no worker is called {worker_id[:128]!r}")

    async def quarantine_worker(self, worker_id: WorkerId, until: datetime) -> None:
        """See OrchestratorStore."""
        with mongo_errors_translated():
            await self._workers.update_one(
                {"_id": worker_id}, {"$set": {"quarantine_end_time": until}}
            )


def _expired(job_id: JobId, through: int, time: datetime) -> Event:
    payload = Notice(reason="EVENTS_EXPIRED", message=f"events 1 to {through} are not kept")
    return Event(job_id=job_id, sequence=through, draft=EventDraft(time=time, payload=payload))
