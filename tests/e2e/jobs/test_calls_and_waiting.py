"""Calls with their results, and jobs that wait, by SDK and command line, the whole way."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tensorfleet.sdk.client import Client
from tensorfleet.shared.errors import InvalidJob, JobEnded
from tests.deadlines import eventually
from tests.fleets import FleetOnDisk


@pytest.fixture
def client(fleet: FleetOnDisk) -> Iterator[Client]:
    with fleet.client() as client:
        yield client


def test_results_of_calls_come_in_order(client: Client, tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text("def area(width, height):\n    return width * height\n")
    calls = [[n, n + 1] for n in range(300)]
    results = client.call("shapes:area", calls, code=tmp_path)
    assert list(results) == [n * (n + 1) for n in range(300)]


def test_results_of_calls_are_printed(fleet: FleetOnDisk) -> None:
    answer = fleet.cli("call", "math:sqrt", "--args-file", "-", "--wait", stdin="[[4], [9]]")
    assert answer.returncode == 0, answer.stderr
    assert [json.loads(line) for line in answer.stdout.splitlines()[-2:]] == [2.0, 3.0]


def test_impossible_job_is_refused_with_what_the_fleet_has(client: Client) -> None:
    with pytest.raises(InvalidJob, match="no worker of the fleet has that") as raised:
        client.submit({"kind": "command", "spec": {"command": "true"}, "resources": {"gpus": 8}})
    assert "worker-" in str(raised.value)


async def test_paused_job_says_so_and_goes_on(fleet: FleetOnDisk, client: Client) -> None:
    job = client.submit(
        {
            "kind": "command",
            "spec": {"command": "true"},
            "not_before_time": "2199-01-01T00:00:00Z",
        }
    )
    client.pause(job.id)
    explained = json.loads(fleet.cli("explain", job.id, "--json").stdout)
    assert {blocker["reason"] for blocker in explained["blockers"]} >= {"PAUSED", "DELAYED"}
    assert client.resume(job.id).state == "pending"
    client.cancel(job.id)
    await eventually(lambda: client.job(job.id).state == "cancelled")
    with pytest.raises(JobEnded):
        client.pause(job.id)
    assert client.retry(job.id).state == "pending"
    client.cancel(job.id)
