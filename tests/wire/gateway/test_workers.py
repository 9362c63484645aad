"""Workers over HTTP."""

from datetime import UTC, datetime

from tensorfleet.orchestrator.v1 import resources_pb2, worker_pb2
from tests.wire.gateway.running_gateway import RunningGateway

WORKERS = "/api/v1/workers"


async def test_fleet_without_workers(gateway: RunningGateway) -> None:
    assert (await gateway.http.get(WORKERS)).json() == {"workers": []}


async def test_worker_in_quarantine_drained_and_back(gateway: RunningGateway) -> None:
    worker = worker_pb2.Worker(
        id="w-1",
        state=worker_pb2.WORKER_STATE_QUARANTINED,
        capacity=resources_pb2.Resources(cpus=8, memory_bytes=1 << 34, gpus=2, gpu_kind="h200"),
        slots=4,
        running_task_ids=["job-1-0"],
    )
    worker.quarantine_end_time.FromDatetime(datetime(2026, 5, 1, tzinfo=UTC))
    gateway.orchestrator.workers["w-1"] = worker
    shown = (await gateway.http.get(f"{WORKERS}/w-1")).json()
    assert (shown["state"], shown["slots"]) == ("quarantined", 4)
    assert shown["quarantine_end_time"] == "2026-05-01T00:00:00Z"
    assert (await gateway.http.get(WORKERS)).json() == {"workers": [shown]}
    back = await gateway.http.post(f"{WORKERS}/w-1/resume")
    assert (back.status_code, back.json()["state"]) == (200, "online")
    assert back.json()["quarantine_end_time"] is None
    drained = await gateway.http.post(f"{WORKERS}/w-1/drain")
    assert (drained.status_code, drained.json()["state"]) == (200, "draining")
    assert drained.json()["running_task_ids"] == ["job-1-0"]


async def test_unknown_worker_is_not_found_everywhere(gateway: RunningGateway) -> None:
    for method, path in (("GET", ""), ("POST", "/drain"), ("POST", "/resume")):
        answer = await gateway.http.request(method, f"{WORKERS}/none{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "WORKER_NOT_FOUND"), path
