"""What an attempt needs on disk before its process starts: code, datasets, the checkpoint."""

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as dispatch_pb
from tensorfleet.shared.errors import CheckpointNotFound
from tensorfleet.shared.ids import ArtifactId
from tensorfleet.shared.task_channel import ResumePoint
from tensorfleet.storage.v1 import checkpoint_service_pb2, dataset_service_pb2
from tensorfleet.worker.artifact_cache import ArtifactCache
from tensorfleet.worker.storage_door import StorageDoor


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFiles:
    """An attempt's folders. `work` is where the process starts: a copy of the code, if any."""

    root: Path
    work: Path
    scratch: Path
    datasets_folder: Path
    datasets: dict[str, str]
    code: Path | None
    codes: dict[str, Path]
    """Of the plan's further code packages, by artifact id."""
    resume_point: ResumePoint | None


async def stage(
    assignment: dispatch_pb.Assignment,
    ref: dispatch_pb.AttemptRef,
    plan: TaskPlan,
    root: Path,
    cache: ArtifactCache,
    storage: StorageDoor,
    stack: AsyncExitStack,
) -> AttemptFiles:
    """Fetches what is missing and lays the folders out; the cache's stay as long as the stack.

    Raises:
        LeaseLost: The attempt is not current any more.
        TensorFleetError: Code, a dataset or the checkpoint cannot be had.
    """
    for name in ("work", "scratch", "datasets", "codes"):
        (root / name).mkdir(parents=True)
    # First of all: it raises the task's fence, so that no older attempt commits after us.
    resume_point = await _resume_point(ref, cache, storage, stack)
    code = await stage_code(assignment.code_artifact_id, root / "work", cache, stack)
    codes = {artifact_id: root / "codes" / artifact_id for artifact_id in dict.fromkeys(plan.codes)}
    for artifact_id, folder in codes.items():
        folder.mkdir()
        await stage_code(artifact_id, folder, cache, stack)
    datasets = await stage_datasets(plan.datasets, root / "datasets", cache, storage, stack)
    return AttemptFiles(
        root=root,
        work=root / "work",
        scratch=root / "scratch",
        datasets_folder=root / "datasets",
        datasets=datasets,
        code=code,
        codes=codes,
        resume_point=resume_point,
    )


async def stage_code(
    artifact_id: str, folder: Path, cache: ArtifactCache, stack: AsyncExitStack
) -> Path | None:
    """Puts the code, if there is any, into the folder; returns that, or None.

    Raises:
        TensorFleetError: It cannot be had.
    """
    if not artifact_id:
        return None
    source = await stack.enter_async_context(cache.held(ArtifactId(artifact_id)))
    # A copy, because scripts write beside themselves; the cache must stay what it is.
    await asyncio.to_thread(_copy_writable, source, folder)
    return folder


async def stage_datasets(
    references: Sequence[str],
    folder: Path,
    cache: ArtifactCache,
    storage: StorageDoor,
    stack: AsyncExitStack,
) -> dict[str, str]:
    """Links datasets into the folder; returns the path of each by its name.

    Raises:
        TensorFleetError: One cannot be had.
    """
    datasets = {}
    for reference in references:
        name, _, version = reference.partition(":")
        answer = await storage.datasets.GetDatasetVersion(
            dataset_service_pb2.GetDatasetVersionRequest(dataset=name, version=int(version or 0))
        )
        source = await stack.enter_async_context(cache.held(ArtifactId(answer.version.artifact_id)))
        link = folder / name
        link.symlink_to(source)
        datasets[name] = str(link)
    return datasets


async def _resume_point(
    ref: dispatch_pb.AttemptRef,
    cache: ArtifactCache,
    storage: StorageDoor,
    stack: AsyncExitStack,
) -> ResumePoint | None:
    try:
        answer = await storage.checkpoints.AcquireLatestCheckpoint(
            checkpoint_service_pb2.AcquireLatestCheckpointRequest(
                task_id=ref.task_id, attempt=ref.attempt
            )
        )
    except CheckpointNotFound:
        return None
    checkpoint = answer.checkpoint
    folder = await stack.enter_async_context(cache.held(ArtifactId(checkpoint.artifact_id)))
    return ResumePoint(step=checkpoint.step, path=str(folder))


def _copy_writable(source: Path, target: Path) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True, copy_function=shutil.copyfile)
