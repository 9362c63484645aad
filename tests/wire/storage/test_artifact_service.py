"""ArtifactService as its clients see it, over real stores."""

import asyncio
import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from minio import Minio
from pymongo import MongoClient

from tensorfleet.shared import errors
from tensorfleet.shared.grpc_client import open_channel
from tensorfleet.shared.transfer import SentPart, digest_file, send_parts
from tensorfleet.storage.settings import MIB
from tensorfleet.storage.v1 import artifact_pb2
from tensorfleet.storage.v1 import artifact_service_pb2 as pb
from tests.deadlines import eventually
from tests.stores import S3Store
from tests.wire.storage.storage_client import (
    StorageClient,
    acting_in,
    file_of,
    get_url,
    new_project,
    parts_to_send,
    put_contents,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def unique(text: str) -> bytes:
    """A content that no other test has stored in the shared bucket."""
    return f"{text} {os.urandom(8).hex()}".encode()


async def test_uploaded_files_come_back_as_they_were(storage: StorageClient, project: str) -> None:
    contents = {"train.py": unique("print"), "data/a.csv": unique("a,b"), "empty": b""}
    begun = await storage.begin(contents)
    assert {blob.sha256 for blob in begun.blobs} == {
        hashlib.sha256(content).hexdigest() for content in contents.values()
    }
    put_contents(begun, contents)
    artifact = (await storage.finish(begun.upload_id)).artifact
    assert artifact.id == begun.artifact_id
    assert [file.path for file in artifact.files] == sorted(contents)
    assert artifact.size_bytes == sum(map(len, contents.values()))
    assert await storage.fetch(artifact.id) == contents


async def test_artifact_id_is_the_digest_of_the_manifest(
    storage: StorageClient, project: str
) -> None:
    files = [file_of("b", b"2"), file_of("a", b"1")]
    begun = await storage.artifacts.BeginUpload(pb.BeginUploadRequest(files=files))
    lines = "".join(
        f"{file.sha256} {file.size_bytes} {file.path}\n" for file in sorted(files, key=path_of)
    )
    assert begun.artifact_id == hashlib.sha256(lines.encode()).hexdigest()


def path_of(file: artifact_pb2.File) -> str:
    return file.path


async def test_same_content_in_two_files_is_uploaded_once(
    storage: StorageClient, project: str
) -> None:
    content = unique("twice")
    begun = await storage.begin({"a": content, "b": content})
    assert len(begun.blobs) == 1


async def test_content_that_the_project_has_needs_no_upload(
    storage: StorageClient, project: str
) -> None:
    shared, fresh = unique("shared"), unique("fresh")
    await storage.upload({"a": shared})
    begun = await storage.begin({"b": shared, "c": fresh})
    assert [blob.sha256 for blob in begun.blobs] == [hashlib.sha256(fresh).hexdigest()]
    put_contents(begun, {"c": fresh})
    artifact = (await storage.finish(begun.upload_id)).artifact
    assert await storage.fetch(artifact.id) == {"b": shared, "c": fresh}


async def test_content_of_another_project_must_be_uploaded_again(
    storage: StorageClient, project: str
) -> None:
    content = unique("secret")
    await storage.upload({"a": content})
    with acting_in(new_project()):
        begun = await storage.begin({"a": content})
        assert len(begun.blobs) == 1
        with pytest.raises(errors.UploadIncomplete):
            await storage.finish(begun.upload_id)
        put_contents(begun, {"a": content})
        artifact = (await storage.finish(begun.upload_id)).artifact
        assert await storage.fetch(artifact.id) == {"a": content}


async def test_finish_before_put_shows_nothing_and_works_after_put(
    storage: StorageClient, project: str
) -> None:
    contents = {"first": unique("1"), "second": unique("2")}
    begun = await storage.begin(contents)
    with pytest.raises(errors.UploadIncomplete, match="'first', 'second'"):
        await storage.finish(begun.upload_id)
    with pytest.raises(errors.ArtifactNotFound):
        await storage.artifacts.GetArtifact(pb.GetArtifactRequest(artifact_id=begun.artifact_id))
    put_contents(begun, contents)
    await storage.finish(begun.upload_id)
    assert await storage.fetch(begun.artifact_id) == contents


async def test_only_the_missing_file_is_named(storage: StorageClient, project: str) -> None:
    contents = {"there": unique("there"), "lacking": unique("lacking")}
    begun = await storage.begin(contents)
    lacking = hashlib.sha256(contents["lacking"]).hexdigest()
    only_one = pb.BeginUploadResponse(blobs=[b for b in begun.blobs if b.sha256 != lacking])
    put_contents(only_one, contents)
    with pytest.raises(errors.UploadIncomplete) as caught:
        await storage.finish(begun.upload_id)
    assert "'lacking'" in str(caught.value)
    assert "'there'" not in str(caught.value)


async def test_wrong_bytes_are_refused_and_right_ones_taken_later(
    storage: StorageClient, project: str
) -> None:
    content = unique("right")
    begun = await storage.begin({"model.bin": content})
    url = begun.blobs[0].parts[0].url
    for wrong in (b"x" * len(content), content + b"more", content[:-1]):
        (await send("PUT", url, wrong)).raise_for_status()
        with pytest.raises(errors.DigestMismatch, match=r"model\.bin"):
            await storage.finish(begun.upload_id)
        with pytest.raises(errors.ArtifactNotFound):
            await storage.fetch(begun.artifact_id)
    put_contents(begun, {"model.bin": content})
    await storage.finish(begun.upload_id)
    assert await storage.fetch(begun.artifact_id) == {"model.bin": content}


async def test_headers_of_the_uploader_do_not_stick_to_the_content(
    storage: StorageClient, project: str
) -> None:
    contents = {"page.html": unique("<script>")}
    begun = await storage.begin(contents)
    put_contents(begun, contents, {"Content-Encoding": "gzip", "Content-Type": "text/html"})
    await storage.finish(begun.upload_id)
    signed = await storage.artifacts.SignDownload(
        pb.SignDownloadRequest(artifact_id=begun.artifact_id)
    )
    answer = await send("GET", signed.files[0].url)
    assert answer.content == contents["page.html"]
    assert answer.headers.get("Content-Encoding") is None
    assert answer.headers["Content-Type"] == "application/octet-stream"


async def test_bytes_put_after_the_finish_change_nothing(
    storage: StorageClient, project: str
) -> None:
    contents = {"a": unique("checked")}
    begun = await storage.begin(contents)
    put_contents(begun, contents)
    await storage.finish(begun.upload_id)
    (await send("PUT", begun.blobs[0].parts[0].url, b"evil")).raise_for_status()
    await storage.finish(begun.upload_id)
    assert await storage.fetch(begun.artifact_id) == contents


async def test_finish_twice_gives_the_same_answer(storage: StorageClient, project: str) -> None:
    contents = {"a": unique("once")}
    begun = await storage.begin(contents)
    put_contents(begun, contents)
    first = await storage.finish(begun.upload_id)
    assert await storage.finish(begun.upload_id) == first


async def test_finishes_at_the_same_time_give_the_same_answer(
    storage: StorageClient, project: str
) -> None:
    contents = {f"file{n}": unique(str(n)) for n in range(20)}
    begun = await storage.begin(contents)
    put_contents(begun, contents)
    answers = await asyncio.gather(*(storage.finish(begun.upload_id) for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)


async def test_same_artifact_uploaded_twice_keeps_its_create_time(
    storage: StorageClient, project: str
) -> None:
    contents = {"a": unique("again")}
    artifact_id = await storage.upload(contents)
    first = await storage.artifacts.GetArtifact(pb.GetArtifactRequest(artifact_id=artifact_id))
    assert await storage.upload(contents) == artifact_id
    second = await storage.artifacts.GetArtifact(pb.GetArtifactRequest(artifact_id=artifact_id))
    assert second == first


async def test_large_content_goes_in_parts(
    storage: StorageClient, project: str, tmp_path: Path
) -> None:
    large = tmp_path / "weights.bin"
    large.write_bytes(os.urandom(12 * MIB + 5))
    (tmp_path / "small.txt").write_bytes(unique("small"))
    digests = {digest_file(path)[0]: path for path in tmp_path.iterdir()}
    files = [
        artifact_pb2.File(path=path.name, size_bytes=path.stat().st_size, sha256=sha256)
        for sha256, path in digests.items()
    ]
    begun = await storage.artifacts.BeginUpload(pb.BeginUploadRequest(files=files))
    parts = {digests[blob.sha256].name: list(blob.parts) for blob in begun.blobs}
    assert [(p.number, p.offset_bytes, p.size_bytes) for p in parts["weights.bin"]] == [
        (1, 0, 5 * MIB),
        (2, 5 * MIB, 5 * MIB),
        (3, 10 * MIB, 2 * MIB + 5),
    ]
    assert len(parts["small.txt"]) == 1
    sent = await asyncio.to_thread(send_parts, parts_to_send(begun, digests))
    await storage.finish(begun.upload_id, sent)
    fetched = await storage.fetch(begun.artifact_id)
    assert fetched["weights.bin"] == large.read_bytes()


async def test_cut_upload_of_parts_can_be_completed(
    storage: StorageClient, project: str, tmp_path: Path
) -> None:
    large = tmp_path / "weights.bin"
    large.write_bytes(os.urandom(11 * MIB))
    sha256, size = digest_file(large)
    file = artifact_pb2.File(path="weights.bin", size_bytes=size, sha256=sha256)
    begun = await storage.artifacts.BeginUpload(pb.BeginUploadRequest(files=[file]))
    to_send = parts_to_send(begun, {sha256: large})
    sent = await asyncio.to_thread(send_parts, to_send[:2])
    for incomplete in (sent, [*sent, SentPart(sha256=sha256, number=3, etag='"never sent"')], []):
        with pytest.raises(errors.UploadIncomplete):
            await storage.finish(begun.upload_id, incomplete)
    with pytest.raises(errors.ArtifactNotFound):
        await storage.fetch(begun.artifact_id)
    sent += await asyncio.to_thread(send_parts, to_send[2:])
    await storage.finish(begun.upload_id, sent)
    assert await storage.fetch(begun.artifact_id) == {"weights.bin": large.read_bytes()}


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(file_of("../../etc/passwd", b"x"), id="leaves the folder"),
        pytest.param(file_of("/etc/passwd", b"x"), id="absolute"),
        pytest.param(file_of("a//b", b"x"), id="empty part"),
        pytest.param(file_of("a\\..\\b", b"x"), id="backslash"),
        pytest.param(file_of("a\nb", b"x"), id="control character"),
        pytest.param(file_of("x" * 1025, b"x"), id="long path"),
        pytest.param(artifact_pb2.File(path="a", size_bytes=1, sha256="abc"), id="short digest"),
        pytest.param(
            artifact_pb2.File(path="a", size_bytes=1, sha256="A" * 64), id="upper-case digest"
        ),
        pytest.param(
            artifact_pb2.File(path="a", size_bytes=-1, sha256="a" * 64), id="negative size"
        ),
        pytest.param(
            artifact_pb2.File(path="a", size_bytes=2**62, sha256="a" * 64),
            id="larger than S3 takes",
        ),
    ],
)
async def test_bad_file_is_refused(
    storage: StorageClient, project: str, file: artifact_pb2.File
) -> None:
    with pytest.raises(errors.InvalidArtifact) as caught:
        await storage.artifacts.BeginUpload(pb.BeginUploadRequest(files=[file]))
    assert caught.value.fields


