import asyncio
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tensorfleet.kinds.loadtest.monitors.watch import MachinesWatch, machines_watch
from tensorfleet.kinds.loadtest.monitors.worker import UsageReader, WorkerUsage
from tensorfleet.kinds.loadtest.record import Sample, Watched
from tensorfleet.kinds.loadtest.spec import Monitor
from tensorfleet.shared.errors import InvalidInput, WorkerNotFound
from tests.deadlines import eventually
from tests.integration.kinds.loadtest.monitors.exporter import exporter
from tests.integration.kinds.loadtest.monitors.sinks import INTERVAL_SECONDS, running_clock
from tests.integration.kinds.loadtest.monitors.ssh_server import PASSWORD, ssh_server

SECRET = "${env:DB_PASSWORD}"


def resolve(reference: str) -> str:
    if "NONE" in reference:
        raise InvalidInput("The variable NONE is not set.")
    return reference.replace(SECRET, PASSWORD)


def watch_of(*monitors: Monitor, usage_reader: UsageReader | None = None) -> MachinesWatch:
    return machines_watch(monitors, INTERVAL_SECONDS, running_clock(), resolve, usage_reader)


def by_alias(watch: MachinesWatch) -> dict[str, Watched]:
    return {machine.alias: machine for machine in watch.watched()}


class Fleet:
    """A worker that tells a sample a second."""

    def __init__(self) -> None:
        self.asked_after: list[float] = []

    async def __call__(self, worker: str, after_unix_seconds: float) -> Sequence[WorkerUsage]:
        if worker != "node-1":
            raise WorkerNotFound(f"There is no worker {worker}.")
        self.asked_after.append(after_unix_seconds)
        sample = Sample(at=0.0, cpu_idle=0.5, cores=(0.5, 0.5))
        return [WorkerUsage(at_unix_seconds=after_unix_seconds + 0.01, sample=sample)]


async def test_all_kinds_of_machines_are_watched_on_one_clock(tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    async with ssh_server() as server, exporter() as served:
        server.write_known_hosts(known_hosts)
        watch = watch_of(
            Monitor(alias="here", local=True, ping=f"127.0.0.1:{served.port}"),
            Monitor(alias="db", ssh=server.address, password=SECRET, known_hosts=str(known_hosts)),
            Monitor(alias="web", prometheus=served.url),
        )
        await watch.start()
        await eventually(lambda: all(len(m.samples) >= 3 for m in watch.watched()))
        await watch.stop()
        seen = watch.watched()
    assert [machine.source for machine in seen] == ["local", "ssh", "prometheus"]
    assert seen[1].host == f"127.0.0.1:{server.port}"
    assert seen[2].host == f"127.0.0.1:{served.port}"
    assert len({machine.core_count for machine in seen}) == 1
    assert all(machine.problems == () for machine in seen)
    # One clock: the machines' times overlap, as they are one machine.
    assert max(m.samples[0].at for m in seen) < min(m.samples[-1].at for m in seen) + 1.0
    for machine in seen:
        assert any(sample.ping_seconds is not None for sample in machine.samples)
    assert watch.watched() == seen


async def test_machine_with_a_problem_keeps_no_other_from_being_watched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = f"ada@127.0.0.1:{silent.getsockname()[1]}"
        watch = watch_of(
            Monitor(alias="no address", ssh="ada@"),
            Monitor(alias="no secret", ssh="ada@127.0.0.1:1", password="${env:NONE}"),
            Monitor(alias="no fleet", worker="node-1"),
            Monitor(alias="no ping", local=True, ping="http://x"),
            Monitor(alias="hanging", ssh=hanging, password=SECRET),
            Monitor(alias="here", local=True),
        )
        starting = asyncio.create_task(watch.start())
        await eventually(lambda: len(by_alias(watch)["here"].samples) >= 2)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    problems = {alias: machine.problems for alias, machine in by_alias(watch).items()}
    assert "no SSH address" in problems["no address"][0]
    assert problems["no secret"] == ("The variable NONE is not set.",)
    assert "by a job of its fleet only" in problems["no fleet"][0]
    assert "cannot be pinged" in problems["no ping"][0]
    assert len(by_alias(watch)["no ping"].samples) >= 1
    assert problems["here"] == ()


async def test_worker_is_watched_by_what_it_tells() -> None:
    fleet = Fleet()
    started = time.time()
    watch = watch_of(
        Monitor(alias="gpu", worker="node-1"),
        Monitor(alias="gone", worker="node-2"),
        usage_reader=fleet,
    )
    await watch.start()
    await eventually(lambda: len(by_alias(watch)["gpu"].samples) >= 2)
    await watch.stop()
    gpu, gone = watch.watched()
    assert gpu.core_count == 2
    assert gpu.samples[0].cpu_idle == 0.5
    # On the run's clock, and never asked for again.
    assert -1.0 < gpu.samples[0].at < time.time() - started + 1.0
    assert fleet.asked_after[1] == pytest.approx(fleet.asked_after[0] + 0.01, abs=1e-6)
    assert gone.problems == (
        "The usage of worker node-2 cannot be read: There is no worker node-2.",
    )


async def test_secrets_stay_out_of_the_record(tmp_path: Path) -> None:
    async with exporter() as served:
        served.status = 500
        url = served.url.replace("http://", f"http://me:{SECRET}@")
        watch = watch_of(Monitor(alias="web", prometheus=url))
        await watch.start()
        await watch.stop()
    (machine,) = watch.watched()
    assert "status 500" in machine.problems[0]
    assert "correct" not in repr(machine)


def test_two_machines_need_two_aliases() -> None:
    with pytest.raises(InvalidInput, match="alias db; give each its own"):
        watch_of(Monitor(alias="db", local=True), Monitor(alias="db", ssh="a@b"))


def test_too_short_an_interval_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"at least 0\.1"):
        machines_watch([], 0.01, running_clock(), resolve)
