"""Jobs through the client."""

import asyncio
from asyncio import to_thread
from pathlib import Path

import pytest

from tensorfleet.orchestrator.v1 import event_pb2, job_pb2
from tensorfleet.sdk.connection import Connection
from tensorfleet.sdk.credentials import Credentials
from tensorfleet.sdk.event_reader import EventReader
from tensorfleet.shared.errors import (
    DeadlineExceeded,
    IdempotencyConflict,
    InvalidJob,
    JobNotFound,
    TooLarge,
    Unavailable,
    UnknownKind,
)
from tensorfleet.shared.manifest import artifact_id
from tensorfleet.shared.rest.events import Event, JobStateEvent, MetricEvent, ProgressEvent
from tests.deadlines import eventually
from tests.wire.sdk.conftest import Fleet

JOB = """\
kind: train
name: digits
priority: high
code: src
resources: {cpus: 2, memory: 1GiB}
timeout_seconds: 60
labels: {team: blue}
spec:
  entrypoint: train.py
  params: {lr: 0.1}
"""


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    (tmp_path / "src" / "lib").mkdir(parents=True)
    (tmp_path / "src" / "train.py").write_text("import lib\n")
    (tmp_path / "src" / "lib" / "__init__.py").write_text("")
    (tmp_path / "src" / "lib" / "big.bin").write_bytes(bytes(range(256)) * 1024)
    (tmp_path / "src" / "junk.pyc").write_text("")
    path = tmp_path / "job.yaml"
    path.write_text(JOB)
    return path


async def test_job_file_is_packed_uploaded_and_submitted(fleet: Fleet, job_file: Path) -> None:
    sent: list[int] = []
    job = await to_thread(fleet.client.submit, job_file, on_bytes=sent.append)
    files = fleet.gateway.storage.artifacts[("default", job.code)]
    assert [file.path for file in files] == ["lib/__init__.py", "lib/big.bin", "train.py"]
    assert job.code == artifact_id(files)
    assert sum(sent) == sum(file.size_bytes for file in files)
    assert (job.name, job.priority, job.labels) == ("digits", "high", {"team": "blue"})
    assert (job.resources.memory_bytes, job.timeout_seconds) == (1 << 30, 60)
    assert job.spec == {"entrypoint": "train.py", "params": {"lr": 0.1}}
    assert (job.state, job.owner, job.is_terminal) == ("pending", "admin", False)
    assert await to_thread(fleet.client.job, job.id) == job


async def test_code_that_the_fleet_has_is_not_sent_again(fleet: Fleet, job_file: Path) -> None:
    first = await to_thread(fleet.client.submit, str(job_file))
    sent: list[int] = []
    second = await to_thread(fleet.client.submit, job_file, on_bytes=sent.append)
    assert sent == []
    assert second.code == first.code
    assert second.id != first.id


async def test_mapping_with_an_artifact_id_uploads_nothing(fleet: Fleet) -> None:
    body = {"kind": "train", "code": "a" * 64, "spec": {"entrypoint": "train.py"}}
    job = await to_thread(fleet.client.submit, body)
    assert job.code == "a" * 64
    assert not fleet.gateway.storage.uploads


async def test_relative_code_of_a_mapping_is_below_the_working_directory(
    fleet: Fleet, job_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(job_file.parent)
    body = {"kind": "train", "code": "src", "spec": {"entrypoint": "train.py"}}
    job = await to_thread(fleet.client.submit, body)
    assert ("default", job.code) in fleet.gateway.storage.artifacts


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [
        ("priority: high", "priority: soon\nprio: 1", {"prio", "priority"}),
        ("entrypoint: train.py", "entrypoint: other.py", {"spec.entrypoint"}),
        ("entrypoint: train.py", "entrypont: train.py", {"spec"}),
        ("code: src", "code: none", {"code"}),
        ("code: src", "", {"code"}),
        ("code: src", "code: job.yaml", {"code"}),
        ("code: src", "code: ~nobody-of-this-name/x", {"code"}),
        ("code: src", f"code: {'x' * 300}", {"code"}),
    ],
)
async def test_wrong_job_is_refused_before_anything_is_sent(
    fleet: Fleet, job_file: Path, old: str, new: str, fields: set[str]
) -> None:
    job_file.write_text(JOB.replace(old, new))
    with pytest.raises(InvalidJob) as caught:
        await to_thread(fleet.client.submit, job_file)
    assert {problem.field for problem in caught.value.fields} == fields
    assert fleet.relay.connection_count == 0


