"""A training job the whole way by HTTP, with parts of the fleet killed under it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tensorfleet.sdk.client import Client
from tensorfleet.shared.errors import (
    InvalidInput,
    InvalidJob,
    JobNotFound,
    ModelNotFound,
    Unauthenticated,
    UnknownKind,
)
from tensorfleet.shared.rest.events import (
    JobStateEvent,
    LogEvent,
    MetricEvent,
    OutputEvent,
    TaskStateEvent,
)
from tests.fleets import FleetOnDisk

SLOW = """
import sys, time
import tensorfleet
import torch
run = tensorfleet.init()
weights = torch.nn.Linear(2, 1)
saved = run.resume()
first = saved.step + 1 if saved else 0
if saved:
    weights.load_state_dict(saved.load()["weights"])
print(f"attempt {run.attempt} from {first}")
for step in range(first, 60):
    run.log(step=step, loss=1 / (step + 1))
    run.checkpoint(step, {"weights": weights.state_dict()})
    if run.should_stop:
        sys.exit()
    time.sleep(0.1)
run.save_model(weights, name="slow", example=torch.zeros(2, 2))
"""


@pytest.fixture
def client(fleet: FleetOnDisk) -> Iterator[Client]:
    with fleet.client() as client:
        yield client


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train.py").write_text(SLOW)
    return folder


def job_of(code: Path, **spec: object) -> dict[str, object]:
    return {"kind": "train", "code": str(code), "spec": {"entrypoint": "train.py", **spec}}


@pytest.mark.parametrize("victim", ["worker", "orchestrator", "gateway", "valkey", "mongodb"])
def test_killed_part_loses_nothing_of_a_running_training(
    fleet: FleetOnDisk, client: Client, code: Path, victim: str
) -> None:
    job = client.submit(job_of(code, model="slow"))
    steps: list[int] = []
    sequences: list[int] = []
    lines: list[str] = []
    worker = ""
    for event in client.events(job.id):
        sequences.append(event.sequence)
        if isinstance(event, TaskStateEvent) and event.state == "running":
            worker = event.worker_id
        elif isinstance(event, LogEvent):
            lines += event.lines
        elif isinstance(event, MetricEvent):
            assert event.step is not None
            steps.append(event.step)
            if len(steps) == 10:
                part = worker if victim == "worker" else victim
                psutil.Process(fleet.pid(part)).send_signal(signal.SIGKILL)
    done = client.job(job.id)
    assert (done.state, done.failure) == ("succeeded", None)
    # The reader saw every event once and in order, and the training did every step.
    assert sequences == list(range(1, len(sequences) + 1))
    assert sorted(set(steps)) == list(range(60))
    assert isinstance(event, JobStateEvent)
    assert event.is_terminal
    if victim == "worker":
        assert lines[0] == "attempt 1 from 0"
        assert lines[1].startswith("attempt 2 from ")
    else:
        assert lines == ["attempt 1 from 0"]
        assert steps == list(range(60))
    assert [output.name for output in done.outputs if output.type == "model_version"] == ["slow"]
    prediction = client.predict("slow", [[1.0, 2.0], [3.0, 4.0]])
    assert [len(rows) for rows in prediction.outputs.values()] == [2]


def test_cancelled_training_stops_and_says_so(client: Client, code: Path) -> None:
    job = client.submit(job_of(code))
    for event in client.events(job.id):
        if isinstance(event, MetricEvent) and event.step == 2:
            client.cancel(job.id)
    assert client.job(job.id).state == "cancelled"
    checkpoints = [e for e in client.events(job.id) if isinstance(e, OutputEvent)]
    assert checkpoints


@pytest.mark.parametrize(
    ("script", "reason", "exit_code", "signal_number"),
    [
        ("raise ValueError('boom')", "USER_CODE", 1, None),
        ("import sys; sys.exit(3)", "USER_CODE", 3, None),
        ("import os; os.kill(os.getpid(), 15)", "USER_CODE", None, 15),
        ("import sys; sys.exit(0)", "MISSING_RESULT", 0, None),
    ],
)
def test_script_that_goes_wrong_fails_its_job(
    client: Client,
    code: Path,
    script: str,
    reason: str,
    exit_code: int | None,
    signal_number: int | None,
) -> None:
    (code / "train.py").write_text(script)
    job = client.wait(client.submit(job_of(code, model="m")).id, timeout_seconds=60)
    assert job.failure is not None
    assert (job.state, job.failure.reason) == ("failed", reason)
    assert (job.failure.exit_code, job.failure.signal) == (exit_code, signal_number)


def test_wrong_jobs_are_refused_before_anything_is_uploaded(client: Client, code: Path) -> None:
    with pytest.raises(InvalidInput, match="epochs"):
        client.submit({**job_of(code), "epochs": 3})
    with pytest.raises(InvalidJob, match=r"other\.py"):
        client.submit({**job_of(code), "spec": {"entrypoint": "other.py"}})
    with pytest.raises(InvalidInput, match="nowhere"):
        client.submit(job_of(code / "nowhere"))
    with pytest.raises(UnknownKind, match="nonsense"):
        client.submit({"kind": "nonsense"})


def test_unknown_ids_are_not_found(client: Client) -> None:
    with pytest.raises(JobNotFound):
        client.job("job-none")
    with pytest.raises(ModelNotFound):
        client.predict("none", [[1.0]])


def test_request_with_a_bad_token_is_refused(fleet: FleetOnDisk) -> None:
    with Client(fleet.url, token="not.a.token") as stranger, pytest.raises(Unauthenticated):
        next(iter(stranger.jobs()))
