"""Results of calls come in the calls' order, whatever order the calls end in."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tensorfleet.sdk.call_results import CallFailed, CallResults
from tensorfleet.shared.rest.events import Event, LogEvent, TaskStateEvent
from tensorfleet.shared.rest.jobs import Failure, Job, Resources, Task, TaskCounts

TIME = datetime(2026, 1, 1, tzinfo=UTC)
RESOURCES = Resources(cpus=1, memory_bytes=1, gpus=0, gpu_kind="", labels={})


def job_of(count: int) -> Job:
    counts = TaskCounts(total=count, queued=count, running=0, succeeded=0, failed=0, cancelled=0)
    return Job(
        id="j",
        kind="call",
        name="",
        state="pending",
        priority="normal",
        spec={},
        code="",
        resources=RESOURCES,
        max_attempts=1,
        timeout_seconds=None,
        labels={},
        owner="",
        project="",
        create_time=TIME,
        start_time=None,
        end_time=None,
        cancel_request_time=None,
        tasks=counts,
        failure=None,
        outputs=[],
    )


def state(index: int, name: Any, result: Any = None, failure: Failure | None = None) -> Event:
    return TaskStateEvent(
        sequence=1,
        time=TIME,
        task_id=f"j-{index}",
        attempt=1,
        state=name,
        worker_id="w",
        failure=failure,
        result=result,
    )


class FakeReader:
    """Has these events, and these results of tasks whose events are gone."""

    def __init__(self, events: list[Event], kept: dict[int, Any] | None = None) -> None:
        self._events = events
        self._kept = kept or {}
        self.read_count = 0

    def events(self, job_id: str, after: int = 0) -> Iterator[Event]:
        for event in self._events:
            self.read_count += 1
            yield event

    def tasks(self, job_id: str) -> Iterator[Task]:
        for index, result in self._kept.items():
            yield Task(
                id=f"{job_id}-{index}",
                job_id=job_id,
                index=index,
                state="succeeded",
                resources=RESOURCES,
                plan={},
                attempts=[],
                create_time=None,
                result=result,
            )


def test_each_result_comes_as_soon_as_all_before_it_are_there() -> None:
    log = LogEvent(sequence=1, time=TIME, task_id="j-0", attempt=1, stream="stdout", lines=["x"])
    reader = FakeReader(
        [
            state(1, "succeeded", "one"),
            state(0, "running"),
            log,
            state(0, "queued"),
            state(0, "succeeded", None),
            state(2, "succeeded", [2]),
        ]
    )
    results = iter(CallResults(reader, job_of(3)))
    assert [next(results), next(results), reader.read_count] == [None, "one", 5]
    assert list(results) == [[2]]


def test_failed_call_is_raised_in_its_turn() -> None:
    failure = Failure(reason="USER_CODE", message="ValueError: boom")
    reader = FakeReader([state(1, "failed", None, failure), state(0, "succeeded", 0)])
    results = iter(CallResults(reader, job_of(2)))
    assert next(results) == 0
    with pytest.raises(CallFailed, match="call 1 failed: USER_CODE: ValueError: boom") as raised:
        next(results)
    assert raised.value.index == 1


def test_results_whose_events_are_gone_are_read_from_the_tasks() -> None:
    reader = FakeReader([state(2, "succeeded", 2)], kept={0: 0, 1: 1, 2: 2})
    results = CallResults(reader, job_of(3))
    assert len(results) == 3
    assert list(results) == [0, 1, 2]