async def test_unknown_kind_lists_those_that_exist(fleet: Fleet) -> None:
    with pytest.raises(UnknownKind, match="train"):
        await to_thread(fleet.client.submit, {"kind": "dance"})
    assert fleet.relay.connection_count == 0


async def test_too_large_code_is_refused(fleet: Fleet, job_file: Path) -> None:
    with (job_file.parent / "src" / "huge").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(TooLarge, match="dataset"):
        await to_thread(fleet.client.submit, job_file)
    assert fleet.relay.connection_count == 0


async def test_missing_job_file(fleet: Fleet, tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match="No such file"):
        await to_thread(fleet.client.submit, tmp_path / "none.yaml")


async def test_lost_answer_does_not_make_a_second_job(fleet: Fleet) -> None:
    await to_thread(fleet.client.login)
    fleet.relay.cut()
    fleet.relay.answers_to_lose = 2
    body = {"kind": "command", "spec": {"command": "true"}}
    job = await to_thread(fleet.client.submit, body)
    assert fleet.relay.answers_to_lose == 0
    assert list(fleet.gateway.orchestrator.jobs) == [job.id]


async def test_idempotency_key_of_the_caller(fleet: Fleet) -> None:
    body = {"kind": "command", "spec": {"command": "true"}}
    first = await to_thread(fleet.client.submit, body, idempotency_key="k")
    assert (await to_thread(fleet.client.submit, body, idempotency_key="k")).id == first.id
    other = {"kind": "command", "spec": {"command": "false"}}
    with pytest.raises(IdempotencyConflict):
        await to_thread(fleet.client.submit, other, idempotency_key="k")
    assert (await to_thread(fleet.client.submit, body)).id != first.id


async def test_refusal_of_the_fleet_has_its_fields(fleet: Fleet) -> None:
    body = {"kind": "command", "spec": {"command": "forbidden"}}
    with pytest.raises(InvalidJob) as caught:
        await to_thread(fleet.client.submit, body)
    assert [problem.field for problem in caught.value.fields] == ["spec.x"]


async def test_lists_read_as_many_pages_as_there_are(fleet: Fleet) -> None:
    template = job_pb2.Job(
        spec=job_pb2.JobSpec(kind="train"), project="default", state=job_pb2.JOB_STATE_PENDING
    )
    for n in range(450):
        job = job_pb2.Job()
        job.CopyFrom(template)
        job.id = f"job-{n:03}"
        fleet.gateway.orchestrator.jobs[job.id] = job
    names = [f"job-{n:03}" for n in reversed(range(450))]

    def ids(limit: int | None) -> list[str]:
        return [job.id for job in fleet.client.jobs(limit=limit)]

    assert await to_thread(ids, None) == names
    assert await to_thread(ids, 201) == names[:201]
    assert await to_thread(ids, 3) == names[:3]
    assert await to_thread(ids, 0) == []


async def test_jobs_by_state_and_kind(fleet: Fleet) -> None:
    body = {"kind": "command", "spec": {"command": "true"}}
    job = await to_thread(fleet.client.submit, body)
    await fleet.gateway.orchestrator.run(job.id)
    client = fleet.client
    assert await to_thread(lambda: [j.id for j in client.jobs(state="running")]) == [job.id]
    assert await to_thread(lambda: list(client.jobs(state="failed"))) == []
    assert await to_thread(lambda: list(client.jobs(kind="train"))) == []


async def test_cancel_tasks_and_checkpoints(fleet: Fleet) -> None:
    body = {"kind": "command", "spec": {"command": "true"}}
    job = await to_thread(fleet.client.submit, body)
    cancelled = await to_thread(fleet.client.cancel, job.id, reason="enough")
    assert (cancelled.state, cancelled.is_terminal) == ("cancelled", True)
    assert fleet.gateway.orchestrator.cancel_reasons == ["enough"]
    tasks = await to_thread(lambda: list(fleet.client.tasks(job.id)))
    assert [task.state for task in tasks] == ["cancelled"]
    assert await to_thread(lambda: list(fleet.client.checkpoints(job.id))) == []


@pytest.mark.parametrize("job_id", ["job-none", "a/b", "../workers", "ü?#"])
async def test_unknown_job(fleet: Fleet, job_id: str) -> None:
    client = fleet.client
    for call in (
        lambda: client.job(job_id),
        lambda: client.cancel(job_id),
        lambda: list(client.tasks(job_id)),
        lambda: list(client.checkpoints(job_id)),
        lambda: list(client.events(job_id)),
        lambda: client.wait(job_id),
    ):
        with pytest.raises(JobNotFound if "/" not in job_id else Exception):
            await to_thread(call)


