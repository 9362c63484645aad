"""Every query of the storage service is served by an index: MongoDB's own plans say so."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from tensorfleet.shared.ids import ArtifactId, JobId, TaskId, UploadId
from tensorfleet.shared.manifest import ManifestFile, artifact_id
from tensorfleet.shared.mongo import Database
from tensorfleet.shared.settings import MongoSettings
from tensorfleet.storage.artifact import Artifact
from tensorfleet.storage.checkpoint import Checkpoint
from tensorfleet.storage.fence import FencingToken
from tensorfleet.storage.model import ModelSource
from tensorfleet.storage.store.artifacts import MongoArtifactStore
from tensorfleet.storage.store.checkpoints import MongoCheckpointStore
from tensorfleet.storage.store.datasets import MongoDatasetStore
from tensorfleet.storage.store.fences import MongoFenceStore
from tensorfleet.storage.store.indexes import ensure_indexes
from tensorfleet.storage.store.models import MongoModelStore
from tensorfleet.storage.upload import Upload

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = "p"
FILES = (ManifestFile(path="a", size_bytes=1, sha256="a" * 64),)
WITH_A_FILTER = ("find", "findAndModify", "update", "delete", "aggregate", "count", "distinct")
# What explain does not take, or what says nothing about the plan.
NOT_EXPLAINED = (
    "lsid",
    "txnNumber",
    "startTransaction",
    "autocommit",
    "writeConcern",
    "readConcern",
    "$db",
    "$clusterTime",
    "$readPreference",
    "maxTimeMS",
)


class Recorder(CommandListener):
    """Keeps the commands that went to the server."""

    def __init__(self) -> None:
        self.commands: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.commands.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Not of interest."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Not of interest."""


async def use_every_method(database: Database) -> None:
    """Calls each method of each store, by each way through its queries."""
    await use_artifacts(database)
    await use_datasets(database)
    await use_checkpoints_and_models(database)


async def use_artifacts(database: Database) -> None:
    store = MongoArtifactStore(database)
    artifact = Artifact(id=artifact_id(FILES), project=PROJECT, files=FILES, create_time=NOW)
    for _ in range(2):
        await store.insert_artifact(artifact)
        await store.insert_blobs(PROJECT, {"a" * 64: 1})
    await store.get_summary(PROJECT, artifact.id)
    await store.held_blobs(PROJECT, ["a" * 64, "b" * 64])
    upload = Upload(
        id=UploadId("u"),
        project=PROJECT,
        artifact_id=artifact.id,
        files=FILES,
        part_bytes=1,
        expire_time=NOW,
    )
    await store.insert_upload(upload)
    await store.set_multipart_ids(upload.id, {"a": "b"})
    await store.get_upload(PROJECT, upload.id)
    await store.finish_upload(upload.id)
    await store.abort_upload(upload.id)
    await store.expired_uploads(NOW + timedelta(days=1), 10)
    await store.delete_upload(upload.id)


async def use_datasets(database: Database) -> None:
    store = MongoDatasetStore(database)
    summary = await MongoArtifactStore(database).get_summary(PROJECT, artifact_id(FILES))
    for description in ("", "text"):
        await store.create_version(
            project=PROJECT,
            dataset="d",
            artifact=summary,
            description=description,
            owner="o",
            now=NOW,
        )
    await store.get_dataset(PROJECT, "d")
    for number in (0, 1):
        await store.get_version(PROJECT, "d", number)
    for name in (None, "a"):
        await store.list_datasets(PROJECT, name, 10)
    for after in (None, 9):
        await store.list_versions(PROJECT, "d", after, 10)


async def use_checkpoints_and_models(database: Database) -> None:
    summary = await MongoArtifactStore(database).get_summary(PROJECT, artifact_id(FILES))
    token = FencingToken(task_id=TaskId("t"), attempt=1)
    await MongoFenceStore(database).raise_fence(PROJECT, token)
    checkpoints = MongoCheckpointStore(database)
    for step in (1, 2, 2):
        await checkpoints.commit_checkpoint(
            PROJECT,
            Checkpoint(
                job_id=JobId("j"),
                task_id=TaskId("t"),
                attempt=1,
                step=step,
                artifact_id=ArtifactId(summary.id),
                size_bytes=1,
                create_time=NOW,
            ),
        )
    await checkpoints.latest_checkpoint(PROJECT, "t")
    page = await checkpoints.list_checkpoints(PROJECT, JobId("j"), None, 1)
    await checkpoints.list_checkpoints(PROJECT, JobId("j"), page.next_key, 1)
    models = MongoModelStore(database)
    source = ModelSource(job_id=JobId("j"), task_id=TaskId("t"), attempt=1)
    for made_by in (None, source, source):
        await models.register_version(
            project=PROJECT,
            model="m",
            artifact=summary,
            signature_json="{}",
            metrics={},
            source=made_by,
            description="",
            owner="o",
            now=NOW,
        )
    await models.get_model(PROJECT, "m")
    for number in (0, 1):
        await models.get_version(PROJECT, "m", number)
    for name in (None, "a"):
        await models.list_models(PROJECT, name, 10)
    for after in (None, 9):
        await models.list_versions(PROJECT, "m", after, 10)


def stages_of(plan: Any) -> Iterator[str]:
    """Every stage named anywhere in a plan."""
    if isinstance(plan, dict):
        if isinstance(plan.get("stage"), str):
            yield plan["stage"]
        for value in plan.values():
            yield from stages_of(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from stages_of(value)


def winning_stages(client: MongoClient[dict[str, Any]], name: str, command: Any) -> set[str]:
    """The stages of the plan that MongoDB chooses for a command."""
    bare = {key: value for key, value in command.items() if key not in NOT_EXPLAINED}
    plan = client[name].command({"explain": bare, "verbosity": "queryPlanner"})
    return set(stages_of(plan["queryPlanner"]["winningPlan"]))


@pytest.fixture
def fresh_settings(mongo_url: str, mongo_database: str) -> MongoSettings:
    return MongoSettings(mongo_url=mongo_url, mongo_database=mongo_database)


async def test_no_query_scans_a_collection(
    fresh_settings: MongoSettings, mongo_admin: MongoClient[dict[str, Any]]
) -> None:
    recorder = Recorder()
    async with AsyncMongoClient[dict[str, Any]](
        fresh_settings.mongo_url, event_listeners=[recorder], tz_aware=True
    ) as client:
        database = client[fresh_settings.mongo_database]
        await ensure_indexes(database)
        recorder.commands.clear()
        await use_every_method(database)
    queries = [command for command in recorder.commands if next(iter(command)) in WITH_A_FILTER]
    collections = {command[next(iter(command))] for command in queries}
    assert collections == {
        "artifacts",
        "blobs",
        "uploads",
        "fences",
        "datasets",
        "dataset_versions",
        "checkpoints",
        "models",
        "model_versions",
    }
    for command in queries:
        stages = winning_stages(mongo_admin, fresh_settings.mongo_database, command)
        assert stages & {"IXSCAN", "IDHACK"}, (stages, command)
        assert not stages & {"COLLSCAN", "SORT"}, (stages, command)


async def test_query_without_an_index_would_be_noticed(
    fresh_settings: MongoSettings, mongo_admin: MongoClient[dict[str, Any]]
) -> None:
    name = fresh_settings.mongo_database
    mongo_admin[name]["artifacts"].insert_one({"size_bytes": 1})
    stages = winning_stages(mongo_admin, name, {"find": "artifacts", "filter": {"size_bytes": 1}})
    assert "COLLSCAN" in stages
