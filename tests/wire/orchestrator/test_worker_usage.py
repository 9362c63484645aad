"""What workers' machines do comes with their signs of life, and is told to whoever asks."""

from datetime import UTC, datetime, timedelta

import pytest

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1.worker_pb2 import MachineSample
from tensorfleet.orchestrator.v1.worker_service_pb2 import ListWorkerUsageRequest
from tensorfleet.shared import errors
from tests.deadlines import eventually
from tests.wire.orchestrator.conftest import Running
from tests.wire.orchestrator.job_calls import worker_of
from tests.wire.orchestrator.running_orchestrator import OrchestratorDoor
from tests.wire.orchestrator.scripted_worker import ScriptedWorker

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)


def samples(first: int, count: int) -> list[MachineSample]:
    made = []
    for number in range(first, first + count):
        sample = MachineSample(sequence=number, interval_seconds=1, cpu_user=0.5, cores=[0.5, 0.0])
        sample.time.FromDatetime(BEGIN + timedelta(seconds=number))
        made.append(sample)
    return made


async def tell(worker: ScriptedWorker, told: list[MachineSample]) -> None:
    """Returns when they are kept: records of a session are taken in order."""
    worker.send(renewal=pb.LeaseRenewal(samples=told))
    worker.send(renewal=pb.LeaseRenewal())
    for _ in range(2):
        await worker.receive("leases_renewed")


async def numbers(
    door: OrchestratorDoor, name: str, *, after: int | None = None, page_size: int = 0
) -> list[int]:
    request = ListWorkerUsageRequest(worker_id=name, page_size=page_size)
    if after is not None:
        request.after_time.FromDatetime(BEGIN + timedelta(seconds=after))
    answer = await door.workers.ListWorkerUsage(request)
    return [sample.sequence for sample in answer.samples]


async def test_samples_are_told_through_any_replica(running: Running) -> None:
    async with running() as one, running() as two:
        worker = ScriptedWorker(one.dispatch).attach()
        await worker.receive("registered")
        assert await numbers(two, "w1") == []
        assert not (await worker_of(two, "w1")).HasField("usage")
        told = samples(1, 5)
        await tell(worker, told)
        await tell(worker, samples(6, 2))
        assert await numbers(two, "w1") == [1, 2, 3, 4, 5, 6, 7]
        assert await numbers(two, "w1", after=5) == [6, 7]
        assert await numbers(two, "w1", after=1, page_size=2) == [2, 3]
        assert await numbers(two, "w1", after=99) == []
        answer = await two.workers.ListWorkerUsage(ListWorkerUsageRequest(worker_id="w1"))
        assert answer.samples[0] == told[0]
        assert (await worker_of(two, "w1")).usage == samples(7, 1)[0]
        with pytest.raises(errors.WorkerNotFound):
            await numbers(two, "none")
        await worker.vanish()


async def test_only_the_newest_samples_are_kept(patient: OrchestratorDoor) -> None:
    worker = ScriptedWorker(patient.dispatch).attach()
    for first in range(1, 721, 120):
        await tell(worker, samples(first, 120))
    assert await numbers(patient, "w1") == list(range(121, 721))
    await tell(worker, samples(721, 200))
    assert (await numbers(patient, "w1"))[-121:] == [720, *range(801, 921)], "120 at a time"
    huge = MachineSample(sequence=921, cores=[0.0] * 4_000)
    await tell(worker, [huge])
    assert (await numbers(patient, "w1"))[-1] == 920
    await worker.vanish()


async def test_offline_worker_does_nothing_now_but_its_last_hour_is_told(
    running: Running,
) -> None:
    async with running(lease_seconds=0.5, renew_interval_seconds=0.2) as door:
        worker = ScriptedWorker(door.dispatch).attach()
        await tell(worker, samples(1, 1))
        await worker.vanish()

        async def is_silent() -> bool:
            return not (await worker_of(door, "w1")).HasField("usage")

        await eventually(is_silent)
        assert await numbers(door, "w1") == [1]
