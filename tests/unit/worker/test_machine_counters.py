"""What a machine did between two looks."""

import pytest

from tensorfleet.worker.machine_counters import (
    CoreTimes,
    MachineCounters,
    read_counters,
    sample_between,
)

BEFORE = MachineCounters(
    cores=[CoreTimes(10, 10, 10, 10, 10), CoreTimes()],
    disk_read_bytes=1_000,
    disk_write_bytes=5_000,
    disk_busy_seconds={"a": 1.0, "b": 1.0, "gone": 9.0},
    network_received_bytes=100,
    network_sent_bytes=100,
)
AFTER = MachineCounters(
    cores=[CoreTimes(11, 10.5, 10.25, 10.25, 10), CoreTimes(0, 0, 1.5, 0, 0.5)],
    disk_read_bytes=3_000,
    disk_write_bytes=5_000,
    disk_busy_seconds={"a": 1.5, "b": 2.5, "new": 9.0},
    network_received_bytes=50,
    network_sent_bytes=1_100,
    memory_used_bytes=3,
    memory_total_bytes=4,
    swap_used_bytes=0,
    load_average=1.5,
)


def test_shares_are_of_all_cores_and_rates_are_of_a_second() -> None:
    sample = sample_between(BEFORE, AFTER, 2.0)
    assert list(sample.cores) == [0.75, 0.25]
    shares = (sample.cpu_user, sample.cpu_system, sample.cpu_idle)
    assert shares == (1 / 4, 0.5 / 4, 1.75 / 4)
    assert (sample.cpu_iowait, sample.cpu_steal) == (0.25 / 4, 0.5 / 4)
    assert sample.disk_read_bytes_per_second == 1_000
    assert sample.disk_write_bytes_per_second == 0
    assert sample.HasField("disk_write_bytes_per_second"), "none is not: not known"
    assert sample.disk_busy == 0.75
    assert sample.network_sent_bytes_per_second == 500
    assert sample.network_received_bytes_per_second == 0, "a card was taken away"
    assert (sample.memory_used_bytes, sample.memory_total_bytes) == (3, 4)
    assert (sample.load_average, sample.interval_seconds) == (1.5, 2.0)


def test_what_the_machine_does_not_tell_is_absent() -> None:
    sample = sample_between(MachineCounters(), MachineCounters(), 1.0)
    assert [field.name for field, _ in sample.ListFields()] == ["interval_seconds"]


def test_count_that_goes_back_is_no_negative_share() -> None:
    before = MachineCounters(cores=[CoreTimes(1, 1, 1, 9, 0)])
    after = MachineCounters(cores=[CoreTimes(2, 1, 1, 8, 0)])
    sample = sample_between(before, after, 1.0)
    assert (sample.cpu_user, sample.cpu_iowait, list(sample.cores)) == (1.0, 0.0, [1.0])


def test_cores_that_were_switched_on_are_not_compared() -> None:
    after = MachineCounters(cores=[CoreTimes(1), CoreTimes(1)])
    sample = sample_between(MachineCounters(cores=[CoreTimes()]), after, 1.0)
    assert not sample.cores
    assert not sample.HasField("cpu_user")


def test_this_machine_can_be_looked_at() -> None:
    first, second = read_counters(), read_counters()
    assert len(first.cores) == len(second.cores) > 0
    assert second.memory_total_bytes is not None
    assert 0 < (second.memory_used_bytes or 0) < second.memory_total_bytes
    sample = sample_between(first, second, 1.0)
    assert all(0 <= core <= 1 for core in sample.cores)
    assert sample.load_average == pytest.approx(second.load_average)
