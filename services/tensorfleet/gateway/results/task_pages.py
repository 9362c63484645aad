"""A job's tasks from the orchestrator, page by page, as the process for results takes them."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from tensorfleet.gateway.convert import words
from tensorfleet.gateway.convert.values import to_time
from tensorfleet.gateway.results.questions import TaskRow
from tensorfleet.orchestrator.v1 import job_service_pb2, task_pb2
from tensorfleet.shared.errors import TooLarge

if TYPE_CHECKING:  # the asyncio stubs exist for type checkers only
    from tensorfleet.orchestrator.v1.job_service_pb2_grpc import JobServiceAsyncStub

PAGE_TASKS = 1000

_ENDED = frozenset(
    {
        task_pb2.TASK_STATE_SUCCEEDED,
        task_pb2.TASK_STATE_FAILED,
        task_pb2.TASK_STATE_CANCELLED,
    }
)


class ByteBudget:
    """How much result JSON one answer may be made of."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._taken_bytes = 0

    def take(self, job_id: str, count: int) -> None:
        """Counts bytes of a job's results.

        Raises:
            TooLarge: There are more than may be.
        """
        self._taken_bytes += count
        if self._taken_bytes > self.most_bytes:
            raise TooLarge(
                f"the results of {job_id} have more than {self.most_bytes:,} bytes, too many for "
                f"one answer; read them page by page at GET /api/v1/jobs/{job_id}/tasks"
            )


async def task_pages(
    jobs: "JobServiceAsyncStub", job_id: str, budget: ByteBudget
) -> AsyncIterator[list[TaskRow]]:
    """All tasks of a job, by index, a few MiB at a time: the orchestrator keeps pages small.

    Raises:
        JobNotFound: No such job.
        TooLarge: The results are too large for the budget.
    """
    token = ""
    while True:
        page = await jobs.ListTasks(
            job_service_pb2.ListTasksRequest(job_id=job_id, page_size=PAGE_TASKS, page_token=token)
        )
        rows = [_to_row(task) for task in page.tasks]
        budget.take(job_id, sum(len(row.result_json) + len(row.message) for row in rows))
        if rows:
            yield rows
        token = page.next_page_token
        if not token:
            return


def _to_row(task: task_pb2.Task) -> TaskRow:
    last = task.attempts[-1] if task.attempts else None
    has_ended = task.state in _ENDED
    return TaskRow(
        index=task.index,
        state=words.TASK_STATES[task.state],
        result_json=task.result_json,
        worker=last.worker_id if last is not None else "",
        ended_at=to_time(last, "end_time") if last is not None and has_ended else None,
        message=last.failure.message if last is not None else "",
    )
