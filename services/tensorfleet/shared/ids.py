"""Identifiers, made in one place."""

import secrets
import time
from typing import NewType

JobId = NewType("JobId", str)
TaskId = NewType("TaskId", str)
WorkerId = NewType("WorkerId", str)
UploadId = NewType("UploadId", str)
ArtifactId = NewType("ArtifactId", str)

# Crockford's base 32: no letter that reads like a digit.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 60


def _sortable() -> str:
    """21 characters that sort by time: 45 bits of milliseconds, then 60 random ones."""
    number = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    digits = []
    for _ in range(21):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def new_job_id() -> JobId:
    """A job's id; ids sort by time of creation."""
    return JobId(f"job-{_sortable()}")


def task_id(job_id: JobId, index: int) -> TaskId:
    """The id of a job's task: always the same for the same index."""
    return TaskId(f"{job_id}-{index}")


def job_id_of(task: TaskId) -> JobId:
    """The job that a task belongs to."""
    return JobId(task.rpartition("-")[0])


def new_upload_id() -> UploadId:
    """An upload's id."""
    return UploadId(f"upload-{_sortable()}")
