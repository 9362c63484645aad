"""Jobs over HTTP."""

import asyncio

from tensorfleet.orchestrator.v1 import job_pb2
from tensorfleet.storage.v1 import checkpoint_pb2
from tests.wire.gateway.running_gateway import RunningGateway

JOBS = "/api/v1/jobs"


async def test_created_job_has_everything_that_was_asked(gateway: RunningGateway) -> None:
    body = {
        "kind": "train",
        "name": "ünicode ✓",
        "priority": "high",
        "code": "a" * 64,
        "resources": {
            "cpus": 0.5,
            "memory": "1.5GiB",
            "gpus": 2,
            "gpu_kind": "h200",
            "labels": {"zone": "a"},
            "exclusive": True,
        },
        "max_attempts": 3,
        "retry_rules": [
            {
                "reasons": ["OUT_OF_MEMORY"],
                "exit_codes": [137],
                "log_pattern": "CUDA.*memory",
                "max_retries": 0,
            }
        ],
        "initial_backoff_seconds": 0.25,
        "max_backoff_seconds": 30.0,
        "not_before_time": "2026-05-01T12:00:00Z",
        "after": ["job-1", "job-2"],
        "gang": True,
        "preemptible": True,
        "timeout_seconds": 12.5,
        "labels": {"team": "blue"},
        "spec": {"entrypoint": "train.py", "params": {"lr": 0.1, "deep": [None, True, 2**62]}},
    }
    answer = await gateway.http.post(JOBS, json=body)
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["Location"] == f"{JOBS}/{job['id']}"
    assert job["resources"] == {
        "cpus": 0.5,
        "memory_bytes": 1536 * 1024 * 1024,
        "gpus": 2,
        "gpu_kind": "h200",
        "labels": {"zone": "a"},
        "exclusive": True,
    }
    assert {field: job[field] for field in body if field != "resources"} == {
        field: value for field, value in body.items() if field != "resources"
    }
    assert (job["state"], job["owner"], job["project"]) == ("pending", "admin", "default")
    assert job["tasks"] == {
        "total": 1,
        "queued": 1,
        "running": 0,
        "succeeded": 0,
        "failed": 0,
        "cancelled": 0,
    }
    assert job["create_time"].endswith("Z")
    assert job["start_time"] is job["end_time"] is job["failure"] is None
    assert job["cancel_request_time"] is None
    stored = gateway.orchestrator.jobs[job["id"]]
    assert stored.spec.retry.max_attempts == 3
    assert stored.spec.attempt_timeout.ToMilliseconds() == 12_500
    assert stored.spec.retry.initial_backoff.ToMilliseconds() == 250
    assert stored.spec.after_job_ids == ["job-1", "job-2"]
    assert (await gateway.http.get(answer.headers["Location"])).json() == job


async def test_what_is_not_asked_for_is_left_to_the_orchestrator(gateway: RunningGateway) -> None:
    job = (await gateway.http.post(JOBS, json={"kind": "train"})).json()
    assert (job["name"], job["priority"], job["max_attempts"]) == ("train", "normal", 1)
    # What a task needs depends on the kind: the orchestrator fills it in.
    assert (job["resources"]["cpus"], job["resources"]["memory_bytes"]) == (0, 0)
    assert (job["timeout_seconds"], job["code"], job["spec"]) == (None, "", {})
    assert (job["retry_rules"], job["after"], job["not_before_time"]) == ([], [], None)
    assert job["initial_backoff_seconds"] is job["max_backoff_seconds"] is None
    spec = gateway.orchestrator.jobs[job["id"]].spec
    assert (spec.resources.cpus, spec.resources.memory_bytes) == (0, 0)
    assert not spec.HasField("not_before_time")
    assert not spec.HasField("attempt_timeout")
    assert not spec.retry.HasField("initial_backoff")
    assert not spec.retry.HasField("max_backoff")


