"""Tasks on a real worker process: what they see, what they say, and how they end."""

import asyncio
import json
import math
import signal

import psutil
import pytest

from tensorfleet.orchestrator.v1 import event_pb2, job_pb2
from tensorfleet.orchestrator.v1 import job_service_pb2 as jobs_pb
from tensorfleet.storage.v1 import checkpoint_service_pb2, dataset_service_pb2
from tensorfleet.storage.v1 import model_registry_service_pb2 as models_pb
from tests.deadlines import eventually
from tests.integration.worker.small_fleet import SmallFleet, lines_of

SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED
FAILED = job_pb2.JOB_STATE_FAILED
CANCELLED = job_pb2.JOB_STATE_CANCELLED

# A script that counts its steps, one checkpoint each, and waits for a file before it goes on.
COUNTING = """
import pathlib, sys, time
import tensorfleet
run = tensorfleet.init()
resumed = run.resume()
first = int((resumed.path / "count.txt").read_text()) + 1 if resumed else 0
print(f"attempt {run.attempt} starts at {first}")
for step in range(first, 6):
    run.log(step=step, loss=1.0 / (step + 1))
    run.progress(step + 1, 6, "steps")
    file = pathlib.Path("count.txt")
    file.write_text(str(step))
    run.checkpoint(step, file)
    if step == 2 and run.attempt == 1:
        print("halfway")
        while not run.should_stop:
            time.sleep(0.01)
        sys.exit(0)
print("done")
"""


def train(**spec: object) -> str:
    return json.dumps({"entrypoint": "train.py", **spec})


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has asked about does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def line_seen(fleet: SmallFleet, job_id: str, line: str) -> None:
    """Returns when a job has logged a line."""
    async for event in fleet.watch(job_id):
        if line in event.log.lines:
            return
    raise AssertionError(f"the job ended without {line!r}")


async def test_command_runs_with_its_output_and_a_clean_environment(fleet: SmallFleet) -> None:
    await fleet.start_worker()
    command = 'echo out; echo err >&2; echo "$COLOUR"; env | grep -c SERVICE_TOKEN; true'
    spec = json.dumps({"command": command, "environment": {"COLOUR": "green"}})
    job, events = await fleet.finish(await fleet.submit("command", spec))
    assert job.state == SUCCEEDED
    by_stream = {
        stream: [line for e in events if e.log.stream == stream for line in e.log.lines]
        for stream in (event_pb2.LOG_STREAM_STDOUT, event_pb2.LOG_STREAM_STDERR)
    }
    # The service token stays with the worker: user code must not be able to act as a service.
    assert by_stream[event_pb2.LOG_STREAM_STDOUT] == ["out", "green", "0"]
    assert by_stream[event_pb2.LOG_STREAM_STDERR] == ["err"]


async def test_command_of_several_tasks_tells_each_which_it_is(fleet: SmallFleet) -> None:
    await fleet.start_worker()
    command = 'echo "$TENSORFLEET_TASK_INDEX of $TENSORFLEET_TASK_COUNT"'
    job_id = await fleet.submit("command", json.dumps({"command": command, "count": 3}))
    job, events = await fleet.finish(job_id)
    assert job.state == SUCCEEDED
    assert sorted(lines_of(events)) == ["0 of 3", "1 of 3", "2 of 3"]


async def test_calls_find_their_function_in_the_code_folder(fleet: SmallFleet) -> None:
    await fleet.start_worker()
    spec = json.dumps({"function": "lib.shout:loud", "calls": [["a"], ["b"], ["c"]]})
    code = {"lib/shout.py": "def loud(text):\n    print(text.upper())\n"}
    job, events = await fleet.finish(await fleet.submit("call", spec, code))
    assert job.state == SUCCEEDED
    assert sorted(lines_of(events)) == ["A", "B", "C"]
    assert job.spec.resources.cpus < 0.1


async def test_code_of_calls_that_cannot_be_fetched_fails_them(fleet: SmallFleet) -> None:
    await fleet.start_worker()
    spec = json.dumps({"function": "m:f", "count": 2})
    job, _ = await fleet.finish(await fleet.submit("call", spec, code_artifact_id="a" * 64))
    assert (job.state, job.failure.reason) == (FAILED, "STAGING_FAILED")


