"""The storage service as a process: started, stopped, killed, misconfigured."""

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from tensorfleet.local.free_ports import free_ports
from tensorfleet.shared import errors
from tensorfleet.shared.grpc_client import open_channel
from tests.integration.storage.service_process import (
    ServiceProcess,
    environment,
    run_to_its_end,
    running,
    storage_environment,
)
from tests.stores import S3Store
from tests.wire.storage.storage_client import SERVICE_TOKEN, StorageClient, acting_in, put_contents


@pytest.fixture
def variables(mongo_url: str, mongo_database: str, s3: S3Store) -> dict[str, str]:
    return storage_environment(mongo_url, mongo_database, s3)


async def upload(service: ServiceProcess, contents: dict[str, bytes]) -> dict[str, bytes]:
    """Uploads files and fetches them back."""
    async with open_channel(service.address, SERVICE_TOKEN) as channel:
        client = StorageClient(channel)
        return await client.fetch(await client.upload(contents))


async def test_process_serves_counts_and_stops_cleanly(
    variables: dict[str, str], tmp_path: Path
) -> None:
    port, metrics_port = free_ports(2)
    variables["TENSORFLEET_STORAGE_METRICS_LISTEN"] = f"127.0.0.1:{metrics_port}"
    with running("storage", f"127.0.0.1:{port}", variables, tmp_path / "log") as service:
        assert await upload(service, {"a": b"1"}) == {"a": b"1"}
        async with httpx.AsyncClient(trust_env=False) as http:
            metrics = (await http.get(f"http://127.0.0.1:{metrics_port}/metrics")).text
        assert 'method="/tensorfleet.storage.v1.ArtifactService/FinishUpload"' in metrics
        assert service.terminate() == 0
        assert '"event": "storage stopped"' in service.log


async def test_service_killed_while_it_finishes_an_upload_finishes_it_after_its_restart(
    variables: dict[str, str], tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    contents = {f"file{n}": os.urandom(300_000) for n in range(30)}
    async with open_channel(address, SERVICE_TOKEN) as channel:
        client = StorageClient(channel)
        with acting_in("p"), running("storage", address, variables, tmp_path / "log") as service:
            begun = await client.begin(contents)
            await asyncio.to_thread(put_contents, begun, contents)
            finishing = asyncio.create_task(client.finish(begun.upload_id))
            with pytest.raises(errors.ArtifactNotFound):
                await client.fetch(begun.artifact_id)
            service.kill()
            with pytest.raises(errors.Unavailable):
                await finishing
        with acting_in("p"), running("storage", address, variables, tmp_path / "log"):
            with pytest.raises(errors.ArtifactNotFound):
                await client.fetch(begun.artifact_id)
            await client.finish(begun.upload_id)
            assert await client.fetch(begun.artifact_id) == contents


def test_help_explains_every_setting() -> None:
    ended = run_to_its_end("storage", "--help", variables=environment())
    assert ended.returncode == 0
    for name in ("MONGO_URL", "S3_URL", "SERVICE_TOKEN", "STORAGE_LISTEN", "UPLOAD_PART_BYTES"):
        assert f"TENSORFLEET_{name}=" in ended.stdout


def test_object_store_that_does_not_answer_ends_the_process_with_a_reason(
    variables: dict[str, str],
) -> None:
    variables["TENSORFLEET_S3_URL"] = "http://127.0.0.1:1"
    ended = run_to_its_end("storage", variables=variables)
    assert ended.returncode == 1
    assert "the object store did not take the request" in ended.stderr