async def test_bad_lists_of_files_are_refused(storage: StorageClient, project: str) -> None:
    twice = [file_of("a", b"1"), file_of("a", b"2")]
    below_a_file = [file_of("a", b"1"), file_of("a/b", b"2")]
    two_sizes = [file_of("a", b"1"), file_of("b", b"1")]
    two_sizes[1].size_bytes = 2
    too_many = [file_of(f"f{n}", b"1") for n in range(10_001)]
    for files in ([], twice, below_a_file, two_sizes, too_many):
        with pytest.raises(errors.InvalidArtifact):
            await storage.artifacts.BeginUpload(pb.BeginUploadRequest(files=files))


async def test_ten_thousand_files_fit(storage: StorageClient, project: str) -> None:
    content = unique("same")
    names = [f"{n:05}/" + "é" * 500 for n in range(10_000)]
    begun = await storage.begin(dict.fromkeys(names, content))
    put_contents(begun, {"": content})
    artifact = (await storage.finish(begun.upload_id)).artifact
    assert len(artifact.files) == 10_000
    signed = await storage.artifacts.SignDownload(pb.SignDownloadRequest(artifact_id=artifact.id))
    assert await get_url(signed.files[-1].url) == content


async def test_known_content_with_a_false_size_is_not_taken_over(
    storage: StorageClient, project: str
) -> None:
    content = unique("true size")
    await storage.upload({"a": content})
    false = file_of("a", content)
    false.size_bytes += 1
    begun = await storage.artifacts.BeginUpload(pb.BeginUploadRequest(files=[false]))
    put_contents(begun, {"a": content})
    with pytest.raises(errors.DigestMismatch):
        await storage.finish(begun.upload_id)


