"""The truth about tasks, changed by the real rules: attempts, fencing, retries, gangs."""

from collections import defaultdict
from datetime import timedelta
from random import Random

from tensorfleet.orchestrator.retry import (
    AttemptOutcome,
    EndedAttempt,
    RetryPolicy,
    RunAgain,
    next_run,
)
from tensorfleet.orchestrator.scheduling.waiting import Quota, Shares, Tenant, Usage, cost
from tensorfleet.orchestrator.task import (
    AttemptRef,
    Task,
    TaskState,
    check_current,
    end_attempt,
    start_attempt,
)
from tensorfleet.shared.ids import JobId, WorkerId
from tests.simulation.checks import Checks
from tests.simulation.waiting_lines import Waiting, WaitingLine, at, task_name

POLICY = RetryPolicy(max_attempts=3, initial_backoff=timedelta(seconds=2))


class Records:
    """What MongoDB holds in a real fleet."""

    def __init__(self, random: Random, checks: Checks, *, is_fencing: bool) -> None:
        self._random = random
        self._checks = checks
        self._is_fencing = is_fencing
        self._tasks: dict[int, Task] = {}
        self.lines: list[WaitingLine] = []
        """By task number: where it waits."""
        self.gangs: dict[int, tuple[int, ...]] = {}

    def start(self, number: int, worker_id: WorkerId, now: float) -> AttemptRef:
        """A task is given to a worker."""
        task = self._tasks.get(number)
        if task is None:
            task = Task(
                id=task_name(number),
                job_id=JobId("job"),
                index=number,
                state=TaskState.QUEUED,
                task_json="",
                create_time=at(now),
                ready_time=at(now),
            )
        task = self._tasks[number] = start_attempt(task, worker_id, at(now))
        self._checks.claimed(number, task.current.number)
        return task.current

    def check(self, ref: AttemptRef) -> None:
        """Raises `LeaseLost` when the report is of an attempt that is not current."""
        if self._is_fencing:
            check_current(self._task(ref), ref)

    def worker_of(self, number: int) -> tuple[WorkerId, AttemptRef] | None:
        """Where a task runs."""
        task = self._tasks.get(number)
        if task is None or task.state is not TaskState.RUNNING:
            return None
        return task.attempts[-1].worker_id, task.current

    def end(self, ref: AttemptRef, outcome: AttemptOutcome, now: float) -> None:
        """The attempt ended, and the task waits again or has ended; `settle` says which."""
        task = self._task(ref)
        state = TaskState.SUCCEEDED if outcome is AttemptOutcome.SUCCEEDED else TaskState.QUEUED
        number = int(ref.task_id)
        if outcome is AttemptOutcome.SUCCEEDED:
            self._checks.took_effect(number)
            self._checks.ended(number)
        else:
            self._checks.stopped(number)
        self._tasks[number] = end_attempt(task, state, outcome, None, at(now))

    def following(self, number: int) -> RunAgain | None:
        """What follows the latest attempt of a task that did not succeed."""
        ended = [
            EndedAttempt(outcome=a.outcome, failure=a.failure)
            for a in self._tasks[number].attempts
            if a.outcome
        ]
        return next_run(POLICY, ended, self._random.random())

    def give_up(self, number: int) -> None:
        """A task that waits again has used up its attempts."""
        # In one step in the product; here the gang decides after all its members stopped.
        self._checks.ended(number)
        self._checks.counts["dead letters"] += 1

    def alive(self, number: int) -> tuple[int, ...]:
        """The tasks that start together with this one and have not succeeded."""
        return tuple(
            member
            for member in self.gangs.get(number, (number,))
            if member not in self._tasks or self._tasks[member].state is not TaskState.SUCCEEDED
        )

    def next_entry(self, members: tuple[int, ...], now: float) -> Waiting:
        """How they wait for their next attempt."""
        attempt = len(self._tasks[members[0]].attempts) + 1
        return Waiting(tasks=members, attempt=attempt, since=now)

    def _task(self, ref: AttemptRef) -> Task:
        return self._tasks[int(ref.task_id)]


class Ledger:
    """What every tenant holds now, and has held over time."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._held: dict[Tenant, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        self._changed: dict[Tenant, float] = defaultdict(float)
        self.held_seconds: defaultdict[Tenant, float] = defaultdict(float)

    def change(self, line: WaitingLine, sign: int, now: float) -> None:
        """One more or one less of the line's tasks runs."""
        tenant, needs = line.group.tenant, line.group.shape.resources
        self.settle(tenant, now)
        held = self._held[tenant]
        held[0] += sign * needs.cpus
        held[1] += sign * needs.gpus
        held[2] += sign * cost(needs)

    def settle(self, tenant: Tenant, now: float) -> float:
        """What a tenant has held until now: core seconds."""
        self.held_seconds[tenant] += self._held[tenant][2] * (now - self._changed[tenant])
        self._changed[tenant] = now
        return self.held_seconds[tenant]

    def shares(self) -> Shares:
        """For the rules."""
        projects: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        for tenant, held in self._held.items():
            total = projects[tenant.project]
            for part in range(3):
                total[part] += held[part]
        return Shares(
            projects={name: _usage(held) for name, held in projects.items()},
            tenants={tenant: _usage(held) for tenant, held in self._held.items()},
            project_quota=self._quota,
        )


def _usage(held: list[float]) -> Usage:
    return Usage(cpus=held[0], gpus=int(held[1]), share=held[2])
