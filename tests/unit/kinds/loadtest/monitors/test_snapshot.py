import pytest

from tensorfleet.kinds.loadtest.monitors.snapshot import (
    CpuTimes,
    DiskCounters,
    NetworkCounters,
    ProcessCounters,
    Snapshot,
    sample_between,
)


def test_cpu_time_is_told_in_shares_of_the_whole_machine() -> None:
    before = Snapshot(at=10.0, cpu=CpuTimes(user=100, system=50, idle=850, iowait=7, steal=3))
    after = Snapshot(at=12.0, cpu=CpuTimes(user=200, system=70, idle=920, iowait=12, steal=8))
    sample = sample_between(before, after, at=1.0)
    assert sample.at == 1.0
    assert sample.cpu_user == pytest.approx(0.5)
    assert sample.cpu_system == pytest.approx(0.1)
    assert sample.cpu_idle == pytest.approx(0.35)
    assert sample.cpu_iowait == pytest.approx(0.025)
    assert sample.cpu_steal == pytest.approx(0.025)


def test_iowait_that_goes_back_is_no_change() -> None:
    before = Snapshot(at=0.0, cpu=CpuTimes(user=0, system=0, idle=0, iowait=9))
    after = Snapshot(at=1.0, cpu=CpuTimes(user=50, system=0, idle=50, iowait=8))
    sample = sample_between(before, after, at=1.0)
    assert (sample.cpu_user, sample.cpu_iowait) == (0.5, 0.0)


def test_waiting_for_a_disk_keeps_no_core_busy() -> None:
    before = Snapshot(
        at=0.0,
        cores={
            "cpu0": CpuTimes(user=0, system=0, idle=0),
            "cpu1": CpuTimes(user=0, system=0, idle=0),
        },
    )
    after = Snapshot(
        at=1.0,
        cores={
            "cpu0": CpuTimes(user=60, system=10, idle=20, iowait=10),
            "cpu1": CpuTimes(user=0, system=0, idle=0, iowait=100),
        },
    )
    assert sample_between(before, after, at=1.0).cores == pytest.approx((0.7, 0.0))


def test_cores_that_came_or_went_are_not_told() -> None:
    core = CpuTimes(user=1, system=1, idle=1)
    before, after = Snapshot(at=0.0, cores={"cpu0": core}), Snapshot(at=1.0, cores={"cpu1": core})
    assert sample_between(before, after, at=1.0).cores == ()


def test_bytes_are_told_a_second_over_all_devices() -> None:
    before = Snapshot(
        at=10.0,
        disks={
            "sda": DiskCounters(read_bytes=1000, written_bytes=0, busy_seconds=1.0),
            "sdb": DiskCounters(read_bytes=0, written_bytes=0, busy_seconds=5.0),
        },
        networks={"eth0": NetworkCounters(received_bytes=100, sent_bytes=0)},
    )
    after = Snapshot(
        at=12.0,
        disks={
            "sda": DiskCounters(read_bytes=3000, written_bytes=10, busy_seconds=2.0),
            "sdb": DiskCounters(read_bytes=2000, written_bytes=10, busy_seconds=6.6),
            "sdc": DiskCounters(read_bytes=9999, written_bytes=9999, busy_seconds=2.0),
        },
        networks={"eth0": NetworkCounters(received_bytes=500, sent_bytes=600)},
    )
    sample = sample_between(before, after, at=2.0)
    assert sample.disk_read_bytes_per_second == 2000.0
    assert sample.disk_write_bytes_per_second == 10.0
    assert sample.disk_busy == pytest.approx(0.8)
    assert sample.network_received_bytes_per_second == 200.0
    assert sample.network_sent_bytes_per_second == 300.0
    assert sample.network_busy is None


def test_network_is_as_busy_as_its_busier_direction() -> None:
    before = Snapshot(
        at=0.0,
        networks={"eth0": NetworkCounters(received_bytes=0, sent_bytes=0)},
    )
    after = Snapshot(
        at=1.0,
        networks={
            "eth0": NetworkCounters(received_bytes=30, sent_bytes=80, speed_bytes_per_second=100.0)
        },
    )
    assert sample_between(before, after, at=1.0).network_busy == pytest.approx(0.8)


def test_counters_of_a_machine_that_was_started_again_are_no_change() -> None:
    before = Snapshot(
        at=0.0, networks={"eth0": NetworkCounters(received_bytes=900, sent_bytes=900)}
    )
    after = Snapshot(at=1.0, networks={"eth0": NetworkCounters(received_bytes=5, sent_bytes=5)})
    assert sample_between(before, after, at=1.0).network_sent_bytes_per_second == 0.0


def test_processes_of_a_name_are_told_together() -> None:
    before = Snapshot(
        at=10.0,
        processes={
            1: ProcessCounters(name="web", started=1, cpu_seconds=5.0, memory_bytes=10),
            2: ProcessCounters(name="web", started=1, cpu_seconds=7.0, memory_bytes=10),
            3: ProcessCounters(name="web", started=1, cpu_seconds=9.0, memory_bytes=10),
        },
    )
    after = Snapshot(
        at=12.0,
        processes={
            1: ProcessCounters(name="web", started=1, cpu_seconds=7.0, memory_bytes=30),
            2: ProcessCounters(name="web", started=1, cpu_seconds=7.5, memory_bytes=20),
            # Another process that has the ended one's id.
            3: ProcessCounters(name="web", started=11, cpu_seconds=0.5, memory_bytes=5),
            4: ProcessCounters(name="db", started=1, cpu_seconds=99.0, memory_bytes=5),
        },
    )
    sample = sample_between(before, after, at=2.0, process_names=("web", "gone"))
    web, gone = sample.processes
    assert (web.name, web.count, web.memory_bytes) == ("web", 3, 55)
    assert web.cpu_share == pytest.approx(1.5)
    assert web.busiest_share == pytest.approx(1.0)
    assert (gone.name, gone.count, gone.cpu_share) == ("gone", 0, 0.0)


def test_what_a_machine_does_not_tell_is_absent() -> None:
    sample = sample_between(Snapshot(at=0.0), Snapshot(at=1.0), at=1.0)
    assert sample.cpu_user is None
    assert sample.disk_busy is None
    assert sample.network_sent_bytes_per_second is None
    assert sample.memory_used_bytes is None
