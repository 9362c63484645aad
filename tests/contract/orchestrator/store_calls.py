"""What tests of the store call, made with few words."""

from collections.abc import Sequence
from typing import Any

from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.event import Event, EventDraft, JobStateChange, LogLines, LogStream
from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.job_changes import AttemptEnd, JobChange
from tensorfleet.orchestrator.store.protocol import OrchestratorStore, Rule
from tensorfleet.orchestrator.task import AttemptRef, Task
from tensorfleet.shared.ids import JobId, TaskId, WorkerId, task_id
from tests.unit.orchestrator.job_examples import JOB_ID, LATER, NOW, SUCCESS, WORKER, queued_job

CREATED = EventDraft(time=NOW, payload=JobStateChange(state=JobState.PENDING))
ALL = 10**9


async def created(store: OrchestratorStore, **job: Any) -> tuple[Job, tuple[Task, ...]]:
    """A job that is stored; the words are those of `queued_job`."""
    made, tasks = queued_job(**job)
    await store.create_job(made, tasks, [CREATED])
    return made, tasks


def ref(index: int = 0, number: int = 1, job_id: JobId = JOB_ID) -> AttemptRef:
    """An attempt of the example job."""
    return AttemptRef(task_id=task_id(job_id, index), number=number)


async def start(
    store: OrchestratorStore, *refs: AttemptRef, job_id: JobId = JOB_ID, worker: WorkerId = WORKER
) -> JobChange:
    """Attempts start."""
    return await store.change_job(
        job_id,
        [each.task_id for each in refs],
        lambda job, tasks: job_changes.start(job, tasks, [(r, worker) for r in refs], NOW),
    )


async def finish(
    store: OrchestratorStore,
    *refs: AttemptRef,
    job_id: JobId = JOB_ID,
    how: AttemptEnd = SUCCESS,
    worker: WorkerId | None = WORKER,
) -> JobChange:
    """Attempts end."""
    return await store.change_job(
        job_id,
        [each.task_id for each in refs],
        lambda job, tasks: job_changes.finish(
            job, tasks, worker, [(r, how) for r in refs], LATER, lambda: 0.0
        ),
    )


def log_lines(of: AttemptRef, first: int, count: int, size: int = 1) -> list[EventDraft]:
    """Lines that an attempt reports, numbered from `first`."""
    return [
        EventDraft(
            time=NOW,
            task_id=of.task_id,
            attempt=of.number,
            source_sequence=number,
            payload=LogLines(stream=LogStream.STDOUT, lines=(f"line {number}" + "x" * size,)),
        )
        for number in range(first, first + count)
    ]


async def report(
    store: OrchestratorStore, of: AttemptRef, drafts: Sequence[EventDraft], job_id: JobId = JOB_ID
) -> JobChange:
    """An attempt reports."""
    return await store.change_job(
        job_id,
        [of.task_id],
        lambda job, tasks: job_changes.report(job, tasks, of, WORKER, drafts),
    )


def notice(words: str) -> Rule:
    """A rule that only tells something."""
    return lambda job, _: job_changes.notice(job, "TOLD", words, NOW)


async def cancel(store: OrchestratorStore, job_id: JobId = JOB_ID) -> JobChange:
    """A user cancels."""
    return await store.change_job(
        job_id, None, lambda job, tasks: job_changes.cancel(job, tasks, LATER)
    )


async def retry(store: OrchestratorStore, job_id: JobId = JOB_ID) -> JobChange:
    """A user retries."""
    return await store.change_job(
        job_id, None, lambda job, tasks: job_changes.retry(job, tasks, LATER)
    )


async def all_events(store: OrchestratorStore, job_id: JobId = JOB_ID) -> list[Event]:
    """Every event, from the first on; their numbers are checked."""
    events = await store.list_events(job_id, 0, ALL)
    assert [e.sequence for e in events] == list(range(1, len(events) + 1))
    return events


async def all_tasks(store: OrchestratorStore, job_id: JobId = JOB_ID) -> list[Task]:
    """Every task by index."""
    return await store.list_tasks(job_id, state=None, after_index=-1, limit=ALL)


async def task(store: OrchestratorStore, task: TaskId) -> Task:
    """One task."""
    return (await store.get_tasks([task]))[task]
