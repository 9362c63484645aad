"""CheckpointService: checkpoints, fenced by attempt."""

from typing import Any

from tensorfleet.shared.caller import current_caller
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.ids import JobId
from tensorfleet.shared.paging import clamp_page_size, decode_token
from tensorfleet.storage import convert
from tensorfleet.storage.checkpoint import Checkpoint, check_step
from tensorfleet.storage.fence import check_id, check_token
from tensorfleet.storage.page_keys import token_after
from tensorfleet.storage.store.protocol import ArtifactStore, CheckpointStore, FenceStore
from tensorfleet.storage.v1 import checkpoint_service_pb2 as pb
from tensorfleet.storage.v1 import checkpoint_service_pb2_grpc as pb_grpc


class CheckpointServicer(pb_grpc.CheckpointServiceServicer):
    """See checkpoint_service.proto. PruneCheckpoints answers UNIMPLEMENTED."""

    def __init__(
        self,
        *,
        artifacts: ArtifactStore,
        fences: FenceStore,
        checkpoints: CheckpointStore,
        clock: Clock,
    ) -> None:
        self._artifacts = artifacts
        self._fences = fences
        self._checkpoints = checkpoints
        self._clock = clock

    async def CommitCheckpoint(
        self, request: pb.CommitCheckpointRequest, context: Any
    ) -> pb.CommitCheckpointResponse:
        """See checkpoint_service.proto."""
        project = current_caller.get().project
        token = check_token(request.task_id, request.attempt)
        job_id = JobId(check_id(request.job_id, "job_id"))
        step = check_step(request.step)
        await self._fences.raise_fence(project, token)
        artifact = await self._artifacts.get_summary(project, request.artifact_id)
        checkpoint = await self._checkpoints.commit_checkpoint(
            project,
            Checkpoint(
                job_id=job_id,
                task_id=token.task_id,
                attempt=token.attempt,
                step=step,
                artifact_id=artifact.id,
                size_bytes=artifact.size_bytes,
                create_time=self._clock(),
            ),
        )
        return pb.CommitCheckpointResponse(checkpoint=convert.checkpoint_to_proto(checkpoint))

    async def AcquireLatestCheckpoint(
        self, request: pb.AcquireLatestCheckpointRequest, context: Any
    ) -> pb.AcquireLatestCheckpointResponse:
        """See checkpoint_service.proto."""
        project = current_caller.get().project
        token = check_token(request.task_id, request.attempt)
        # First the fence: what is the latest now stays the latest until this attempt commits.
        await self._fences.raise_fence(project, token)
        checkpoint = await self._checkpoints.latest_checkpoint(project, token.task_id)
        return pb.AcquireLatestCheckpointResponse(
            checkpoint=convert.checkpoint_to_proto(checkpoint)
        )

    async def ListCheckpoints(
        self, request: pb.ListCheckpointsRequest, context: Any
    ) -> pb.ListCheckpointsResponse:
        """See checkpoint_service.proto."""
        list_name = f"checkpoints/{request.job_id}"
        page = await self._checkpoints.list_checkpoints(
            current_caller.get().project,
            JobId(request.job_id),
            decode_token(list_name, request.page_token),
            clamp_page_size(request.page_size),
        )
        return pb.ListCheckpointsResponse(
            checkpoints=[convert.checkpoint_to_proto(checkpoint) for checkpoint in page.rows],
            next_page_token=token_after(list_name, page.next_key),
        )
