"""What users define once and name in their jobs, over the wire; its kind is a foreign one."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tensorfleet.orchestrator.definition import MAX_DOCUMENT_BYTES
from tensorfleet.orchestrator.job_plan import MAX_NAMED_DEFINITIONS
from tensorfleet.orchestrator.v1 import definition_pb2, job_pb2
from tensorfleet.orchestrator.v1 import definition_service_pb2 as pb
from tensorfleet.orchestrator.v1 import job_service_pb2 as jobs_pb
from tensorfleet.shared import errors
from tests.wire.orchestrator.conftest import Running
from tests.wire.orchestrator.job_calls import on_behalf_of, tasks_of
from tests.wire.orchestrator.running_orchestrator import OrchestratorDoor

LAKE = {"name": "lake", "steps": ["wood", "shore"]}


async def define(
    door: OrchestratorDoor, document: Any = None, *, request_id: str = "", **changes: Any
) -> definition_pb2.Definition:
    """Creates a route; words are fields of the request."""
    document = LAKE if document is None else document
    fields = {"kind": "walk", "name": document["name"], "document_json": json.dumps(document)}
    request = pb.CreateDefinitionRequest(**{**fields, "request_id": request_id, **changes})
    return (await door.definitions.CreateDefinition(request)).definition


async def names(door: OrchestratorDoor) -> list[str]:
    """Of all routes, read in pages of two."""
    found: list[str] = []
    token = ""
    while True:
        request = pb.ListDefinitionsRequest(kind="walk", page_size=2, page_token=token)
        page = await door.definitions.ListDefinitions(request)
        assert len(page.definitions) <= 2
        found += [each.name for each in page.definitions]
        token = page.next_page_token
        if not token:
            return found


async def walk(door: OrchestratorDoor, routes: Sequence[Any], **changes: Any) -> job_pb2.Job:
    """A job that names routes; words are fields of the request."""
    spec = job_pb2.JobSpec(kind="walk", spec_json=json.dumps({"routes": routes}))
    return (await door.jobs.CreateJob(jobs_pb.CreateJobRequest(spec=spec, **changes))).job


async def plans_of(door: OrchestratorDoor, job: job_pb2.Job) -> list[Any]:
    """What its tasks are to do."""
    plans = [json.loads(task.task_json)["payload"] for task in await tasks_of(door, job.id)]
    return [{key: plan[key] for key in plan if key != "together"} for plan in plans]


async def delete(door: OrchestratorDoor, name: str) -> None:
    await door.definitions.DeleteDefinition(pb.DeleteDefinitionRequest(kind="walk", name=name))


async def test_definition_is_kept_and_found(patient: OrchestratorDoor) -> None:
    with on_behalf_of("ann"):
        made = await define(patient)
    assert (made.kind, made.name, made.owner) == ("walk", "lake", "ann")
    assert json.loads(made.document_json) == LAKE
    assert made.create_time.seconds > 0
    request = pb.GetDefinitionRequest(kind="walk", name="lake")
    assert (await patient.definitions.GetDefinition(request)).definition == made
    await delete(patient, "lake")
    with pytest.raises(errors.DefinitionNotFound):
        await patient.definitions.GetDefinition(request)
    with pytest.raises(errors.DefinitionNotFound):
        await delete(patient, "lake")


async def test_list_comes_in_pages_by_name(patient: OrchestratorDoor) -> None:
    for name in ("c", "a", "e", "b", "d"):
        await define(patient, {**LAKE, "name": name})
    assert await names(patient) == ["a", "b", "c", "d", "e"]
    with on_behalf_of("ann", "other"):
        assert await names(patient) == []
    with pytest.raises(errors.InvalidPageToken):
        await patient.definitions.ListDefinitions(
            pb.ListDefinitionsRequest(kind="walk", page_token="x")
        )


async def test_name_is_taken_once_and_not_from_the_built_in(patient: OrchestratorDoor) -> None:
    await define(patient)
    with pytest.raises(errors.NameTaken, match="lake"):
        await define(patient, {**LAKE, "steps": ["ferry"]})
    with pytest.raises(errors.NameTaken, match="lake"):
        await define(patient)
    with pytest.raises(errors.NameTaken, match="built-in route"):
        await define(patient, {**LAKE, "name": "circle"})
    with pytest.raises(errors.Conflict, match="built in"):
        await delete(patient, "circle")


async def test_repeated_request_has_the_first_answer(patient: OrchestratorDoor) -> None:
    first = await define(patient, request_id="once")
    assert await define(patient, request_id="once") == first
    with pytest.raises(errors.NameTaken):
        await define(patient, {**LAKE, "pace": 5}, request_id="once")
    with pytest.raises(errors.InvalidInput, match="request_id"):
        await define(patient, request_id="x" * 129)


@pytest.mark.parametrize(
    ("document", "changes", "fields"),
    [
        ({**LAKE, "steps": "wood", "pase": 1}, {}, {"steps", "pase"}),
        ({"name": "lake"}, {}, {"steps"}),
        ({**LAKE, "steps": []}, {}, {"steps"}),
        (LAKE, {"name": "sea"}, {"name"}),
        ({**LAKE, "name": "a/b"}, {}, {"name"}),
        ({**LAKE, "name": ""}, {}, {"name"}),
        (LAKE, {"document_json": "[]"}, {"route"}),
        (LAKE, {"document_json": "{"}, set()),
        (LAKE, {"document_json": "[" * 20_000}, set()),
        (LAKE, {"kind": "dance"}, {"kind"}),
        (LAKE, {"kind": "command"}, {"kind"}),
    ],
)
async def test_wrong_definition_names_its_fields(
    patient: OrchestratorDoor, document: Any, changes: dict[str, str], fields: set[str]
) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        await define(patient, document, **changes)
    assert {problem.field for problem in caught.value.fields} == fields
    assert await names(patient) == []


async def test_definition_has_a_largest_size(patient: OrchestratorDoor) -> None:
    with pytest.raises(errors.TooLarge, match="route"):
        await define(patient, {**LAKE, "steps": ["x" * MAX_DOCUMENT_BYTES]})


async def test_job_gets_what_it_names(patient: OrchestratorDoor) -> None:
    await define(patient, {**LAKE, "pace": 6})
    own = {"name": "own", "steps": ["up"]}
    job = await walk(patient, ["lake", "circle", own, "lake"])
    lake = {**LAKE, "pace": 6}
    circle = {"name": "circle", "steps": ["out", "round", "home"]}
    assert await plans_of(patient, job) == [lake, circle, own, lake]
    # What was asked for stays as it was asked for.
    assert json.loads(job.spec.spec_json) == {"routes": ["lake", "circle", own, "lake"]}


async def test_job_that_names_what_is_not_there_is_refused(patient: OrchestratorDoor) -> None:
    await define(patient)
    for project, routes in (("default", ["circle", "sea"]), ("other", ["circle", "lake"])):
        with on_behalf_of("ann", project), pytest.raises(errors.InvalidJob) as caught:
            await walk(patient, routes)
        assert [problem.field for problem in caught.value.fields] == ["spec.routes[1]"]
    many = [f"route-{number}" for number in range(MAX_NAMED_DEFINITIONS + 1)]
    with pytest.raises(errors.InvalidJob, match="1,001 routes of the project"):
        await walk(patient, many)
    assert len((await patient.jobs.ListJobs(jobs_pb.ListJobsRequest())).jobs) == 0


async def test_deleted_definition_is_missed_by_new_jobs_only(patient: OrchestratorDoor) -> None:
    await define(patient)
    before = await walk(patient, ["lake"])
    await delete(patient, "lake")
    with pytest.raises(errors.InvalidJob, match="lake"):
        await walk(patient, ["lake"])
    assert await plans_of(patient, before) == [LAKE]
    await define(patient, {"name": "lake", "steps": ["ferry"]})
    after = await walk(patient, ["lake"])
    assert (await plans_of(patient, after))[0]["steps"] == ["ferry"]
    assert await plans_of(patient, before) == [LAKE]


async def test_repeated_job_is_the_first_whatever_became_of_its_definitions(
    patient: OrchestratorDoor,
) -> None:
    await define(patient)
    first = await walk(patient, ["lake"], request_id="once")
    assert (await walk(patient, ["lake"], request_id="once")).id == first.id
    await delete(patient, "lake")
    assert (await walk(patient, ["lake"], request_id="once")).id == first.id
    with pytest.raises(errors.IdempotencyConflict):
        await walk(patient, ["lake", "lake"], request_id="once")
    with pytest.raises(errors.IdempotencyConflict):
        await walk(patient, ["circle"], request_id="once")
    await define(patient, {"name": "lake", "steps": ["ferry"]})
    assert (await walk(patient, ["lake"], request_id="once")).id == first.id


async def test_every_replica_knows_a_definition_at_once(running: Running) -> None:
    async with running() as one, running() as two:
        await define(one)
        assert await plans_of(two, await walk(two, ["lake"])) == [LAKE]
        with pytest.raises(errors.NameTaken):
            await define(two)
        await delete(two, "lake")
        with pytest.raises(errors.InvalidJob):
            await walk(one, ["lake"])


async def test_profile_job_measures_an_algorithm_that_was_registered(
    patient: OrchestratorDoor,
) -> None:
    algorithm = {
        "name": "my_sort",
        "function": "sorts:mine",
        "code": "a" * 64,
        "inputs": {"random": "random"},
        "sizes": [10, 100],
    }
    await define(patient, algorithm, kind="profile")
    spec = job_pb2.JobSpec(
        kind="profile", spec_json=json.dumps({"algorithms": ["my_sort", "quick_sort"]})
    )
    job = (await patient.jobs.CreateJob(jobs_pb.CreateJobRequest(spec=spec))).job
    mine, built_in = [json.loads(task.task_json) for task in await tasks_of(patient, job.id)]
    assert algorithm.items() <= mine["payload"]["a"].items()
    assert mine["codes"] == ["a" * 64]
    assert built_in["payload"]["a"]["name"] == "quick_sort"
