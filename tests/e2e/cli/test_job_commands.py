"""Submitting, watching, listing and cancelling jobs on a real fleet."""

import json
import time
from pathlib import Path

from tests.fleets import FleetOnDisk

ENDLESS = "kind: command\nname: endless\nspec: {command: 'echo begun; sleep 600'}\n"


def json_lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_submit_watch_shows_the_job_and_ends_with_its_success(
    fleet: FleetOnDisk, job_file: Path
) -> None:
    done = fleet.cli("submit", str(job_file), "--watch", "--name", "watched", "-p", "steps=3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hello from watched" in done.stdout
    assert "step 3  loss 0.3333" in done.stdout
    assert "step 4" not in done.stdout
    assert "succeeded" in done.stdout.splitlines()[-3]
    assert "model folder-model version" in done.stdout


def test_failing_job_gives_status_1_with_its_reason_and_last_lines(
    fleet: FleetOnDisk, job_file: Path
) -> None:
    done = fleet.cli("submit", str(job_file), "--watch", "--param", "fails=true")
    assert done.returncode == 1
    assert "USER_CODE" in done.stdout
    assert "│ the data is bad" in done.stdout
    assert "Traceback" not in done.stderr


def test_watched_job_in_json_is_the_job_and_then_its_events(
    fleet: FleetOnDisk, job_file: Path
) -> None:
    done = fleet.cli("submit", str(job_file), "--watch", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    job, *events = json_lines(done.stdout)
    assert job["name"] == "small"
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "job_state"
    assert events[-1]["state"] == "succeeded"


def test_show_jobs_and_logs_tell_of_an_ended_job(fleet: FleetOnDisk, job_file: Path) -> None:
    submitted = fleet.cli("submit", str(job_file), "--watch", "--json", "--name", "ended")
    job_id = str(json_lines(submitted.stdout)[0]["id"])

    shown = fleet.cli("show", job_id)
    assert shown.returncode == 0
    assert "model folder-model" in shown.stdout
    assert "step 5" in shown.stdout
    details = json.loads(fleet.cli("show", job_id, "--json").stdout)
    assert details["job"]["state"] == "succeeded"
    assert details["tasks"][0]["attempts"][0]["outcome"] == "succeeded"
    assert details["checkpoints"][0]["step"] == 5

    listed = json.loads(fleet.cli("jobs", "--state", "succeeded", "--json").stdout)["jobs"]
    assert job_id in [job["id"] for job in listed]
    assert job_id in fleet.cli("jobs").stdout
    assert json.loads(fleet.cli("jobs", "--kind", "no-such", "--json").stdout) == {"jobs": []}

    logs = fleet.cli("logs", job_id)
    assert logs.stdout == "hello from ended\n"
    (line,) = json_lines(fleet.cli("logs", job_id, "--json").stdout)
    assert line["lines"] == ["hello from ended"]


def test_logs_of_a_running_job_end_without_waiting_for_it(
    fleet: FleetOnDisk, tmp_path: Path
) -> None:
    file = tmp_path / "endless.yaml"
    file.write_text(ENDLESS)
    job_id = json.loads(fleet.cli("submit", str(file), "--json").stdout)["id"]
    with fleet.client() as client:
        for event in client.events(job_id):
            if event.task_id and getattr(event, "lines", None) == ["begun"]:
                break

    begun = time.monotonic()
    assert fleet.cli("logs", job_id).stdout == "begun\n"
    assert time.monotonic() - begun < 60

    cancelled = fleet.cli("cancel", job_id, "--reason", "enough")
    assert cancelled.returncode == 0
    watched = fleet.cli("watch", job_id)
    assert watched.returncode == 1
    assert "cancelled" in watched.stdout
    assert json.loads(fleet.cli("cancel", job_id, "--json").stdout)["state"] == "cancelled"


def test_wrong_job_file_gives_status_2_and_names_every_wrong_field(
    fleet: FleetOnDisk, tmp_path: Path
) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("kind: train\ncolour: red\nspec: {entrypoint: train.py}\nmax_attempts: 0\n")
    done = fleet.cli("submit", str(file))
    assert done.returncode == 2
    assert "colour" in done.stderr
    assert "max_attempts" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_job_gives_status_1_and_one_line(fleet: FleetOnDisk) -> None:
    for command in ("show", "watch", "logs", "cancel"):
        done = fleet.cli(command, "job-nowhere")
        assert done.returncode == 1, command
        assert done.stderr.startswith("error: ")
        assert len(done.stderr.splitlines()) == 1
