"""Artifacts: committed manifests of files, visible within one project."""

from dataclasses import dataclass
from datetime import datetime

from tensorfleet.shared.ids import ArtifactId
from tensorfleet.shared.manifest import ManifestFile, total_size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactSummary:
    """What other records keep of an artifact: all but its list of files."""

    id: ArtifactId
    size_bytes: int
    file_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A committed manifest. `files` are sorted by path."""

    id: ArtifactId
    project: str
    files: tuple[ManifestFile, ...]
    create_time: datetime

    @property
    def summary(self) -> ArtifactSummary:
        """The artifact without its files."""
        return ArtifactSummary(
            id=self.id, size_bytes=total_size_bytes(self.files), file_count=len(self.files)
        )


def blob_key(sha256: str) -> str:
    """Where S3 keeps a checked content; projects share it, manifests decide who sees it."""
    return f"blobs/{sha256}"
