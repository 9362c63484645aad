"""Bytes in and out: uploads, artifacts and their signed URLs."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from tensorfleet.shared.manifest import MAX_FILES

# More than any object store takes.
MAX_FILE_BYTES = 1 << 50


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of an artifact."""

    path: str
    """Relative, with "/" between the parts."""
    size_bytes: Annotated[int, Meta(ge=0, le=MAX_FILE_BYTES)]
    sha256: Annotated[str, Meta(description="64 lower-case hexadecimal digits")]


class BeginUpload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An artifact to upload: all its files, in any order."""

    files: Annotated[list[File], Meta(min_length=1, max_length=MAX_FILES)]


class UploadPart(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a content; PUT exactly these bytes at the URL."""

    number: int
    offset_bytes: int
    size_bytes: int
    url: str


class BlobUpload(msgspec.Struct, frozen=True, kw_only=True):
    """One content that the fleet does not have yet."""

    sha256: str
    parts: list[UploadPart]


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """What to PUT where."""

    id: str
    artifact_id: str
    """The id that the artifact will have."""
    blobs: list[BlobUpload]
    """Empty when everything is there already."""
    expire_time: datetime | None


class UploadedPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What S3 answered to one part."""

    sha256: str
    number: Annotated[int, Meta(ge=1, le=10_000)]
    etag: str


class FinishUpload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parts of contents that had more than one; not needed for the others."""

    parts: list[UploadedPart] = []


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A set of files, named by its content."""

    id: str
    files: list[File]
    size_bytes: int
    create_time: datetime | None


class FileDownload(msgspec.Struct, frozen=True, kw_only=True):
    """A file and where to GET it; check its SHA-256 after the download."""

    path: str
    size_bytes: int
    sha256: str
    url: str


class ArtifactDownload(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact's manifest with signed URLs."""

    id: str
    files: list[FileDownload]
    size_bytes: int
    expire_time: datetime | None
    """Until when the URLs work."""
