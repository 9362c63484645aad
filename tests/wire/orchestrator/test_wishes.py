"""What users want of their jobs, over the wire: pause, retry, change, delay, go after others."""

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from tensorfleet.orchestrator.v1 import job_pb2, task_pb2
from tensorfleet.orchestrator.v1 import job_service_pb2 as pb
from tensorfleet.shared import errors
from tests.wire.orchestrator.job_calls import create, ended, events_of, job_of, tasks_of
from tests.wire.orchestrator.running_orchestrator import OrchestratorDoor
from tests.wire.orchestrator.scripted_worker import ScriptedWorker

FAILED = task_pb2.ATTEMPT_OUTCOME_FAILED


async def test_paused_job_starts_nothing_until_it_is_resumed(patient: OrchestratorDoor) -> None:
    paused = await create(patient, priority=job_pb2.PRIORITY_HIGH)
    answer = await patient.jobs.PauseJob(pb.PauseJobRequest(job_id=paused.id))
    assert answer.job.state == job_pb2.JOB_STATE_PAUSED
    other = await create(patient, priority=job_pb2.PRIORITY_LOW)
    worker = ScriptedWorker(patient.dispatch).attach()
    assert (await worker.assignment()).job_id == other.id
    assert not worker.has_received("assignment")
    await patient.jobs.ResumeJob(pb.ResumeJobRequest(job_id=paused.id))
    given = await worker.assignment()
    assert given.job_id == paused.id
    worker.finish(given.ref)
    assert (await ended(patient, paused.id)).state == job_pb2.JOB_STATE_SUCCEEDED
    await worker.vanish()


async def test_task_that_runs_when_its_job_is_paused_goes_on_and_may_end_it(
    patient: OrchestratorDoor,
) -> None:
    worker = ScriptedWorker(patient.dispatch).attach(slots=1)
    job = await create(patient, tasks=2)
    first = await worker.assignment()
    await patient.jobs.PauseJob(pb.PauseJobRequest(job_id=job.id))
    worker.finish(first.ref)
    assert (await worker.receive("finish_recorded")).finish_recorded.is_accepted
    other = await create(patient)
    worker.send(credit={"slots": 1})
    given = await worker.assignment()
    assert given.job_id == other.id
    assert (await job_of(patient, job.id)).state == job_pb2.JOB_STATE_PAUSED
    await patient.jobs.ResumeJob(pb.ResumeJobRequest(job_id=job.id))
    worker.finish(given.ref)
    worker.send(credit={"slots": 1})
    worker.finish((await worker.assignment()).ref)
    assert (await ended(patient, job.id)).state == job_pb2.JOB_STATE_SUCCEEDED
    await worker.vanish()


async def test_dead_letter_that_is_retried_runs_again_and_its_events_go_on(
    patient: OrchestratorDoor,
) -> None:
    worker = ScriptedWorker(patient.dispatch).attach()
    job = await create(patient)
    with pytest.raises(errors.JobNotEnded):
        await patient.jobs.RetryJob(pb.RetryJobRequest(job_id=job.id))
    worker.finish((await worker.assignment()).ref, FAILED, "USER_CODE")
    first_life = await events_of(patient, job.id)
    await patient.jobs.RetryJob(pb.RetryJobRequest(job_id=job.id))
    given = await worker.assignment()
    assert given.ref.attempt == 2
    worker.finish(given.ref)
    whole = await events_of(patient, job.id)
    assert whole[: len(first_life)] == first_life
    done = await ended(patient, job.id)
    assert (done.state, done.failure.reason) == (job_pb2.JOB_STATE_SUCCEEDED, "")
    with pytest.raises(errors.JobNotEnded):
        await patient.jobs.RetryJob(pb.RetryJobRequest(job_id=job.id))
    await worker.vanish()


async def test_job_whose_priority_rises_goes_before_the_others(patient: OrchestratorDoor) -> None:
    first = await create(patient)
    late = await create(patient, priority=job_pb2.PRIORITY_LOW)
    change = job_pb2.Job(id=late.id, spec=job_pb2.JobSpec(priority=job_pb2.PRIORITY_HIGH))
    mask = FieldMask(paths=["spec.priority"])
    answer = await patient.jobs.UpdateJob(pb.UpdateJobRequest(job=change, update_mask=mask))
    assert answer.job.spec.priority == job_pb2.PRIORITY_HIGH
    worker = ScriptedWorker(patient.dispatch).attach(slots=3)
    assert [given.job_id for given in await worker.assignments(2)] == [late.id, first.id]
    assert not worker.has_received("assignment")
    await worker.vanish()


async def test_delayed_job_starts_when_its_time_has_come(patient: OrchestratorDoor) -> None:
    start = datetime.now(UTC) + timedelta(seconds=1.5)
    moment = Timestamp()
    moment.FromDatetime(start)
    delayed = await create(patient, not_before_time=moment, priority=job_pb2.PRIORITY_HIGH)
    other = await create(patient)
    worker = ScriptedWorker(patient.dispatch).attach()
    assert (await worker.assignment()).job_id == other.id
    assert (await worker.assignment()).job_id == delayed.id
    assert datetime.now(UTC) >= start
    await worker.vanish()


