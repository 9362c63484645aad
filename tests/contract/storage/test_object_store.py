"""What object_store.ObjectStore promises, kept by S3."""

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from tensorfleet.shared.errors import InvalidInput, Unavailable
from tensorfleet.shared.settings import S3Settings
from tensorfleet.storage.object_store import Adoption, ObjectStore, PutTarget
from tensorfleet.storage.s3_object_store import S3ObjectStore, s3_connected
from tests.stores import S3Store
from tests.wire.storage.storage_client import NO_CERTIFICATES

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINUTE = timedelta(minutes=1)
PART_BYTES = 5 * 1024 * 1024


@pytest.fixture
def prefix() -> str:
    """What the keys of the test's own objects begin with."""
    return f"contract/{uuid4().hex}/"


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as client:
        yield client


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def put(objects: ObjectStore, http: httpx.AsyncClient, key: str, content: bytes) -> None:
    (url,) = await objects.sign_puts([PutTarget(key=key)], MINUTE)
    (await http.put(url, content=content)).raise_for_status()


async def get(objects: ObjectStore, http: httpx.AsyncClient, key: str) -> bytes:
    (url,) = await objects.sign_gets([key], MINUTE)
    return (await http.get(url)).raise_for_status().content


async def test_implementation_fits_the_protocol(objects: S3ObjectStore) -> None:
    store: ObjectStore = objects
    await store.check()


async def test_ensuring_the_bucket_again_changes_nothing(
    objects: S3ObjectStore, prefix: str, http: httpx.AsyncClient
) -> None:
    await put(objects, http, prefix + "a", b"kept")
    await objects.ensure_bucket()
    assert await get(objects, http, prefix + "a") == b"kept"


async def test_missing_bucket_is_noticed(s3_settings: S3Settings) -> None:
    settings = replace(s3_settings, s3_bucket=f"never-{uuid4().hex}")
    async with s3_connected(settings, threads=1) as objects:
        with pytest.raises(Unavailable):
            await objects.check()


async def test_size_of_an_object(
    objects: S3ObjectStore, prefix: str, http: httpx.AsyncClient
) -> None:
    assert await objects.size_of(prefix + "a") is None
    await put(objects, http, prefix + "a", b"12345")
    assert await objects.size_of(prefix + "a") == 5


@pytest.mark.parametrize("content", [b"some content", b""])
async def test_right_content_is_adopted(
    objects: S3ObjectStore, prefix: str, http: httpx.AsyncClient, content: bytes
) -> None:
    source, target = prefix + "source", prefix + "target"
    await put(objects, http, source, content)
    outcome = await objects.adopt(
        source, target, sha256=sha256_of(content), size_bytes=len(content)
    )
    assert outcome is Adoption.ADOPTED
    assert await get(objects, http, target) == content


async def test_absent_source_is_told(objects: S3ObjectStore, prefix: str) -> None:
    outcome = await objects.adopt(
        prefix + "source", prefix + "target", sha256=sha256_of(b"x"), size_bytes=1
    )
    assert outcome is Adoption.ABSENT
    assert await objects.size_of(prefix + "target") is None


@pytest.mark.parametrize(
    ("sha256", "size_bytes"), [(sha256_of(b"other"), 5), (sha256_of(b"right"), 4)]
)
async def test_different_source_is_not_adopted(
    objects: S3ObjectStore, prefix: str, http: httpx.AsyncClient, sha256: str, size_bytes: int
) -> None:
    await put(objects, http, prefix + "source", b"right")
    outcome = await objects.adopt(
        prefix + "source", prefix + "target", sha256=sha256, size_bytes=size_bytes
    )
    assert outcome is Adoption.DIFFERENT
    assert await objects.size_of(prefix + "target") is None


async def test_what_was_checked_is_what_is_copied(
    objects: S3ObjectStore, prefix: str, http: httpx.AsyncClient
) -> None:
    """Somebody swaps the source all the time while it is adopted."""
    source = prefix + "source"
    good, evil = os.urandom(200_000), os.urandom(200_000)
    await put(objects, http, source, good)
    (url,) = await objects.sign_puts([PutTarget(key=source)], MINUTE)
    done = threading.Event()

    def swap() -> None:
        with httpx.Client(trust_env=False, verify=NO_CERTIFICATES) as client:
            while not done.is_set():
                for content in (evil, good):
                    client.put(url, content=content).raise_for_status()

    swapping = asyncio.create_task(asyncio.to_thread(swap))
    try:
        adopted = 0
        while adopted < 12:
            target = prefix + f"target-{uuid4().hex}"
            outcome = await objects.adopt(
                source, target, sha256=sha256_of(good), size_bytes=len(good)
            )
            if outcome is Adoption.ADOPTED:
                adopted += 1
                assert await get(objects, http, target) == good
            else:
                assert await objects.size_of(target) is None
    finally:
        done.set()
        await swapping