async def test_unknown_upload_is_not_found(storage: StorageClient, project: str) -> None:
    for upload_id in ("upload-0", "", "../x", "\0"):
        with pytest.raises(errors.UploadNotFound):
            await storage.finish(upload_id)


async def test_what_belongs_to_another_project_is_not_there(
    storage: StorageClient, project: str
) -> None:
    contents = {"a": unique("mine")}
    begun = await storage.begin(contents)
    with acting_in(new_project()):
        with pytest.raises(errors.UploadNotFound):
            await storage.finish(begun.upload_id)
        await storage.artifacts.AbortUpload(pb.AbortUploadRequest(upload_id=begun.upload_id))
    put_contents(begun, contents)
    await storage.finish(begun.upload_id)
    with acting_in(new_project()):
        with pytest.raises(errors.ArtifactNotFound):
            await storage.artifacts.GetArtifact(
                pb.GetArtifactRequest(artifact_id=begun.artifact_id)
            )
        with pytest.raises(errors.ArtifactNotFound):
            await storage.fetch(begun.artifact_id)


async def test_aborted_upload_is_gone_and_what_was_put_too(
    storage: StorageClient, project: str, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(6 * MIB))
    sha256, size = digest_file(large)
    small = unique("small")
    files = [
        artifact_pb2.File(path="large", size_bytes=size, sha256=sha256),
        file_of("small", small),
    ]
    begun = await storage.artifacts.BeginUpload(pb.BeginUploadRequest(files=files))
    for _ in range(2):
        await storage.artifacts.AbortUpload(pb.AbortUploadRequest(upload_id=begun.upload_id))
    with pytest.raises(errors.UploadNotFound):
        await storage.finish(begun.upload_id)
    part = next(blob for blob in begun.blobs if blob.sha256 == sha256).parts[0]
    refused = await send("PUT", part.url, b"x" * (5 * MIB))
    assert refused.status_code == 404
    await storage.artifacts.AbortUpload(pb.AbortUploadRequest(upload_id="upload-unknown"))


