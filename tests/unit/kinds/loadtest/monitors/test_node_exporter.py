import pytest

from tensorfleet.kinds.loadtest.monitors.node_exporter import snapshot_of_page

PAGE = """
node_cpu_seconds_total{cpu="0",mode="idle"} 100
node_cpu_seconds_total{cpu="0",mode="iowait"} 2
node_cpu_seconds_total{cpu="0",mode="irq"} 1
node_cpu_seconds_total{cpu="0",mode="nice"} 3
node_cpu_seconds_total{cpu="0",mode="softirq"} 4
node_cpu_seconds_total{cpu="0",mode="steal"} 5
node_cpu_seconds_total{cpu="0",mode="system"} 6
node_cpu_seconds_total{cpu="0",mode="user"} 7
node_cpu_seconds_total{cpu="1",mode="idle"} 50
node_cpu_seconds_total{cpu="1",mode="user"} 60
node_disk_io_time_seconds_total{device="sda"} 12.5
node_disk_io_time_seconds_total{device="sda1"} 12.5
node_disk_read_bytes_total{device="sda"} 1000
node_disk_read_bytes_total{device="sda1"} 1000
node_disk_written_bytes_total{device="sda"} 2000
node_disk_written_bytes_total{device="sda1"} 2000
node_load1 1.75
node_memory_MemAvailable_bytes 6e+09
node_memory_MemTotal_bytes 8e+09
node_memory_SwapFree_bytes 5
node_memory_SwapTotal_bytes 7
node_network_receive_bytes_total{device="eth0"} 10
node_network_receive_bytes_total{device="lo"} 99
node_network_transmit_bytes_total{device="eth0"} 20
node_network_transmit_bytes_total{device="lo"} 99
node_network_speed_bytes{device="eth0"} 1.25e+08
"""


def test_page_becomes_counters() -> None:
    snapshot = snapshot_of_page(PAGE, at=3.0)
    assert snapshot.at == 3.0
    assert snapshot.cpu is not None
    assert (snapshot.cpu.user, snapshot.cpu.system, snapshot.cpu.idle) == (70, 11, 150)
    assert (snapshot.cpu.iowait, snapshot.cpu.steal) == (2, 5)
    assert len(snapshot.cores) == 2
    assert snapshot.memory_total_bytes == 8_000_000_000
    assert snapshot.memory_used_bytes == 2_000_000_000
    assert snapshot.swap_used_bytes == 2
    assert list(snapshot.disks) == ["sda"]
    assert snapshot.disks["sda"].read_bytes == 1000
    assert snapshot.disks["sda"].written_bytes == 2000
    assert snapshot.disks["sda"].busy_seconds == 12.5
    assert list(snapshot.networks) == ["eth0"]
    assert snapshot.networks["eth0"].received_bytes == 10
    assert snapshot.networks["eth0"].sent_bytes == 20
    assert snapshot.networks["eth0"].speed_bytes_per_second == 125e6
    assert snapshot.load_average == 1.75


def test_unknown_speed_is_none() -> None:
    page = PAGE.replace("1.25e+08", "-125000")
    assert snapshot_of_page(page, at=0.0).networks["eth0"].speed_bytes_per_second is None


def test_another_page_is_refused() -> None:
    with pytest.raises(ValueError, match="a node exporter's page is needed"):
        snapshot_of_page("go_goroutines 7\n", at=0.0)
