"""Bytes between this machine and S3 by signed URLs: streamed, checked, in parallel.

Memory stays within a few chunks for each of the parallel transfers, whatever the files' sizes.
"""

import functools
import hashlib
import os
import ssl
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tensorfleet.shared.errors import DigestMismatch, Unavailable
from tensorfleet.shared.manifest import ManifestFile

# httpx takes 3 MB and 0.1 s, so it is imported with the first transfer: idle services go without.
if TYPE_CHECKING:
    import httpx

CHUNK_BYTES = 1024 * 1024
PARALLEL_TRANSFERS = 4
ATTEMPTS = 4
TIMEOUT_SECONDS = 60.0
CONNECT_SECONDS = 5.0

OnBytes = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartToSend:
    """A range of a local file and the signed URL that takes it."""

    path: Path
    sha256: str
    number: int
    offset_bytes: int
    size_bytes: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPart:
    """A part that S3 has; `etag` is what it answered."""

    sha256: str
    number: int
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToFetch:
    """A file of a manifest and the signed URL to get it from."""

    file: ManifestFile
    url: str


def digest_file(path: Path) -> tuple[str, int]:
    """SHA-256 (hex) and length of a file."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def send_parts(parts: Sequence[PartToSend], on_bytes: OnBytes | None = None) -> list[SentPart]:
    """PUTs every part, some at a time; a broken transfer is tried again.

    Args:
        on_bytes: Called from several threads with the number of bytes that went out.

    Raises:
        Unavailable: S3 did not take a part after several tries.
    """
    if not parts:
        return []
    with _client(p.url for p in parts) as client, _pool(len(parts)) as pool:
        return list(pool.map(lambda part: _send(client, part, on_bytes), parts))


def fetch_files(
    files: Iterable[FileToFetch], folder: Path, on_bytes: OnBytes | None = None
) -> None:
    """GETs every file into the folder, checking its size and SHA-256 before it gets its name.

    The caller has checked the paths (`manifest.check_manifest`).

    Raises:
        DigestMismatch: The bytes are not what the manifest says.
        Unavailable: S3 did not answer after several tries.
    """
    wanted = list(files)
    if not wanted:
        return
    with _client(w.url for w in wanted) as client, _pool(len(wanted)) as pool:
        for _ in pool.map(lambda item: _fetch(client, item, folder, on_bytes), wanted):
            pass


def _client(urls: Iterable[str]) -> "httpx.Client":
    import httpx

    is_encrypted = any(url.startswith("https:") for url in urls)
    return httpx.Client(
        timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
        # A client of its own accord reads all certificates, which takes 50 ms, also for http.
        verify=_trusting_context() if is_encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        trust_env=False,
    )


@functools.cache
def _trusting_context() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()


def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(PARALLEL_TRANSFERS, count), thread_name_prefix="transfer")


def _send(client: "httpx.Client", part: PartToSend, on_bytes: OnBytes | None) -> SentPart:
    import httpx

    problem = ""
    for _ in range(ATTEMPTS):
        try:
            answer = client.put(
                part.url,
                content=_read_range(part, on_bytes),
                headers={"Content-Length": str(part.size_bytes)},
            )
        except httpx.TransportError as exc:
            problem = f"{type(exc).__name__}: {exc}"
            continue
        if answer.is_success:
            return SentPart(
                sha256=part.sha256, number=part.number, etag=answer.headers.get("ETag", "")
            )
        problem = f"HTTP {answer.status_code}"
        if answer.status_code < 500:
            break
    raise Unavailable(f"the object store did not take {part.path.name} ({problem}); try again")


def _read_range(part: PartToSend, on_bytes: OnBytes | None) -> Iterator[bytes]:
    left = part.size_bytes
    with part.path.open("rb") as stream:
        stream.seek(part.offset_bytes)
        while left and (chunk := stream.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
            if on_bytes:
                on_bytes(len(chunk))


def _fetch(
    client: "httpx.Client", item: FileToFetch, folder: Path, on_bytes: OnBytes | None
) -> None:
    import httpx

    target = folder / item.file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    problem = ""
    for _ in range(ATTEMPTS):
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".fetch-")
        partial = Path(name)
        try:
            with os.fdopen(handle, "wb") as out, client.stream("GET", item.url) as answer:
                if not answer.is_success:
                    problem = f"HTTP {answer.status_code}"
                    if answer.status_code < 500:
                        break
                    continue
                digest = hashlib.sha256()
                for chunk in answer.iter_bytes(CHUNK_BYTES):
                    digest.update(chunk)
                    out.write(chunk)
                    if on_bytes:
                        on_bytes(len(chunk))
            if digest.hexdigest() != item.file.sha256:
                raise DigestMismatch(
                    f"{item.file.path} arrived with SHA-256 {digest.hexdigest()} instead of "
                    f"{item.file.sha256}; the stored object is damaged, upload it again"
                )
            partial.replace(target)
            return
        except httpx.TransportError as exc:
            problem = f"{type(exc).__name__}: {exc}"
        finally:
            partial.unlink(missing_ok=True)
    raise Unavailable(f"the object store did not give {item.file.path} ({problem}); try again")
