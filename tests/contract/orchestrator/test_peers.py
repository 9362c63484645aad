"""What every store promises to the tasks of a gang that tell each other where they are."""

import pytest

from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import TaskState
from tensorfleet.shared.errors import AddressGiven, LeaseLost
from tensorfleet.shared.ids import JobId, WorkerId
from tests.contract.orchestrator.conftest import Replicas
from tests.contract.orchestrator.store_calls import created, finish, ref, retry, start
from tests.unit.orchestrator.job_examples import BROKEN, JOB_ID, WORKER


async def addresses(store: OrchestratorStore) -> list[str]:
    return [peer.address for peer in await store.peers(JOB_ID)]


async def test_addresses_are_told_by_index(store: OrchestratorStore) -> None:
    await created(store, tasks=3)
    await start(store, ref(0), ref(1))
    await store.give_address(ref(1), WORKER, "b:1")
    assert await addresses(store) == ["", "b:1", ""]
    await store.give_address(ref(0), WORKER, "a:1")
    await store.give_address(ref(0), WORKER, "a:1")
    peers = await store.peers(JOB_ID)
    assert [(p.task_id, p.index, p.attempt, p.address) for p in peers] == [
        (ref(0).task_id, 0, 1, "a:1"),
        (ref(1).task_id, 1, 1, "b:1"),
        (ref(2).task_id, 2, 0, ""),
    ]
    running, queued = TaskState.RUNNING, TaskState.QUEUED
    assert [p.state for p in peers] == [running, running, queued]
    assert peers[0].start_time == peers[1].start_time
    assert peers[2].start_time is None


async def test_second_address_of_an_attempt_is_refused(store: OrchestratorStore) -> None:
    await created(store)
    await start(store, ref())
    await store.give_address(ref(), WORKER, "a:1")
    with pytest.raises(AddressGiven):
        await store.give_address(ref(), WORKER, "a:2")
    assert await addresses(store) == ["a:1"]


async def test_stale_attempt_and_another_worker_are_refused(store: OrchestratorStore) -> None:
    await created(store)
    with pytest.raises(LeaseLost):
        await store.give_address(ref(), WORKER, "a:1")
    await start(store, ref())
    with pytest.raises(LeaseLost):
        await store.give_address(ref(), WorkerId("another"), "a:1")
    with pytest.raises(LeaseLost):
        await store.give_address(ref(number=2), WORKER, "a:1")
    await store.give_address(ref(), WORKER, "a:1")
    await finish(store, ref())
    with pytest.raises(LeaseLost):
        await store.give_address(ref(), WORKER, "a:1")
    assert await addresses(store) == ["a:1"], "it stands for those that were slower"


async def test_next_attempt_has_given_nothing_yet(store: OrchestratorStore) -> None:
    await created(store)
    await start(store, ref())
    await store.give_address(ref(), WORKER, "a:1")
    await finish(store, ref(), how=BROKEN)
    await retry(store)
    await start(store, ref(number=2))
    assert await addresses(store) == [""]
    with pytest.raises(LeaseLost):
        await store.give_address(ref(), WORKER, "a:1")
    await store.give_address(ref(number=2), WORKER, "a:2")
    assert await addresses(store) == ["a:2"]


async def test_unknown_job_has_no_peers(store: OrchestratorStore) -> None:
    assert await store.peers(JobId("job-none")) == []


async def test_address_given_through_one_replica_is_told_by_the_other(replicas: Replicas) -> None:
    await created(replicas.one)
    await start(replicas.one, ref())
    await replicas.two.give_address(ref(), WORKER, "a:1")
    assert await addresses(replicas.one) == ["a:1"]
    await finish(replicas.one, ref())
    assert [peer.state for peer in await replicas.two.peers(JOB_ID)] == [TaskState.SUCCEEDED]
