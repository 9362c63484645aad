"""Status, workers, doctor, up and down, against a fleet that runs."""

import json
import time

from tests.deadlines import eventually
from tests.fleets import FleetOnDisk


def test_status_shows_every_part_with_its_process(fleet: FleetOnDisk) -> None:
    done = fleet.cli("status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The fleet is healthy" in done.stdout
    record = fleet.record()
    for part in record.parts:
        assert str(part.pid) in done.stdout
    told = json.loads(fleet.cli("status", "--json").stdout)
    assert told["health"]["status"] == "healthy"
    assert [part["name"] for part in told["local"]["parts"]] == [p.name for p in record.parts]


def test_status_of_a_fleet_elsewhere_needs_only_its_url(fleet: FleetOnDisk) -> None:
    elsewhere = FleetOnDisk(
        home=fleet.home / "not-here",
        variables={"TENSORFLEET_URL": fleet.url},
    )
    done = elsewhere.cli("status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "orchestrator" in done.stdout


def test_workers_are_listed(fleet: FleetOnDisk) -> None:
    workers = json.loads(fleet.cli("workers", "--json").stdout)["workers"]
    assert [worker["id"] for worker in workers] == ["worker-1", "worker-2"]
    assert {worker["state"] for worker in workers} == {"online"}
    assert "worker-2" in fleet.cli("workers").stdout


async def test_workers_show_what_their_machine_does_now(fleet: FleetOnDisk) -> None:
    with fleet.client() as client:
        await eventually(lambda: len(client.worker_usage("worker-1")) > 1, timeout_seconds=20)
        first, *later = client.worker_usage("worker-1")
        assert client.worker_usage("worker-1", first.time)[: len(later)] == later
    (row,) = [line for line in fleet.cli("workers").stdout.splitlines() if "worker-1" in line]
    assert row.count("%") == 2


def test_doctor_finds_this_machine_fit(fleet: FleetOnDisk) -> None:
    done = fleet.cli("doctor")
    assert done.returncode == 0, done.stdout
    findings = json.loads(fleet.cli("doctor", "--json").stdout)["findings"]
    names = {finding["name"] for finding in findings}
    assert {"Python", "torch", "mongodb", "valkey", "seaweedfs", "data folder", "ports"} <= names


def test_up_in_the_background_is_content_with_a_fleet_that_runs(fleet: FleetOnDisk) -> None:
    again = fleet.cli("up", "--detach")
    assert again.returncode == 0
    assert fleet.url in again.stdout


def test_up_in_the_foreground_refuses_where_a_fleet_runs(fleet: FleetOnDisk) -> None:
    again = fleet.cli("up")
    assert again.returncode == 1
    assert "runs already" in again.stderr
    assert "tensorfleet down" in again.stderr


def test_wrong_password_and_absent_gateway_give_status_3(fleet: FleetOnDisk) -> None:
    stranger = {"TENSORFLEET_USERNAME": "admin", "TENSORFLEET_PASSWORD": "wrong"}
    refused = FleetOnDisk(home=fleet.home, variables={"TENSORFLEET_URL": fleet.url, **stranger})
    assert refused.cli("jobs").returncode == 3
    absent = FleetOnDisk(
        home=fleet.home, variables={"TENSORFLEET_URL": "http://127.0.0.1:1", **stranger}
    )
    begun = time.monotonic()
    done = absent.cli("jobs")
    assert done.returncode == 3
    assert "does not answer" in done.stderr
    assert time.monotonic() - begun < 30
