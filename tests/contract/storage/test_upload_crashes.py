"""An upload that breaks off anywhere shows nothing, and the same call again completes it."""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest

from tensorfleet.shared.errors import ArtifactNotFound, UploadNotFound
from tensorfleet.shared.manifest import ManifestFile
from tensorfleet.shared.mongo import Database
from tensorfleet.storage.object_store import ObjectStore
from tensorfleet.storage.s3_object_store import S3ObjectStore
from tensorfleet.storage.store.artifacts import MongoArtifactStore
from tensorfleet.storage.store.protocol import ArtifactStore
from tensorfleet.storage.upload import SWEEP_MARGIN, UploadState, upload_prefix
from tensorfleet.storage.upload_flow import Etags, StartedUpload, UploadFlow
from tensorfleet.storage.upload_sweep import UploadSweep
from tests.deadlines import eventually
from tests.wire.storage.storage_client import NO_CERTIFICATES

pytestmark = pytest.mark.asyncio(loop_scope="module")

PART_BYTES = 5 * 1024 * 1024
TTL = timedelta(hours=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


class Crash(Exception):
    """The process ended here."""


class CrashPoint:
    """Ends the process after its n-th call of a store took effect, before the next one."""

    def __init__(self, number: int) -> None:
        self._left = number
        self.was_reached = False

    def wrap(self, store: object) -> Any:
        """The store, with this crash in it."""
        return CrashingStore(store, self)

    async def run(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Makes the call, and crashes after it; or not even makes it, after the crash."""
        if self.was_reached:
            raise Crash
        self._left -= 1
        # Set before the call: others under way at the same time get no further either.
        self.was_reached = self._left == 0
        result = await call()
        if self.was_reached:
            raise Crash
        return result


class CrashingStore:
    """Passes calls on until its crash point."""

    def __init__(self, inner: object, point: CrashPoint) -> None:
        self._inner = inner
        self._point = point

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._point.run(lambda: method(*args, **kwargs))

        return call


def new_flow(store: object, objects: object, now: datetime = START) -> UploadFlow:
    """What a freshly started process works with."""
    return UploadFlow(
        store=cast(ArtifactStore, store),
        objects=cast(ObjectStore, objects),
        clock=lambda: now,
        upload_ttl=TTL,
        url_ttl=TTL,
        part_bytes=PART_BYTES,
    )


def some_contents() -> dict[str, bytes]:
    """Two small files and one of two parts, never stored before."""
    return {"a": os.urandom(10), "b": os.urandom(20), "c/large": os.urandom(PART_BYTES + 1)}


def manifest_of(contents: dict[str, bytes]) -> list[ManifestFile]:
    return [
        ManifestFile(path=path, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for path, content in contents.items()
    ]


def put_all(started: StartedUpload, contents: dict[str, bytes]) -> Etags:
    """PUTs every part; what S3 answered."""
    by_digest = {hashlib.sha256(content).hexdigest(): content for content in contents.values()}
    etags = {}
    with httpx.Client(trust_env=False, verify=NO_CERTIFICATES) as client:
        for sha256, parts in started.parts.items():
            for item in parts:
                begin = item.part.offset_bytes
                data = by_digest[sha256][begin : begin + item.part.size_bytes]
                answer = client.put(item.url, content=data).raise_for_status()
                etags[sha256, item.part.number] = answer.headers["ETag"]
    return etags


async def fetch(flow: UploadFlow, project: str, artifact_id: str) -> dict[str, bytes]:
    signed, _ = await flow.sign_download(project, artifact_id, [])
    fetched: dict[str, bytes] = {}
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as client:
        for item in signed:
            fetched[item.file.path] = (await client.get(item.url)).raise_for_status().content
    return fetched


async def test_finish_that_breaks_off_anywhere_shows_all_or_nothing_and_can_be_repeated(
    database: Database, objects: S3ObjectStore, project: str
) -> None:
    store = MongoArtifactStore(database)
    number = 0
    while True:
        number += 1
        flow = new_flow(store, objects)
        contents = some_contents()
        started = await flow.begin(project, manifest_of(contents))
        etags = put_all(started, contents)
        point = CrashPoint(number)
        crashing = new_flow(point.wrap(store), point.wrap(objects))
        try:
            await crashing.finish(project, started.upload_id, etags)
        except Crash:
            try:
                visible = await fetch(flow, project, started.artifact_id)
            except ArtifactNotFound:
                pass
            else:
                assert visible == contents
        artifact = await new_flow(store, objects).finish(project, started.upload_id, etags)
        assert artifact.id == started.artifact_id
        assert await fetch(flow, project, artifact.id) == contents
        if not point.was_reached:
            break
    # Fewer calls than this would mean that the crash points are not in the way.
    assert number > 9


async def test_begin_that_breaks_off_anywhere_leaves_nothing_after_the_sweep(
    database: Database, objects: S3ObjectStore, project: str
) -> None:
    store = MongoArtifactStore(database)
    for number in range(1, 6):
        point = CrashPoint(number)
        crashing = new_flow(point.wrap(store), point.wrap(objects))
        with pytest.raises(Crash):
            await crashing.begin(project, manifest_of(some_contents()))
    await sweep_of(store, objects, START + TTL + SWEEP_MARGIN + TTL).sweep_once()
    assert await database["uploads"].count_documents({"project": project}) == 0


def sweep_of(store: ArtifactStore, objects: ObjectStore, now: datetime) -> UploadSweep:
    flow = new_flow(store, objects)
    return UploadSweep(store=store, objects=objects, clock=lambda: now, finished=flow.finished)


async def test_sweep_forgets_expired_uploads_and_nothing_else(
    database: Database, objects: S3ObjectStore, project: str
) -> None:
    store = MongoArtifactStore(database)
    old_flow, young_flow = new_flow(store, objects), new_flow(store, objects, START + TTL)
    contents = some_contents()
    done = await old_flow.begin(project, manifest_of(contents))
    await old_flow.finish(project, done.upload_id, put_all(done, contents))
    cut = await old_flow.begin(project, manifest_of(some_contents()))
    young_contents = some_contents()
    young = await young_flow.begin(project, manifest_of(young_contents))
    etags = put_all(young, young_contents)

    just_after = START + TTL + SWEEP_MARGIN + timedelta(seconds=1)
    assert await sweep_of(store, objects, just_after).sweep_once() >= 2
    for gone in (done, cut):
        with pytest.raises(UploadNotFound):
            await store.get_upload(project, gone.upload_id)
        keys = [upload_prefix(gone.upload_id) + sha256 for sha256 in gone.parts]
        assert [await objects.size_of(key) for key in keys] == [None] * 3
    # The cut upload's S3 multipart upload went with it.
    (large,) = [parts for parts in cut.parts.values() if len(parts) > 1]
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as client:
        assert (await client.put(large[0].url, content=b"x")).status_code == 404
    assert await fetch(old_flow, project, done.artifact_id) == contents
    await young_flow.finish(project, young.upload_id, etags)
    assert await fetch(young_flow, project, young.artifact_id) == young_contents
    assert await sweep_of(store, objects, just_after).sweep_once() == 0


async def test_sweep_interrupted_by_the_object_store_goes_on_later(
    database: Database, objects: S3ObjectStore, project: str
) -> None:
    store = MongoArtifactStore(database)
    started = await new_flow(store, objects).begin(project, manifest_of(some_contents()))
    late = START + TTL + SWEEP_MARGIN + TTL
    point = CrashPoint(1)
    with pytest.raises(Crash):
        await sweep_of(store, point.wrap(objects), late).sweep_once()
    await store.get_upload(project, started.upload_id)
    await sweep_of(store, objects, late).sweep_once()
    with pytest.raises(UploadNotFound):
        await store.get_upload(project, started.upload_id)


async def test_finish_goes_on_when_its_caller_gives_up(
    database: Database, objects: S3ObjectStore, project: str
) -> None:
    store = MongoArtifactStore(database)
    flow = new_flow(store, objects)
    contents = some_contents()
    started = await flow.begin(project, manifest_of(contents))
    etags = put_all(started, contents)
    impatient = asyncio.create_task(flow.finish(project, started.upload_id, etags))
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient

    async def is_finished() -> bool:
        upload = await store.get_upload(project, started.upload_id)
        return upload.state is UploadState.FINISHED

    await eventually(is_finished)
    assert await fetch(flow, project, started.artifact_id) == contents


async def test_stopping_service_breaks_off_what_is_being_finished(
    database: Database, objects: S3ObjectStore, project: str
) -> None:
    store = MongoArtifactStore(database)
    flow = new_flow(store, objects)
    contents = some_contents()
    started = await flow.begin(project, manifest_of(contents))
    etags = put_all(started, contents)
    finishing = asyncio.create_task(flow.finish(project, started.upload_id, etags))
    await asyncio.sleep(0)
    await flow.close()
    with pytest.raises(asyncio.CancelledError):
        await finishing
    await new_flow(store, objects).finish(project, started.upload_id, etags)
    assert await fetch(flow, project, started.artifact_id) == contents
