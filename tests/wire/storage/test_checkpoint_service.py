"""CheckpointService as its clients see it, over real stores."""

import asyncio

import pytest

from tensorfleet.shared import errors
from tensorfleet.shared.paging import encode_token
from tensorfleet.storage.v1 import checkpoint_pb2
from tensorfleet.storage.v1 import checkpoint_service_pb2 as pb
from tests.wire.storage.storage_client import StorageClient, acting_in, new_project

pytestmark = pytest.mark.asyncio(loop_scope="module")

JOB = "job-1"
TASK = "job-1-0"


async def commit(
    storage: StorageClient,
    artifact_id: str,
    *,
    attempt: int = 1,
    step: int = 10,
    job_id: str = JOB,
    task_id: str = TASK,
) -> checkpoint_pb2.Checkpoint:
    answer = await storage.checkpoints.CommitCheckpoint(
        pb.CommitCheckpointRequest(
            job_id=job_id, task_id=task_id, attempt=attempt, step=step, artifact_id=artifact_id
        )
    )
    return answer.checkpoint


async def acquire(
    storage: StorageClient, attempt: int, task_id: str = TASK
) -> checkpoint_pb2.Checkpoint:
    answer = await storage.checkpoints.AcquireLatestCheckpoint(
        pb.AcquireLatestCheckpointRequest(task_id=task_id, attempt=attempt)
    )
    return answer.checkpoint


async def test_next_attempt_resumes_from_the_highest_step(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"state": b"12345"})
    for step in (10, 30, 20):
        await commit(storage, artifact_id, step=step)
    checkpoint = await acquire(storage, attempt=2)
    assert (checkpoint.job_id, checkpoint.task_id) == (JOB, TASK)
    assert (checkpoint.attempt, checkpoint.step) == (1, 30)
    assert (checkpoint.artifact_id, checkpoint.size_bytes) == (artifact_id, 5)


async def test_stale_attempt_is_refused_once_a_later_one_has_acquired(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"state": b"1"})
    await commit(storage, artifact_id, attempt=1, step=10)
    await acquire(storage, attempt=2)
    with pytest.raises(errors.LeaseLost, match="attempt 2"):
        await commit(storage, artifact_id, attempt=1, step=20)
    with pytest.raises(errors.LeaseLost):
        await acquire(storage, attempt=1)
    assert (await acquire(storage, attempt=2)).step == 10


async def test_stale_attempt_is_refused_once_a_later_one_has_committed(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"state": b"1"})
    await commit(storage, artifact_id, attempt=3, step=1)
    with pytest.raises(errors.LeaseLost):
        await commit(storage, artifact_id, attempt=2, step=2)
    await commit(storage, artifact_id, attempt=3, step=2)


async def test_fence_rises_also_when_there_is_nothing_to_acquire_or_commit(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"state": b"1"})
    with pytest.raises(errors.CheckpointNotFound):
        await acquire(storage, attempt=2)
    with pytest.raises(errors.LeaseLost):
        await commit(storage, artifact_id, attempt=1)
    with pytest.raises(errors.ArtifactNotFound):
        await commit(storage, "f" * 64, attempt=3)
    with pytest.raises(errors.LeaseLost):
        await commit(storage, artifact_id, attempt=2)


async def test_nothing_of_a_stale_attempt_appears_after_the_acquire_that_fenced_it(
    storage: StorageClient, project: str
) -> None:
    """Races commits of attempt N against the acquire of attempt N + 1, many times."""
    artifact_id = await storage.upload({"state": b"1"})
    step = 0
    for attempt in range(1, 16):

        async def commit_until_fenced(attempt: int = attempt) -> None:
            nonlocal step
            while True:
                step += 1
                await commit(storage, artifact_id, attempt=attempt, step=step)

        commits = [asyncio.create_task(commit_until_fenced()) for _ in range(3)]
        await commit(storage, artifact_id, attempt=attempt, step=(step := step + 1))
        acquired = await acquire(storage, attempt + 1)
        outcomes = await asyncio.gather(*commits, return_exceptions=True)
        assert all(isinstance(outcome, errors.LeaseLost) for outcome in outcomes)
        assert await acquire(storage, attempt + 1) == acquired


