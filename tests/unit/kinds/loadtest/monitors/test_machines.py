from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tensorfleet.kinds.loadtest.monitors.machines import machines_watch
from tensorfleet.kinds.loadtest.spec import Monitor, Spec
from tests.deadlines import eventually

TARGET = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Told:
    """As the fleet tells it: of more things, and of fewer."""

    time: datetime
    sequence: int = 7
    cpu_idle: float = 0.25
    cores: tuple[float, ...] = (0.5, 1.0)
    memory_used_bytes: int = 5


def no_secrets(reference: str) -> str:
    raise AssertionError(reference)


def quick_clock(at: float) -> Callable[[], float]:
    times = iter(at + number for number in range(10_000))
    return lambda: next(times)


def test_without_monitors_there_is_no_watch(tmp_path: Path) -> None:
    spec = Spec(target=TARGET)
    assert machines_watch(spec, quick_clock(0.0), tmp_path, secrets=no_secrets) is None


async def test_workers_of_the_fleet_are_read_by_the_tasks_own_call(tmp_path: Path) -> None:
    asked: list[tuple[str, datetime | None]] = []

    def usage(worker: str, after: datetime | None) -> Sequence[Told]:
        asked.append((worker, after))
        return [Told(time=datetime.now(UTC))]

    spec = Spec(target=TARGET, monitors=(Monitor(alias="gpu", worker="node-1"),))
    watch = machines_watch(spec, quick_clock(0.0), tmp_path, secrets=no_secrets, worker_usage=usage)
    assert watch is not None
    await watch.start()
    await eventually(lambda: bool(watch.watched()[0].samples))
    await watch.stop()
    (gpu,) = watch.watched()
    assert gpu.problems == ()
    sample = gpu.samples[0]
    assert (sample.cpu_idle, sample.cores, sample.memory_used_bytes) == (0.25, (0.5, 1.0), 5)
    assert sample.cpu_user is None
    assert asked[0][0] == "node-1"
    assert asked[0][1] is not None
    assert asked[0][1].tzinfo is not None


async def test_secrets_are_read_by_their_references(tmp_path: Path) -> None:
    read: list[str] = []

    def secrets(reference: str) -> str:
        read.append(reference)
        return "x"

    monitor = Monitor(alias="db", ssh="a@127.0.0.1:1", password="${file:db.txt}")
    spec = Spec(target=TARGET, monitors=(monitor,))
    watch = machines_watch(spec, quick_clock(0.0), tmp_path, secrets=secrets)
    assert watch is not None
    await watch.start()
    await watch.stop()
    assert read == ["file:db.txt"]
