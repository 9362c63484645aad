"""The object store over S3. The client library blocks, so everything runs in a few threads."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import REPLACE, CopySource
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error

from tensorfleet.shared.errors import InvalidInput, Unavailable
from tensorfleet.shared.settings import S3Settings
from tensorfleet.storage.object_store import Adoption, PutTarget
from tensorfleet.storage.s3_multipart import QueryParameters, S3Multipart

CHUNK_BYTES = 1024 * 1024
QUICK_THREADS = 2
TIMEOUT = urllib3.Timeout(connect=3.0, read=30.0)
# A copy answers when all bytes are copied, which for a large content takes minutes.
COPY_TIMEOUT = urllib3.Timeout(connect=3.0, read=600.0)
RETRIES = urllib3.Retry(
    total=2,
    backoff_factor=0.2,
    status_forcelist=(500, 502, 503, 504),
    # Every request made here may be repeated.
    allowed_methods=None,
    raise_on_status=False,
)

_ABSENT = frozenset({"NoSuchKey", "NoSuchObject"})
_BUCKET_IS_THERE = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})

Result = TypeVar("Result")


@asynccontextmanager
async def s3_connected(settings: S3Settings, *, threads: int) -> AsyncIterator["S3ObjectStore"]:
    """The object store of these settings, for as long as the block.

    Raises:
        InvalidInput: A URL is not http(s)://host:port.
    """
    http = urllib3.PoolManager(
        num_pools=2, maxsize=threads + QUICK_THREADS, timeout=TIMEOUT, retries=RETRIES
    )
    patient_http = urllib3.PoolManager(maxsize=threads, timeout=COPY_TIMEOUT, retries=RETRIES)
    store = S3ObjectStore(
        client=_client(settings, settings.s3_url, http),
        copying_client=_client(settings, settings.s3_url, patient_http),
        public_client=_client(settings, settings.s3_public_url or settings.s3_url, http),
        http=http,
        bucket=settings.s3_bucket,
        threads=threads,
    )
    try:
        yield store
    finally:
        await store.close()
        http.clear()
        patient_http.clear()


def _client(settings: S3Settings, url: str, http: urllib3.PoolManager) -> Minio:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise InvalidInput(f"{url!r} is not an S3 endpoint; write it like http://host:port")
    return Minio(
        parts.netloc,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        secure=parts.scheme == "https",
        # Given, so that signing asks nobody.
        region=settings.s3_region,
        http_client=http,
    )


class S3ObjectStore:
    """See object_store.ObjectStore; made by `s3_connected`."""

    def __init__(
        self,
        *,
        client: Minio,
        copying_client: Minio,
        public_client: Minio,
        http: urllib3.PoolManager,
        bucket: str,
        threads: int,
    ) -> None:
        self._client = client
        self._copying_client = copying_client
        self._public_client = public_client
        self._bucket = bucket
        self._multipart = S3Multipart(client, http, bucket)
        # Signatures and health checks must not queue behind contents of gigabytes.
        self._quick = ThreadPoolExecutor(QUICK_THREADS, thread_name_prefix="s3-quick")
        self._slow = ThreadPoolExecutor(threads, thread_name_prefix="s3-slow")
        # A stop must not wait until a huge content has been read to its end.
        self._closing = threading.Event()

    async def close(self) -> None:
        """Ends the threads; what runs in them breaks off."""
        self._closing.set()
        for pool in (self._quick, self._slow):
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)

    async def ensure_bucket(self) -> None:
        """See ObjectStore."""

        def ensure() -> None:
            if self._client.bucket_exists(self._bucket):
                return
            try:
                self._client.make_bucket(self._bucket)
            except S3Error as exc:
                # Another replica may have been faster.
                if exc.code not in _BUCKET_IS_THERE:
                    raise

        await _run(self._quick, ensure)

    async def check(self) -> None:
        """See ObjectStore."""

        def check() -> None:
            if not self._client.bucket_exists(self._bucket):
                raise Unavailable(f"the object store has no bucket {self._bucket!r}")

        await _run(self._quick, check)

    async def sign_puts(self, targets: Sequence[PutTarget], valid: timedelta) -> list[str]:
        """See ObjectStore."""
        return await _run(
            self._quick, lambda: [self._sign("PUT", target, valid) for target in targets]
        )

    async def sign_gets(self, keys: Sequence[str], valid: timedelta) -> list[str]:
        """See ObjectStore."""
        return await _run(
            self._quick, lambda: [self._sign("GET", PutTarget(key=key), valid) for key in keys]
        )

    def _sign(self, method: str, target: PutTarget, valid: timedelta) -> str:
        query: QueryParameters = {
            "uploadId": target.multipart_id,
            "partNumber": str(target.part_number),
        }
        url: str = self._public_client.get_presigned_url(
            method,
            self._bucket,
            target.key,
            valid,
            extra_query_params=query if target.multipart_id else None,
        )
        return url

    async def size_of(self, key: str) -> int | None:
        """See ObjectStore."""
        return await _run(self._quick, lambda: self._size_of(key))

    def _size_of(self, key: str) -> int | None:
        try:
            size = self._client.stat_object(self._bucket, key).size
        except S3Error as exc:
            if exc.code in _ABSENT:
                return None
            raise
        return int(size or 0)

    async def begin_multipart(self, key: str) -> str:
        """See ObjectStore."""
        return await _run(self._quick, lambda: self._multipart.begin(key))

    async def complete_multipart(
        self, key: str, multipart_id: str, parts: Sequence[tuple[int, str]]
    ) -> bool:
        """See ObjectStore."""
        return await _run(self._slow, lambda: self._multipart.complete(key, multipart_id, parts))

    async def adopt(self, source: str, target: str, *, sha256: str, size_bytes: int) -> Adoption:
        """See ObjectStore."""
        return await _run(self._slow, lambda: self._adopt(source, target, sha256, size_bytes))

    def _adopt(self, source: str, target: str, sha256: str, size_bytes: int) -> Adoption:
        try:
            etag = self._etag_of_content(source, sha256, size_bytes)
            if etag is None:
                return Adoption.DIFFERENT
            # Contents get here by this copy only, so an equally long one is the same.
            if self._size_of(target) != size_bytes:
                self._copying_client.copy_object(
                    self._bucket,
                    target,
                    CopySource(self._bucket, source, match_etag=etag),
                    # The uploader's headers (an encoding, say) must not stick to what others get.
                    metadata={"Content-Type": "application/octet-stream"},
                    metadata_directive=REPLACE,
                )
        except S3Error as exc:
            if exc.code in _ABSENT:
                return Adoption.ABSENT
            if exc.code == "PreconditionFailed":
                return Adoption.DIFFERENT
            raise
        return Adoption.ADOPTED

    def _etag_of_content(self, key: str, sha256: str, size_bytes: int) -> str | None:
        """The ETag of an object with this content; None when its content is another."""
        answer = self._client.get_object(self._bucket, key)
        try:
            if int(answer.headers.get("Content-Length", -1)) != size_bytes:
                return None
            digest = hashlib.sha256()
            for chunk in answer.stream(CHUNK_BYTES, decode_content=False):
                if self._closing.is_set():
                    raise Unavailable("the storage service is stopping; try again")
                digest.update(chunk)
            etag: str = answer.headers.get("ETag", "")
            return etag.strip('"') if digest.hexdigest() == sha256 else None
        finally:
            # A connection with an unread rest cannot be used again, and closing frees it.
            answer.close()
            answer.release_conn()

    async def delete_under(self, prefix: str, multipart_ids: Mapping[str, str]) -> None:
        """See ObjectStore."""

        def delete() -> None:
            for key, multipart_id in multipart_ids.items():
                self._multipart.abort(key, multipart_id)
            for error in self._client.remove_objects(self._bucket, self._listed(prefix)):
                raise Unavailable(f"the object store did not delete {error.name} ({error.code})")

        await _run(self._slow, delete)

    def _listed(self, prefix: str) -> Iterator[DeleteObject]:
        for item in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
            yield DeleteObject(item.object_name)


async def _run(pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
    with _errors_translated():
        return await asyncio.get_running_loop().run_in_executor(pool, work)


@contextmanager
def _errors_translated() -> Iterator[None]:
    """The client's errors inside the block come out as `Unavailable`."""
    try:
        yield
    except S3Error as exc:
        raise Unavailable(f"the object store refused the request ({exc.code})") from exc
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as exc:
        raise Unavailable(
            f"the object store did not take the request ({type(exc).__name__}); try again"
        ) from exc
