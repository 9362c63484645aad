"""What is written about a fleet that runs, and when it is believed."""

import os
import stat
from pathlib import Path

import msgspec

from tensorfleet.local import fleet_event as events
from tensorfleet.local.fleet_home import FleetHome, find_home
from tensorfleet.local.fleet_lock import fleet_locked
from tensorfleet.local.fleet_record import FleetRecord, RecordKeeper, read_record


def keeper(home: FleetHome) -> RecordKeeper:
    return RecordKeeper(home.record_file, version="1.2.3", home=home.root)


def tell_of_a_start(record: RecordKeeper) -> None:
    record.tell(events.FleetStarting(parts=["mongodb", "gateway"]))
    record.tell(events.PartStarting(part="mongodb"))
    record.tell(events.PartReady(part="mongodb", pid=11, port=7107, seconds=1.5))
    record.tell(
        events.FleetReady(
            url="http://127.0.0.1:7100",
            dashboard_url="http://127.0.0.1:7105/",
            docs_url="http://127.0.0.1:7100/docs",
            seconds=5.0,
            is_first_start=True,
        )
    )


def test_record_follows_the_events_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    home = FleetHome(tmp_path)
    with fleet_locked(home.lock_file):
        record = keeper(home)
        tell_of_a_start(record)
        assert stat.S_IMODE(home.record_file.stat().st_mode) == 0o600
        read = read_record(home)
        assert read is not None
        assert (read.state, read.url) == ("running", "http://127.0.0.1:7100")
        assert (read.part("mongodb").state, read.part("mongodb").pid) == ("ready", 11)
        assert read.part("gateway").state == "waiting"

        record.tell(events.PartEnded(part="mongodb", how="died", log_tail="", restart_seconds=0.5))
        read = read_record(home)
        assert read is not None
        part = read.part("mongodb")
        assert (part.state, part.pid, part.restarts) == ("restarting", 0, 1)


def test_record_that_a_crash_left_is_not_believed(tmp_path: Path) -> None:
    home = FleetHome(tmp_path)
    with fleet_locked(home.lock_file):
        tell_of_a_start(keeper(home))
    assert home.record_file.exists()
    assert read_record(home) is None


def test_record_of_an_earlier_supervisor_is_not_believed(tmp_path: Path) -> None:
    home = FleetHome(tmp_path)
    with fleet_locked(home.lock_file):
        tell_of_a_start(keeper(home))
        kept = msgspec.json.decode(home.record_file.read_bytes(), type=FleetRecord)
        assert kept.supervisor_pid == os.getpid()
        # The same pid, but another process: this one began at another time.
        kept.supervisor_start_time -= 60
        home.record_file.write_bytes(msgspec.json.encode(kept))
        assert read_record(home) is None


def test_home_is_named_by_the_environment(tmp_path: Path) -> None:
    assert find_home({"TENSORFLEET_HOME": str(tmp_path)}).root == tmp_path
    assert find_home({}).root == Path.home() / ".tensorfleet"
    assert find_home({"TENSORFLEET_HOME": "here"}).root == Path.cwd() / "here"