async def test_abort_after_finish_leaves_the_artifact(storage: StorageClient, project: str) -> None:
    contents = {"a": unique("kept")}
    begun = await storage.begin(contents)
    put_contents(begun, contents)
    await storage.finish(begun.upload_id)
    await storage.artifacts.AbortUpload(pb.AbortUploadRequest(upload_id=begun.upload_id))
    await storage.finish(begun.upload_id)
    assert await storage.fetch(begun.artifact_id) == contents


async def test_expired_upload_is_not_found(
    storage: StorageClient,
    project: str,
    mongo_admin: MongoClient[dict[str, Any]],
    storage_database: str,
) -> None:
    contents = {"a": unique("late")}
    begun = await storage.begin(contents)
    put_contents(begun, contents)
    mongo_admin[storage_database]["uploads"].update_one(
        {"_id": begun.upload_id},
        {"$set": {"expire_time": datetime.now(UTC) - timedelta(seconds=1)}},
    )
    with pytest.raises(errors.UploadNotFound, match="expired"):
        await storage.finish(begun.upload_id)


async def test_download_can_be_limited_to_some_files(storage: StorageClient, project: str) -> None:
    artifact_id = await storage.upload({"a": b"1", "b": b"2", "c": b"3"})
    answer = await storage.artifacts.SignDownload(
        pb.SignDownloadRequest(artifact_id=artifact_id, paths=["c", "a"])
    )
    assert [item.file.path for item in answer.files] == ["a", "c"]
    assert answer.expire_time.ToDatetime(tzinfo=UTC) > datetime.now(UTC) + timedelta(minutes=50)
    with pytest.raises(errors.ArtifactNotFound, match="no file 'x'"):
        await storage.artifacts.SignDownload(
            pb.SignDownloadRequest(artifact_id=artifact_id, paths=["a", "x"])
        )


async def test_ranges_of_a_file_can_be_fetched(storage: StorageClient, project: str) -> None:
    artifact_id = await storage.upload({"a": b"0123456789"})
    signed = await storage.artifacts.SignDownload(pb.SignDownloadRequest(artifact_id=artifact_id))
    url = signed.files[0].url
    answer = await send("GET", url, headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (206, b"234")


async def test_signed_url_is_good_for_its_own_object_only(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"a": unique("1"), "b": unique("2")})
    signed = await storage.artifacts.SignDownload(pb.SignDownloadRequest(artifact_id=artifact_id))
    first, second = signed.files
    swapped = first.url.replace(first.file.sha256, second.file.sha256)
    assert (await send("GET", swapped)).status_code == 403
    assert (await send("PUT", first.url, b"x")).status_code == 403


async def test_objects_of_a_finished_upload_are_taken_away(
    storage: StorageClient, project: str, s3: S3Store
) -> None:
    contents = {"a": unique("moved"), "b": unique("moved too")}
    begun = await storage.begin(contents)
    put_contents(begun, contents)
    client = Minio(
        urlsplit(s3.url).netloc, access_key=s3.access_key, secret_key=s3.secret_key, secure=False
    )

    def left() -> list[Any]:
        prefix = f"uploads/{begun.upload_id}/"
        return list(client.list_objects(s3.bucket, prefix=prefix, recursive=True))

    assert len(left()) == 2
    await storage.finish(begun.upload_id)
    await eventually(lambda: not left())


async def test_wrong_service_token_is_refused(storage_port: int, project: str) -> None:
    async with open_channel(f"127.0.0.1:{storage_port}", "x" * 40) as channel:
        with pytest.raises(errors.Unauthenticated):
            await StorageClient(channel).begin({"a": b"1"})
