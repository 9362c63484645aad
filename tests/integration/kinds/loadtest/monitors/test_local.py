import os
from pathlib import Path

from tensorfleet.kinds.loadtest.monitors.local import LocalSource, local_snapshot
from tests.deadlines import eventually
from tests.integration.kinds.loadtest.monitors.sinks import (
    INTERVAL_SECONDS,
    assert_is_this_machine,
    running_clock,
    watching,
)


def own_name() -> str:
    return Path("/proc/self/comm").read_text().strip()


async def test_this_machine_is_watched_with_chosen_processes() -> None:
    source = LocalSource(
        clock=running_clock(),
        interval_seconds=INTERVAL_SECONDS,
        process_names=(own_name(), "no such process"),
    )
    async with watching(source) as sink:
        await eventually(sink.has(3))
    assert_is_this_machine(sink.samples[0])
    assert sink.core_count == len(sink.samples[0].cores)
    assert sink.is_settled
    times = [sample.at for sample in sink.samples]
    assert times == sorted(times)
    # Each at or after its moment, and no two of one moment.
    moments = [int(at / INTERVAL_SECONDS) for at in times]
    assert len(set(moments)) == len(moments)
    own, absent = sink.samples[0].processes
    assert own.count >= 1
    assert own.memory_bytes > 1_000_000
    assert absent.count == 0


def test_own_process_is_found_with_its_times() -> None:
    snapshot = local_snapshot(lambda: 1.0, (own_name(),))
    own = snapshot.processes[os.getpid()]
    spent = os.times()
    assert own.cpu_seconds <= spent.user + spent.system + 0.02
    assert own.cpu_seconds > 0.0