async def test_quick_requests_do_not_wait_for_large_contents(
    s3_settings: S3Settings, prefix: str, http: httpx.AsyncClient
) -> None:
    content = os.urandom(1024 * 1024) * 32
    async with s3_connected(s3_settings, threads=1) as objects:
        await put(objects, http, prefix + "large", content)
        adopting = asyncio.create_task(
            objects.adopt(
                prefix + "large",
                prefix + "target",
                sha256=sha256_of(content),
                size_bytes=len(content),
            )
        )
        await asyncio.sleep(0)
        await objects.check()
        assert await objects.size_of(prefix + "target") is None
        await objects.sign_gets([prefix + "target"], MINUTE)
        assert not adopting.done()
        assert await adopting is Adoption.ADOPTED


async def test_parts_show_as_one_object_only_when_complete(
    objects: S3ObjectStore, prefix: str, http: httpx.AsyncClient
) -> None:
    key = prefix + "large"
    contents = [os.urandom(PART_BYTES), b"the rest"]
    multipart_id = await objects.begin_multipart(key)
    targets = [PutTarget(key=key, multipart_id=multipart_id, part_number=n) for n in (1, 2)]
    urls = await objects.sign_puts(targets, MINUTE)
    parts: list[tuple[int, str]] = []
    for number, (url, content) in enumerate(zip(urls, contents, strict=True), start=1):
        assert not await objects.complete_multipart(
            key, multipart_id, [*parts, (number, '"00000000000000000000000000000000"')]
        )
        assert await objects.size_of(key) is None
        answer = (await http.put(url, content=content)).raise_for_status()
        parts.append((number, answer.headers["ETag"]))
    assert await objects.complete_multipart(key, multipart_id, parts)
    whole = b"".join(contents)
    outcome = await objects.adopt(
        key, prefix + "target", sha256=sha256_of(whole), size_bytes=len(whole)
    )
    assert outcome is Adoption.ADOPTED
    assert await get(objects, http, prefix + "target") == whole


async def test_unknown_multipart_upload_cannot_be_completed(
    objects: S3ObjectStore, prefix: str
) -> None:
    assert not await objects.complete_multipart(prefix + "a", "no-such-id", [(1, '"x"')])


async def test_delete_takes_objects_and_unfinished_uploads_of_the_prefix_only(
    objects: S3ObjectStore, prefix: str, http: httpx.AsyncClient
) -> None:
    await put(objects, http, prefix + "old/a", b"1")
    await put(objects, http, prefix + "old/b", b"2")
    await put(objects, http, prefix + "older", b"3")
    key = prefix + "old/large"
    multipart_id = await objects.begin_multipart(key)
    for _ in range(2):
        await objects.delete_under(prefix + "old/", {key: multipart_id})
    assert await objects.size_of(prefix + "old/a") is None
    assert await objects.size_of(prefix + "old/b") is None
    assert await get(objects, http, prefix + "older") == b"3"
    (url,) = await objects.sign_puts(
        [PutTarget(key=key, multipart_id=multipart_id, part_number=1)], MINUTE
    )
    assert (await http.put(url, content=b"x")).status_code == 404


async def test_store_that_does_not_answer_is_unavailable_but_signing_works(
    s3_settings: S3Settings, s3: S3Store
) -> None:
    nobody = replace(s3_settings, s3_url="http://127.0.0.1:1", s3_public_url=s3.url)
    async with s3_connected(nobody, threads=1) as objects:
        with pytest.raises(Unavailable, match="try again"):
            await objects.check()
        with pytest.raises(Unavailable):
            await objects.begin_multipart("a")
        (url,) = await objects.sign_gets(["a"], MINUTE)
        assert url.startswith(s3.url + "/")


@pytest.mark.parametrize("url", ["127.0.0.1:9000", "ftp://host", "http://", "http://host/path"])
async def test_url_that_is_no_endpoint_is_refused(s3_settings: S3Settings, url: str) -> None:
    with pytest.raises(InvalidInput, match="endpoint"):
        async with s3_connected(replace(s3_settings, s3_url=url), threads=1):
            pass
