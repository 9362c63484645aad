"""What must be true of a job that was accepted, whatever broke meanwhile: pure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from tensorfleet.orchestrator.v1 import event_pb2, job_pb2, task_pb2

_RUN = re.compile(r"^(begin|end) .*/(?P<task>[^/#]+)#(?P<attempt>\d+)/")


def problems_of(
    job: job_pb2.Job, tasks: Sequence[task_pb2.Task], events: Sequence[event_pb2.Event]
) -> list[str]:
    """What is wrong with a job of tasks that all ought to succeed; empty when nothing is."""
    found = [
        *_problems_of_state(job, tasks),
        *_problems_of_attempts(tasks),
        *_problems_of_events(tasks, events),
    ]
    return [f"{job.spec.name or job.id}: {problem}" for problem in found]


def problems_of_runs(tasks: Iterable[task_pb2.Task], traces: Sequence[str]) -> list[str]:
    """What is wrong with what really ran.

    A task may have run more than once, but each attempt only once, only attempts that the fleet
    knows of, and the one that counts from its beginning to its end.
    """
    runs: dict[str, Counter[tuple[str, int]]] = {"begin": Counter(), "end": Counter()}
    for line in traces:
        matched = _RUN.match(line)
        if matched is None:
            return [f"a run left a line that says nothing: {line!r}"]
        runs[matched.group(1)][matched["task"], int(matched["attempt"])] += 1
    found = [f"{run} ran {n} times" for run, n in runs["begin"].items() if n != 1]
    known = set()
    for task in tasks:
        for attempt in task.attempts:
            known.add((task.id, attempt.number))
            is_success = attempt.outcome == task_pb2.ATTEMPT_OUTCOME_SUCCEEDED
            if is_success and runs["end"][task.id, attempt.number] != 1:
                found.append(f"{task.id}#{attempt.number} succeeded without having run to its end")
    found += [f"{run} ran, and nobody knows of it" for run in runs["begin"] if run not in known]
    return found


def _problems_of_state(job: job_pb2.Job, tasks: Sequence[task_pb2.Task]) -> Iterable[str]:
    if job.state != job_pb2.JOB_STATE_SUCCEEDED:
        yield f"is {job_pb2.JobState.Name(job.state)}: {job.failure.reason} {job.failure.message}"
    counts = job.tasks
    told = {"total": counts.total, "succeeded": counts.succeeded}
    if told != {"total": len(tasks), "succeeded": len(tasks)}:
        yield f"its counts say {told} of {len(tasks)} tasks"
    if counts.queued or counts.running or counts.failed or counts.cancelled:
        yield f"its counts still have others than succeeded: {counts}".replace("\n", " ")
    for task in tasks:
        if task.state != task_pb2.TASK_STATE_SUCCEEDED:
            yield f"task {task.id} is {task_pb2.TaskState.Name(task.state)}"


def _problems_of_attempts(tasks: Sequence[task_pb2.Task]) -> Iterable[str]:
    for task in tasks:
        numbers = [attempt.number for attempt in task.attempts]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"attempts of {task.id} are numbered {numbers}"
        outcomes = [task_pb2.AttemptOutcome.Name(attempt.outcome) for attempt in task.attempts]
        if outcomes.count("ATTEMPT_OUTCOME_SUCCEEDED") != 1 or outcomes[-1] != (
            "ATTEMPT_OUTCOME_SUCCEEDED"
        ):
            yield f"attempts of {task.id} ended as {outcomes}"


def _problems_of_events(
    tasks: Sequence[task_pb2.Task], events: Sequence[event_pb2.Event]
) -> Iterable[str]:
    sequences = [event.sequence for event in events]
    if sequences != list(range(1, len(sequences) + 1)):
        yield f"events have the sequence numbers {sequences}"
    ends = [index for index, event in enumerate(events) if event.job_state.is_terminal]
    if ends != [len(events) - 1]:
        yield f"terminal events stand at {ends} of {len(events)}"
    successes = Counter(
        event.task_id for event in events if event.task_state.state == task_pb2.TASK_STATE_SUCCEEDED
    )
    if successes != Counter(task.id for task in tasks):
        yield f"tasks succeeded by events: {dict(successes)}"
