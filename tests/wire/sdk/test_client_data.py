"""Datasets and models through the client."""

from asyncio import to_thread
from pathlib import Path

import numpy as np
import pytest

from tensorfleet.shared.errors import (
    ArtifactNotFound,
    DatasetNotFound,
    InvalidArtifact,
    InvalidInput,
    InvalidName,
    ModelNotFound,
    Unavailable,
)
from tensorfleet.storage.v1 import model_pb2
from tests.wire.gateway.fake_inference import MODEL
from tests.wire.sdk.conftest import Fleet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data" / "part").mkdir(parents=True)
    (tmp_path / "data" / "a.csv").write_text("1,2\n")
    (tmp_path / "data" / "part" / "b.bin").write_bytes(bytes(300_000))
    return tmp_path / "data"


async def test_dataset_versions(fleet: Fleet, folder: Path) -> None:
    first = await to_thread(fleet.client.upload_dataset, "digits", folder, "small ones")
    assert (first.version, first.file_count, first.size_bytes) == (1, 2, 300_004)
    same = await to_thread(fleet.client.upload_dataset, "digits", str(folder))
    assert same.version == 1
    (folder / "a.csv").write_text("3,4\n")
    sent: list[int] = []
    second = await to_thread(fleet.client.upload_dataset, "digits", folder, on_bytes=sent.append)
    assert second.version == 2
    assert sum(sent) == 4  # only what changed
    versions = await to_thread(lambda: list(fleet.client.dataset_versions("digits")))
    assert [version.version for version in versions] == [2, 1]
    listed = await to_thread(lambda: list(fleet.client.datasets()))
    assert [(d.name, d.description, d.latest_version) for d in listed] == [
        ("digits", "small ones", 2)
    ]
    files = (await to_thread(fleet.client.artifact, second.artifact_id)).files
    assert [file.path for file in files] == ["a.csv", "part/b.bin"]


async def test_part_that_the_store_refuses_once_is_sent_again(fleet: Fleet, folder: Path) -> None:
    fleet.gateway.blobs.failures += [500, 503]
    version = await to_thread(fleet.client.upload_dataset, "digits", folder)
    assert version.version == 1


async def test_upload_that_the_store_refuses_leaves_nothing(fleet: Fleet, folder: Path) -> None:
    fleet.gateway.blobs.failures += [403] * 20
    with pytest.raises(Unavailable, match="HTTP 403"):
        await to_thread(fleet.client.upload_dataset, "digits", folder)
    assert not fleet.gateway.storage.uploads
    assert not fleet.gateway.storage.artifacts


async def test_wrong_datasets(fleet: Fleet, folder: Path, tmp_path: Path) -> None:
    client = fleet.client
    with pytest.raises(InvalidArtifact, match="does not exist"):
        await to_thread(client.upload_dataset, "x", tmp_path / "none")
    with pytest.raises(InvalidName):
        await to_thread(client.upload_dataset, "a b", folder)
    with pytest.raises(DatasetNotFound):
        await to_thread(lambda: list(client.dataset_versions("none")))
    with pytest.raises(ArtifactNotFound):
        await to_thread(client.artifact, "none")


async def test_models(fleet: Fleet) -> None:
    fleet.gateway.storage.models[("default", "mlp")].append(
        model_pb2.ModelVersion(model="mlp", version=1, metrics={"loss": float("inf")})
    )
    models = await to_thread(lambda: list(fleet.client.models()))
    assert [model.name for model in models] == ["mlp"]
    versions = await to_thread(lambda: list(fleet.client.model_versions("mlp")))
    assert versions[0].metrics == {"loss": "Infinity"}
    assert (versions[0].stage, versions[0].source) == ("none", None)
    with pytest.raises(ModelNotFound):
        await to_thread(lambda: list(fleet.client.model_versions("none")))


async def test_predict(fleet: Fleet) -> None:
    client = fleet.client
    plain = await to_thread(client.predict, MODEL, [[1.5, float("nan")]])
    assert plain.outputs == {"output": [[3.0, "NaN"]]}
    array = np.array([[1, 2], [3, 4]], dtype=np.int64)
    named = await to_thread(client.predict, MODEL, {"x": array}, 1)
    assert named.outputs == {"x": [[2.0, 4.0], [6.0, 8.0]]}
    assert named.version == 1
    with pytest.raises(ModelNotFound):
        await to_thread(client.predict, "none", [1])
    with pytest.raises(InvalidInput, match=r"inputs\[1\]"):
        await to_thread(client.predict, MODEL, [[1], [2, 3]])