async def test_same_commit_again_changes_nothing(storage: StorageClient, project: str) -> None:
    artifact_id = await storage.upload({"state": b"1"})
    first = await commit(storage, artifact_id)
    assert await commit(storage, artifact_id) == first
    answer = await storage.checkpoints.ListCheckpoints(pb.ListCheckpointsRequest(job_id=JOB))
    assert list(answer.checkpoints) == [first]


async def test_later_attempt_replaces_the_checkpoint_of_the_same_step(
    storage: StorageClient, project: str
) -> None:
    old, new = await storage.upload({"state": b"1"}), await storage.upload({"state": b"22"})
    await commit(storage, old, attempt=1)
    replaced = await commit(storage, new, attempt=2)
    assert (replaced.artifact_id, replaced.attempt, replaced.size_bytes) == (new, 2, 2)
    answer = await storage.checkpoints.ListCheckpoints(pb.ListCheckpointsRequest(job_id=JOB))
    assert list(answer.checkpoints) == [replaced]


async def test_commits_of_one_task_at_the_same_time_all_count(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"state": b"1"})
    await asyncio.gather(*(commit(storage, artifact_id, step=step) for step in range(12)))
    answer = await storage.checkpoints.ListCheckpoints(pb.ListCheckpointsRequest(job_id=JOB))
    assert {checkpoint.step for checkpoint in answer.checkpoints} == set(range(12))


async def test_tasks_have_fences_of_their_own(storage: StorageClient, project: str) -> None:
    artifact_id = await storage.upload({"state": b"1"})
    await commit(storage, artifact_id, attempt=5, task_id="job-1-0")
    await commit(storage, artifact_id, attempt=1, task_id="job-1-1")


async def test_another_project_neither_sees_nor_fences(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"state": b"1"})
    await commit(storage, artifact_id, attempt=1)
    with acting_in(new_project()):
        with pytest.raises(errors.CheckpointNotFound):
            await acquire(storage, attempt=9)
        answer = await storage.checkpoints.ListCheckpoints(pb.ListCheckpointsRequest(job_id=JOB))
        assert not answer.checkpoints
        with pytest.raises(errors.ArtifactNotFound):
            await commit(storage, artifact_id, attempt=9)
    await commit(storage, artifact_id, attempt=1, step=11)


async def test_checkpoints_are_listed_newest_first_in_pages(
    storage: StorageClient, project: str
) -> None:
    artifact_id = await storage.upload({"state": b"1"})
    for step in range(5):
        await commit(storage, artifact_id, step=step)
    await commit(storage, artifact_id, job_id="job-2", task_id="job-2-0")
    steps: list[int] = []
    token = ""
    while True:
        page = await storage.checkpoints.ListCheckpoints(
            pb.ListCheckpointsRequest(job_id=JOB, page_size=2, page_token=token)
        )
        steps += [checkpoint.step for checkpoint in page.checkpoints]
        if not (token := page.next_page_token):
            break
    assert steps == [4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    "token",
    ["x", encode_token("checkpoints/job-1", "1.x"), encode_token("checkpoints/job-1", "9" * 40)],
)
async def test_bad_page_token_is_refused(storage: StorageClient, project: str, token: str) -> None:
    with pytest.raises(errors.InvalidPageToken):
        await storage.checkpoints.ListCheckpoints(
            pb.ListCheckpointsRequest(job_id=JOB, page_token=token)
        )


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("task_id", pb.CommitCheckpointRequest(job_id="j", attempt=1)),
        ("job_id", pb.CommitCheckpointRequest(task_id="t", attempt=1)),
        ("attempt", pb.CommitCheckpointRequest(job_id="j", task_id="t")),
        ("attempt", pb.CommitCheckpointRequest(job_id="j", task_id="t", attempt=-1)),
        ("step", pb.CommitCheckpointRequest(job_id="j", task_id="t", attempt=1, step=-1)),
        ("task_id", pb.CommitCheckpointRequest(job_id="j", task_id="t" * 300, attempt=1)),
    ],
)
async def test_bad_commit_is_refused(
    storage: StorageClient, project: str, field: str, request_: pb.CommitCheckpointRequest
) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        await storage.checkpoints.CommitCheckpoint(request_)
    assert [error.field for error in caught.value.fields] == [field]


async def test_prune_says_that_it_is_not_there(storage: StorageClient, project: str) -> None:
    with pytest.raises(errors.Unimplemented):
        await storage.checkpoints.PruneCheckpoints(pb.PruneCheckpointsRequest(task_id=TASK))
