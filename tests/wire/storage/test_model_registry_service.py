"""ModelRegistryService as its clients see it, over real stores."""

import asyncio
import math
from typing import Any

import pytest
from pymongo import MongoClient

from tensorfleet.shared import errors
from tensorfleet.shared.paging import encode_token
from tensorfleet.storage.v1 import checkpoint_service_pb2, model_pb2
from tensorfleet.storage.v1 import model_registry_service_pb2 as pb
from tests.wire.storage.storage_client import StorageClient, acting_in, new_project

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIGNATURE = '{"inputs": [], "outputs": []}'


def source(attempt: int = 1, task_id: str = "job-1-0") -> model_pb2.ModelSource:
    return model_pb2.ModelSource(job_id="job-1", task_id=task_id, attempt=attempt)


async def register(
    storage: StorageClient,
    artifact_id: str,
    *,
    model: str = "m",
    made_by: model_pb2.ModelSource | None = None,
    metrics: dict[str, float] | None = None,
    description: str = "",
) -> model_pb2.ModelVersion:
    answer = await storage.models.RegisterModelVersion(
        pb.RegisterModelVersionRequest(
            model=model,
            artifact_id=artifact_id,
            signature_json=SIGNATURE,
            metrics=metrics,
            source=made_by,
            description=description,
        )
    )
    return answer.version


async def get_version(storage: StorageClient, model: str, version: int) -> model_pb2.ModelVersion:
    answer = await storage.models.GetModelVersion(
        pb.GetModelVersionRequest(model=model, version=version)
    )
    return answer.version


async def get_model(storage: StorageClient, model: str) -> model_pb2.Model:
    return (await storage.models.GetModel(pb.GetModelRequest(model=model))).model


async def test_registered_version_comes_back_as_it_was(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"model.pt2": b"123", "signature.json": b"{}"})
    metrics = {"val.loss": 0.5, "$odd": math.inf, "a b": -1.0}
    version = await register(storage, artifact_id, made_by=source(), metrics=metrics)
    assert (version.model, version.version, version.artifact_id) == ("m", 1, artifact_id)
    assert (version.size_bytes, version.signature_json) == (5, SIGNATURE)
    assert (dict(version.metrics), version.owner) == (metrics, "ann")
    assert version.stage == model_pb2.MODEL_STAGE_UNSPECIFIED
    assert version.source == source()
    assert await get_version(storage, "m", 1) == version
    model = await get_model(storage, "m")
    assert (model.latest_version, model.production_version) == (1, 0)
    assert model.create_time == version.create_time


async def test_nan_is_a_metric_like_others(storage: StorageClient, project: str) -> None:
    artifact_id = await storage.upload({"a": b"1"})
    await register(storage, artifact_id, metrics={"loss": math.nan})
    assert math.isnan((await get_version(storage, "m", 1)).metrics["loss"])


async def test_every_call_without_source_makes_a_version(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"a": b"1"})
    versions = [(await register(storage, artifact_id)).version for _ in range(3)]
    assert versions == [1, 2, 3]
    assert (await get_version(storage, "m", 2)).source == model_pb2.ModelSource()


async def test_task_registers_one_version_of_a_model(storage: StorageClient, project: str) -> None:
    old, new = await storage.upload({"a": b"1"}), await storage.upload({"a": b"22"})
    await register(storage, old, made_by=source(), metrics={"old": 1.0})
    await register(storage, old)
    replaced = await register(storage, new, made_by=source(), metrics={"new": 2.0})
    assert (replaced.version, replaced.artifact_id, replaced.size_bytes) == (1, new, 2)
    assert dict(replaced.metrics) == {"new": 2.0}
    later = await register(storage, old, made_by=source(attempt=2))
    assert (later.version, later.source.attempt) == (1, 2)
    assert (await get_model(storage, "m")).latest_version == 2
    assert (await register(storage, old, made_by=source(task_id="job-1-1"))).version == 3
    assert (await register(storage, old, model="n", made_by=source(attempt=2))).version == 1


async def test_stale_attempt_is_refused(storage: StorageClient, project: str) -> None:
    artifact_id = await storage.upload({"a": b"1"})
    await register(storage, artifact_id, made_by=source(attempt=2))
    with pytest.raises(errors.LeaseLost):
        await register(storage, artifact_id, made_by=source(attempt=1))
    with pytest.raises(errors.CheckpointNotFound):
        await storage.checkpoints.AcquireLatestCheckpoint(
            checkpoint_service_pb2.AcquireLatestCheckpointRequest(task_id="job-1-0", attempt=3)
        )
    with pytest.raises(errors.LeaseLost):
        await register(storage, artifact_id, made_by=source(attempt=2))
    assert (await get_version(storage, "m", 0)).source.attempt == 2


async def test_versions_have_no_gaps_when_many_register_at_once(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"a": b"1"})
    by_task = [
        register(storage, artifact_id, made_by=source(task_id=f"t{n % 4}")) for n in range(8)
    ]
    by_hand = [register(storage, artifact_id) for _ in range(8)]
    versions = await asyncio.gather(*by_task, *by_hand)
    numbers = [version.version for version in versions]
    assert set(numbers) == set(range(1, 13))
    assert len(set(numbers[:8])) == 4
    assert (await get_model(storage, "m")).latest_version == 12


