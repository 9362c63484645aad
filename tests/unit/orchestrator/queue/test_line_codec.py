"""Lines and members as Redis keeps them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.orchestrator.job import Job, Priority
from tensorfleet.orchestrator.queue import members
from tensorfleet.orchestrator.queue.line_codec import line_from_json, line_of_job
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.waiting import Shape, Tenant
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import TaskId, new_job_id, task_id
from tests.unit.orchestrator.job_examples import queued_job

RICH = Resources(
    cpus=0.1,
    memory_bytes=2**45 + 1,
    gpus=2,
    gpu_kind="h200",
    labels={"zone": "a.b", "$x": "é"},
    is_exclusive=True,
)


def rich_job() -> Job:
    job, _ = queued_job(
        resources=RICH,
        priority=Priority.HIGH,
        code_artifact_id="code-1",
        is_gang=True,
        is_preemptible=True,
        owner="ann",
        project="vision",
    )
    return job


def test_line_says_what_all_its_tasks_have_in_common() -> None:
    line = line_of_job(rich_job(), with_code=True)
    assert line.priority is Priority.HIGH
    assert line.tenant == Tenant(project="vision", user="ann")
    assert line.shape == Shape(resources=RICH, code_artifact_id="code-1")
    assert (line.is_gang, line.is_preemptible) == (True, True)
    assert line_from_json(line.json) == line


def test_jobs_that_are_alike_stand_in_one_line() -> None:
    job = rich_job()
    turned = replace(RICH, labels=dict(reversed(RICH.labels.items())))
    other = replace(
        job,
        id=new_job_id(),
        spec=replace(job.spec, name="another", kind="train", resources=turned),
    )
    assert line_of_job(other).id == line_of_job(job).id


@pytest.mark.parametrize(
    "changed",
    [
        {"priority": Priority.LOW},
        {"resources": replace(RICH, cpus=0.2)},
        {"resources": replace(RICH, labels={})},
        {"is_gang": False},
        {"is_preemptible": False},
    ],
)
def test_jobs_that_differ_in_what_the_scheduler_looks_at_do_not(changed: dict[str, object]) -> None:
    job = rich_job()
    other = replace(job, spec=replace(job.spec, **changed))  # type: ignore[arg-type]
    assert line_of_job(other).id != line_of_job(job).id
    assert line_of_job(replace(job, owner="bob")).id != line_of_job(job).id
    assert line_of_job(replace(job, project="x")).id != line_of_job(job).id


def test_code_makes_another_line_only_when_placement_looks_at_it() -> None:
    job = rich_job()
    other = replace(job, spec=replace(job.spec, code_artifact_id="code-2"))
    assert line_of_job(other).id == line_of_job(job).id
    assert line_of_job(other, with_code=True).id != line_of_job(job, with_code=True).id


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_attempt_comes_back_from_its_member(index: int, number: int) -> None:
    ref = AttemptRef(task_id=task_id(new_job_id(), index), number=number)
    assert members.to_ref(members.to_member(ref)) == ref


def test_gang_comes_back_from_json_in_its_order() -> None:
    refs = tuple(AttemptRef(task_id=TaskId(f"job-1-{i}"), number=i + 1) for i in (2, 0, 1))
    assert members.gang_from_json(members.gang_to_json(refs).decode()) == refs


def test_gangs_entry_is_another_one_each_time_it_starts_anew() -> None:
    first = [AttemptRef(task_id=TaskId(f"job-1-{i}"), number=1) for i in range(2)]
    again = [ref._replace(number=2) for ref in first]
    names = {members.entry_name(refs, is_gang=True) for refs in (first, again)}
    assert names == {"gang:job-1#2", "gang:job-1#4"}
    assert members.entry_name(first[:1], is_gang=False) == "job-1-0#1"
