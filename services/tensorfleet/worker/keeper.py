"""Keeps what a task saves: checkpoints and models, by way of S3 and the storage service."""

from pathlib import Path

import msgspec

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as dispatch_pb
from tensorfleet.orchestrator.v1 import event_pb2, output_pb2
from tensorfleet.shared import task_channel as channel
from tensorfleet.shared.errors import InvalidInput
from tensorfleet.storage.v1 import checkpoint_service_pb2, model_pb2, model_registry_service_pb2
from tensorfleet.worker.artifact_upload import upload_artifact
from tensorfleet.worker.report import AttemptReport
from tensorfleet.worker.storage_door import StorageDoor


class OutputKeeper:
    """Uploads, commits with the attempt's fencing token, and tells the event."""

    def __init__(
        self,
        assignment: dispatch_pb.Assignment,
        ref: dispatch_pb.AttemptRef,
        storage: StorageDoor,
        report: AttemptReport,
    ) -> None:
        self._assignment = assignment
        self._ref = ref
        self._storage = storage
        self._report = report
        self._kept: dict[tuple[int, str], output_pb2.Output] = {}

    @property
    def outputs(self) -> list[output_pb2.Output]:
        """Everything that was kept, once each, in the order of first keeping."""
        return list(self._kept.values())

    async def save(self, message: channel.SaveCheckpoint | channel.SaveModel) -> channel.Saved:
        """Keeps a checkpoint or a model; durable on return.

        Raises:
            LeaseLost: The attempt is not current any more.
            InvalidArtifact: What it names is not there.
            Unavailable: Storage or S3 does not answer.
        """
        if isinstance(message, channel.SaveCheckpoint):
            output = await self._save_checkpoint(message)
        else:
            output = await self._save_model(message)
        self._kept[output.type, output.name] = output
        event = event_pb2.Event(output=output)
        event.time.GetCurrentTime()
        await self._report.add(event)
        return channel.Saved(
            request=message.request, artifact_id=output.artifact_id, version=output.version
        )

    async def _save_checkpoint(self, message: channel.SaveCheckpoint) -> output_pb2.Output:
        artifact = await upload_artifact(self._storage, Path(message.path))
        ref = self._ref
        await self._storage.checkpoints.CommitCheckpoint(
            checkpoint_service_pb2.CommitCheckpointRequest(
                job_id=self._assignment.job_id,
                task_id=ref.task_id,
                attempt=ref.attempt,
                step=message.step,
                artifact_id=artifact.id,
            )
        )
        return output_pb2.Output(
            type=output_pb2.Output.TYPE_CHECKPOINT, name=str(message.step), artifact_id=artifact.id
        )

    async def _save_model(self, message: channel.SaveModel) -> output_pb2.Output:
        path = Path(message.path)
        if not path.is_dir():
            raise InvalidInput(f"a model is a folder of files, and {path} is none")
        artifact = await upload_artifact(self._storage, path)
        ref = self._ref
        answer = await self._storage.models.RegisterModelVersion(
            model_registry_service_pb2.RegisterModelVersionRequest(
                model=message.name,
                artifact_id=artifact.id,
                signature_json=msgspec.json.encode(message.signature).decode(),
                metrics=message.metrics,
                source=model_pb2.ModelSource(
                    job_id=self._assignment.job_id, task_id=ref.task_id, attempt=ref.attempt
                ),
            )
        )
        return output_pb2.Output(
            type=output_pb2.Output.TYPE_MODEL_VERSION,
            name=message.name,
            version=answer.version.version,
            artifact_id=artifact.id,
        )
