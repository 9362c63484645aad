"""DatasetService as its clients see it, over real stores."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tensorfleet.shared import errors
from tensorfleet.shared.paging import encode_token
from tensorfleet.storage.v1 import dataset_pb2
from tensorfleet.storage.v1 import dataset_service_pb2 as pb
from tests.wire.storage.storage_client import StorageClient, acting_in, new_project

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def create(
    storage: StorageClient, dataset: str, artifact_id: str, description: str = ""
) -> dataset_pb2.DatasetVersion:
    answer = await storage.datasets.CreateDatasetVersion(
        pb.CreateDatasetVersionRequest(
            dataset=dataset, artifact_id=artifact_id, description=description
        )
    )
    return answer.version


async def get_version(
    storage: StorageClient, dataset: str, version: int = 0
) -> dataset_pb2.DatasetVersion:
    answer = await storage.datasets.GetDatasetVersion(
        pb.GetDatasetVersionRequest(dataset=dataset, version=version)
    )
    return answer.version


async def test_first_version_creates_the_dataset(storage: StorageClient, project: str) -> None:
    artifact_id = await storage.upload({"a.csv": b"1,2", "b.csv": b"3"})
    version = await create(storage, "digits", artifact_id, "small ones")
    assert (version.dataset, version.version, version.artifact_id) == ("digits", 1, artifact_id)
    assert (version.size_bytes, version.file_count, version.owner) == (4, 2, "ann")
    assert abs(version.create_time.ToDatetime(tzinfo=UTC) - datetime.now(UTC)) < timedelta(
        minutes=1
    )
    dataset = (await storage.datasets.GetDataset(pb.GetDatasetRequest(dataset="digits"))).dataset
    assert (dataset.name, dataset.description, dataset.latest_version) == (
        "digits",
        "small ones",
        1,
    )
    assert dataset.create_time == version.create_time


async def test_versions_count_up_and_zero_means_the_newest(
    storage: StorageClient, project: str
) -> None:
    first = await create(storage, "d", await storage.upload({"a": b"1"}))
    second = await create(storage, "d", await storage.upload({"a": b"2"}))
    assert (first.version, second.version) == (1, 2)
    assert await get_version(storage, "d") == second
    assert await get_version(storage, "d", 1) == first


async def test_same_artifact_again_is_the_same_version(
    storage: StorageClient, project: str
) -> None:
    one, two = await storage.upload({"a": b"1"}), await storage.upload({"a": b"2"})
    first = await create(storage, "d", one)
    assert await create(storage, "d", one) == first
    await create(storage, "d", two)
    assert (await create(storage, "d", one)).version == 3


async def test_empty_description_leaves_the_old_one(storage: StorageClient, project: str) -> None:
    artifact_id = await storage.upload({"a": b"1"})
    for description, expected in (("", ""), ("old", "old"), ("", "old"), ("new", "new")):
        await create(storage, "d", artifact_id, description)
        dataset = (await storage.datasets.GetDataset(pb.GetDatasetRequest(dataset="d"))).dataset
        assert (dataset.description, dataset.latest_version) == (expected, 1)


async def test_versions_have_no_gaps_when_many_are_created_at_once(
    storage: StorageClient, project: str
) -> None:
    ids = [await storage.upload({"a": str(n).encode()}) for n in range(16)]
    versions = await asyncio.gather(*(create(storage, "d", artifact_id) for artifact_id in ids))
    assert sorted(version.version for version in versions) == list(range(1, 17))
    assert {version.artifact_id for version in versions} == set(ids)


async def test_same_first_version_created_at_once_is_one(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"a": b"1"})
    versions = await asyncio.gather(*(create(storage, "d", artifact_id) for _ in range(8)))
    assert {version.version for version in versions} == {1}


async def test_unknown_artifact_creates_nothing(storage: StorageClient, project: str) -> None:
    with acting_in(new_project()):
        foreign = await storage.upload({"a": b"foreign"})
    for artifact_id in ("f" * 64, "", foreign):
        with pytest.raises(errors.ArtifactNotFound):
            await create(storage, "d", artifact_id)
    with pytest.raises(errors.DatasetNotFound):
        await storage.datasets.GetDataset(pb.GetDatasetRequest(dataset="d"))


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "é", "x" * 129, "-a", "a\n"])
async def test_bad_name_is_refused(storage: StorageClient, project: str, name: str) -> None:
    with pytest.raises(errors.InvalidName) as caught:
        await create(storage, name, "f" * 64)
    assert [field.field for field in caught.value.fields] == ["dataset"]


async def test_overlong_description_is_refused(storage: StorageClient, project: str) -> None:
    with pytest.raises(errors.InvalidInput, match="description"):
        await create(storage, "d", "f" * 64, "x" * 10_001)


async def test_unknown_dataset_and_version_are_not_found(
    storage: StorageClient, project: str
) -> None:
    await create(storage, "d", await storage.upload({"a": b"1"}))
    for dataset, version in (("other", 0), ("other", 1), ("d", 2), ("d", -1), ("d", 2**62)):
        with pytest.raises(errors.DatasetNotFound):
            await get_version(storage, dataset, version)
    with pytest.raises(errors.DatasetNotFound):
        await storage.datasets.ListDatasetVersions(pb.ListDatasetVersionsRequest(dataset="other"))


async def test_dataset_of_another_project_is_not_there(
    storage: StorageClient, project: str
) -> None:
    await create(storage, "d", await storage.upload({"a": b"1"}))
    with acting_in(new_project()):
        with pytest.raises(errors.DatasetNotFound):
            await storage.datasets.GetDataset(pb.GetDatasetRequest(dataset="d"))
        with pytest.raises(errors.DatasetNotFound):
            await get_version(storage, "d", 1)
        with pytest.raises(errors.DatasetNotFound):
            await storage.datasets.ListDatasetVersions(pb.ListDatasetVersionsRequest(dataset="d"))
        assert not (await storage.datasets.ListDatasets(pb.ListDatasetsRequest())).datasets
        assert (await create(storage, "d", await storage.upload({"a": b"2"}))).version == 1


async def test_datasets_are_listed_by_name_in_pages(storage: StorageClient, project: str) -> None:
    artifact_id = await storage.upload({"a": b"1"})
    for name in ("b", "B", "a", "c", "a.1"):
        await create(storage, name, artifact_id)
    names: list[str] = []
    token = ""
    for expected_count in (2, 2, 1):
        page = await storage.datasets.ListDatasets(
            pb.ListDatasetsRequest(page_size=2, page_token=token)
        )
        assert len(page.datasets) == expected_count
        names += [dataset.name for dataset in page.datasets]
        token = page.next_page_token
    assert token == ""
    assert names == ["B", "a", "a.1", "b", "c"]


async def test_versions_are_listed_newest_first_in_pages(
    storage: StorageClient, project: str
) -> None:
    for n in range(3):
        await create(storage, "d", await storage.upload({"a": str(n).encode()}))
    page = await storage.datasets.ListDatasetVersions(
        pb.ListDatasetVersionsRequest(dataset="d", page_size=2)
    )
    assert [version.version for version in page.versions] == [3, 2]
    page = await storage.datasets.ListDatasetVersions(
        pb.ListDatasetVersionsRequest(dataset="d", page_size=2, page_token=page.next_page_token)
    )
    assert [version.version for version in page.versions] == [1]
    assert page.next_page_token == ""


@pytest.mark.parametrize(
    "token",
    [
        "no token",
        "====",
        "\0",
        encode_token("datasets", "d"),
        encode_token("dataset_versions/other", "1"),
        encode_token("dataset_versions/d", "x"),
        encode_token("dataset_versions/d", "-1"),
        encode_token("dataset_versions/d", "9" * 30),
    ],
)
async def test_bad_page_token_is_refused(storage: StorageClient, project: str, token: str) -> None:
    await create(storage, "d", await storage.upload({"a": b"1"}))
    with pytest.raises(errors.InvalidPageToken):
        await storage.datasets.ListDatasetVersions(
            pb.ListDatasetVersionsRequest(dataset="d", page_token=token)
        )


async def test_delete_says_that_it_is_not_there(storage: StorageClient, project: str) -> None:
    with pytest.raises(errors.Unimplemented):
        await storage.datasets.DeleteDataset(pb.DeleteDatasetRequest(dataset="d"))
