"""The client over the real gateway, orchestrator, storage and their stores; no worker."""

import asyncio
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tensorfleet.gateway.app import gateway_started
from tensorfleet.gateway.settings import GatewaySettings
from tensorfleet.orchestrator.app import orchestrator_started
from tensorfleet.orchestrator.settings import OrchestratorSettings
from tensorfleet.sdk.client import Client
from tensorfleet.shared.errors import (
    DatasetNotFound,
    IdempotencyConflict,
    JobNotFound,
    ModelNotFound,
)
from tensorfleet.shared.manifest import ManifestFile
from tensorfleet.shared.transfer import FileToFetch, fetch_files
from tensorfleet.storage.app import storage_started
from tensorfleet.storage.settings import StorageSettings
from tests.deadlines import eventually
from tests.stores import S3Store

TOKEN = "service-token-of-the-tests-0123456789"
PASSWORD = "admin-password-of-the-tests"


@pytest.fixture
async def client(
    mongo_url: str, mongo_database: str, redis_url: str, s3: S3Store
) -> AsyncIterator[Client]:
    """A client, logged in as admin, of a fleet without workers and without inference."""
    orchestrator_settings = OrchestratorSettings(
        service_token=TOKEN,
        mongo_url=mongo_url,
        mongo_database=mongo_database,
        redis_url=redis_url,
        orchestrator_listen="127.0.0.1:0",
        orchestrator_metrics_listen="",
        shutdown_grace_seconds=0.5,
    )
    storage_settings = StorageSettings(
        service_token=TOKEN,
        mongo_url=mongo_url,
        mongo_database=mongo_database,
        s3_url=s3.url,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
        s3_bucket=s3.bucket,
        s3_region=s3.region,
        storage_listen="127.0.0.1:0",
        storage_metrics_listen="",
        upload_part_bytes=5 * 1024 * 1024,
        shutdown_grace_seconds=0.5,
    )
    stop = asyncio.Event()
    async with (
        orchestrator_started(orchestrator_settings) as orchestrator,
        storage_started(storage_settings) as storage,
    ):
        gateway_settings = GatewaySettings(
            service_token=TOKEN,
            mongo_url=mongo_url,
            mongo_database=mongo_database,
            jwt_secret="jwt-secret-of-the-tests-0123456789-0123456789",
            admin_password=PASSWORD,
            gateway_listen="127.0.0.1:0",
            monitoring_address="127.0.0.1:1",
            shutdown_grace_seconds=2.0,
            orchestrator_address=f"127.0.0.1:{orchestrator.port}",
            storage_address=f"127.0.0.1:{storage.port}",
            inference_address="127.0.0.1:1",
        )
        async with gateway_started(gateway_settings, stop) as port:
            url = f"http://127.0.0.1:{port}"
            with closing(Client(url, username="admin", password=PASSWORD)) as client:
                yield client
            stop.set()


async def test_code_travels_to_s3_and_back(client: Client, tmp_path: Path) -> None:
    code = tmp_path / "code"
    (code / "lib").mkdir(parents=True)
    (code / "train.py").write_text("print('hello')\n")
    (code / "lib" / "empty").touch()
    (code / "lib" / "big.bin").write_bytes(bytes(range(256)) * 60_000)  # three parts
    job_file = tmp_path / "job.yaml"
    job_file.write_text(
        "kind: train\ncode: code\nresources: {memory: 1GiB}\nlabels: {a: b}\n"
        "spec: {entrypoint: train.py, params: {lr: 0.5, names: [x, null]}}\n"
    )
    job = await to_thread(client.submit, job_file)
    assert (job.state, job.owner, job.labels) == ("pending", "admin", {"a": "b"})
    assert job.resources.memory_bytes == 1 << 30
    assert job.spec["params"] == {"lr": 0.5, "names": ["x", None]}
    artifact = await to_thread(client.artifact, job.code)
    target = tmp_path / "fetched"
    target.mkdir()
    wanted = [
        FileToFetch(
            file=ManifestFile(path=f.path, size_bytes=f.size_bytes, sha256=f.sha256), url=f.url
        )
        for f in artifact.files
    ]
    await to_thread(fetch_files, wanted, target)
    for path in ("train.py", "lib/empty", "lib/big.bin"):
        assert (target / path).read_bytes() == (code / path).read_bytes()
    sent: list[int] = []
    await to_thread(client.submit, job_file, on_bytes=sent.append)
    assert sent == []


async def test_job_from_submission_to_its_terminal_event(client: Client) -> None:
    body = {"kind": "command", "spec": {"command": "true"}}
    job = await to_thread(client.submit, body, idempotency_key="once")
    assert (await to_thread(client.submit, body, idempotency_key="once")).id == job.id
    other = {"kind": "command", "spec": {"command": "false"}}
    with pytest.raises(IdempotencyConflict):
        await to_thread(client.submit, other, idempotency_key="once")
    assert [j.id for j in await to_thread(lambda: list(client.jobs()))] == [job.id]
    tasks = await to_thread(lambda: list(client.tasks(job.id)))
    assert [(task.index, task.state, task.attempts) for task in tasks] == [(0, "queued", [])]
    reading = asyncio.create_task(to_thread(lambda: list(client.events(job.id))))
    waiting = asyncio.create_task(to_thread(client.wait, job.id, timeout_seconds=20))
    cancelled = await to_thread(client.cancel, job.id, reason="enough")
    assert cancelled.cancel_request_time is not None
    async with asyncio.timeout(20):
        events = await reading
        ended = await waiting
    assert ended.state == "cancelled"
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [event.is_terminal for event in events] == [False] * (len(events) - 1) + [True]
    last = events[-1].sequence
    assert await to_thread(lambda: list(client.events(job.id, after=last))) == []


async def test_datasets(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2\n")
    first = await to_thread(client.upload_dataset, "digits", tmp_path, "small")
    assert (first.version, first.owner) == (1, "admin")
    (tmp_path / "b.csv").write_text("3,4\n")
    second = await to_thread(client.upload_dataset, "digits", tmp_path)
    assert (second.version, second.file_count) == (2, 2)
    assert (await to_thread(client.upload_dataset, "digits", tmp_path)).version == 2
    versions = await to_thread(lambda: list(client.dataset_versions("digits")))
    assert [version.version for version in versions] == [2, 1]
    (dataset,) = await to_thread(lambda: list(client.datasets()))
    assert (dataset.description, dataset.latest_version) == ("small", 2)


async def test_what_is_not_there(client: Client) -> None:
    for call, error in (
        (lambda: client.job("job-none"), JobNotFound),
        (lambda: list(client.events("job-none")), JobNotFound),
        (lambda: list(client.checkpoints("job-none")), JobNotFound),
        (lambda: list(client.dataset_versions("none")), DatasetNotFound),
        (lambda: list(client.model_versions("none")), ModelNotFound),
    ):
        with pytest.raises(error):
            await to_thread(call)
    assert await to_thread(lambda: list(client.models())) == []
    assert await to_thread(client.workers) == []


async def test_health_names_what_is_missing(client: Client) -> None:
    async def statuses() -> dict[str, str]:
        return {c.name: c.status for c in (await to_thread(client.health)).components}

    async def stores_are_healthy() -> bool:
        found = await statuses()
        return all(found[name] == "healthy" for name in ("mongodb", "redis", "s3"))

    await eventually(stores_are_healthy)
    found = await statuses()
    assert (found["orchestrator"], found["storage"]) == ("healthy", "healthy")
    assert (found["inference"], found["monitoring"]) == ("down", "down")
