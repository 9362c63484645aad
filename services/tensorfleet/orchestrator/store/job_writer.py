"""Group commit: what gathers while one transaction is written goes into the next one, together.

One journalled majority write takes about as long for five hundred changes as for one, so the more
there is to do, the cheaper each becomes; and a task that starts and ends while a transaction is
under way is written once.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from tensorfleet.orchestrator.event import EventDraft
from tensorfleet.orchestrator.job import Job
from tensorfleet.orchestrator.job_changes import JobChange
from tensorfleet.orchestrator.store import documents
from tensorfleet.orchestrator.store.event_blocks import event_blocks
from tensorfleet.orchestrator.store.known_jobs import KnownJob, KnownJobs
from tensorfleet.orchestrator.store.protocol import Rule
from tensorfleet.orchestrator.store.task_writes import task_writes
from tensorfleet.orchestrator.task import Task
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import JobNotFound, TensorFleetError, Unavailable
from tensorfleet.shared.ids import JobId, TaskId
from tensorfleet.shared.mongo import Database, Document, mongo_errors_translated

# So that a transaction stays short, and what it holds small.
MAX_GROUP_ASKS = 1_000
MAX_GROUP_TASKS = 4_000
# What is not urgent waits this long for company: a task that ends meanwhile is written once.
PATIENCE_SECONDS = 0.01
# How many of a job's tasks are read at once when a change concerns all of them.
TASKS_PAGE = 5_000
# How often a change that lost a race against another replica is tried again.
RACE_ATTEMPTS = 30
RACE_PAUSE_SECONDS = 0.005
DUPLICATE_KEY = 11000

OnEvents = Callable[[JobId, int, Sequence[EventDraft]], None]
"""Job, number before the first of the events, events."""

log = structlog.get_logger(__name__)


class _LostRace(Exception):
    """Another replica changed a job first."""


@dataclass(slots=True)
class _Change:
    job_id: JobId
    task_ids: Sequence[TaskId] | None
    rule: Rule
    done: "asyncio.Future[JobChange]"

    @property
    def task_count(self) -> int:
        return MAX_GROUP_TASKS if self.task_ids is None else len(self.task_ids)


@dataclass(slots=True)
class _Draft:
    """A job on its way to its next version."""

    known: KnownJob
    job: Job
    read: dict[TaskId, Task] = field(default_factory=dict)
    """Tasks as they are, that were not known."""
    tasks: dict[TaskId, Task] = field(default_factory=dict)
    """Tasks as they shall be: changed ones only."""
    events: list[EventDraft] = field(default_factory=list)
    blocks: list[Document] = field(default_factory=list)

    def before(self, task_id: TaskId) -> Task | None:
        """A task as it is in the database."""
        return self.known.tasks.get(task_id) or self.read.get(task_id)


class JobWriter:
    """Writes jobs and their changes, one group after the other."""

    def __init__(self, database: Database, known: KnownJobs, clock: Clock) -> None:
        self._client = database.client
        self._clock = clock
        self._jobs = database["jobs"]
        self._tasks = database["tasks"]
        self._events = database["events"]
        self._known = known
        self._urgent = asyncio.Event()
        self.on_events: OnEvents = lambda _job, _after, _drafts: None
        """Told of events that have just become durable, in order."""
        self._waiting: deque[_Change] = deque()
        self._under_way: Sequence[_Change] = ()
        self._writing: asyncio.Task[None] | None = None

    async def change(
        self,
        job_id: JobId,
        task_ids: Sequence[TaskId] | None,
        rule: Rule,
        *,
        may_wait: bool = False,
    ) -> JobChange:
        """Applies a rule; see OrchestratorStore.change_job."""
        done: asyncio.Future[JobChange] = _future()
        self._waiting.append(_Change(job_id, task_ids, rule, done))
        if not may_wait:
            self._urgent.set()
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_groups())
        # Whoever asked may give up; what is written is written all the same.
        await asyncio.shield(done)
        return done.result()

    async def flush(self) -> None:
        """Waits until everything that was asked for is written."""
        while self._writing is not None:
            await asyncio.wait([self._writing])

    async def written(self) -> None:
        """Waits until what was asked for before is written, or has failed."""
        self._urgent.set()
        asked = [ask.done for ask in (*self._under_way, *self._waiting)]
        if asked:
            await asyncio.wait(asked)

    async def look_up(
        self, job_id: JobId, task_ids: Sequence[TaskId]
    ) -> tuple[Job, dict[TaskId, Task]]:
        """A job and tasks of it; see OrchestratorStore.look_up."""
        known = self._known.get(job_id) or await self._read(job_id)
        tasks = {i: known.tasks[i] for i in task_ids if i in known.tasks}
        missing = [i for i in task_ids if i not in tasks]
        if missing:
            tasks |= await self._read_tasks(job_id, missing)
        return known.job, tasks

    async def _write_groups(self) -> None:
        try:
            while self._waiting:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        await self._urgent.wait()
                group = self._under_way = self._next_group()
                if not self._waiting:
                    self._urgent.clear()
                try:
                    await self._write_group(group)
                except Exception as exc:  # noqa: BLE001  each asker gets it
                    _fail(group, exc)
        finally:
            self._writing = None
            _fail(self._waiting, Unavailable("the orchestrator stops; try again"))
            self._waiting.clear()

    def _next_group(self) -> list[_Change]:
        group: list[_Change] = []
        tasks = 0
        while self._waiting and len(group) < MAX_GROUP_ASKS:
            tasks += self._waiting[0].task_count
            if group and tasks > MAX_GROUP_TASKS:
                break
            group.append(self._waiting.popleft())
        return group

    async def _write_group(self, group: list[_Change]) -> None:
        try:
            await self._write_once(group)
            return
        except _LostRace:
            pass
        # Each job on its own, so that those that nobody else changes are not held up.
        by_job: dict[JobId, list[_Change]] = {}
        for ask in group:
            by_job.setdefault(ask.job_id, []).append(ask)
        for job_id, asks in by_job.items():
            try:
                await self._write_until_won(job_id, asks)
            except Exception as exc:  # noqa: BLE001  each asker gets it
                _fail(asks, exc)

    async def _write_until_won(self, job_id: JobId, asks: list[_Change]) -> None:
        for attempt in range(RACE_ATTEMPTS):
            try:
                await self._write_once(asks)
                return
            except _LostRace:
                # Different pauses, so that two replicas do not meet again and again.
                pause = RACE_PAUSE_SECONDS * min(attempt + 1, 10) * random.random()  # noqa: S311
                await asyncio.sleep(pause)
        raise Unavailable(f"too many writers change job {job_id} at once; try again")

    async def _write_once(self, group: Sequence[_Change]) -> None:
        drafts, outcomes = await self._drafts(group)
        written = [draft for draft in drafts if draft.events]
        for draft in written:
            known = draft.known
            draft.blocks = event_blocks(
                draft.job.id, known.last_sequence, known.total_bytes, draft.events, self._clock()
            )

        async def write(session: AsyncClientSession) -> None:
            await self._update(written, session)

        if written:
            try:
                with mongo_errors_translated():
                    async with self._client.start_session() as session:
                        await session.with_transaction(write)
            except (DuplicateKeyError, _LostRace) as exc:
                self._known.forget(ask.job_id for ask in group)
                raise _LostRace from exc
            except Unavailable as exc:
                # Whether it took effect is not known.
                self._known.forget(ask.job_id for ask in group)
                cause = exc.__cause__
                if isinstance(cause, PyMongoError) and _is_duplicate(cause):
                    raise _LostRace from exc
                raise
        for draft in written:
            after_sequence = draft.known.last_sequence
            self._remember(draft)
            self.on_events(draft.job.id, after_sequence, draft.events)
        for change, outcome in outcomes:
            if change.done.done():
                continue
            if isinstance(outcome, JobChange):
                change.done.set_result(outcome)
            else:
                change.done.set_exception(outcome)

    async def _update(self, drafts: Sequence[_Draft], session: AsyncClientSession) -> None:
        # First, because this is what fails when another replica was faster.
        await self._events.insert_many([b for d in drafts for b in d.blocks], session=session)
        changed = [
            (before, after)
            for d in drafts
            for after in d.tasks.values()
            if (before := d.before(after.id)) is not None
        ]
        if changed:
            result = await self._tasks.bulk_write(
                task_writes(changed), ordered=False, session=session
            )
            if result.matched_count != len(changed):
                raise _LostRace
        jobs = []
        for draft in drafts:
            # Also when nothing else changed: events expire, but their numbers must go on.
            update: Document = {"last_sequence": draft.blocks[-1]["last"]}
            if draft.job is not draft.known.job:
                update |= documents.job_update(draft.job)
            jobs.append(UpdateOne({"_id": draft.job.id}, {"$set": update}))
        await self._jobs.bulk_write(jobs, ordered=False, session=session)

    def _remember(self, draft: _Draft) -> None:
        known = draft.known
        known.last_sequence = draft.blocks[-1]["last"]
        known.total_bytes = draft.blocks[-1]["total_bytes"]
        known.job = draft.job
        self._known.add_tasks(known, draft.tasks.values())
        if draft.job.state.is_terminal:
            self._known.forget([draft.job.id])

    async def _drafts(
        self, changes: Sequence[_Change]
    ) -> tuple[list[_Draft], list[tuple[_Change, JobChange | Exception]]]:
        by_job: dict[JobId, list[_Change]] = {}
        for change in changes:
            by_job.setdefault(change.job_id, []).append(change)
        drafts = []
        outcomes: list[tuple[_Change, JobChange | Exception]] = []
        for job_id, asks in by_job.items():
            try:
                draft, results = await self._draft(job_id, asks)
            except JobNotFound as exc:
                outcomes += [(ask, exc) for ask in asks]
                continue
            drafts.append(draft)
            outcomes += zip(asks, results, strict=True)
        return drafts, outcomes

    async def _draft(
        self, job_id: JobId, asks: Sequence[_Change]
    ) -> tuple[_Draft, list[JobChange | Exception]]:
        known = self._known.get(job_id)
        if known is not None and all(ask.task_ids is not None for ask in asks):
            draft, results = await self._apply(_Draft(known, known.job), asks)
            # What is refused by an old picture might be right.
            if all(isinstance(r, JobChange) and r.events and not r.refused for r in results):
                return draft, results
        known = await self._read(job_id)
        return await self._apply(_Draft(known, known.job), asks)

    async def _apply(
        self, draft: _Draft, asks: Sequence[_Change]
    ) -> tuple[_Draft, list[JobChange | Exception]]:
        known = draft.known
        wanted = {i for ask in asks for i in ask.task_ids or ()} - known.tasks.keys()
        everything = any(ask.task_ids is None for ask in asks)
        if wanted or everything:
            draft.read = await self._read_tasks(
                draft.job.id, None if everything else sorted(wanted)
            )
        results: list[JobChange | Exception] = []
        for ask in asks:
            ids = draft.read if ask.task_ids is None else ask.task_ids
            tasks = {
                i: task for i in ids if (task := draft.tasks.get(i) or draft.before(i)) is not None
            }
            try:
                change = ask.rule(draft.job, tasks)
                if (change.tasks or change.job is not draft.job) and not change.events:
                    raise TensorFleetError(f"a change of job {draft.job.id} has no event")
            except Exception as exc:  # noqa: BLE001  the asker gets it, and nobody else
                results.append(exc)
                continue
            draft.job = change.job
            draft.tasks.update({task.id: task for task in change.tasks})
            draft.events += change.events
            results.append(change)
        return draft, results

    async def _read(self, job_id: JobId) -> KnownJob:
        """A job from the database. Its last event is read first: what comes later is no older."""
        self._known.forget([job_id])
        with mongo_errors_translated():
            tail = await self._events.find_one(
                {"job_id": job_id},
                sort=[("last", DESCENDING)],
                projection={"last": True, "total_bytes": True},
            )
            row = await self._jobs.find_one({"_id": job_id})
        if row is None:
            raise job_not_found(job_id)
        known = KnownJob(
            job=documents.job_from_document(row),
            last_sequence=tail["last"] if tail else row["last_sequence"],
            total_bytes=tail["total_bytes"] if tail else 0,
        )
        self._known.put(known)
        return known

    async def _read_tasks(
        self, job_id: JobId, task_ids: Sequence[TaskId] | None
    ) -> dict[TaskId, Task]:
        query: Document = {"job_id": job_id}
        if task_ids is not None:
            query = {"_id": {"$in": list(task_ids)}, "job_id": job_id}
        with mongo_errors_translated():
            cursor = self._tasks.find(query, batch_size=TASKS_PAGE).sort("index", ASCENDING)
            tasks = [documents.task_from_document(row) async for row in cursor]
        return {task.id: task for task in tasks}


def job_not_found(job_id: JobId) -> JobNotFound:
    """The error for a job that is not there."""
    return JobNotFound(f"there is no job {job_id[:128]!r}; `tensorfleet jobs` lists them")


def _future() -> "asyncio.Future[Any]":
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    # Whoever waits for it may have gone.
    future.add_done_callback(lambda f: f.cancelled() or f.exception())
    return future


def _is_duplicate(exc: PyMongoError) -> bool:
    if isinstance(exc, BulkWriteError):
        return any(e.get("code") == DUPLICATE_KEY for e in exc.details.get("writeErrors", ()))
    return isinstance(exc, DuplicateKeyError)


def _fail(asks: Iterable[_Change], exc: Exception) -> None:
    for ask in asks:
        if not ask.done.done():
            ask.done.set_exception(exc)
