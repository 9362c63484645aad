"""The machine that measures."""

import os
import time

from tensorfleet.kinds.profile.measuring.machine import (
    DisturbanceWatch,
    describe_machine,
    idlest_cpu,
)


def test_same_machine_has_the_same_fingerprint() -> None:
    first, second = describe_machine("worker-1"), describe_machine("worker-2")
    assert first.fingerprint == second.fingerprint
    assert (first.worker, second.worker) == ("worker-1", "worker-2")
    assert first.cores >= 1
    assert first.memory_bytes > 0
    assert first.python.startswith("CPython 3.")
    assert "numpy" in first.libraries
    assert 0 < first.yardstick_seconds < 1


def test_idlest_cpu_is_one_that_may_be_used() -> None:
    cpu = idlest_cpu()
    allowed = os.sched_getaffinity(0)
    assert cpu in allowed or (cpu is None and len(allowed) == 1)


def test_what_the_measured_processes_used_is_no_disturbance() -> None:
    busy_until = time.perf_counter() + 0.2

    def work() -> None:
        while time.perf_counter() < busy_until:
            pass

    unseen = DisturbanceWatch()
    unseen.begin()
    work()
    # All that this process did belongs to the conductor, of which the watch knows.
    unseen.end(0.0)
    # Ten times as much as was done: nothing is left for others, and nothing below zero.
    blamed = DisturbanceWatch()
    blamed.begin()
    blamed.end(10.0)
    assert blamed.found.other_cpu_share == 0.0
    assert unseen.found.other_cpu_share < os.cpu_count() - 0.5  # type: ignore[operator]


def test_without_a_stretch_nothing_is_found() -> None:
    assert DisturbanceWatch().found.other_cpu_share == 0.0
