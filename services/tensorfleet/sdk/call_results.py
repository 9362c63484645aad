"""The results of many calls, in their order, as they come."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from tensorfleet.shared.errors import Conflict
from tensorfleet.shared.rest.events import Event, TaskStateEvent
from tensorfleet.shared.rest.jobs import Failure, Job, Task


class CallFailed(Conflict):
    """One of the calls did not return; the others go on."""

    reason = "CALL_FAILED"

    def __init__(self, message: str, *, index: int = 0, failure: Failure | None = None) -> None:
        super().__init__(message)
        self.index = index
        """Of the call, from 0."""
        self.failure = failure
        """Why, with the last lines of its traceback."""


def call_failed(index: int, failure: Failure | None) -> CallFailed:
    """The error of a call that did not return."""
    why = f"{failure.reason}: {failure.message}" if failure else "it was cancelled"
    return CallFailed(f"call {index} failed: {why}", index=index, failure=failure)


class JobReader(Protocol):
    """What of a client the results are read by."""

    def events(self, job_id: str, after: int = 0) -> Iterator[Event]:
        """A job's events until it ends."""
        ...

    def tasks(self, job_id: str) -> Iterable[Task]:
        """A job's tasks by index."""
        ...


class CallResults:
    """Iterates over the results. May be iterated again, from the first one on."""

    def __init__(self, client: JobReader, job: Job) -> None:
        self._client = client
        self.job = job
        """As it was handed in."""

    def __len__(self) -> int:
        return self.job.tasks.total

    def __iter__(self) -> Iterator[Any]:
        """Every result, each as soon as it and all before it are there.

        Raises:
            CallFailed: The next call in order did not return.
            Unavailable: The gateway was away for too long.
        """
        for index, result, failure, has_returned in self.ends():
            if not has_returned:
                raise call_failed(index, failure)
            yield result

    def ends(self) -> Iterator[tuple[int, Any, Failure | None, bool]]:
        """Of every call, in order: its index, result, failure, and whether it returned."""
        waiting: dict[int, tuple[int, Any, Failure | None, bool]] = {}
        following = 0
        for event in self._client.events(self.job.id):
            if not isinstance(event, TaskStateEvent):
                continue
            if event.state not in ("succeeded", "failed", "cancelled"):
                continue
            index = int(event.task_id.rpartition("-")[2])
            waiting[index] = (index, event.result, event.failure, event.state == "succeeded")
            while following in waiting:
                yield waiting.pop(following)
                following += 1
        if following < len(self):
            yield from self._kept_ends(following)

    def _kept_ends(self, first: int) -> Iterator[tuple[int, Any, Failure | None, bool]]:
        """The ends from a call on, of a job whose events are not all kept any more."""
        for task in self._client.tasks(self.job.id):
            if task.index >= first:
                failure = task.attempts[-1].failure if task.attempts else None
                yield task.index, task.result, failure, task.state == "succeeded"