async def test_script_sees_its_parameters_dataset_and_arguments(fleet: SmallFleet) -> None:
    await fleet.start_worker()
    artifact_id = await fleet.storage.upload({"numbers.txt": b"1 2 3", "more/x": b"x"})
    await fleet.storage.datasets.CreateDatasetVersion(
        dataset_service_pb2.CreateDatasetVersionRequest(dataset="d", artifact_id=artifact_id)
    )
    script = (
        "import sys, tensorfleet, helper\n"
        "run = tensorfleet.init({'default': 1, 'big': 0})\n"
        "print(run.params, sys.argv[1:], (run.dataset('d') / 'numbers.txt').read_text())\n"
    )
    spec = train(params={"big": 2**60, "rate": 0.5}, datasets=["d"], args=["--flag"])
    job_id = await fleet.submit("train", spec, {"train.py": script, "helper.py": ""})
    job, events = await fleet.finish(job_id)
    assert job.state == SUCCEEDED
    expected = f"{{'default': 1, 'big': {2**60}, 'rate': 0.5}} ['--flag'] 1 2 3"
    assert lines_of(events) == [expected]


async def test_metrics_arrive_with_numbers_that_json_does_not_have(fleet: SmallFleet) -> None:
    await fleet.start_worker()
    script = (
        "import tensorfleet\nrun = tensorfleet.init()\n"
        "run.log(step=3, a=float('nan'), b=float('inf'), c=1)\nrun.log(d=2)\n"
        "run.progress(1, 4, 'epochs')\n"
    )
    job, events = await fleet.finish(await fleet.submit("train", train(), {"train.py": script}))
    assert job.state == SUCCEEDED
    first, second = (e.metric for e in events if e.HasField("metric"))
    assert math.isnan(first.values["a"])
    assert (first.step, first.values["b"], first.values["c"]) == (3, math.inf, 1.0)
    assert not second.HasField("step")
    (progress,) = (e.progress for e in events if e.HasField("progress"))
    assert (progress.completed, progress.total, progress.unit) == (1, 4, "epochs")


async def test_model_is_registered_from_the_script(fleet: SmallFleet) -> None:
    await fleet.start_worker()
    script = (
        "import pathlib, tensorfleet\nrun = tensorfleet.init()\n"
        "folder = pathlib.Path('m'); folder.mkdir(); (folder / 'w').write_text('1')\n"
        "for accuracy in (0.5, 0.9):\n"
        "    saved = run.save_model(folder, name='m', signature={'inputs': []},"
        " accuracy=accuracy)\n"
        "print(saved.version)\n"
    )
    job_id = await fleet.submit("train", train(model="m"), {"train.py": script})
    job, _ = await fleet.finish(job_id)
    assert job.state == SUCCEEDED
    assert [(o.name, o.version) for o in job.outputs] == [("m", 1)]
    answer = await fleet.storage.models.GetModelVersion(models_pb.GetModelVersionRequest(model="m"))
    assert answer.version.source.job_id == job_id
    assert answer.version.metrics["accuracy"] == 0.9


@pytest.mark.parametrize(
    ("script", "reason", "message"),
    [
        ("raise ValueError('boom')", "USER_CODE", "boom"),
        ("import sys; sys.exit(3)", "USER_CODE", "status 3"),
        ("import os; os.kill(os.getpid(), 9)", "USER_CODE", "SIGKILL"),
        ("import sys; sys.exit(0)", "MISSING_RESULT", "run.save_model"),
        (
            "import tensorfleet; tensorfleet.init().dataset('nope')",
            "USER_CODE",
            "does not declare the dataset 'nope'",
        ),
        (
            "import tensorfleet; tensorfleet.init().checkpoint(1, 'nothing-there')",
            "USER_CODE",
            "does not exist",
        ),
    ],
)
async def test_script_that_goes_wrong_fails_its_job_with_the_reason(
    fleet: SmallFleet, script: str, reason: str, message: str
) -> None:
    await fleet.start_worker()
    job_id = await fleet.submit("train", train(model="m"), {"train.py": script})
    job, _ = await fleet.finish(job_id)
    assert (job.state, job.failure.reason) == (FAILED, reason)
    assert message in job.failure.message


async def test_entrypoint_that_is_not_there_says_so(fleet: SmallFleet) -> None:
    await fleet.start_worker()
    job, _ = await fleet.finish(await fleet.submit("train", train(), {"other.py": ""}))
    assert job.failure.reason == "ENTRYPOINT_NOT_FOUND"


