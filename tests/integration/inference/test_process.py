"""The inference service as a process: what it has in memory, and how it lives without storage."""

from pathlib import Path

import pytest

from tensorfleet.local.free_ports import free_ports
from tensorfleet.shared import errors
from tensorfleet.shared.grpc_client import open_channel
from tests.contract.inference.sample_models import save_double
from tests.integration.storage.service_process import (
    ServiceProcess,
    environment,
    run_to_its_end,
    running,
    storage_environment,
)
from tests.stores import S3Store
from tests.wire.inference.inference_client import InferenceClient, floats, floats_of, register
from tests.wire.storage.storage_client import SERVICE_TOKEN, StorageClient, acting_in

TORCH = "libtorch_cpu"


async def predict(service: ServiceProcess) -> list[float]:
    async with open_channel(service.address, SERVICE_TOKEN) as channel:
        answer = await InferenceClient(channel).predict("m", floats("x", [[1.0, 2.0]]))
    return floats_of(answer.outputs[0])


async def test_torch_comes_with_the_first_model_and_a_loaded_model_outlives_storage(
    mongo_url: str, mongo_database: str, s3: S3Store, tmp_path: Path
) -> None:
    storage_port, inference_port = free_ports(2)
    storage_address = f"127.0.0.1:{storage_port}"
    inference_variables = environment(
        service_token=SERVICE_TOKEN,
        storage_address=storage_address,
        inference_metrics_listen="",
        inference_cache_dir=tmp_path / "cache",
    )
    storage_variables = storage_environment(mongo_url, mongo_database, s3)
    storage_running = running("storage", storage_address, storage_variables, tmp_path / "s.log")
    inference_running = running(
        "inference", f"127.0.0.1:{inference_port}", inference_variables, tmp_path / "i.log"
    )
    with acting_in("p"), storage_running as storage, inference_running as inference:
        with pytest.raises(errors.ModelNotFound):
            await predict(inference)
        assert not inference.has_mapped(TORCH)
        async with open_channel(storage_address, SERVICE_TOKEN) as channel:
            await register(StorageClient(channel), "m", save_double(tmp_path / "m", "float32"))
        assert await predict(inference) == [2.0, 4.0]
        assert inference.has_mapped(TORCH)
        storage.kill()
        assert await predict(inference) == [2.0, 4.0]
        assert inference.terminate() == 0
        assert '"event": "inference stopped"' in inference.log


def test_help_explains_every_setting() -> None:
    ended = run_to_its_end("inference", "--help", variables=environment())
    assert ended.returncode == 0
    for name in ("STORAGE_ADDRESS", "INFERENCE_LISTEN", "INFERENCE_MAX_LOADED_BYTES"):
        assert f"TENSORFLEET_{name}=" in ended.stdout
