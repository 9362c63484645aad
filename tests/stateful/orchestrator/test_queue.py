"""The queue's scripts on a real Redis do what a few lines of Python say that they do."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from tensorfleet.orchestrator.job import Priority
from tensorfleet.orchestrator.queue.line_codec import LineKind, line_of_job
from tensorfleet.orchestrator.queue.task_queue import QueueEntry, TaskQueue
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.waiting import Line, Quota, WaitingEntry
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import JobId, TaskId, WorkerId
from tensorfleet.shared.redis_connection import redis_connected
from tensorfleet.shared.settings import RedisSettings
from tests.unit.orchestrator.job_examples import NOW, queued_job

MOST_CPUS = 3.0
LINES: list[LineKind] = [
    line_of_job(
        queued_job(
            owner=owner,
            priority=priority,
            is_gang=is_gang,
            resources=Resources(cpus=cpus, memory_bytes=2**30),
        )[0]
    )
    for owner, priority, is_gang, cpus in (
        ("ann", Priority.HIGH, False, 1.0),
        ("ann", Priority.LOW, False, 0.5),
        ("bob", Priority.HIGH, True, 1.0),
    )
]
# Each line has entries of its own; a gang has two members.
ENTRIES: dict[int, list[tuple[AttemptRef, ...]]] = {
    number: [
        tuple(
            AttemptRef(task_id=TaskId(f"{JobId(f'job-{number}{entry}')}-{member}"), number=1)
            for member in range(2 if line.is_gang else 1)
        )
        for entry in range(4)
    ]
    for number, line in enumerate(LINES)
}
LINE = st.integers(0, len(LINES) - 1)
SOME = st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True)
Place = tuple[int, int]


class QueueLife(RuleBasedStateMachine):
    """Entries (line, number) that wait, are delayed, or run."""

    runner: asyncio.Runner
    queue: TaskQueue

    @initialize()
    def begin(self) -> None:
        self.waiting: list[Place] = []
        self.delayed: set[Place] = set()
        self.leased: dict[AttemptRef, int] = {}

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    def held(self, owner: str) -> float:
        return sum(
            LINES[n].shape.resources.cpus
            for n in self.leased.values()
            if LINES[n].tenant.user == owner
        )

    @rule(line=LINE, some=SOME, is_delayed=st.booleans(), is_at_front=st.booleans())
    def enqueue(self, line: int, some: list[int], is_delayed: bool, is_at_front: bool) -> None:
        new = [
            (line, number)
            for number in some
            if (line, number) not in self.waiting
            and (line, number) not in self.delayed
            and ENTRIES[line][number][0] not in self.leased
        ]
        entries = [
            QueueEntry(
                line=LINES[line],
                refs=ENTRIES[line][number],
                delay=timedelta(hours=1) if is_delayed else timedelta(0),
                is_at_front=is_at_front,
                queued_since=NOW if is_at_front else None,
            )
            for number in some
        ]
        assert self.run(self.queue.enqueue(entries)) == len(new)
        if is_delayed:
            self.delayed.update(new)
        else:
            self.waiting += new

    @rule(line=LINE, some=SOME)
    def claim_any(self, line: int, some: list[int]) -> None:
        self.claim([(line, number) for number in some])

    @rule(picks=st.lists(st.integers(0, 11), min_size=1, max_size=3))
    def claim_waiting(self, picks: list[int]) -> None:
        places = [self.waiting[pick % len(self.waiting)] for pick in picks if self.waiting]
        self.claim(list(dict.fromkeys(places)))

    def claim(self, places: list[Place]) -> None:
        wanted = []
        expected = {}
        # The script takes line after line.
        for line, number in sorted(
            places, key=lambda place: [p[0] for p in places].index(place[0])
        ):
            kind, refs = LINES[line], ENTRIES[line][number]
            cost = kind.shape.resources.cpus * len(refs)
            taken = (line, number) in self.waiting and (
                self.held(kind.tenant.user) + cost <= MOST_CPUS
            )
            expected[line, number] = taken
            if taken:
                self.waiting.remove((line, number))
                self.leased.update(dict.fromkeys(refs, line))
        for line, number in places:
            entry = WaitingEntry(refs=ENTRIES[line][number], queued_since=NOW)
            wanted.append((as_line(LINES[line], entry), entry))
        results = self.run(self.queue.claim(wanted))
        assert results == [expected[place] for place in places]

    @rule(line=LINE, some=SOME)
    def release(self, line: int, some: list[int]) -> None:
        refs = [ref for number in some for ref in ENTRIES[line][number]]
        self.run(self.queue.release(refs))
        for ref in refs:
            self.leased.pop(ref, None)

    @rule(line=LINE, some=SOME)
    def remove(self, line: int, some: list[int]) -> None:
        names = [QueueEntry(line=LINES[line], refs=ENTRIES[line][number]).name for number in some]
        gone = [
            (line, number)
            for number in some
            if (line, number) in self.waiting or (line, number) in self.delayed
        ]
        assert self.run(self.queue.remove(LINES[line], names)) == len(gone)
        self.waiting = [place for place in self.waiting if place not in gone]
        self.delayed.difference_update(gone)

    @rule(line=st.integers(0, 1), number=st.integers(0, 3))
    def grant(self, line: int, number: int) -> None:
        refs = ENTRIES[line][number]
        new = [ref for ref in refs if ref not in self.leased]
        assert self.run(self.queue.grant_leases(LINES[line], refs)) == len(new)
        if new:
            self.leased.update(dict.fromkeys(new, line))
            self.waiting = [place for place in self.waiting if place != (line, number)]
            self.delayed.discard((line, number))

    @rule(line=LINE, some=SOME)
    def renew(self, line: int, some: list[int]) -> None:
        refs = [ref for number in some for ref in ENTRIES[line][number]]
        unknown = self.run(self.queue.renew(WorkerId("w1"), refs))
        assert unknown == [ref for ref in refs if ref not in self.leased]

    @rule()
    def forget_lines(self) -> None:
        self.run(self.queue.forget_unused_lines())

    @invariant()
    def redis_says_the_same(self) -> None:
        peek = self.run(self.queue.peek(100))
        seen = {line.id: [entry.refs for entry in line.entries] for line in peek.lines}
        for number, kind in enumerate(LINES):
            expected = [ENTRIES[n][entry] for n, entry in self.waiting if n == number]
            assert sorted(seen.get(kind.id, [])) == sorted(expected)
            shares = self.run(self.queue.shares_of(kind.tenant))
            held = shares.tenants[kind.tenant].cpus
            assert abs(held - self.held(kind.tenant.user)) < 1e-6
        assert set(self.run(self.queue.leased())) == set(self.leased)
        assert self.run(self.queue.expired_leases(10)) == []


def as_line(kind: LineKind, entry: WaitingEntry) -> Line:
    return Line(
        id=kind.id,
        priority=kind.priority,
        tenant=kind.tenant,
        shape=kind.shape,
        entries=(entry,),
        is_gang=kind.is_gang,
        is_preemptible=kind.is_preemptible,
    )


@pytest.fixture
def machine(redis_admin: tuple[str, Redis]) -> Iterator[type[QueueLife]]:
    url, admin = redis_admin
    with asyncio.Runner() as runner:
        connection = redis_connected(RedisSettings(redis_url=url))
        redis = runner.run(connection.__aenter__())

        class Life(QueueLife):
            def __init__(self) -> None:
                super().__init__()
                admin.flushall()
                self.runner = runner
                self.queue = TaskQueue(redis, timedelta(hours=1), user_quota=Quota(cpus=MOST_CPUS))

        yield Life
        runner.run(connection.__aexit__(None, None, None))


def test_queue_does_what_its_model_does(machine: type[QueueLife]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=50,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Each step asks a server: the first failure found says enough.
            phases=[Phase.generate],
            print_blob=False,
        ),
    )
