"""What the rest of the storage service may ask of its database.

Whatever is written has reached a majority of MongoDB's nodes and their journals when the method
returns. Every method may raise `Unavailable`. Records of another project are as if absent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from tensorfleet.shared.ids import JobId, UploadId
from tensorfleet.storage.artifact import Artifact, ArtifactSummary
from tensorfleet.storage.checkpoint import Checkpoint
from tensorfleet.storage.dataset import Dataset, DatasetVersion
from tensorfleet.storage.fence import FencingToken
from tensorfleet.storage.model import Model, ModelSource, ModelVersion
from tensorfleet.storage.upload import Upload, UploadRemains

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """Some rows of a list, and the key after which the next page begins; None at the end."""

    rows: tuple[Row, ...]
    next_key: str | None


class ArtifactStore(Protocol):
    """Manifests, the contents that a project holds, and uploads."""

    async def get_artifact(self, project: str, artifact_id: str) -> Artifact:
        """The manifest.

        Raises:
            ArtifactNotFound: The project has no such artifact.
        """

    async def get_summary(self, project: str, artifact_id: str) -> ArtifactSummary:
        """The artifact without its files.

        Raises:
            ArtifactNotFound: The project has no such artifact.
        """

    async def insert_artifact(self, artifact: Artifact) -> Artifact:
        """Makes an artifact visible, in one write. Idempotent: answers with what is there."""

    async def held_blobs(self, project: str, digests: Sequence[str]) -> dict[str, int]:
        """Those of the contents that the project holds, with their lengths."""

    async def insert_blobs(self, project: str, sizes: Mapping[str, int]) -> None:
        """Records contents (length by SHA-256) as held by the project. Idempotent."""

    async def insert_upload(self, upload: Upload) -> None:
        """Remembers a new upload."""

    async def set_multipart_ids(self, upload_id: UploadId, ids: Mapping[str, str]) -> None:
        """Remembers an upload's multipart uploads (S3's id by SHA-256)."""

    async def get_upload(self, project: str, upload_id: str) -> Upload:
        """An upload in whatever state.

        Raises:
            UploadNotFound: The project has no such upload.
        """

    async def finish_upload(self, upload_id: UploadId) -> None:
        """OPEN → FINISHED, in one write; an upload in another state stays as it is."""

    async def abort_upload(self, upload_id: UploadId) -> None:
        """OPEN → ABORTED, in one write; an upload in another state stays as it is."""

    async def expired_uploads(self, before: datetime, limit: int) -> tuple[UploadRemains, ...]:
        """What is left of uploads of all projects that expired before then, oldest first."""

    async def delete_upload(self, upload_id: UploadId) -> None:
        """Forgets an upload. Idempotent."""


class FenceStore(Protocol):
    """The highest attempt seen of every task."""

    async def raise_fence(self, project: str, token: FencingToken) -> None:
        """Raises the task's fence to this attempt, in one write.

        Raises:
            LeaseLost: It stands at a higher attempt, and stays there.
        """


class DatasetStore(Protocol):
    """Datasets and their versions."""

    async def create_version(
        self,
        *,
        project: str,
        dataset: str,
        artifact: ArtifactSummary,
        description: str,
        owner: str,
        now: datetime,
    ) -> DatasetVersion:
        """Adds the next version, and the dataset with its first: both or neither.

        Numbers have no gaps, however many call at once. When the newest version has the same
        artifact, that version is the answer. An empty description leaves the old one.
        """

    async def get_dataset(self, project: str, dataset: str) -> Dataset:
        """The dataset.

        Raises:
            DatasetNotFound: The project has no such dataset.
        """

    async def get_version(self, project: str, dataset: str, version: int) -> DatasetVersion:
        """One version; zero means the newest.

        Raises:
            DatasetNotFound: No such dataset, or no such version.
        """

    async def list_datasets(self, project: str, after: str | None, limit: int) -> Page[Dataset]:
        """Datasets by name. Keys are names."""

    async def list_versions(
        self, project: str, dataset: str, after: int | None, limit: int
    ) -> Page[DatasetVersion]:
        """Versions, newest first. Keys are version numbers.

        Raises:
            DatasetNotFound: The project has no such dataset.
        """


class CheckpointStore(Protocol):
    """Checkpoints of tasks."""

    async def commit_checkpoint(self, project: str, checkpoint: Checkpoint) -> Checkpoint:
        """Adds a checkpoint, or replaces the task's one of the same step.

        In one transaction with a look at the fence, so that nothing is added once a higher attempt
        has called. The same artifact by the same attempt changes nothing.

        Raises:
            LeaseLost: The task's fence does not stand at the checkpoint's attempt; see
                `FenceStore.raise_fence`.
        """

    async def latest_checkpoint(self, project: str, task_id: str) -> Checkpoint:
        """The task's checkpoint with the highest step.

        Raises:
            CheckpointNotFound: The task has none.
        """

    async def list_checkpoints(
        self, project: str, job_id: JobId, after: str | None, limit: int
    ) -> Page[Checkpoint]:
        """A job's checkpoints, newest first. Keys are opaque.

        Raises:
            InvalidPageToken: `after` is not such a key.
        """


class ModelStore(Protocol):
    """Models and their versions."""

    async def register_version(
        self,
        *,
        project: str,
        model: str,
        artifact: ArtifactSummary,
        signature_json: str,
        metrics: Mapping[str, float],
        source: ModelSource | None,
        description: str,
        owner: str,
        now: datetime,
    ) -> ModelVersion:
        """Adds the next version, and the model with its first: both or neither.

        Numbers have no gaps, however many call at once. What the source's task registered before
        of this model is replaced under the same number and keeps its stage; this too in one
        transaction with a look at the fence. An empty description leaves the old one.

        Raises:
            LeaseLost: The fence of the source's task does not stand at the source's attempt; see
                `FenceStore.raise_fence`.
        """

    async def get_model(self, project: str, model: str) -> Model:
        """The model.

        Raises:
            ModelNotFound: The project has no such model.
        """

    async def get_version(self, project: str, model: str, version: int) -> ModelVersion:
        """One version; zero means the one in production, or the newest when none is.

        Raises:
            ModelNotFound: No such model, or no such version.
        """

    async def list_models(self, project: str, after: str | None, limit: int) -> Page[Model]:
        """Models by name. Keys are names."""

    async def list_versions(
        self, project: str, model: str, after: int | None, limit: int
    ) -> Page[ModelVersion]:
        """Versions, newest first. Keys are version numbers.

        Raises:
            ModelNotFound: The project has no such model.
        """
