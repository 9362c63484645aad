"""Pausing, retrying, changing and explaining jobs over HTTP."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tensorfleet.orchestrator.v1 import job_pb2, job_service_pb2
from tests.wire.gateway.running_gateway import RunningGateway

JOBS = "/api/v1/jobs"


async def new_job(gateway: RunningGateway, **body: Any) -> str:
    answer = await gateway.http.post(JOBS, json={"kind": "train", **body})
    location: str = answer.headers["Location"]
    return location


async def test_pause_and_resume(gateway: RunningGateway) -> None:
    job = await new_job(gateway)
    paused = await gateway.http.post(f"{job}/pause")
    assert (paused.status_code, paused.json()["state"]) == (200, "paused")
    resumed = await gateway.http.post(f"{job}/resume")
    assert (resumed.status_code, resumed.json()["state"]) == (200, "pending")


async def test_retry_of_an_ended_job(gateway: RunningGateway) -> None:
    job = await new_job(gateway)
    early = await gateway.http.post(f"{job}/retry")
    assert (early.status_code, early.json()["code"]) == (409, "JOB_NOT_ENDED")
    await gateway.orchestrator.end(job.rsplit("/", 1)[1], job_pb2.JOB_STATE_FAILED)
    again = await gateway.http.post(f"{job}/retry")
    assert (again.status_code, again.json()["state"]) == (200, "pending")
    assert again.json()["failure"] is None


@pytest.mark.parametrize("change", ["pause", "resume"])
async def test_ended_job_is_a_conflict(gateway: RunningGateway, change: str) -> None:
    job = await new_job(gateway)
    await gateway.orchestrator.end(job.rsplit("/", 1)[1], job_pb2.JOB_STATE_SUCCEEDED)
    answer = await gateway.http.post(f"{job}/{change}")
    assert (answer.status_code, answer.json()["code"]) == (409, "JOB_ENDED")


async def test_patch_changes_what_it_names_and_nothing_else(gateway: RunningGateway) -> None:
    job = await new_job(
        gateway, name="a", labels={"team": "blue", "old": "x", "kept": "y"}, priority="low"
    )
    answer = await gateway.http.patch(job, json={"priority": "high"})
    assert answer.status_code == 200
    changed = answer.json()
    assert (changed["priority"], changed["name"]) == ("high", "a")
    assert changed["labels"] == {"team": "blue", "old": "x", "kept": "y"}
    labels = {"labels": {"team": "red", "old": None, "new": ""}}
    assert (await gateway.http.patch(job, json=labels)).json()["labels"] == {
        "team": "red",
        "kept": "y",
        "new": "",
    }
    defaults = (await gateway.http.patch(job, json={"priority": None, "name": None})).json()
    assert (defaults["priority"], defaults["name"]) == ("normal", "train")
    assert (await gateway.http.patch(job, json={"labels": None})).json()["labels"] == {}
    assert (await gateway.http.get(job)).json()["labels"] == {}


async def test_empty_patch_of_an_ended_job_changes_nothing(gateway: RunningGateway) -> None:
    job = await new_job(gateway)
    await gateway.orchestrator.end(job.rsplit("/", 1)[1], job_pb2.JOB_STATE_SUCCEEDED)
    assert (await gateway.http.patch(job, json={})).json()["state"] == "succeeded"
    answer = await gateway.http.patch(job, json={"name": "b"})
    assert (answer.status_code, answer.json()["code"]) == (409, "JOB_ENDED")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"state": "paused", "prioriti": "high"}, {"state", "prioriti"}),
        ({"priority": "soon", "name": 5}, {"priority", "name"}),
        ({"name": "a\nb"}, {"name"}),
        ({"name": "n" * 257}, {"name"}),
        ({"labels": {"a": 1, "": "x"}}, {"labels.a", "labels."}),
        ({"labels": {"k": "v" * 257}}, {"labels.k"}),
        ([], {"body"}),
    ],
)
async def test_wrong_patch_names_every_field(
    gateway: RunningGateway, body: Any, fields: set[str]
) -> None:
    job = await new_job(gateway)
    answer = await gateway.http.patch(job, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert {problem["field"] for problem in answer.json()["errors"]} == fields


async def test_patch_of_an_unknown_job_is_not_found(gateway: RunningGateway) -> None:
    answer = await gateway.http.patch(f"{JOBS}/job-none", json={"name": "b"})
    assert (answer.status_code, answer.json()["code"]) == (404, "JOB_NOT_FOUND")


async def test_explanation_says_what_stands_in_the_way(gateway: RunningGateway) -> None:
    job = await new_job(gateway)
    job_id = job.rsplit("/", 1)[1]
    explanation = job_service_pb2.ExplainJobResponse(
        queue_position=12,
        blockers=[
            job_service_pb2.ExplainJobResponse.Blocker(
                reason="RESOURCES", message="needs 4 GPUs; the largest worker has 2"
            )
        ],
    )
    explanation.estimated_start_time.FromDatetime(datetime(2026, 5, 1, tzinfo=UTC))
    gateway.orchestrator.explanations[job_id] = explanation
    assert (await gateway.http.get(f"{job}/explain")).json() == {
        "job_id": job_id,
        "state": "pending",
        "queue_position": 12,
        "blockers": [{"reason": "RESOURCES", "message": "needs 4 GPUs; the largest worker has 2"}],
        "estimated_start_time": "2026-05-01T00:00:00Z",
    }
    await gateway.orchestrator.run(job_id)
    del gateway.orchestrator.explanations[job_id]
    running = (await gateway.http.get(f"{job}/explain")).json()
    assert (running["state"], running["blockers"]) == ("running", [])
    assert running["estimated_start_time"] is None
