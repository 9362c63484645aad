"""The store in memory and MongoDB's give the same answers, whatever is asked in which order."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

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
from pymongo import MongoClient

from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.store.mongo_store import MongoOrchestratorStore
from tensorfleet.orchestrator.store.protocol import OrchestratorStore, Rule
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.errors import TensorFleetError
from tensorfleet.shared.ids import JobId, TaskId, task_id
from tensorfleet.shared.mongo import mongo_connected
from tensorfleet.shared.settings import MongoSettings
from tests.contract.orchestrator.store_calls import ALL, CREATED, log_lines, notice
from tests.fakes.orchestrator_store import FakeOrchestratorStore
from tests.unit.orchestrator.job_examples import (
    BROKEN,
    LATER,
    NOW,
    PREEMPTED,
    SUCCESS,
    WORKER,
    queued_job,
)

JOB = st.sampled_from("abc")
SOME = st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True)
NUMBER = st.integers(1, 2)


class StoreLife(RuleBasedStateMachine):
    """Three jobs, each with its run's own prefix: the database is the same for all runs."""

    runner: asyncio.Runner
    replicas: tuple[OrchestratorStore, ...]

    @initialize()
    def begin(self) -> None:
        self.fake = FakeOrchestratorStore()
        self.prefix = uuid4().hex
        self.turn = 0

    def job_id(self, job: str) -> JobId:
        return JobId(f"job-{self.prefix}{job}")

    def both(self, ask: Any) -> Any:
        """Asks the fake, and one replica after the other; returns the answer of both."""
        self.turn += 1
        real = self.replicas[self.turn % len(self.replicas)]
        answers = [self.runner.run(_answer(ask, store)) for store in (self.fake, real)]
        assert answers[0] == answers[1]
        return answers[0]

    def change(self, job: str, task_ids: list[TaskId] | None, change: Rule) -> None:
        self.both(lambda store: store.change_job(self.job_id(job), task_ids, change))

    @rule(job=JOB, request=st.sampled_from(["", "r1", "r2"]), is_gang=st.booleans())
    def create(self, job: str, request: str, is_gang: bool) -> None:
        job_id = self.job_id(job)
        if job_id in self.runner.run(self.fake.get_jobs([job_id])):
            return
        made, tasks = queued_job(
            job_id=job_id,
            tasks=4,
            max_attempts=2,
            is_gang=is_gang,
            project=self.prefix,
            request_id=request,
        )
        self.both(lambda store: store.create_job(made, tasks, [CREATED]))

    def refs(self, job: str, some: list[int], number: int) -> list[AttemptRef]:
        return [AttemptRef(task_id(self.job_id(job), index), number) for index in some]

    @rule(job=JOB, some=SOME, number=NUMBER)
    def start(self, job: str, some: list[int], number: int) -> None:
        claimed = [(ref, WORKER) for ref in self.refs(job, some, number)]
        ids = [ref.task_id for ref, _ in claimed]
        self.change(job, ids, lambda j, tasks: job_changes.start(j, tasks, claimed, NOW))

    @rule(job=JOB, some=SOME, number=NUMBER, how=st.sampled_from([SUCCESS, BROKEN, PREEMPTED]))
    def finish(self, job: str, some: list[int], number: int, how: job_changes.AttemptEnd) -> None:
        ends = [(ref, how) for ref in self.refs(job, some, number)]
        ids = [ref.task_id for ref, _ in ends]
        self.change(
            job,
            ids,
            lambda j, tasks: job_changes.finish(j, tasks, WORKER, ends, LATER, lambda: 0.5),
        )

    @rule(job=JOB, index=st.integers(0, 3), number=NUMBER, first=st.integers(1, 4))
    def report(self, job: str, index: int, number: int, first: int) -> None:
        (ref,) = self.refs(job, [index], number)
        drafts = log_lines(ref, first, 3)
        self.change(
            job, [ref.task_id], lambda j, tasks: job_changes.report(j, tasks, ref, WORKER, drafts)
        )

    @rule(job=JOB, wish=st.sampled_from([job_changes.cancel, job_changes.retry]))
    def wish(self, job: str, wish: Any) -> None:
        self.change(job, None, lambda j, tasks: wish(j, tasks, LATER))

    @rule(job=JOB, wish=st.sampled_from([job_changes.pause, job_changes.resume]))
    def pause(self, job: str, wish: Any) -> None:
        self.change(job, [], lambda j, _: wish(j, LATER))

    @rule(job=JOB)
    def tell(self, job: str) -> None:
        self.change(job, [], notice("words"))

    @rule(job=JOB, keep_bytes=st.sampled_from([0, 200, 10**6]))
    def drop_events(self, job: str, keep_bytes: int) -> None:
        self.both(lambda store: store.drop_events(self.job_id(job), keep_bytes))

    @rule(job=JOB, after=st.integers(0, 20))
    def read_events(self, job: str, after: int) -> None:
        async def payloads(store: OrchestratorStore) -> Any:
            events = await store.list_events(self.job_id(job), after, ALL)
            # What says that events are missing has the time of writing.
            return [(e.sequence, e.draft.payload, e.draft.task_id) for e in events]

        self.both(payloads)
        self.both(lambda store: store.last_sequence(self.job_id(job)))

    @invariant()
    def both_hold_the_same(self) -> None:
        jobs = [self.job_id(job) for job in "abc"]
        ids = [task_id(job_id, index) for job_id in jobs for index in range(4)]
        self.both(lambda store: store.get_jobs(jobs))
        self.both(lambda store: store.get_tasks(ids))
        self.both(
            lambda store: store.list_jobs(self.prefix, state=None, kind="", before_id=None, limit=9)
        )


async def _answer(ask: Any, store: OrchestratorStore) -> Any:
    try:
        return await ask(store)
    except TensorFleetError as exc:
        return type(exc)


@pytest.fixture
def machine(
    mongo_url: str, mongo_database: str, mongo_admin: MongoClient[dict[str, Any]]
) -> Iterator[type[StoreLife]]:
    found = MongoSettings(mongo_url=mongo_url, mongo_database=mongo_database)
    with asyncio.Runner() as started:
        connections = [mongo_connected(found) for _ in range(2)]
        databases = [started.run(each.__aenter__()) for each in connections]
        stores = [MongoOrchestratorStore(database) for database in databases]
        started.run(stores[0].ensure_indexes())

        class Life(StoreLife):
            runner = started
            replicas = tuple(stores)

        yield Life
        for each in connections:
            started.run(each.__aexit__(None, None, None))


def test_fake_and_mongodb_give_the_same_answers(machine: type[StoreLife]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Each step asks a server: the first failure found says enough.
            phases=[Phase.generate],
        ),
    )
