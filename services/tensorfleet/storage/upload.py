"""Uploads: which contents an artifact still lacks, and in which parts they are PUT."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tensorfleet.shared.errors import FieldError, InvalidArtifact
from tensorfleet.shared.ids import ArtifactId, UploadId
from tensorfleet.shared.manifest import ManifestFile

MIB = 1024 * 1024
# Both are S3's own limits.
MAX_PARTS_PER_BLOB = 10_000
MAX_BLOB_BYTES = 5 * 1024 * 1024 * MIB
# Keeps the answer to BeginUpload, one URL of about 500 bytes a part, within a gRPC message.
MAX_PARTS_PER_UPLOAD = 20_000

# A PUT that began just before its URL expired may still be running when the upload has.
SWEEP_MARGIN = timedelta(hours=1)


class UploadState(enum.Enum):
    """How far an upload is. OPEN may become FINISHED or ABORTED; these two stay."""

    OPEN = "open"
    FINISHED = "finished"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A content that files of an artifact have."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobPart:
    """A range of a blob that one PUT brings. Numbers start at 1."""

    number: int
    offset_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An artifact on its way in.

    `part_bytes` is the length of the parts; `multipart_ids` names S3's multipart upload of every
    missing blob that has several parts.
    """

    id: UploadId
    project: str
    artifact_id: ArtifactId
    files: tuple[ManifestFile, ...]
    part_bytes: int
    expire_time: datetime
    multipart_ids: Mapping[str, str] = field(default_factory=dict)
    state: UploadState = UploadState.OPEN

    @property
    def remains(self) -> "UploadRemains":
        """What the upload leaves in S3."""
        return UploadRemains(id=self.id, multipart_ids=self.multipart_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRemains:
    """What of an upload may lie in S3 and has to go with it."""

    id: UploadId
    multipart_ids: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """What the keys of its objects begin with."""
        return upload_prefix(self.id)

    @property
    def multipart_ids_by_key(self) -> dict[str, str]:
        """S3's multipart uploads by the key of the object that they would become."""
        return {upload_key(self.id, sha256): id_ for sha256, id_ in self.multipart_ids.items()}


def upload_prefix(upload_id: UploadId) -> str:
    """What the S3 keys of everything that is PUT for an upload begin with."""
    return f"uploads/{upload_id}/"


def upload_key(upload_id: UploadId, sha256: str) -> str:
    """Where a content is PUT, before it is checked."""
    return upload_prefix(upload_id) + sha256


def missing_blobs(files: Iterable[ManifestFile], held: Mapping[str, int]) -> tuple[Blob, ...]:
    """The contents to upload: those that the project does not hold with just this length.

    Args:
        held: Length by SHA-256 of what the project has.
    """
    wanted = {file.sha256: file.size_bytes for file in files}
    return tuple(
        Blob(sha256=sha256, size_bytes=size)
        for sha256, size in sorted(wanted.items())
        if held.get(sha256) != size
    )


def check_sizes(files: Sequence[ManifestFile]) -> None:
    """Returns when the lengths of a checked manifest are possible.

    Raises:
        InvalidArtifact: One content with two lengths, or a file above S3's limit.
    """
    problems: list[FieldError] = []
    sizes: dict[str, int] = {}
    for file in files:
        where = f"files[{file.path!r}]"
        if file.size_bytes > MAX_BLOB_BYTES:
            problems.append(FieldError(field=where, message="is larger than 5 TiB; split it"))
        if sizes.setdefault(file.sha256, file.size_bytes) != file.size_bytes:
            message = "has the SHA-256 of another file but another size_bytes"
            problems.append(FieldError(field=where, message=message))
    if problems:
        listed = "; ".join(f"{p.field} {p.message}" for p in problems[:5])
        raise InvalidArtifact(f"the list of files is not acceptable: {listed}", tuple(problems))


def choose_part_bytes(blobs: Sequence[Blob], preferred_bytes: int) -> int:
    """The length of parts: the preferred one, or more where limits on their number ask for it."""
    large = [blob.size_bytes for blob in blobs if blob.size_bytes > preferred_bytes]
    if not large:
        return preferred_bytes
    # Every blob may end with one part that is not full, and small blobs have one each.
    full_parts = MAX_PARTS_PER_UPLOAD - len(blobs)
    needed = max(_divide_up(max(large), MAX_PARTS_PER_BLOB), _divide_up(sum(large), full_parts))
    return max(preferred_bytes, _divide_up(needed, MIB) * MIB)


def split_parts(size_bytes: int, part_bytes: int) -> tuple[BlobPart, ...]:
    """The parts of a blob, in order. An empty blob has one empty part."""
    count = max(1, _divide_up(size_bytes, part_bytes))
    return tuple(
        BlobPart(
            number=index + 1,
            offset_bytes=index * part_bytes,
            size_bytes=min(part_bytes, size_bytes - index * part_bytes),
        )
        for index in range(count)
    )


def _divide_up(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)