async def submit(fleet: Fleet) -> str:
    body = {"kind": "command", "spec": {"command": "true"}}
    return (await to_thread(fleet.client.submit, body)).id


def follow(fleet: Fleet, job_id: str, after: int = 0) -> "asyncio.Task[list[Event]]":
    """Reads all events in a thread."""
    return asyncio.create_task(to_thread(lambda: list(fleet.client.events(job_id, after))))


async def test_events_are_typed_and_end_with_the_terminal_one(fleet: Fleet) -> None:
    job_id = await submit(fleet)
    reading = follow(fleet, job_id)
    await eventually(lambda: fleet.gateway.orchestrator.watchers == 1)
    add = fleet.gateway.orchestrator.add_event
    values = {"loss": 0.25, "bad": float("nan")}
    await add(job_id, metric=event_pb2.Metric(step=1, values=values))
    await add(
        job_id, log=event_pb2.LogLines(stream=event_pb2.LOG_STREAM_STDOUT, lines=["a\u2028b"])
    )
    await fleet.gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
    async with asyncio.timeout(10):
        first, metric, log, last = await reading
    assert isinstance(first, JobStateEvent)
    assert isinstance(metric, MetricEvent)
    assert metric.values == {"loss": 0.25, "bad": "NaN"}
    assert log.lines == ["a\u2028b"]  # type: ignore[union-attr]
    assert isinstance(last, JobStateEvent)
    assert last.is_terminal
    assert await follow(fleet, job_id, after=4) == []
    assert [event.sequence for event in await follow(fleet, job_id, after=2)] == [3, 4]


async def test_broken_connections_leave_no_gap_and_no_repeat(fleet: Fleet) -> None:
    job_id = await submit(fleet)
    reading = follow(fleet, job_id)
    orchestrator = fleet.gateway.orchestrator
    for n in range(4):
        await eventually(lambda: orchestrator.watchers == 1)
        await orchestrator.add_event(job_id, progress=event_pb2.Progress(completed=n))
        fleet.relay.is_refusing = True
        fleet.relay.cut()
        await eventually(lambda: orchestrator.watchers == 0)
        await orchestrator.add_event(job_id, progress=event_pb2.Progress(completed=n + 0.5))
        fleet.relay.is_refusing = False
    await orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
    async with asyncio.timeout(20):
        events = await reading
    assert [event.sequence for event in events] == list(range(1, 11))
    progress = [event.completed for event in events if isinstance(event, ProgressEvent)]
    assert progress == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]


async def test_stopping_gateway_is_not_the_end_of_a_job(fleet: Fleet) -> None:
    job_id = await submit(fleet)
    reading = follow(fleet, job_id)
    await eventually(lambda: fleet.gateway.orchestrator.watchers == 1)
    fleet.gateway.stop.set()  # ends every stream, again and again, as long as it is set
    before = fleet.relay.connection_count
    await eventually(lambda: fleet.gateway.orchestrator.watchers == 0)
    assert not reading.done()
    fleet.gateway.stop.clear()
    await fleet.gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
    async with asyncio.timeout(10):
        events = await reading
    assert [event.sequence for event in events] == [1, 2]
    assert fleet.relay.connection_count >= before


async def test_gateway_that_stays_away_is_told(fleet: Fleet) -> None:
    job_id = await submit(fleet)
    token = await to_thread(fleet.client.login)
    connection = Connection(Credentials(url=fleet.relay.url, token=token.access_token))
    reader = EventReader(connection, job_id, patience_seconds=0.2)
    reading = asyncio.create_task(to_thread(lambda: list(reader.read())))
    await eventually(lambda: fleet.gateway.orchestrator.watchers == 1)
    fleet.relay.is_refusing = True
    fleet.relay.cut()
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable, match="is the fleet up"):
            await reading
    connection.close()


async def test_wait_returns_the_ended_job(fleet: Fleet) -> None:
    job_id = await submit(fleet)
    waiting = asyncio.create_task(to_thread(fleet.client.wait, job_id))
    await eventually(lambda: fleet.gateway.orchestrator.watchers == 1)
    await fleet.gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_FAILED)
    async with asyncio.timeout(10):
        job = await waiting
    assert job.state == "failed"
    assert job.failure is not None
    assert job.failure.exit_code == 3


async def test_wait_ends_in_time_when_the_job_does_not(fleet: Fleet) -> None:
    job_id = await submit(fleet)
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(DeadlineExceeded):
        await to_thread(fleet.client.wait, job_id, timeout_seconds=0.5)
    assert 0.5 <= loop.time() - started < 5