@pytest.mark.parametrize(
    ("spec", "code_artifact_id"),
    [
        ({"command": "true", "datasets": ["nope"]}, ""),
        ({"command": "true"}, "a" * 64),
    ],
)
async def test_what_cannot_be_fetched_fails_the_job_with_its_name(
    fleet: SmallFleet, spec: dict[str, object], code_artifact_id: str
) -> None:
    await fleet.start_worker()
    job, _ = await fleet.finish(
        await fleet.submit("command", json.dumps(spec), code_artifact_id=code_artifact_id)
    )
    assert (job.state, job.failure.reason) == (FAILED, "STAGING_FAILED")
    assert "nope" in job.failure.message or "a" * 64 in job.failure.message


async def test_task_over_its_time_limit_is_stopped(fleet: SmallFleet) -> None:
    await fleet.start_worker()
    fields = job_pb2.JobSpec()
    fields.attempt_timeout.FromMilliseconds(500)
    spec = json.dumps({"command": "sleep 60"})
    job_id = await fleet.submit("command", spec, attempt_timeout=fields.attempt_timeout)
    job, _ = await fleet.finish(job_id)
    assert (job.state, job.failure.reason) == (FAILED, "TIMEOUT")


async def test_cancel_ends_every_process_of_the_task(fleet: SmallFleet) -> None:
    await fleet.start_worker()
    # One that ignores SIGTERM is killed after the grace; its children with it.
    command = "sleep 1000 & echo $! ; echo $$; wait"
    job_id = await fleet.submit("command", json.dumps({"command": command}))
    pids: list[int] = []
    async for event in fleet.watch(job_id):
        pids += [int(line) for line in event.log.lines]
        if len(pids) == 2:
            break
    await fleet.door.jobs.CancelJob(jobs_pb.CancelJobRequest(job_id=job_id))
    job, _ = await fleet.finish(job_id)
    assert job.state == CANCELLED
    assert not [pid for pid in pids if is_alive(pid)]


async def test_killed_workers_training_goes_on_elsewhere_from_its_checkpoint(
    fleet: SmallFleet,
) -> None:
    first = await fleet.start_worker("first")
    job_id = await fleet.submit("train", train(), {"train.py": COUNTING})
    await line_seen(fleet, job_id, "halfway")
    task_pids = [p.pid for p in psutil.Process(first.pid).children(recursive=True)]
    assert task_pids
    first.send_signal(signal.SIGKILL)
    await first.wait()
    # No orphan survives the worker.
    await eventually(lambda: not any(map(is_alive, task_pids)))
    await fleet.start_worker("second")
    job, events = await fleet.finish(job_id)
    assert job.state == SUCCEEDED
    lines = lines_of(events)
    assert lines == ["attempt 1 starts at 0", "halfway", "attempt 2 starts at 3", "done"]
    assert [e.metric.step for e in events if e.HasField("metric")] == [0, 1, 2, 3, 4, 5]
    listed = await fleet.storage.checkpoints.ListCheckpoints(
        checkpoint_service_pb2.ListCheckpointsRequest(job_id=job_id)
    )
    assert [(c.step, c.attempt) for c in listed.checkpoints] == [
        *((5, 2), (4, 2), (3, 2), (2, 1), (1, 1), (0, 1))
    ]


async def test_worker_that_is_stopped_hands_its_task_back(fleet: SmallFleet) -> None:
    first = await fleet.start_worker("first")
    job_id = await fleet.submit("train", train(), {"train.py": COUNTING})
    await line_seen(fleet, job_id, "halfway")
    first.send_signal(signal.SIGTERM)
    async with asyncio.timeout(15):
        assert await first.wait() == 0
    await fleet.start_worker("second")
    job, events = await fleet.finish(job_id)
    assert job.state == SUCCEEDED
    assert lines_of(events)[-2:] == ["attempt 2 starts at 3", "done"]
    (lost,) = (e for e in events if e.task_state.failure.reason == "HANDED_BACK")
    assert "handed the task back" in lost.task_state.failure.message


async def test_script_may_write_a_lot_and_its_lines_stay_in_order(fleet: SmallFleet) -> None:
    await fleet.start_worker()
    script = "for n in range(100_000):\n    print(n)\n"
    job, events = await fleet.finish(await fleet.submit("train", train(), {"train.py": script}))
    assert job.state == SUCCEEDED
    assert lines_of(events) == [str(n) for n in range(100_000)]