async def test_version_zero_is_the_one_in_production_or_the_newest(
    storage: StorageClient,
    project: str,
    mongo_admin: MongoClient[dict[str, Any]],
    storage_database: str,
) -> None:
    artifact_id = await storage.upload({"a": b"1"})
    for _ in range(3):
        await register(storage, artifact_id)
    assert (await get_version(storage, "m", 0)).version == 3
    # No call moves a version into production yet.
    mongo_admin[storage_database]["models"].update_one(
        {"project": project, "name": "m"}, {"$set": {"production_version": 2}}
    )
    assert (await get_version(storage, "m", 0)).version == 2
    assert (await get_model(storage, "m")).production_version == 2


async def test_description_stays_until_another_comes(storage: StorageClient, project: str) -> None:
    artifact_id = await storage.upload({"a": b"1"})
    for description, expected in (("", ""), ("old", "old"), ("", "old"), ("new", "new")):
        await register(storage, artifact_id, made_by=source(), description=description)
        assert (await get_model(storage, "m")).description == expected


async def test_unknown_artifact_registers_nothing(storage: StorageClient, project: str) -> None:
    with acting_in(new_project()):
        foreign = await storage.upload({"a": b"foreign"})
    for artifact_id in ("f" * 64, foreign):
        with pytest.raises(errors.ArtifactNotFound):
            await register(storage, artifact_id)
    with pytest.raises(errors.ModelNotFound):
        await get_model(storage, "m")


async def test_what_is_not_there_is_not_found(storage: StorageClient, project: str) -> None:
    await register(storage, await storage.upload({"a": b"1"}))
    for model, version in (("x", 0), ("x", 1), ("m", 2), ("m", -1)):
        with pytest.raises(errors.ModelNotFound):
            await get_version(storage, model, version)
    with pytest.raises(errors.ModelNotFound):
        await storage.models.ListModelVersions(pb.ListModelVersionsRequest(model="x"))


async def test_model_of_another_project_is_not_there(storage: StorageClient, project: str) -> None:
    await register(storage, await storage.upload({"a": b"1"}))
    with acting_in(new_project()):
        with pytest.raises(errors.ModelNotFound):
            await get_model(storage, "m")
        with pytest.raises(errors.ModelNotFound):
            await get_version(storage, "m", 1)
        with pytest.raises(errors.ModelNotFound):
            await storage.models.ListModelVersions(pb.ListModelVersionsRequest(model="m"))
        assert not (await storage.models.ListModels(pb.ListModelsRequest())).models


async def test_models_are_listed_by_name_and_versions_newest_first(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"a": b"1"})
    for name in ("b", "a", "c"):
        await register(storage, artifact_id, model=name)
    page = await storage.models.ListModels(pb.ListModelsRequest(page_size=2))
    assert [model.name for model in page.models] == ["a", "b"]
    page = await storage.models.ListModels(
        pb.ListModelsRequest(page_size=2, page_token=page.next_page_token)
    )
    assert [model.name for model in page.models] == ["c"]
    assert page.next_page_token == ""
    await register(storage, artifact_id, model="a")
    versions = await storage.models.ListModelVersions(
        pb.ListModelVersionsRequest(model="a", page_size=1)
    )
    assert [version.version for version in versions.versions] == [2]
    versions = await storage.models.ListModelVersions(
        pb.ListModelVersionsRequest(model="a", page_token=versions.next_page_token)
    )
    assert [version.version for version in versions.versions] == [1]


@pytest.mark.parametrize("token", ["x", encode_token("datasets", "m")])
async def test_bad_page_token_is_refused(storage: StorageClient, project: str, token: str) -> None:
    with pytest.raises(errors.InvalidPageToken):
        await storage.models.ListModels(pb.ListModelsRequest(page_token=token))


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("model", {"model": "a/b"}),
        ("signature_json", {"signature_json": "{"}),
        ("signature_json", {"signature_json": "[]"}),
        ("signature_json", {"signature_json": '"' + "x" * 1024 * 1024 + '"'}),
        ("signature_json", {"signature_json": "[" * 100_000}),
        ("metrics", {"metrics": {"": 1.0}}),
        ("metrics", {"metrics": {str(n): 1.0 for n in range(1001)}}),
        ("source", {"source": model_pb2.ModelSource(job_id="j")}),
        ("source", {"source": model_pb2.ModelSource(job_id="j", task_id="t")}),
        ("description", {"description": "x" * 10_001}),
    ],
)
async def test_bad_registration_is_refused(
    storage: StorageClient, project: str, field: str, change: dict[str, Any]
) -> None:
    good: dict[str, Any] = {
        "model": "m",
        "signature_json": SIGNATURE,
        "artifact_id": await storage.upload({"a": b"1"}),
    }
    with pytest.raises(errors.InvalidInput) as caught:
        await storage.models.RegisterModelVersion(
            pb.RegisterModelVersionRequest(**{**good, **change})
        )
    assert [error.field for error in caught.value.fields] == [field]


async def test_stages_and_deletion_say_that_they_are_not_there(
    storage: StorageClient, project: str
) -> None:
    with pytest.raises(errors.Unimplemented):
        await storage.models.SetModelStage(pb.SetModelStageRequest(model="m", version=1))
    with pytest.raises(errors.Unimplemented):
        await storage.models.DeleteModelVersion(pb.DeleteModelVersionRequest(model="m", version=1))
