import subprocess

import pytest

from tensorfleet.kinds.loadtest.monitors.remote_loop import (
    MachineUnfit,
    SnapshotReader,
    clock_answer,
    script,
)
from tensorfleet.kinds.loadtest.monitors.snapshot import Snapshot

OUTPUT = """Welcome to db, last login: never
/proc/stat:cpu  9 9 9 9 9 9 9 9 9 9
tensorfleet ticks 250
tensorfleet page 65536
tensorfleet speed eth0 1000
tensorfleet at 36609.83
/proc/stat:cpu  400 10 100 900 50 5 15 20 300 0
/proc/net/dev:  eth0:1000 5 0 0 0 0 0 0 2000 6 0 0 0 0 0 0
/proc/loadavg:1.25 0.80 0.70 2/345 6789
/proc/77/stat:77 (web) S 1 77 77 0 -1 0 1 2 3 4 150 100 6 7 20 0 1 0 4242 9 3 1
tensorfleet end
"""


def read(output: str, names: tuple[str, ...] = ()) -> list[Snapshot]:
    reader = SnapshotReader(names)
    found = (reader.read(line) for line in output.splitlines(keepends=True))
    return [snapshot for snapshot in found if snapshot is not None]


def test_output_becomes_snapshots() -> None:
    (snapshot,) = read(OUTPUT, ("web",))
    assert snapshot.at == 36609.83
    assert snapshot.cpu is not None
    assert snapshot.cpu.user == 410
    assert snapshot.networks["eth0"].speed_bytes_per_second == 125e6
    assert snapshot.load_average == 1.25
    assert snapshot.processes[77].cpu_seconds == 1.0
    assert snapshot.processes[77].memory_bytes == 3 * 65536


def test_half_a_snapshot_is_none() -> None:
    half = OUTPUT.partition("tensorfleet end")[0]
    assert read(half) == []
    assert len(read(half + OUTPUT)) == 1


def test_units_that_a_machine_does_not_tell_are_the_usual_ones() -> None:
    output = OUTPUT.replace("ticks 250", "ticks ").replace("page 65536", "page ")
    (snapshot,) = read(output, ("web",))
    assert snapshot.processes[77].cpu_seconds == 2.5
    assert snapshot.processes[77].memory_bytes == 3 * 4096


def test_machine_that_cannot_run_it_says_why() -> None:
    with pytest.raises(MachineUnfit, match="it has no /proc: only Linux"):
        read("tensorfleet unfit it has no /proc: only Linux can be watched\n")


def test_files_that_are_not_of_proc_are_an_error() -> None:
    with pytest.raises(ValueError, match="many"):
        read(OUTPUT.replace("cpu  400", "cpu  many"))


def test_clock_answers_are_told_from_greetings() -> None:
    assert clock_answer("tensorfleet 12 3600.05\n") == (12, 3600.05)
    assert clock_answer("Last login: never") is None


@pytest.mark.parametrize("names", [(), ("nginx", "it's (odd) $x|*", "a-very-long-process-name")])
def test_script_is_one_that_a_posix_shell_takes(names: tuple[str, ...]) -> None:
    text = script(interval_seconds=0.25, phase_seconds=0.1, process_names=names)
    checked = subprocess.run(
        ["/bin/sh", "-n"], input=text, text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "@" not in text.replace('"$@"', "")
