import pytest

from tensorfleet.kinds.loadtest.monitors.proc_files import snapshot_from, speed_in_bytes

STAT = """cpu  400 10 100 900 50 5 15 20 300 0
cpu0 300 0 60 400 20 5 10 10 300 0
cpu1 100 10 40 500 30 0 5 10 0 0
ctxt 12345
"""
MEMINFO = """MemTotal:       1000 kB
MemFree:         100 kB
MemAvailable:    600 kB
SwapTotal:       500 kB
SwapFree:        450 kB
HugePages_Total:       0
"""
DISKSTATS = """   7       0 loop0 9 9 9 9 9 9 9 9 0 9 9 0 0 0 0 0 0
   8       0 sda 11 0 200 5 12 0 400 7 0 1500 12 0 0 0 0 0 0
   8       1 sda1 11 0 200 5 12 0 400 7 0 1500 12
"""
NET_DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo: 999 9 0 0 0 0 0 0 999 9 0 0 0 0 0 0
  eth0:1000 5 0 0 0 0 0 0 2000 6 0 0 0 0 0 0
"""
FILES = {
    "/proc/stat": STAT,
    "/proc/meminfo": MEMINFO,
    "/proc/diskstats": DISKSTATS,
    "/proc/net/dev": NET_DEV,
    "/proc/loadavg": "1.25 0.80 0.70 2/345 6789\n",
    "/proc/77/stat": (
        "77 (tmux: (server)) S 1 77 77 0 -1 4194560 1 2 3 4 150 50 6 7 20 0 1 0 4242 9999 "
        "25 18446744073709551615"
    ),
    "/proc/78/stat": "78 (other) S " + " ".join("0" * 30),
}


def test_files_of_proc_become_counters() -> None:
    snapshot = snapshot_from(
        FILES,
        at=5.0,
        ticks_per_second=100,
        page_bytes=4096,
        speeds={"eth0": 125e6},
        process_names=("tmux: (server)",),
    )
    assert snapshot.cpu is not None
    # A guest's 300 are in user already.
    assert (snapshot.cpu.user, snapshot.cpu.system, snapshot.cpu.idle) == (410, 120, 900)
    assert (snapshot.cpu.iowait, snapshot.cpu.steal) == (50, 20)
    assert list(snapshot.cores) == ["cpu0", "cpu1"]
    assert snapshot.cores["cpu1"].user == 110
    assert snapshot.memory_total_bytes == 1000 * 1024
    assert snapshot.memory_used_bytes == 400 * 1024
    assert snapshot.swap_used_bytes == 50 * 1024
    assert list(snapshot.disks) == ["sda"]
    assert snapshot.disks["sda"].read_bytes == 200 * 512
    assert snapshot.disks["sda"].written_bytes == 400 * 512
    assert snapshot.disks["sda"].busy_seconds == 1.5
    assert list(snapshot.networks) == ["eth0"]
    assert snapshot.networks["eth0"].received_bytes == 1000
    assert snapshot.networks["eth0"].sent_bytes == 2000
    assert snapshot.networks["eth0"].speed_bytes_per_second == 125e6
    assert snapshot.load_average == 1.25
    assert list(snapshot.processes) == [77]
    process = snapshot.processes[77]
    assert (process.cpu_seconds, process.memory_bytes, process.started) == (2.0, 25 * 4096, 4242)


def test_long_name_finds_the_process_that_the_kernel_cut() -> None:
    name = "a-very-long-process-name"
    stat = FILES["/proc/77/stat"].replace("tmux: (server)", name[:15])
    snapshot = snapshot_from(
        {"/proc/77/stat": stat},
        at=0.0,
        ticks_per_second=100,
        page_bytes=4096,
        speeds={},
        process_names=(name,),
    )
    assert snapshot.processes[77].name == name


def test_absent_files_are_not_told() -> None:
    snapshot = snapshot_from({}, at=0.0, ticks_per_second=100, page_bytes=4096, speeds={})
    assert snapshot.cpu is None
    assert snapshot.memory_used_bytes is None
    assert snapshot.load_average is None


@pytest.mark.parametrize(("text", "speed"), [("1000\n", 125e6), ("-1", None), ("", None)])
def test_unknown_speed_of_an_interface_is_none(text: str, speed: float | None) -> None:
    assert speed_in_bytes(text) == speed