async def test_same_idempotency_key_gives_the_same_job(gateway: RunningGateway) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"kind": "train", "spec": {"a": 1, "b": 2}}
    answers = await asyncio.gather(
        *(gateway.http.post(JOBS, json=body, headers=headers) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(gateway.orchestrator.jobs) == 1
    other = await gateway.http.post(JOBS, json={"kind": "train"}, headers=headers)
    assert other.status_code == 409
    assert other.json()["code"] == "IDEMPOTENCY_CONFLICT"


async def test_too_long_idempotency_key_is_refused(gateway: RunningGateway) -> None:
    headers = {"Idempotency-Key": "k" * 129}
    answer = await gateway.http.post(JOBS, json={"kind": "train"}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert not gateway.orchestrator.jobs


async def test_refusal_of_the_orchestrator_keeps_its_code_and_fields(
    gateway: RunningGateway,
) -> None:
    unknown = await gateway.http.post(JOBS, json={"kind": "dance"})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "UNKNOWN_KIND")
    invalid = await gateway.http.post(JOBS, json={"kind": "train", "spec": {"forbidden": 1}})
    assert (invalid.status_code, invalid.json()["code"]) == (400, "INVALID_JOB")
    assert invalid.json()["errors"] == [{"field": "spec.x", "message": "is not allowed here"}]


async def test_list_comes_in_pages_newest_first(gateway: RunningGateway) -> None:
    made = [
        (await gateway.http.post(JOBS, json={"kind": "train", "name": str(n)})).json()["id"]
        for n in range(5)
    ]
    seen: list[str] = []
    token = ""
    sizes = []
    while True:
        page = (await gateway.http.get(JOBS, params={"page_size": 2, "page_token": token})).json()
        sizes.append(len(page["jobs"]))
        seen += [job["id"] for job in page["jobs"]]
        token = page["next_page_token"]
        if not token:
            break
    assert seen == made[::-1]
    assert sizes == [2, 2, 1]


async def test_list_is_filtered_by_state_and_kind(gateway: RunningGateway) -> None:
    train = (await gateway.http.post(JOBS, json={"kind": "train"})).json()["id"]
    command = (await gateway.http.post(JOBS, json={"kind": "command"})).json()["id"]
    await gateway.orchestrator.run(train)

    async def ids(**query: str) -> list[str]:
        answer = await gateway.http.get(JOBS, params=query)
        return [job["id"] for job in answer.json()["jobs"]]

    assert await ids(state="running") == [train]
    assert await ids(kind="command") == [command]
    assert await ids(state="failed") == []
    assert set(await ids()) == {train, command}


async def test_cancel_with_and_without_a_body(gateway: RunningGateway) -> None:
    for body in ({"reason": "changed my mind"}, None):
        location = (await gateway.http.post(JOBS, json={"kind": "train"})).headers["Location"]
        answer = (
            await gateway.http.post(f"{location}/cancel", json=body)
            if body
            else (await gateway.http.post(f"{location}/cancel"))
        )
        assert answer.status_code == 200
        assert answer.json()["state"] == "cancelled"
        assert answer.json()["cancel_request_time"] is not None
        again = await gateway.http.post(f"{location}/cancel")
        assert again.json()["end_time"] == answer.json()["end_time"]
    assert "changed my mind" in gateway.orchestrator.cancel_reasons


async def test_failed_job_says_why(gateway: RunningGateway) -> None:
    created = await gateway.http.post(JOBS, json={"kind": "train"})
    await gateway.orchestrator.end(created.json()["id"], job_pb2.JOB_STATE_FAILED)
    job = (await gateway.http.get(created.headers["Location"])).json()
    assert job["state"] == "failed"
    assert job["failure"] == {
        "reason": "USER_CODE",
        "message": "exit 3",
        "exit_code": 3,
        "signal": None,
        "output_tail": ["a", "b"],
    }


async def test_tasks_with_their_attempts(gateway: RunningGateway) -> None:
    created = await gateway.http.post(JOBS, json={"kind": "train"})
    location = created.headers["Location"]
    queued = (await gateway.http.get(f"{location}/tasks?state=queued")).json()["tasks"]
    assert queued[0]["attempts"] == []
    assert queued[0]["plan"] == {"rank": 0}
    await gateway.orchestrator.end(created.json()["id"], job_pb2.JOB_STATE_SUCCEEDED)
    assert (await gateway.http.get(f"{location}/tasks?state=queued")).json()["tasks"] == []
    assert queued[0]["result"] is None
    gateway.orchestrator.results[created.json()["id"]] = '{"best": [1, null]}'
    done = (await gateway.http.get(f"{location}/tasks")).json()["tasks"][0]
    assert done["state"] == "succeeded"
    assert done["attempts"][0]["outcome"] == "succeeded"
    assert done["attempts"][0]["worker_id"] == "w-1"
    assert done["result"] == {"best": [1, None]}


async def test_checkpoints_newest_first_and_of_known_jobs_only(gateway: RunningGateway) -> None:
    created = await gateway.http.post(JOBS, json={"kind": "train"})
    job_id = created.json()["id"]
    for step in (1, 2):
        gateway.storage.checkpoints[job_id].append(
            checkpoint_pb2.Checkpoint(job_id=job_id, step=step, artifact_id="a", size_bytes=9)
        )
    page = (await gateway.http.get(f"{created.headers['Location']}/checkpoints")).json()
    assert [checkpoint["step"] for checkpoint in page["checkpoints"]] == [2, 1]
    unknown = await gateway.http.get(f"{JOBS}/job-none/checkpoints")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "JOB_NOT_FOUND")


async def test_unknown_job_is_not_found_everywhere(gateway: RunningGateway) -> None:
    for method, path in (
        ("GET", ""),
        ("POST", "/cancel"),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/retry"),
        ("GET", "/explain"),
        ("GET", "/tasks"),
        ("GET", "/checkpoints"),
        ("GET", "/events"),
    ):
        answer = await gateway.http.request(method, f"{JOBS}/job-none{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "JOB_NOT_FOUND"), path
