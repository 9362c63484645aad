"""Workers over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from tensorfleet.orchestrator.v1 import resources_pb2, worker_pb2
from tensorfleet.shared.machine_sample import MachineSample
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


BEGIN = datetime(2026, 5, 1, tzinfo=UTC)


def sample(number: int) -> worker_pb2.MachineSample:
    made = worker_pb2.MachineSample(
        sequence=number, interval_seconds=1, cpu_user=0.25, cpu_idle=0, cores=[0.5, 1.0]
    )
    made.time.FromDatetime(BEGIN + timedelta(seconds=number))
    return made


async def test_what_a_workers_machine_did_is_told(gateway: RunningGateway) -> None:
    gateway.orchestrator.workers["w-1"] = worker_pb2.Worker(
        id="w-1", state=worker_pb2.WORKER_STATE_ONLINE, usage=sample(3)
    )
    gateway.orchestrator.usage["w-1"] = [sample(number) for number in (1, 2, 3)]
    path = f"{WORKERS}/w-1/usage"
    told = (await gateway.http.get(path)).json()["samples"]
    assert [each["sequence"] for each in told] == [1, 2, 3]
    assert told[0]["time"] == "2026-05-01T00:00:01Z"
    assert (told[0]["cpu_user"], told[0]["cpu_idle"], told[0]["cores"]) == (0.25, 0, [0.5, 1])
    assert told[0]["memory_used_bytes"] is None, "what is not known is not 0"
    for after in ("2026-05-01T00:00:02Z", "2026-05-01T00:00:02", "2026-05-01T02:00:02+02:00"):
        answer = await gateway.http.get(path, params={"after": after})
        assert answer.json()["samples"] == told[2:], after
    assert (await gateway.http.get(f"{WORKERS}/w-1")).json()["usage"] == told[2]


def test_every_field_of_the_contract_is_told() -> None:
    assert {field.name for field in worker_pb2.MachineSample.DESCRIPTOR.fields} == set(
        MachineSample.__struct_fields__
    )


@pytest.mark.parametrize("after", ["yesterday", "", "0001-01-01T00:00:00+14:00"])
async def test_time_that_is_none_is_refused(gateway: RunningGateway, after: str) -> None:
    gateway.orchestrator.workers["w-1"] = worker_pb2.Worker(id="w-1")
    answer = await gateway.http.get(f"{WORKERS}/w-1/usage", params={"after": after})
    assert answer.status_code == 400, answer.text
    assert "after" in answer.text


async def test_unknown_worker_is_not_found_everywhere(gateway: RunningGateway) -> None:
    for method, path in (("GET", ""), ("GET", "/usage"), ("POST", "/drain"), ("POST", "/resume")):
        answer = await gateway.http.request(method, f"{WORKERS}/none{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "WORKER_NOT_FOUND"), path