async def test_many_tasks_whose_time_has_come_start_together(patient: OrchestratorDoor) -> None:
    start = datetime.now(UTC) + timedelta(seconds=1)
    moment = Timestamp()
    moment.FromDatetime(start)
    await create(patient, not_before_time=moment, tasks=2_000, cpus=0.001, memory_bytes=2**20)
    worker = ScriptedWorker(patient.dispatch).attach(slots=2_000)
    await worker.assignments(2_000)
    assert datetime.now(UTC) - start < timedelta(seconds=3)
    await worker.vanish()


async def test_job_starts_after_all_the_jobs_it_comes_after_have_succeeded(
    patient: OrchestratorDoor,
) -> None:
    worker = ScriptedWorker(patient.dispatch).attach()
    one, two = await create(patient), await create(patient)
    after = await create(patient, after_job_ids=[one.id, two.id])
    refs = {given.job_id: given.ref for given in await worker.assignments(2)}
    worker.finish(refs[one.id])
    await ended(patient, one.id)
    assert not worker.has_received("assignment")
    worker.finish(refs[two.id])
    given = await worker.assignment()
    assert given.job_id == after.id
    worker.finish(given.ref)
    assert (await ended(patient, after.id)).state == job_pb2.JOB_STATE_SUCCEEDED
    late = await create(patient, after_job_ids=[one.id])
    assert (await worker.assignment()).job_id == late.id
    await worker.vanish()


async def test_job_after_one_that_failed_is_cancelled_and_so_is_what_comes_after_it(
    patient: OrchestratorDoor,
) -> None:
    worker = ScriptedWorker(patient.dispatch).attach()
    first = await create(patient)
    second = await create(patient, after_job_ids=[first.id])
    third = await create(patient, after_job_ids=[second.id])
    worker.finish((await worker.assignment()).ref, FAILED, "USER_CODE")
    late = await create(patient, after_job_ids=[third.id])
    for job in (second, third, late):
        done = await ended(patient, job.id)
        assert done.state == job_pb2.JOB_STATE_CANCELLED
        assert done.failure.reason == "DEPENDENCY_FAILED"
    assert not worker.has_received("assignment")
    await worker.vanish()


async def test_nothing_happens_to_a_cancelled_job_when_what_it_came_after_ends(
    patient: OrchestratorDoor,
) -> None:
    worker = ScriptedWorker(patient.dispatch).attach()
    first = await create(patient)
    second = await create(patient, after_job_ids=[first.id])
    await patient.jobs.CancelJob(pb.CancelJobRequest(job_id=second.id))
    events = await events_of(patient, second.id)
    worker.finish((await worker.assignment()).ref)
    await ended(patient, first.id)
    third = await create(patient, after_job_ids=[first.id])
    assert (await worker.assignment()).job_id == third.id
    assert await events_of(patient, second.id) == events
    await worker.vanish()


async def test_job_after_one_that_is_not_there_is_refused(patient: OrchestratorDoor) -> None:
    with pytest.raises(errors.InvalidJob, match="job-none"):
        await create(patient, after_job_ids=["job-none"])


async def test_retry_rule_by_exit_code_runs_a_task_again(patient: OrchestratorDoor) -> None:
    retry = job_pb2.RetryPolicy(max_attempts=1)
    retry.initial_backoff.FromMilliseconds(1)
    retry.rules.add(reasons=["OUT_OF_MEMORY"], max_retries=1)
    worker = ScriptedWorker(patient.dispatch).attach()
    job = await create(patient, retry=retry)
    for attempt in (1, 2):
        given = await worker.assignment()
        assert given.ref.attempt == attempt
        worker.finish(given.ref, FAILED, "OUT_OF_MEMORY")
    assert (await ended(patient, job.id)).failure.reason == "OUT_OF_MEMORY"
    (task,) = await tasks_of(patient, job.id)
    assert len(task.attempts) == 2
    await worker.vanish()


async def test_page_of_large_results_ends_before_it_is_too_large(
    patient: OrchestratorDoor,
) -> None:
    count, result = 40, '"' + "x" * (255 * 1024) + '"'
    worker = ScriptedWorker(patient.dispatch).attach(slots=count)
    job = await create(patient, tasks=count, cpus=0.01, memory_bytes=1024 * 1024)
    for given in await worker.assignments(count):
        worker.finish(given.ref, result_json=result)
    await ended(patient, job.id)
    pages: list[list[int]] = []
    token = ""
    while token or not pages:
        page = await patient.jobs.ListTasks(
            pb.ListTasksRequest(job_id=job.id, page_size=1000, page_token=token)
        )
        assert page.ByteSize() < 5 * 1024 * 1024
        assert all(task.result_json == result for task in page.tasks)
        pages.append([task.index for task in page.tasks])
        token = page.next_page_token
    assert [index for page in pages for index in page] == list(range(count))
    assert len(pages) == 3
    await worker.vanish()
