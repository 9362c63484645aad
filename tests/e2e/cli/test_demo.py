"""The demo from nothing: a fleet, data, training, a registered model, its answers."""

import json
import re
from pathlib import Path

from tests.fleets import FleetOnDisk, kill_all


def test_demo_starts_a_fleet_does_everything_and_leaves_nothing_running(tmp_path: Path) -> None:
    fleet = FleetOnDisk(home=tmp_path / "home")
    try:
        done = fleet.cli("demo")
        assert done.returncode == 0, done.stdout + done.stderr
        assert fleet.processes() == []
    finally:
        kill_all(fleet)
    accuracy = re.search(r"test accuracy\s+(0\.\d+)\s*│", done.stdout)
    assert accuracy is not None
    assert float(accuracy[1]) >= 0.95
    assert "model digits version 1" in done.stdout
    assert re.search(r"\d+ of 100 right", done.stdout)
    assert "✔" in done.stdout
    assert "step 12" in done.stdout


def test_demo_uses_the_fleet_that_runs(fleet: FleetOnDisk) -> None:
    supervisor = fleet.record().supervisor_pid
    done = fleet.cli("demo", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout)
    assert results["problems"] == []
    assert results["test_accuracy"] >= 0.95
    assert results["held_out_accuracy"] >= 0.85
    assert fleet.record().supervisor_pid == supervisor
    with fleet.client() as client:
        versions = [version.version for version in client.model_versions("digits")]
        job = client.job(results["job_id"])
        (newest, *_) = client.checkpoints(results["job_id"])
    assert results["model_version"] in versions
    assert job.state == "succeeded"
    assert newest.step == results["checkpoint_step"] == 12
