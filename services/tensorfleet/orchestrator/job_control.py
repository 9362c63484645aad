"""What users want of their jobs: create, cancel, pause, resume, retry, change."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import structlog

from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.backlog import Backlog
from tensorfleet.orchestrator.definition import Definition
from tensorfleet.orchestrator.event import EventDraft, JobStateChange
from tensorfleet.orchestrator.fleet_view import FleetView
from tensorfleet.orchestrator.job import Job, JobSpec, JobState, Priority
from tensorfleet.orchestrator.job_changes import Tasks
from tensorfleet.orchestrator.job_plan import (
    definitions_named_in,
    parse_job,
    plan_job,
    spec_digest,
)
from tensorfleet.orchestrator.lifecycle import JobLifecycle
from tensorfleet.orchestrator.store.definition_store import DefinitionStore
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import Task, TaskState
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import FieldError, InvalidJob
from tensorfleet.shared.ids import JobId, TaskId

# A larger spec is planned in a thread: workers' signs of life must not wait for it.
PLAN_ASIDE_BYTES = 64 * 1024
# Tasks that wait again in one transaction when their job is retried.
RETRY_PAGE = 2_000

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


class JobControl:
    """Creates jobs and changes them as their users ask."""

    def __init__(
        self,
        store: OrchestratorStore,
        definitions: DefinitionStore,
        lifecycle: JobLifecycle,
        backlog: Backlog,
        fleet: FleetView,
        clock: Clock,
    ) -> None:
        self._store = store
        self._definitions = definitions
        self._lifecycle = lifecycle
        self._backlog = backlog
        self._fleet = fleet
        self._clock = clock

    async def create(self, spec: JobSpec, *, owner: str, project: str, request_id: str) -> Job:
        """Accepts a job: checked by its kind, planned into tasks, stored, queued.

        Raises:
            UnknownKind: No kind has this name.
            InvalidJob: The spec is wrong, names what the project has not defined, or no worker of
                the fleet could ever run it.
            IdempotencyConflict: The request id was used for another job.
        """
        now = self._clock()
        parsed = await _worked_out(spec, lambda: parse_job(spec))
        found: Mapping[str, Definition] = {}
        if names := definitions_named_in(spec, parsed):
            if request_id:
                # What it names may have been deleted since it was first asked for.
                first = await self._store.find_first(project, owner, request_id, spec_digest(spec))
                if first is not None:
                    return first
            found = await self._definitions.find(project, spec.kind, names)

        def plan() -> tuple[Job, list[Task]]:
            return plan_job(
                spec, parsed, found, owner=owner, project=project, request_id=request_id, now=now
            )

        job, tasks = await _worked_out(spec, plan)
        await self._fleet.check_possible(spec.resources, len(tasks) if job.spec.is_gang else 1)
        await self._check_dependencies(job)
        told = EventDraft(time=now, payload=JobStateChange(state=JobState.PENDING))
        stored = await self._store.create_job(job, tasks, [told])
        if stored.id == job.id:
            log.info("job created", job_id=job.id, kind=spec.kind, tasks=len(tasks))
            await self._backlog.put(job, tasks)
            if spec.after_job_ids:
                await self._follow_dependencies(spec.after_job_ids)
        return stored

    async def _follow_dependencies(self, wanted: Sequence[JobId]) -> None:
        """Some may have ended before this job was there to be let go on."""
        for dependency in (await self._store.get_jobs(wanted)).values():
            if dependency.state.is_terminal:
                await self._lifecycle.follow_job_end(dependency)

    async def _check_dependencies(self, job: Job) -> None:
        wanted = job.spec.after_job_ids
        if not wanted:
            return
        found = await self._store.get_jobs(list(wanted))
        missing = [i for i in wanted if i not in found or found[i].project != job.project]
        if missing:
            message = f"there is no job {missing[0][:128]!r} in this project"
            raise InvalidJob(f"after: {message}", (FieldError(field="after", message=message),))

    async def cancel(self, job_id: JobId, project: str, reason: str = "") -> Job:
        """Asks a job to stop. A job that has ended, or is stopping already, stays as it is.

        Raises:
            JobNotFound: There is none in the project.
        """
        before = await self._store.get_job(job_id, project)
        job = await self._lifecycle.cancel(job_id, reason)
        if job.state.is_terminal and not before.state.is_terminal:
            await self._lifecycle.follow_job_end(job)
        return job

    async def pause(self, job_id: JobId, project: str) -> Job:
        """Starts no further task of a job.

        Raises:
            JobNotFound: There is none in the project.
            JobEnded: It has ended.
        """
        await self._store.get_job(job_id, project)
        now = self._clock()
        change = await self._lifecycle.change(
            job_id, [], lambda job, _: job_changes.pause(job, now)
        )
        await self._backlog.remove(change.job, await self._backlog.all_waiting(job_id))
        return change.job

    async def resume(self, job_id: JobId, project: str) -> Job:
        """Undoes a pause.

        Raises:
            JobNotFound: There is none in the project.
            JobEnded: It has ended.
        """
        await self._store.get_job(job_id, project)
        now = self._clock()
        change = await self._lifecycle.change(
            job_id, [], lambda job, _: job_changes.resume(job, now)
        )
        await self._backlog.put_all(change.job)
        return change.job

    async def retry(self, job_id: JobId, project: str) -> Job:
        """Queues the failed and cancelled tasks of an ended job again.

        Raises:
            JobNotFound: There is none in the project.
            JobNotEnded: It has not ended, or it succeeded.
        """
        job = await self._store.get_job(job_id, project)
        unfinished = await self._unfinished(job)
        # In steps, because one transaction for a hundred thousand tasks would hold up everything
        # else; a gang is small, and waits again as a whole.
        step = max(1, len(unfinished)) if job.spec.is_gang else RETRY_PAGE
        for start in range(0, max(1, len(unfinished)), step):
            rule = partial(job_changes.retry, now=self._clock(), is_further=start > 0)
            change = await self._lifecycle.change(job_id, unfinished[start : start + step], rule)
            job = change.job
            await self._backlog.put(job, change.tasks)
        return job

    async def _unfinished(self, job: Job) -> list[TaskId]:
        """The tasks of an ended job that have not succeeded."""
        found: list[TaskId] = []
        after = -1
        while job.state.is_terminal and (
            page := await self._store.list_tasks(
                job.id, state=None, after_index=after, limit=RETRY_PAGE
            )
        ):
            found += [task.id for task in page if task.state is not TaskState.SUCCEEDED]
            after = page[-1].index
        return found

    async def update(
        self,
        job_id: JobId,
        project: str,
        *,
        priority: Priority | None = None,
        labels: dict[str, str] | None = None,
        name: str | None = None,
    ) -> Job:
        """Changes a job that has not ended; None leaves a value as it is.

        Raises:
            JobNotFound: There is none in the project.
            JobEnded: It has ended.
        """
        before = await self._store.get_job(job_id, project)
        now = self._clock()

        def rule(job: Job, _: Tasks) -> job_changes.JobChange:
            spec = job.spec
            words = []
            if priority is not None and priority is not spec.priority:
                spec = replace(spec, priority=priority)
                words.append(f"priority is {priority.value} now")
            if labels is not None and labels != spec.labels:
                spec = replace(spec, labels=labels)
                words.append("labels changed")
            if name is not None and name != spec.name:
                spec = replace(spec, name=name)
                words.append(f"name is {name!r} now")
            return job_changes.update(job, replace(job, spec=spec), now, "; ".join(words))

        change = await self._lifecycle.change(job_id, [], rule)
        if change.job.spec.priority is not before.spec.priority:
            waiting = await self._backlog.all_waiting(job_id)
            await self._backlog.remove(before, waiting)
            await self._backlog.put(change.job, waiting)
        return change.job


async def _worked_out(spec: JobSpec, work: Callable[[], Answer]) -> Answer:
    """What comes of work whose length depends on the spec's."""
    if len(spec.spec_json) > PLAN_ASIDE_BYTES:
        return await asyncio.to_thread(work)
    return work()
